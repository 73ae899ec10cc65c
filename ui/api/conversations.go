package api

import (
	"context"
	"encoding/json"
	"time"

	"parley/inbox"
	"parley/internal/fault"
	"parley/internal/page"
)

type listConversationsIn struct {
	Paged
	Status      string `query:"status" maxLength:"20"`
	Assignee    string `query:"assignee" maxLength:"64" doc:"me, none or a person's id"`
	Team        string `query:"team" maxLength:"64"`
	Channel     string `query:"channel" maxLength:"64"`
	ChannelType string `query:"channel_type" maxLength:"20"`
	Label       string `query:"label" maxLength:"100"`
	Contact     string `query:"contact" maxLength:"64"`
	Q           string `query:"q" maxLength:"200"`
	Sort        string `query:"sort" maxLength:"20" doc:"newest (default), oldest or waiting"`
}

func (a *API) listConversations(ctx context.Context, in *listConversationsIn) (*body[page.Of[inbox.ConversationView]], error) {
	return answer(a.Inbox.Conversations(ctx, viewerOf(ctx), inbox.Filter{Status: in.Status, Assignee: in.Assignee, Team: in.Team, Channel: in.Channel, ChannelType: in.ChannelType,
		Label: in.Label, Contact: in.Contact, Q: in.Q, Sort: in.Sort, Ask: in.ask()}))
}

func (a *API) countConversations(ctx context.Context, _ *struct{}) (*body[inbox.Counts], error) {
	return answer(a.Inbox.Count(ctx, viewerOf(ctx)))
}

func (a *API) showConversation(ctx context.Context, in *One) (*body[inbox.ConversationView], error) {
	return answer(a.Inbox.Conversation(ctx, viewerOf(ctx), in.ID))
}

type patchConversationIn struct {
	One
	Guarded
	Body struct {
		Status       opt[string]    `json:"status,omitempty"`
		AssigneeID   opt[string]    `json:"assignee_id,omitempty"`
		TeamID       opt[string]    `json:"team_id,omitempty"`
		Priority     opt[string]    `json:"priority,omitempty"`
		Subject      opt[string]    `json:"subject,omitempty"`
		Labels       opt[[]string]  `json:"labels,omitempty"`
		SnoozedUntil opt[time.Time] `json:"snoozed_until,omitempty"`
	}
}

func (a *API) patchConversation(ctx context.Context, in *patchConversationIn) (*body[inbox.ConversationView], error) {
	v, err := in.version()
	if err != nil {
		return nil, err
	}
	b := in.Body
	return answer(a.Inbox.PatchConversation(ctx, viewerOf(ctx), in.ID, inbox.Patch{Status: b.Status.ptr(), AssigneeID: b.AssigneeID.ptr(), TeamID: b.TeamID.ptr(),
		Priority: b.Priority.ptr(), Subject: b.Subject.ptr(), Labels: b.Labels.ptr(), SnoozedUntil: b.SnoozedUntil.ptr(), IfVersion: v}))
}

func (a *API) markRead(ctx context.Context, in *One) (*body[inbox.ConversationView], error) {
	return answer(a.Inbox.MarkRead(ctx, viewerOf(ctx), in.ID))
}

func (a *API) markUnread(ctx context.Context, in *One) (*body[inbox.ConversationView], error) {
	return answer(a.Inbox.MarkUnread(ctx, viewerOf(ctx), in.ID))
}

type listMessagesIn struct {
	One
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Before string `query:"before" maxLength:"200" doc:"next_cursor of the page before: leads back in time"`
}

func (a *API) listMessages(ctx context.Context, in *listMessagesIn) (*body[page.Of[inbox.MessageView]], error) {
	return answer(a.Inbox.Messages(ctx, viewerOf(ctx), in.ID, page.Ask{Limit: in.Limit, Cursor: in.Before}))
}

type createMessageIn struct {
	One
	Body struct {
		Body        string    `json:"body"`
		Format      string    `json:"format,omitempty" enum:"text,markdown,html" default:"text"`
		Note        bool      `json:"note,omitempty"`
		Attachments []string  `json:"attachments,omitempty" maxItems:"20" doc:"ids of uploads"`
		ChannelID   string    `json:"channel_id,omitempty" maxLength:"64"`
		ReplyTo     string    `json:"reply_to,omitempty" maxLength:"64"`
		To          string    `json:"to,omitempty" maxLength:"320" doc:"mail only: somebody else than the one the conversation is with (a forward)"`
		Cc          []string  `json:"cc,omitempty" maxItems:"50" doc:"mail only"`
		Bcc         []string  `json:"bcc,omitempty" maxItems:"50" doc:"mail only"`
		Subject     string    `json:"subject,omitempty" maxLength:"300" doc:"mail only; left out: that of the conversation"`
		SendAt      time.Time `json:"send_at,omitempty"`
		HoldS       int       `json:"hold_s,omitempty" minimum:"0" maximum:"30" doc:"seconds in which it can be undone"`
		LastSeenSeq *int64    `json:"last_seen_seq,omitempty" doc:"refuses with 409 when somebody wrote since"`
	}
}

func (a *API) createMessage(ctx context.Context, in *createMessageIn) (*body[inbox.MessageView], error) {
	b := in.Body
	if !b.SendAt.IsZero() && b.SendAt.After(a.Now().AddDate(1, 0, 0)) {
		return nil, fault.Invalid("send_at", "out_of_range", "at most a year ahead")
	}
	return answer(a.Inbox.Reply(ctx, viewerOf(ctx), in.ID, inbox.Draft{Body: b.Body, Format: b.Format, Note: b.Note, Attachments: b.Attachments, ChannelID: b.ChannelID,
		ReplyTo: b.ReplyTo, Mail: inbox.MailFields{To: b.To, Subject: b.Subject, Cc: b.Cc, Bcc: b.Bcc}, SendAt: b.SendAt, Hold: time.Duration(b.HoldS) * time.Second, LastSeenSeq: b.LastSeenSeq}))
}

type oneMessage struct {
	One
	MessageID string `path:"message_id" maxLength:"64"`
}

func (a *API) cancelMessage(ctx context.Context, in *oneMessage) (*body[inbox.MessageView], error) {
	return answer(a.Inbox.Cancel(ctx, viewerOf(ctx), in.ID, in.MessageID))
}

func (a *API) retryMessage(ctx context.Context, in *oneMessage) (*body[inbox.MessageView], error) {
	return answer(a.Inbox.Retry(ctx, viewerOf(ctx), in.ID, in.MessageID))
}

type eventsIn struct {
	After int64 `query:"after" minimum:"0" default:"0"`
	Limit int   `query:"limit" minimum:"1" maximum:"200" default:"200"`
	Wait  int   `query:"wait" minimum:"0" maximum:"30" doc:"seconds to wait for news when there is none"`
}

type feed struct {
	Data    []json.RawMessage `json:"data"`
	NextSeq int64             `json:"next_seq"`
}

func (a *API) events(ctx context.Context, in *eventsIn) (*body[feed], error) {
	frames, next, err := a.Hub.Feed(ctx, callerOf(ctx).user.ID, in.After, in.Limit, time.Duration(in.Wait)*time.Second)
	out := feed{Data: make([]json.RawMessage, len(frames)), NextSeq: next}
	for i, f := range frames {
		out.Data[i] = f
	}
	return answer(out, err)
}
