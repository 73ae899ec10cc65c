package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"parley/connectors"
	"parley/crm"
	"parley/internal/db"
	"parley/internal/sanitize"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// Hit is one thing that a search found.
type Hit struct {
	Type           string    `json:"type" enum:"contact,lead,message"`
	ID             string    `json:"id"`
	Title          string    `json:"title"`
	Preview        string    `json:"preview"`
	ContactID      *string   `json:"contact_id"`
	ConversationID *string   `json:"conversation_id"`
	At             time.Time `json:"at"`
}

const hitsEach = 20

// Search finds contacts by name and by any of their addresses (a phone in any spelling), leads by title and number, messages by their words,
// in this order; within a kind the newest come first. Only what v may see is found.
func (b *Inbox) Search(ctx context.Context, v eventlog.Viewer, q, region string) ([]Hit, error) {
	q = strings.TrimSpace(sanitize.Line(q))
	if q == "" {
		return []Hit{}, nil
	}
	hits := []Hit{}
	for _, find := range []func(*gorm.DB, eventlog.Viewer, string, string) ([]Hit, error){b.findContacts, b.findLeads, b.findMessages} {
		some, err := find(b.db.Read(ctx), v, q, region)
		if err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		hits = append(hits, some...)
	}
	return hits, nil
}

// addressed narrows contacts to those whose name or address is q. Each way to be found has an index of its own where the database has one.
func addressed(tx *gorm.DB, q, region string) *gorm.DB {
	like := "%" + likeEscape(strings.ToLower(q)) + "%"
	ways := []string{`SELECT id FROM contacts WHERE LOWER(name) LIKE ? ESCAPE '\'`, `SELECT contact_id FROM identities WHERE value LIKE ? ESCAPE '\'`}
	args := []any{like, like}
	if phone := crm.NormalPhone(q, region); phone != "" {
		ways, args = append(ways, "SELECT contact_id FROM identities WHERE kind = ? AND value = ?"), append(args, connectors.KindPhone, phone)
	}
	if digits := onlyDigits(q); len(digits) >= 4 && len(digits)*2 >= len(q) { // the tail of a number, however it is written
		ways, args = append(ways, "SELECT contact_id FROM identities WHERE kind = ? AND value LIKE ?"), append(args, connectors.KindPhone, "%"+digits[max(0, len(digits)-10):])
	}
	return tx.Where("contacts.id IN ("+strings.Join(ways, " UNION ")+")", args...)
}

// VisibleContacts narrows q, a question about contacts, to those that v may see: their own, those with a conversation that they may see,
// and those that have none.
func VisibleContacts(q *gorm.DB, v eventlog.Viewer) *gorm.DB {
	if v.All {
		return q
	}
	fresh := q.Session(&gorm.Session{NewDB: true})
	mine := visible(fresh.Table("conversations").Select("1").Where("conversations.contact_id = contacts.id"), v)
	return q.Where("contacts.owner_id = ? OR EXISTS (?) OR (contacts.owner_id = '' AND NOT EXISTS (SELECT 1 FROM conversations x WHERE x.contact_id = contacts.id))", v.UserID, mine)
}

func (b *Inbox) findContacts(tx *gorm.DB, v eventlog.Viewer, q, region string) ([]Hit, error) {
	var rows []*crm.Contact
	err := VisibleContacts(tx.Model(&crm.Contact{}), v).Where(addressed(tx.Session(&gorm.Session{NewDB: true}), q, region)).Where("merged_into = ''").Order("updated_at DESC").Limit(hitsEach).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	if err := crm.LoadIdentities(tx, rows); err != nil {
		return nil, err
	}
	var out []Hit
	for _, c := range rows {
		var addresses []string
		for _, i := range c.Identities {
			addresses = append(addresses, i.Value)
		}
		out = append(out, Hit{Type: "contact", ID: c.ID, Title: c.Name, Preview: strings.Join(addresses, ", "), ContactID: &c.ID, At: db.Time(c.UpdatedAt)})
	}
	return out, nil
}

func (b *Inbox) findLeads(tx *gorm.DB, v eventlog.Viewer, q, _ string) ([]Hit, error) {
	var rows []*crm.Lead
	err := VisibleContacts(tx.Table("leads").Select("leads.*").Joins("JOIN contacts ON contacts.id = leads.contact_id"), v).
		Where(`(LOWER(leads.title) LIKE ? ESCAPE '\' OR CAST(leads.number AS TEXT) = ?)`, "%"+likeEscape(strings.ToLower(q))+"%", strings.TrimPrefix(q, "#")).
		Order("leads.updated_at DESC").Limit(hitsEach).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	var out []Hit
	for _, l := range rows {
		out = append(out, Hit{Type: "lead", ID: l.ID, Title: l.Title, Preview: fmt.Sprintf("#%d", l.Number), ContactID: &l.ContactID, ConversationID: db.OrNull(l.ConversationID), At: db.Time(l.UpdatedAt)})
	}
	return out, nil
}

func (b *Inbox) findMessages(tx *gorm.DB, v eventlog.Viewer, q, _ string) ([]Hit, error) {
	found, ok := b.db.Newest(tx, "messages", q)
	if !ok {
		return nil, nil
	}
	var rows []struct {
		Message     `gorm:"embedded"`
		ContactName string
	}
	err := visible(found.Select("messages.*, contacts.name AS contact_name").Joins("JOIN conversations ON conversations.id = messages.conversation_id").
		Joins("JOIN contacts ON contacts.id = conversations.contact_id"), v).Limit(hitsEach).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	var out []Hit
	for _, m := range rows {
		conv, contact := m.ConversationID, m.ContactID
		out = append(out, Hit{Type: "message", ID: m.ID, Title: m.ContactName, Preview: sanitize.Preview(m.BodyText, 200), ContactID: db.OrNull(contact), ConversationID: &conv, At: db.Time(m.CreatedAt)})
	}
	return out, nil
}

// matching narrows conversations to those in which q was said, or whose contact or subject it names.
func (b *Inbox) matching(tx *gorm.DB, q string) *gorm.DB {
	fresh := tx.Session(&gorm.Session{NewDB: true})
	who := fresh.Table("contacts").Select("contacts.id").Where(addressed(fresh, q, ""))
	cond := fresh.Where("conversations.contact_id IN (?)", who).Or(`LOWER(conversations.subject) LIKE ? ESCAPE '\'`, "%"+likeEscape(strings.ToLower(q))+"%")
	if words, arg, ok := b.db.Words("messages", q); ok {
		cond = cond.Or("conversations.id IN (?)", fresh.Table("messages").Select("messages.conversation_id").Where(words, arg))
	}
	return tx.Where(cond)
}

func likeEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s)
}

// quoted is s as it stands in a list that is kept as JSON text.
func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
