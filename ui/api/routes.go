package api

import (
	"context"
	"net/http"

	"parley/internal/staff"

	"github.com/danielgtaylor/huma/v2"
)

// routes is the whole door policy of /api/v1: one line a route, with what a caller must be allowed. What lies below "conversations.answer"
// is further narrowed, in the rooms, to what the caller may see.
func (a *API) routes() {
	// first run and signing in
	route(a, "GET", "/setup", anybody, "Whether the installation still needs its first owner", a.needsSetup)
	route(a, "POST", "/setup", anybody, "Make the first owner", a.setup)
	route(a, "POST", "/session", anybody, "Sign in", a.signIn)
	route(a, "GET", "/session", signedIn, "Who am I", a.whoAmI)
	route(a, "PATCH", "/session", signedIn, "Change my settings and availability", a.patchMe)
	route(a, "DELETE", "/session", signedIn, "Sign out", a.signOut)
	route(a, "POST", "/password", anybody, "Set a password with a one-time link", a.setPassword)

	// people
	route(a, "GET", "/users", signedIn, "List people", a.listUsers)
	route(a, "POST", "/users", staff.ManageStaff, "Add a person", a.createUser)
	route(a, "GET", "/users/{id}", signedIn, "Show a person", a.showUser)
	route(a, "PATCH", "/users/{id}", staff.ManageStaff, "Change a person", a.patchUser)
	route(a, "POST", "/users/{id}/link", staff.ManageStaff, "Make a new set-password link", a.linkUser)
	route(a, "GET", "/teams", signedIn, "List teams", a.listTeams)
	route(a, "POST", "/teams", staff.ManageStaff, "Make a team", a.createTeam)
	route(a, "GET", "/teams/{id}", signedIn, "Show a team", a.showTeam)
	route(a, "PATCH", "/teams/{id}", staff.ManageStaff, "Change a team", a.patchTeam)
	route(a, "DELETE", "/teams/{id}", staff.ManageStaff, "Remove a team", a.deleteTeam)
	route(a, "POST", "/teams/{id}/members", staff.ManageStaff, "Add a member", a.addMember)
	route(a, "DELETE", "/teams/{id}/members/{user_id}", staff.ManageStaff, "Remove a member", a.removeMember)
	route(a, "GET", "/roles", signedIn, "List roles and what they allow", a.listRoles)
	route(a, "GET", "/tokens", signedIn, "List API tokens: one's own, managers everybody's", a.listTokens)
	route(a, "POST", "/tokens", signedIn, "Make an API token for oneself", a.createToken)
	route(a, "DELETE", "/tokens/{id}", signedIn, "Revoke a token: one's own, managers anybody's", a.revokeToken)

	// channels
	route(a, "GET", "/channels", signedIn, "List channels", a.listChannels)
	route(a, "GET", "/channels/types", signedIn, "List types of channels", a.channelTypes)
	route(a, "POST", "/channels", staff.ManageChannels, "Connect a channel", a.createChannel)
	route(a, "GET", "/channels/{id}", signedIn, "Show a channel", a.showChannel)
	route(a, "PATCH", "/channels/{id}", staff.ManageChannels, "Change a channel", a.patchChannel)
	route(a, "POST", "/channels/{id}/test", staff.ManageChannels, "Try a channel's credentials", a.testChannel)
	route(a, "POST", "/channels/{id}/authorize", staff.ManageChannels, "Ask the account's owner for permission at the provider (OAuth 2.0)", a.authorizeChannel)
	route(a, "POST", "/channels/{id}/reconcile", staff.ManageChannels, "Compare a channel with its provider and fetch what is missing", a.reconcileChannel)
	route(a, "POST", "/channels/{id}/disable", staff.ManageChannels, "Stop a channel", a.disableChannel)
	route(a, "POST", "/channels/{id}/enable", staff.ManageChannels, "Start a channel again", a.enableChannel)

	// the inbox
	route(a, "GET", "/conversations", staff.Answer, "List conversations", a.listConversations)
	route(a, "GET", "/conversations/counts", staff.Answer, "Count open conversations by view", a.countConversations)
	route(a, "GET", "/conversations/{id}", staff.Answer, "Show a conversation", a.showConversation)
	route(a, "PATCH", "/conversations/{id}", staff.Answer, "Change a conversation", a.patchConversation)
	route(a, "POST", "/conversations/{id}/read", staff.Answer, "Mark as read", a.markRead)
	route(a, "POST", "/conversations/{id}/unread", staff.Answer, "Mark as unread", a.markUnread)
	route(a, "GET", "/conversations/{id}/messages", staff.Answer, "Read a thread", a.listMessages)
	route(a, "POST", "/conversations/{id}/messages", staff.Answer, "Answer, or leave a note", a.createMessage)
	route(a, "POST", "/conversations/{id}/messages/{message_id}/cancel", staff.Answer, "Take back what has not left yet", a.cancelMessage)
	route(a, "POST", "/conversations/{id}/messages/{message_id}/retry", staff.Answer, "Send once more", a.retryMessage)

	// people outside, and what comes of them
	route(a, "GET", "/contacts", staff.Answer, "List contacts", a.listContacts)
	route(a, "GET", "/contacts/{id}", staff.Answer, "Show a contact", a.showContact)
	route(a, "PATCH", "/contacts/{id}", staff.Answer, "Change a contact", a.patchContact)
	route(a, "GET", "/contacts/{id}/timeline", staff.Answer, "A contact's history", a.timeline)
	route(a, "GET", "/leads", staff.Answer, "List leads", a.listLeads)
	route(a, "GET", "/leads/{id}", staff.Answer, "Show a lead", a.showLead)
	route(a, "PATCH", "/leads/{id}", staff.Answer, "Change a lead", a.patchLead)
	route(a, "GET", "/pipelines", staff.Answer, "List pipelines with their stages", a.listPipelines)
	route(a, "GET", "/calls", staff.Answer, "List calls", a.listCalls)
	route(a, "GET", "/calls/{id}", staff.Answer, "Show a call", a.showCall)
	route(a, "GET", "/search", staff.Answer, "Search contacts, leads and messages", a.search)

	// the journal and the log
	route(a, "GET", "/inbound", staff.ManageJournal, "The journal: every raw item received", a.listInbound)
	route(a, "POST", "/inbound/{id}/replay", staff.ManageJournal, "Read a quarantined item again", a.replayInbound)
	route(a, "POST", "/inbound/{id}/discard", staff.ManageJournal, "Put a quarantined item away", a.discardInbound)
	route(a, "GET", "/events", staff.Answer, "The change feed", a.events)
}

// made reads back what a repeated POST had made, by the last word of its path.
func (a *API) made() map[string]func(context.Context, string) (any, error) {
	show := func(id string) *One { return &One{id} }
	return map[string]func(context.Context, string) (any, error){
		"messages": func(ctx context.Context, id string) (any, error) { return a.Inbox.Message(ctx, viewerOf(ctx), id) },
		"channels": func(ctx context.Context, id string) (any, error) { return bodyOf(a.showChannel(ctx, show(id))) },
		"users":    func(ctx context.Context, id string) (any, error) { return bodyOf(a.showUser(ctx, show(id))) },
		"teams":    func(ctx context.Context, id string) (any, error) { return bodyOf(a.showTeam(ctx, show(id))) },
		"uploads":  func(ctx context.Context, id string) (any, error) { return a.Inbox.UploadOf(ctx, id) },
	}
}

// statusFor is the status of a route's success.
var statusFor = map[string]int{"POST /setup": 201, "POST /users": 201, "POST /teams": 201, "POST /tokens": 201, "POST /channels": 201,
	"POST /conversations/{id}/messages": 202, "DELETE /session": 204, "DELETE /teams/{id}": 204, "DELETE /tokens/{id}": 204}

// route adds one operation.
func route[I, O any](a *API, method, path string, need staff.Permission, summary string, do func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: "/api/v1" + path, Summary: summary, Tags: []string{tagOf(path)}, MaxBodyBytes: jsonMost,
		DefaultStatus: statusFor[method+" "+path], Metadata: map[string]any{permission: need}, Errors: []int{http.StatusUnprocessableEntity},
	}
	if need != anybody {
		op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
		op.Description = "Needs: " + string(need)
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, fail(ctx, err)
		}
		return out, nil
	})
}
