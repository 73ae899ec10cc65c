package api

import (
	"context"
	"errors"
	"time"

	"parley/connectors"
	"parley/inbox"
	"parley/internal/fault"
	"parley/internal/page"
	"parley/internal/sanitize"
	"parley/internal/staff"
)

// configFor hides the settings of channels from those who may not manage them. The address of a mailbox stays: whoever answers to all
// must know which of them is ours.
func configFor(ctx context.Context, v inbox.ChannelView) inbox.ChannelView {
	if u := callerOf(ctx).user; u == nil || !u.Can(staff.ManageChannels) {
		shown := map[string]any{}
		if address, ok := v.Config["address"].(string); ok && v.Type == connectors.Email {
			shown["address"] = address
		}
		v.Config, v.WebhookURLs = shown, map[string]string{}
	}
	return v
}

func (a *API) listChannels(ctx context.Context, _ *Paged) (*body[list[inbox.ChannelView]], error) {
	all, err := a.Inbox.ListChannels(ctx)
	for i := range all {
		all[i] = configFor(ctx, all[i])
	}
	return short(all, err)
}

func (a *API) showChannel(ctx context.Context, in *One) (*body[inbox.ChannelView], error) {
	v, err := a.Inbox.ShowChannel(ctx, in.ID)
	return answer(configFor(ctx, v), err)
}

type channelType struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

func (a *API) channelTypes(context.Context, *struct{}) (*body[list[channelType]], error) {
	return short([]channelType{{connectors.Email, "Email"}, {connectors.SMS, "SMS"}, {connectors.Telegram, "Telegram"}, {connectors.Webchat, "Website chat"},
		{connectors.Telephony, "Telephony"}, {connectors.Form, "Website form"}}, nil)
}

type createChannelIn struct {
	Body struct {
		Type   string         `json:"type" enum:"email,sms,telegram,webchat,telephony,form"`
		Name   string         `json:"name" maxLength:"200"`
		Config map[string]any `json:"config,omitempty"`
	}
}

func (a *API) createChannel(ctx context.Context, in *createChannelIn) (*body[inbox.ChannelView], error) {
	return answer(a.Inbox.CreateChannel(ctx, in.Body.Type, in.Body.Name, in.Body.Config))
}

type patchChannelIn struct {
	One
	Guarded
	Body struct {
		Name   opt[string]         `json:"name,omitempty"`
		Config opt[map[string]any] `json:"config,omitempty"`
	}
}

func (a *API) patchChannel(ctx context.Context, in *patchChannelIn) (*body[inbox.ChannelView], error) {
	v, err := in.version()
	if err != nil {
		return nil, err
	}
	return answer(a.Inbox.PatchChannel(ctx, in.ID, inbox.ChannelPatch{Name: in.Body.Name.ptr(), Config: in.Body.Config.Value, IfVersion: v}))
}

type tested struct {
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// testChannel answers 200 also when the provider says no: that is what was asked.
func (a *API) testChannel(ctx context.Context, in *One) (*body[tested], error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := a.Inbox.TestChannel(ctx, in.ID)
	if fault.Is(err, fault.KindNotFound) {
		return nil, err
	}
	var f *fault.Error
	switch {
	case err == nil:
		return answer(tested{true, "it works"}, nil)
	case errors.Is(err, context.DeadlineExceeded):
		return answer(tested{false, "the provider did not answer within 20 seconds"}, nil)
	case errors.As(err, &f):
		return answer(tested{false, f.Detail}, nil)
	}
	return answer(tested{false, sanitize.Preview(err.Error(), 500)}, nil)
}

type reconciled struct {
	connectors.Reconciliation
	Words string `json:"words"` // the comparison as a sentence
}

// reconcileChannel compares a channel with its provider, now.
func (a *API) reconcileChannel(ctx context.Context, in *One) (*body[list[reconciled]], error) {
	if _, err := a.Inbox.Channel(ctx, in.ID); err != nil {
		return nil, err
	}
	conn, ok, err := connectorAs[connectors.Reconciler](a.Live, in.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.Conflict("a channel of this type has nothing to compare with")
	}
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	all, err := conn.Reconcile(ctx, a.Inbox.Sink(in.ID))
	if err != nil {
		return nil, fault.Conflict("%s", detailOf(err))
	}
	out := make([]reconciled, len(all))
	for i, r := range all {
		out[i] = reconciled{r, r.String()}
	}
	return short(out, nil)
}

func (a *API) disableChannel(ctx context.Context, in *One) (*body[inbox.ChannelView], error) {
	return answer(a.Inbox.EnableChannel(ctx, in.ID, false))
}

func (a *API) enableChannel(ctx context.Context, in *One) (*body[inbox.ChannelView], error) {
	return answer(a.Inbox.EnableChannel(ctx, in.ID, true))
}

type listInboundIn struct {
	Paged
	State   string `query:"state" enum:"processed,duplicate,quarantined,rejected"`
	Channel string `query:"channel" maxLength:"64"`
}

func (a *API) listInbound(ctx context.Context, in *listInboundIn) (*body[page.Of[inbox.JournalView]], error) {
	return answer(a.Inbox.Journal(ctx, in.State, in.Channel, in.ask()))
}

func (a *API) replayInbound(ctx context.Context, in *One) (*body[inbox.JournalView], error) {
	return answer(a.Inbox.Replay(ctx, in.ID))
}

func (a *API) discardInbound(ctx context.Context, in *One) (*body[inbox.JournalView], error) {
	return answer(a.Inbox.Discard(ctx, in.ID))
}
