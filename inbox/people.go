package inbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/crm"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/page"
	"parley/internal/sanitize"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// Contacts and leads are crm's; here they meet the conversations through which somebody may see them.

// Contacts lists the contacts that v may see, newest first; q narrows by name or address.
func (b *Inbox) Contacts(ctx context.Context, v eventlog.Viewer, q string, ask page.Ask) (page.Of[crm.ContactView], error) {
	tx := VisibleContacts(b.db.Read(ctx).Model(&crm.Contact{}), v).Where("merged_into = ''")
	if q = strings.TrimSpace(sanitize.Line(q)); q != "" {
		tx = tx.Where(addressed(b.db.Read(ctx), q, ""))
	}
	tx, err := ask.Apply(tx, "contacts.created_at", "contacts.id", true)
	if err != nil {
		return page.Of[crm.ContactView]{}, err
	}
	var rows []*crm.Contact
	if err := tx.Find(&rows).Error; err != nil {
		return page.Of[crm.ContactView]{}, fmt.Errorf("list contacts: %w", err)
	}
	if err := crm.LoadIdentities(b.db.Read(ctx), rows); err != nil {
		return page.Of[crm.ContactView]{}, err
	}
	return page.Cut(ask, rows, func(c *crm.Contact) page.Key { return page.Key{At: c.CreatedAt, ID: c.ID} }, (*crm.Contact).View), nil
}

// Contact is one that v may see.
func (b *Inbox) Contact(ctx context.Context, v eventlog.Viewer, id string) (crm.ContactView, error) {
	c := &crm.Contact{}
	if err := VisibleContacts(b.db.Read(ctx), v).Where("contacts.id = ?", id).Take(c).Error; err != nil {
		return crm.ContactView{}, notFound(err, "contact")
	}
	if err := crm.LoadIdentities(b.db.Read(ctx), []*crm.Contact{c}); err != nil {
		return crm.ContactView{}, err
	}
	return c.View(), nil
}

// ContactPatch is what may be changed of a contact; nil leaves a field.
type ContactPatch struct {
	Name, OwnerID   *string
	Labels          *[]string
	Fields, Consent map[string]any // merged; a null removes
	IfVersion       int64
}

// PatchContact changes a contact.
func (b *Inbox) PatchContact(ctx context.Context, v eventlog.Viewer, id string, p ContactPatch) (crm.ContactView, error) {
	c := &crm.Contact{}
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		if err := VisibleContacts(forUpdate(tx), v).Where("contacts.id = ?", id).Take(c).Error; err != nil {
			return notFound(err, "contact")
		}
		if p.IfVersion != 0 && p.IfVersion != c.Version {
			return fault.Stale("the contact was changed meanwhile")
		}
		if err := applyToContact(tx, c, p); err != nil {
			return err
		}
		c.Version++
		c.UpdatedAt = b.now().UnixMilli()
		if err := tx.Save(c).Error; err != nil {
			return err
		}
		audience, err := AudienceOfContactTx(tx, c)
		if err != nil {
			return err
		}
		return crm.AnnounceTx(tx, "contact.updated", c, audience, nil)
	})
	if err != nil {
		return crm.ContactView{}, err
	}
	return c.View(), nil
}

func applyToContact(tx *gorm.DB, c *crm.Contact, p ContactPatch) error {
	if p.Name != nil {
		if c.Name = sanitize.Preview(*p.Name, 200); c.Name == "" {
			return fault.Invalid("name", "required", "a contact needs a name")
		}
	}
	if p.OwnerID != nil {
		if err := personTx(tx, "owner_id", *p.OwnerID); err != nil {
			return err
		}
		c.OwnerID = *p.OwnerID
	}
	if p.Labels != nil {
		labels, err := cleanLabels(*p.Labels)
		if err != nil {
			return err
		}
		c.Labels = labels
	}
	if p.Fields != nil {
		c.Fields = c.Fields.Object()
		mergePatch(c.Fields, p.Fields)
	}
	if p.Consent != nil {
		c.Consent = c.Consent.Object()
		mergePatch(c.Consent, p.Consent)
	}
	if len(c.Fields) > 200 || len(c.Consent) > 50 {
		return fault.Invalid("fields", "too_many", "at most 200 fields")
	}
	return nil
}

// personTx refuses somebody who does not exist; "" is nobody and allowed.
func personTx(tx *gorm.DB, field, id string) error {
	if id == "" {
		return nil
	}
	var n int64
	if err := tx.Table("users").Where("id = ? AND NOT disabled", id).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return fault.Invalid(field, "unknown", "there is no such person, or they are disabled")
	}
	return nil
}

// TimelineItem is one thing of a contact's history: exactly one of the three is set, as Type says.
type TimelineItem struct {
	Type         string            `json:"type" enum:"conversation,call,lead"`
	At           time.Time         `json:"at"`
	Conversation *ConversationView `json:"conversation,omitempty"`
	Call         *CallView         `json:"call,omitempty"`
	Lead         *crm.LeadView     `json:"lead,omitempty"`
}

// Timeline is a contact's history as far as v may see it, newest first, at most 100 of each kind.
func (b *Inbox) Timeline(ctx context.Context, v eventlog.Viewer, contactID string) ([]TimelineItem, error) {
	if _, err := b.Contact(ctx, v, contactID); err != nil {
		return nil, err
	}
	const most = 100
	out := []TimelineItem{}
	convs, err := b.Conversations(ctx, v, Filter{Contact: contactID, Ask: page.Ask{Limit: most}})
	if err != nil {
		return nil, err
	}
	for i := range convs.Data {
		out = append(out, TimelineItem{Type: "conversation", At: convs.Data[i].CreatedAt, Conversation: &convs.Data[i]})
	}
	calls, err := b.Calls(ctx, v, CallFilter{Contact: contactID, Ask: page.Ask{Limit: most}})
	if err != nil {
		return nil, err
	}
	for i := range calls.Data {
		out = append(out, TimelineItem{Type: "call", At: calls.Data[i].CreatedAt, Call: &calls.Data[i]})
	}
	leads, err := b.Leads(ctx, v, LeadFilter{Contact: contactID, Ask: page.Ask{Limit: most}})
	if err != nil {
		return nil, err
	}
	for i := range leads.Data {
		out = append(out, TimelineItem{Type: "lead", At: leads.Data[i].CreatedAt, Lead: &leads.Data[i]})
	}
	slices.SortStableFunc(out, func(a, b TimelineItem) int { return b.At.Compare(a.At) })
	return out, nil
}

// LeadFilter narrows a list of leads.
type LeadFilter struct {
	Contact, Pipeline, Stage, Owner, Temperature string
	page.Ask
}

func visibleLeads(q *gorm.DB, v eventlog.Viewer) *gorm.DB {
	q = q.Model(&crm.Lead{}).Select("leads.*")
	if v.All {
		return q
	}
	return VisibleContacts(q.Joins("JOIN contacts ON contacts.id = leads.contact_id"), v)
}

// Leads lists the leads of contacts that v may see, newest first.
func (b *Inbox) Leads(ctx context.Context, v eventlog.Viewer, f LeadFilter) (page.Of[crm.LeadView], error) {
	q := visibleLeads(b.db.Read(ctx), v)
	for column, value := range map[string]string{"contact_id": f.Contact, "pipeline_id": f.Pipeline, "stage_id": f.Stage, "owner_id": f.Owner, "temperature": f.Temperature} {
		if value == "me" && column == "owner_id" {
			value = v.UserID
		}
		if value != "" {
			q = q.Where("leads."+column+" = ?", value)
		}
	}
	q, err := f.Apply(q, "leads.created_at", "leads.id", true)
	if err != nil {
		return page.Of[crm.LeadView]{}, err
	}
	var rows []*crm.Lead
	if err := q.Find(&rows).Error; err != nil {
		return page.Of[crm.LeadView]{}, fmt.Errorf("list leads: %w", err)
	}
	return page.Cut(f.Ask, rows, func(l *crm.Lead) page.Key { return page.Key{At: l.CreatedAt, ID: l.ID} }, (*crm.Lead).View), nil
}

// Lead is one that v may see.
func (b *Inbox) Lead(ctx context.Context, v eventlog.Viewer, id string) (crm.LeadView, error) {
	l := &crm.Lead{}
	if err := visibleLeads(b.db.Read(ctx), v).Where("leads.id = ?", id).Take(l).Error; err != nil {
		return crm.LeadView{}, notFound(err, "lead")
	}
	return l.View(), nil
}

// LeadPatch is what may be changed of a lead; nil leaves a field.
type LeadPatch struct {
	Title, StageID, OwnerID, Temperature *string
	Value                                *crm.Money // empty amount: none
	IfVersion                            int64
}

// PatchLead changes a lead.
func (b *Inbox) PatchLead(ctx context.Context, v eventlog.Viewer, id string, p LeadPatch) (crm.LeadView, error) {
	l := &crm.Lead{}
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		if err := visibleLeads(tx, v).Where("leads.id = ?", id).Take(l).Error; err != nil {
			return notFound(err, "lead")
		}
		if err := forUpdate(tx).Where("id = ?", id).Take(l).Error; err != nil {
			return err
		}
		if p.IfVersion != 0 && p.IfVersion != l.Version {
			return fault.Stale("the lead was changed meanwhile")
		}
		from := l.View()
		if err := applyToLead(tx, l, p); err != nil {
			return err
		}
		l.Version++
		l.UpdatedAt = b.now().UnixMilli()
		if err := tx.Save(l).Error; err != nil {
			return err
		}
		var c crm.Contact
		if err := tx.Where("id = ?", l.ContactID).Take(&c).Error; err != nil {
			return err
		}
		audience, err := AudienceOfContactTx(tx, &c)
		if err != nil {
			return err
		}
		told := map[string]eventlog.Change{}
		if to := l.View(); from.StageID != to.StageID {
			told["stage_id"] = eventlog.Change{From: from.StageID, To: to.StageID}
		}
		return eventlog.AppendTx(tx, eventlog.Event{Type: "lead.updated", Subject: l.ID, Conversation: l.ConversationID, Data: l.View(), Audience: audience, Changes: told})
	})
	if err != nil {
		return crm.LeadView{}, err
	}
	return l.View(), nil
}

func applyToLead(tx *gorm.DB, l *crm.Lead, p LeadPatch) error {
	if p.Title != nil {
		if l.Title = sanitize.Preview(*p.Title, 200); l.Title == "" {
			return fault.Invalid("title", "required", "a lead needs a title")
		}
	}
	if p.StageID != nil {
		if _, err := crm.StageOfTx(tx, l.PipelineID, *p.StageID); err != nil {
			return err
		}
		l.StageID = *p.StageID
	}
	if p.OwnerID != nil {
		if err := personTx(tx, "owner_id", *p.OwnerID); err != nil {
			return err
		}
		l.OwnerID = *p.OwnerID
	}
	if p.Temperature != nil {
		if !slices.Contains([]string{"cold", "warm", "hot"}, *p.Temperature) {
			return fault.Invalid("temperature", "unknown", "cold, warm or hot")
		}
		l.Temperature = *p.Temperature
	}
	if p.Value != nil {
		l.Amount, l.Currency = p.Value.Amount, p.Value.Currency
	}
	return nil
}

// StageView is a stage as the API shows it.
type StageView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Position int    `json:"position"`
	Kind     string `json:"kind" enum:"open,won,lost"`
}

// PipelineView is a pipeline with its stages, in order.
type PipelineView struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	IsDefault bool        `json:"is_default"`
	Stages    []StageView `json:"stages"`
	CreatedAt time.Time   `json:"created_at"`
}

// Pipelines lists all pipelines.
func (b *Inbox) Pipelines(ctx context.Context) ([]PipelineView, error) {
	var ps []crm.Pipeline
	var ss []crm.Stage
	q := b.db.Read(ctx)
	if err := q.Order("position, created_at").Limit(200).Find(&ps).Error; err != nil {
		return nil, err
	}
	if err := q.Order("position").Limit(5000).Find(&ss).Error; err != nil {
		return nil, err
	}
	out := []PipelineView{}
	for _, p := range ps {
		v := PipelineView{ID: p.ID, Name: p.Name, IsDefault: p.IsDefault, Stages: []StageView{}, CreatedAt: db.Time(p.CreatedAt)}
		for _, s := range ss {
			if s.PipelineID == p.ID {
				v.Stages = append(v.Stages, StageView{s.ID, s.Name, s.Position, s.Kind})
			}
		}
		out = append(out, v)
	}
	return out, nil
}
