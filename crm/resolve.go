package crm

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/connectors"
	"parley/internal/db"
	"parley/internal/ids"

	"gorm.io/gorm"
)

// Who is the sender of an item, as resolving needs it.
type Who struct {
	Name      string
	Claims    []connectors.Claim // as the provider gave them
	Locale    string
	Fields    map[string]string
	ChannelID string
	Region    string
	At        time.Time
}

// Resolved is the contact that an item comes from.
type Resolved struct {
	Contact *Contact
	Created bool
	Changed bool // an identity or a name was added
	// Evidence says in words why it is this contact.
	Evidence string
}

// Known is what the tables say of the people of one transaction, kept true by Resolve.
type Known struct {
	identities map[identityKey]Identity // without a contact: nobody has it
	contacts   map[string]*Contact
	leads      map[string]string // of contacts, opened in this transaction
	stages     map[string]Stage  // the first of a pipeline, "" the default one
}

type identityKey struct{ kind, value, scope string }

// KnownTx looks up all claims of all senders with one question for each table.
func KnownTx(tx *gorm.DB, senders []Who) (*Known, error) {
	k := &Known{identities: map[identityKey]Identity{}, contacts: map[string]*Contact{}, leads: map[string]string{}, stages: map[string]Stage{}}
	var keys [][]string
	for _, w := range senders {
		for _, c := range normalised(w) {
			key := keyOf(c, w.ChannelID)
			if _, asked := k.identities[key]; !asked {
				k.identities[key] = Identity{}
				keys = append(keys, []string{key.kind, key.value, key.scope})
			}
		}
	}
	var identities []Identity
	if err := db.Matching(tx, "identities", []string{"kind", "value", "scope"}, keys).Find(&identities).Error; err != nil {
		return nil, fmt.Errorf("look up identities: %w", err)
	}
	var contactIDs []string
	for _, i := range identities {
		k.identities[identityKey{i.Kind, i.Value, i.Scope}] = i
		contactIDs = append(contactIDs, i.ContactID)
	}
	if len(contactIDs) == 0 {
		return k, nil
	}
	var contacts []*Contact
	if err := tx.Where("id IN ?", contactIDs).Find(&contacts).Error; err != nil {
		return nil, fmt.Errorf("contacts of the identities: %w", err)
	}
	for _, c := range contacts {
		k.contacts[c.ID] = c
	}
	return k, nil
}

func keyOf(c connectors.Claim, channelID string) identityKey {
	return identityKey{c.Kind, c.Value, scopeOf(c.Kind, c.Trust, channelID)}
}

// ResolveTx finds the contact whom the claims name, or opens one; w is one of the senders that k was looked up for. Two that race for the
// same identity are told apart by the unique index: the loser's insert fails with a duplicate, and its item is tried again.
func (k *Known) ResolveTx(tx *gorm.DB, w Who) (Resolved, error) {
	claims := normalised(w)
	found, by := k.find(claims, w.ChannelID)
	if found == nil {
		c, err := k.openTx(tx, w, claims)
		return Resolved{Contact: c, Created: true, Changed: true, Evidence: "nobody was known by " + spoken(claims)}, err
	}
	r := Resolved{Contact: found, Evidence: fmt.Sprintf("%s %s is known as %s", by.Kind, by.Value, by.Trust)}
	var err error
	r.Changed, err = k.learnTx(tx, found, w, claims)
	return r, err
}

func normalised(w Who) []connectors.Claim {
	var out []connectors.Claim
	for _, c := range w.Claims {
		n := connectors.Claim{Kind: c.Kind, Value: Normal(c.Kind, c.Value, w.Region), Trust: c.Trust}
		same := func(o connectors.Claim) bool {
			return o.Kind == n.Kind && o.Value == n.Value && everywhere(o.Kind, o.Trust) == everywhere(n.Kind, n.Trust)
		}
		if n.Value != "" && !slices.ContainsFunc(out, same) {
			out = append(out, n)
		}
	}
	return out
}

func spoken(claims []connectors.Claim) string {
	if len(claims) == 0 {
		return "anything (the sender is hidden)"
	}
	var s []string
	for _, c := range claims {
		s = append(s, c.Kind+" "+c.Value)
	}
	return strings.Join(s, ", ")
}

// LeadTx is the newest lead of a contact, "" when it has none.
func (k *Known) LeadTx(tx *gorm.DB, contactID string) (id string, err error) {
	if id, ok := k.leads[contactID]; ok {
		return id, nil
	}
	err = tx.Raw("SELECT id FROM leads WHERE contact_id = ? ORDER BY created_at DESC, id DESC LIMIT 1", contactID).Scan(&id).Error
	if err != nil {
		return "", fmt.Errorf("lead of the contact: %w", err)
	}
	return id, nil
}

// find is the contact of the first claim that is known.
func (k *Known) find(claims []connectors.Claim, channelID string) (*Contact, Identity) {
	for _, c := range claims {
		i := k.identities[keyOf(c, channelID)]
		if contact := k.contacts[i.ContactID]; contact != nil {
			return contact, i
		}
	}
	return nil, Identity{}
}

func (k *Known) openTx(tx *gorm.DB, w Who, claims []connectors.Claim) (*Contact, error) {
	c := &Contact{ID: ids.New(), Name: firstName(w, claims), Locale: w.Locale, CreatedAt: w.At.UnixMilli(), UpdatedAt: w.At.UnixMilli(), Version: 1}
	if len(w.Fields) > 0 {
		c.Fields = map[string]any{}
		for k, v := range w.Fields {
			c.Fields[k] = v
		}
	}
	if err := db.StoreTx(tx, c); err != nil {
		return nil, fmt.Errorf("open contact: %w", err)
	}
	k.contacts[c.ID] = c
	c.Identities = []Identity{}
	_, err := k.addIdentitiesTx(tx, c, w, claims)
	return c, err
}

// firstName is what the card is called until somebody says better.
func firstName(w Who, claims []connectors.Claim) string {
	if n := strings.Join(strings.Fields(w.Name), " "); n != "" {
		return n
	}
	for _, c := range claims {
		if c.Kind == connectors.KindPhone || c.Kind == connectors.KindEmail || c.Kind == connectors.KindExternal {
			return c.Value
		}
	}
	if len(claims) > 0 && claims[0].Kind == connectors.KindWebchat {
		return "Visitor " + claims[0].Value[:min(6, len(claims[0].Value))]
	}
	if len(claims) > 0 {
		return claims[0].Kind + " " + claims[0].Value
	}
	return "Hidden number"
}

// addIdentitiesTx gives the contact those claims that nobody has yet.
func (k *Known) addIdentitiesTx(tx *gorm.DB, c *Contact, w Who, claims []connectors.Claim) (added bool, err error) {
	for _, claim := range claims {
		key := keyOf(claim, w.ChannelID)
		if k.identities[key].ContactID != "" {
			continue
		}
		i := &Identity{ID: ids.New(), ContactID: c.ID, Kind: key.kind, Value: key.value, Scope: key.scope, Trust: claim.Trust, ChannelID: w.ChannelID, CreatedAt: w.At.UnixMilli()}
		if err := db.StoreTx(tx, i); err != nil {
			return added, fmt.Errorf("add identity: %w", err)
		}
		k.identities[key] = *i
		if c.Identities != nil {
			c.Identities = append(c.Identities, *i)
		}
		added = true
	}
	return added, nil
}

// BelongsTx gives a contact those of w's addresses that nobody has: it is known by other means that w is that contact.
func (k *Known) BelongsTx(tx *gorm.DB, contactID string, w Who) error {
	c := k.contacts[contactID]
	if c == nil {
		c = &Contact{}
		if err := tx.Where("id = ?", contactID).Take(c).Error; err != nil {
			return fmt.Errorf("contact of the conversation: %w", err)
		}
		k.contacts[contactID] = c
	}
	_, err := k.addIdentitiesTx(tx, c, w, normalised(w))
	return err
}

// learnTx gives the contact what is new of it: identities, and a name where its own was only an address.
func (k *Known) learnTx(tx *gorm.DB, c *Contact, w Who, claims []connectors.Claim) (changed bool, err error) {
	if changed, err = k.addIdentitiesTx(tx, c, w, claims); err != nil {
		return false, err
	}
	if name := strings.Join(strings.Fields(w.Name), " "); name != "" && name != c.Name && isAddress(c.Name, claims) {
		c.Name = name
		changed = true
	}
	if !changed {
		return false, nil
	}
	c.UpdatedAt = w.At.UnixMilli()
	c.Version++
	if err := db.FlushTx(tx); err != nil { // the contact may be of this transaction
		return false, err
	}
	return true, tx.Model(&Contact{}).Where("id = ?", c.ID).Updates(map[string]any{"name": c.Name, "updated_at": c.UpdatedAt, "version": c.Version}).Error
}

func isAddress(name string, claims []connectors.Claim) bool {
	for _, c := range claims {
		if name == c.Value || strings.HasPrefix(name, "Visitor ") {
			return true
		}
	}
	return false
}
