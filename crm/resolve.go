package crm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/connectors"
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

// ResolveTx finds the contact whom the claims name, or opens one. Two that race for the same identity are told apart by the
// unique index: the loser's insert fails with a duplicate, and its item is tried again.
func ResolveTx(tx *gorm.DB, w Who) (Resolved, error) {
	claims := normalised(w)
	found, by, err := knownTx(tx, claims, w.ChannelID)
	if err != nil {
		return Resolved{}, err
	}
	r := Resolved{Contact: found}
	if found == nil {
		if r.Contact, err = openTx(tx, w, claims); err != nil {
			return Resolved{}, err
		}
		r.Created, r.Changed = true, true
		r.Evidence = "nobody was known by " + spoken(claims)
	} else {
		r.Evidence = fmt.Sprintf("%s %s is known as %s", by.Kind, by.Value, by.Trust)
	}
	added, err := learnTx(tx, r.Contact, w, claims, by)
	if err != nil {
		return Resolved{}, err
	}
	r.Changed = r.Changed || added
	return r, nil
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

// knownTx asks for each claim in turn who has it, where that claim counts.
func knownTx(tx *gorm.DB, claims []connectors.Claim, channelID string) (*Contact, Identity, error) {
	for _, c := range claims {
		var i Identity
		err := tx.Where("kind = ? AND value = ? AND scope = ?", c.Kind, c.Value, scopeOf(c.Kind, c.Trust, channelID)).Take(&i).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			continue
		}
		if err != nil {
			return nil, i, fmt.Errorf("look up %s: %w", c.Kind, err)
		}
		contact := &Contact{}
		if err := tx.Where("id = ?", i.ContactID).Take(contact).Error; err != nil {
			return nil, i, fmt.Errorf("contact of an identity: %w", err)
		}
		return contact, i, nil
	}
	return nil, Identity{}, nil
}

func openTx(tx *gorm.DB, w Who, claims []connectors.Claim) (*Contact, error) {
	c := &Contact{ID: ids.New(), Name: firstName(w, claims), Locale: w.Locale, CreatedAt: w.At.UnixMilli(), UpdatedAt: w.At.UnixMilli(), Version: 1}
	if len(w.Fields) > 0 {
		c.Fields = map[string]any{}
		for k, v := range w.Fields {
			c.Fields[k] = v
		}
	}
	if err := tx.Create(c).Error; err != nil {
		return nil, fmt.Errorf("open contact: %w", err)
	}
	return c, nil
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

// learnTx gives the contact those claims that nobody has yet, and a name where its own was only an address. A contact that was opened because
// nobody had its claims must get them all: where another transaction was faster with one, the unique index refuses, and the item is tried
// again and finds that one's contact. by is the identity that a known contact was found by.
func learnTx(tx *gorm.DB, c *Contact, w Who, claims []connectors.Claim, by Identity) (added bool, err error) {
	given := []Identity{by}
	for _, claim := range claims {
		i := Identity{ID: ids.New(), ContactID: c.ID, Kind: claim.Kind, Value: claim.Value, Scope: scopeOf(claim.Kind, claim.Trust, w.ChannelID), Trust: claim.Trust,
			ChannelID: w.ChannelID, CreatedAt: w.At.UnixMilli()}
		if slices.ContainsFunc(given, func(g Identity) bool { return g.Kind == i.Kind && g.Value == i.Value && g.Scope == i.Scope }) {
			continue
		}
		given = append(given, i)
		if by.ID != "" {
			var known int64
			if err := tx.Model(&Identity{}).Where("kind = ? AND value = ? AND scope = ?", i.Kind, i.Value, i.Scope).Count(&known).Error; err != nil {
				return added, fmt.Errorf("look up identity: %w", err)
			}
			if known > 0 {
				continue
			}
		}
		if err := tx.Create(&i).Error; err != nil {
			return added, fmt.Errorf("add identity: %w", err)
		}
		added = true
	}
	if name := strings.Join(strings.Fields(w.Name), " "); name != "" && name != c.Name && isAddress(c.Name, claims) {
		c.Name = name
		added = true
	}
	if added && by.ID != "" {
		c.UpdatedAt = w.At.UnixMilli()
		c.Version++
		err = tx.Model(&Contact{}).Where("id = ?", c.ID).Updates(map[string]any{"name": c.Name, "updated_at": c.UpdatedAt, "version": c.Version}).Error
	}
	return added, err
}

func isAddress(name string, claims []connectors.Claim) bool {
	for _, c := range claims {
		if name == c.Value || strings.HasPrefix(name, "Visitor ") {
			return true
		}
	}
	return false
}
