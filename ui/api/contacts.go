package api

import (
	"context"

	"parley/crm"
	"parley/inbox"
	"parley/internal/page"
)

type listContactsIn struct {
	Paged
	Q string `query:"q" maxLength:"200" doc:"a name or an address; a phone in any spelling"`
}

func (a *API) listContacts(ctx context.Context, in *listContactsIn) (*body[page.Of[crm.ContactView]], error) {
	return answer(a.Inbox.Contacts(ctx, viewerOf(ctx), in.Q, in.ask()))
}

func (a *API) showContact(ctx context.Context, in *One) (*body[crm.ContactView], error) {
	return answer(a.Inbox.Contact(ctx, viewerOf(ctx), in.ID))
}

type patchContactIn struct {
	One
	Guarded
	Body struct {
		Name    opt[string]         `json:"name,omitempty"`
		OwnerID opt[string]         `json:"owner_id,omitempty"`
		Labels  opt[[]string]       `json:"labels,omitempty"`
		Fields  opt[map[string]any] `json:"fields,omitempty"`
		Consent opt[map[string]any] `json:"consent,omitempty"`
	}
}

func (a *API) patchContact(ctx context.Context, in *patchContactIn) (*body[crm.ContactView], error) {
	v, err := in.version()
	if err != nil {
		return nil, err
	}
	b := in.Body
	return answer(a.Inbox.PatchContact(ctx, viewerOf(ctx), in.ID, inbox.ContactPatch{Name: b.Name.ptr(), OwnerID: b.OwnerID.ptr(), Labels: b.Labels.ptr(), Fields: b.Fields.Value,
		Consent: b.Consent.Value, IfVersion: v}))
}

func (a *API) timeline(ctx context.Context, in *One) (*body[list[inbox.TimelineItem]], error) {
	return short(a.Inbox.Timeline(ctx, viewerOf(ctx), in.ID))
}

type listLeadsIn struct {
	Paged
	Contact     string `query:"contact" maxLength:"64"`
	Pipeline    string `query:"pipeline" maxLength:"64"`
	Stage       string `query:"stage" maxLength:"64"`
	Owner       string `query:"owner" maxLength:"64" doc:"me or a person's id"`
	Temperature string `query:"temperature" enum:"cold,warm,hot"`
}

func (a *API) listLeads(ctx context.Context, in *listLeadsIn) (*body[page.Of[crm.LeadView]], error) {
	return answer(a.Inbox.Leads(ctx, viewerOf(ctx), inbox.LeadFilter{Contact: in.Contact, Pipeline: in.Pipeline, Stage: in.Stage, Owner: in.Owner, Temperature: in.Temperature, Ask: in.ask()}))
}

func (a *API) showLead(ctx context.Context, in *One) (*body[crm.LeadView], error) {
	return answer(a.Inbox.Lead(ctx, viewerOf(ctx), in.ID))
}

type patchLeadIn struct {
	One
	Guarded
	Body struct {
		Title       opt[string]    `json:"title,omitempty"`
		StageID     opt[string]    `json:"stage_id,omitempty"`
		OwnerID     opt[string]    `json:"owner_id,omitempty"`
		Temperature opt[string]    `json:"temperature,omitempty"`
		Value       opt[crm.Money] `json:"value,omitempty"`
	}
}

func (a *API) patchLead(ctx context.Context, in *patchLeadIn) (*body[crm.LeadView], error) {
	v, err := in.version()
	if err != nil {
		return nil, err
	}
	b := in.Body
	return answer(a.Inbox.PatchLead(ctx, viewerOf(ctx), in.ID, inbox.LeadPatch{Title: b.Title.ptr(), StageID: b.StageID.ptr(), OwnerID: b.OwnerID.ptr(), Temperature: b.Temperature.ptr(),
		Value: b.Value.ptr(), IfVersion: v}))
}

func (a *API) listPipelines(ctx context.Context, _ *Paged) (*body[list[inbox.PipelineView]], error) {
	return short(a.Inbox.Pipelines(ctx))
}

type listCallsIn struct {
	Paged
	State     string `query:"state" enum:"ringing,answered,missed,ended,failed"`
	Direction string `query:"direction" enum:"inbound,outbound"`
	Channel   string `query:"channel" maxLength:"64"`
	Contact   string `query:"contact" maxLength:"64"`
}

func (a *API) listCalls(ctx context.Context, in *listCallsIn) (*body[page.Of[inbox.CallView]], error) {
	return answer(a.Inbox.Calls(ctx, viewerOf(ctx), inbox.CallFilter{State: in.State, Direction: in.Direction, Channel: in.Channel, Contact: in.Contact, Ask: in.ask()}))
}

func (a *API) showCall(ctx context.Context, in *One) (*body[inbox.CallView], error) {
	return answer(a.Inbox.Call(ctx, viewerOf(ctx), in.ID))
}

type searchIn struct {
	Q      string `query:"q" maxLength:"200" required:"true"`
	Region string `query:"region" maxLength:"2" doc:"ISO 3166: how a national phone is read"`
}

func (a *API) search(ctx context.Context, in *searchIn) (*body[list[inbox.Hit]], error) {
	return short(a.Inbox.Search(ctx, viewerOf(ctx), in.Q, in.Region))
}
