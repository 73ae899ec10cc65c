package crm

import (
	"errors"
	"time"

	"parley/connectors"
	"parley/internal/db"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// Contact is a person outside.
type Contact struct {
	ID         string `gorm:"primaryKey"`
	Name       string
	CompanyID  string
	OwnerID    string
	Labels     db.Strings
	Fields     db.Map
	Consent    db.Map
	Locale     string
	MergedInto string
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	UpdatedAt  int64 `gorm:"autoUpdateTime:false"`
	Version    int64

	Identities []Identity `gorm:"-"`
}

// IdentityView is an identity as the API shows it.
type IdentityView struct {
	Kind      string           `json:"kind" enum:"email,phone,telegram,webchat,external"`
	Value     string           `json:"value"`
	Trust     connectors.Trust `json:"trust" enum:"asserted,channel,domain,confirmed"`
	ChannelID *string          `json:"channel_id"`
}

// ContactView is a contact as the API shows it.
type ContactView struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Identities []IdentityView `json:"identities"`
	CompanyID  *string        `json:"company_id"`
	OwnerID    *string        `json:"owner_id"`
	Labels     []string       `json:"labels"`
	Fields     map[string]any `json:"fields"`
	Consent    map[string]any `json:"consent"`
	Locale     string         `json:"locale,omitempty"`
	MergedInto *string        `json:"merged_into"`
	CreatedAt  time.Time      `json:"created_at"`
	UpdatedAt  time.Time      `json:"updated_at"`
	Version    int64          `json:"version"`
}

// View is c as the API shows it; its Identities must be loaded.
func (c *Contact) View() ContactView {
	ids := make([]IdentityView, len(c.Identities))
	for i, x := range c.Identities {
		ids[i] = IdentityView{x.Kind, x.Value, x.Trust, db.OrNull(x.ChannelID)}
	}
	return ContactView{
		ID: c.ID, Name: c.Name, Identities: ids, CompanyID: db.OrNull(c.CompanyID), OwnerID: db.OrNull(c.OwnerID),
		Labels: c.Labels.List(), Fields: c.Fields.Object(), Consent: c.Consent.Object(), Locale: c.Locale, MergedInto: db.OrNull(c.MergedInto),
		CreatedAt: db.Time(c.CreatedAt), UpdatedAt: db.Time(c.UpdatedAt), Version: c.Version,
	}
}

// LoadIdentities fills the contacts' identities with one question.
func LoadIdentities(q *gorm.DB, contacts []*Contact) error {
	if len(contacts) == 0 {
		return nil
	}
	ids := make([]string, len(contacts))
	by := map[string]*Contact{}
	for i, c := range contacts {
		ids[i], by[c.ID] = c.ID, c
		c.Identities = nil
	}
	var all []Identity
	if err := q.Where("contact_id IN ?", ids).Order("created_at, id").Find(&all).Error; err != nil {
		return err
	}
	for _, x := range all {
		by[x.ContactID].Identities = append(by[x.ContactID].Identities, x)
	}
	return nil
}

// AnnounceTx tells of a contact that was created or changed. audience is the one of the conversations it is seen through.
func AnnounceTx(tx *gorm.DB, typ string, c *Contact, audience eventlog.Audience, changes map[string]eventlog.Change) error {
	if c.Identities == nil {
		if err := errors.Join(db.FlushTx(tx), LoadIdentities(tx, []*Contact{c})); err != nil {
			return err
		}
	}
	return eventlog.AppendTx(tx, eventlog.Event{Type: typ, Subject: c.ID, Data: c.View(), Audience: audience, Changes: changes})
}
