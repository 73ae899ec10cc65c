package inbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/internal/db"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// Directions of a message.
const (
	DirInbound  = "inbound"
	DirOutbound = "outbound"
	DirNote     = "note"
	DirActivity = "activity"
)

// The states of a message. Outbound: queued → sending → sent → delivered → read, or failed, unknown, cancelled.
const (
	Received  = "received"
	Queued    = "queued"
	Sending   = "sending"
	Sent      = "sent"
	Delivered = "delivered"
	Read      = "read"
	FailedMsg = "failed"
	Unknown   = "unknown" // it may have reached the provider; nobody can say
	Cancelled = "cancelled"
)

// Message is one item of a thread.
type Message struct {
	N              int64 `gorm:"primaryKey;autoIncrement"`
	ID             string
	ConversationID string
	ContactID      string
	ChannelID      string
	Direction      string
	Kind           string
	Subject        string
	BodyText       string
	BodyHTML       string
	BodyVisible    string
	Headers        db.Map
	AuthorType     string
	AuthorID       string
	AuthorName     string
	Status         string
	Error          string
	Attempt        int
	SendAt         int64
	ProviderID     string
	CallID         string
	ReplyTo        string
	Auto           string
	Edits          Edits
	Seq            int64
	DeletedAt      int64
	Attachments    int
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	UpdatedAt      int64 `gorm:"autoUpdateTime:false"`

	Parts []Attachment `gorm:"-"`
}

// EditView is an earlier text of a message.
type EditView struct {
	At       time.Time `json:"at"`
	BodyText string    `json:"body_text"`
}

// Edits are kept as JSON text, oldest first.
type Edits []EditView

// Attachment is a file of a message.
type Attachment struct {
	ID         string `gorm:"primaryKey"`
	MessageID  string
	Position   int
	Name       string
	MimeType   string
	Size       int64
	BlobKey    string
	Sha256     string
	Cid        string
	InlinePart bool
	State      string // ready, pending, failed
	Problem    string
	FetchRef   string
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
}

// AttachmentView is an attachment as the API shows it.
type AttachmentView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	MimeType string `json:"mime_type"`
	Size     int64  `json:"size"`
	URL      string `json:"url" doc:"short-lived link; empty until the file is here"`
	State    string `json:"state" enum:"ready,pending,failed"`
	Problem  string `json:"problem,omitempty"`
	Inline   bool   `json:"inline,omitempty"`
	CID      string `json:"cid,omitempty"`
}

// Author is who wrote a message.
type Author struct {
	Type string  `json:"type" enum:"contact,user,automation"`
	ID   *string `json:"id"`
	Name string  `json:"name"`
}

// MessageView is a message as the API and the event log show it.
type MessageView struct {
	ID             string           `json:"id"`
	ConversationID string           `json:"conversation_id"`
	ContactID      *string          `json:"contact_id"`
	ChannelID      *string          `json:"channel_id"`
	Direction      string           `json:"direction" enum:"inbound,outbound,note,activity"`
	Kind           string           `json:"kind"`
	Subject        string           `json:"subject,omitempty"`
	BodyText       string           `json:"body_text"`
	BodyHTML       string           `json:"body_html" doc:"sanitised; quotes and signatures carry data-parley-fold=\"quote\" or \"signature\""`
	VisibleText    string           `json:"visible_text" doc:"body_text without quotes and signature; empty when that is the same"`
	Headers        map[string]any   `json:"headers,omitempty"`
	Attachments    []AttachmentView `json:"attachments"`
	Author         Author           `json:"author"`
	Status         string           `json:"status" enum:"received,queued,sending,sent,delivered,read,failed,unknown,cancelled"`
	Error          *string          `json:"error"`
	ProviderID     *string          `json:"provider_id"`
	CallID         *string          `json:"call_id"`
	ReplyTo        *string          `json:"reply_to"`
	Auto           string           `json:"auto,omitempty" doc:"set when no person wrote it: auto_reply, bounce, bulk, receipt, complaint, loop"`
	SendAt         *time.Time       `json:"send_at"`
	Edits          []EditView       `json:"edits"`
	DeletedAt      *time.Time       `json:"deleted_at"`
	CreatedAt      time.Time        `json:"created_at"`
}

// View is m as the API shows it; its Parts must be loaded. Links are good for a day after at.
func (b *Inbox) messageView(m *Message) MessageView {
	v := MessageView{
		ID: m.ID, ConversationID: m.ConversationID, ContactID: db.OrNull(m.ContactID), ChannelID: db.OrNull(m.ChannelID), Direction: m.Direction, Kind: m.Kind,
		Subject: m.Subject, BodyText: m.BodyText, VisibleText: m.BodyVisible, Headers: m.Headers, Author: Author{m.AuthorType, db.OrNull(m.AuthorID), m.AuthorName},
		Status: m.Status, Error: db.OrNull(m.Error), ProviderID: db.OrNull(m.ProviderID), CallID: db.OrNull(m.CallID), ReplyTo: db.OrNull(m.ReplyTo), Auto: m.Auto,
		SendAt: db.TimeOrNull(m.SendAt), Edits: m.Edits, DeletedAt: db.TimeOrNull(m.DeletedAt), CreatedAt: db.Time(m.CreatedAt), Attachments: []AttachmentView{},
	}
	if v.Edits == nil {
		v.Edits = []EditView{}
	}
	for _, a := range m.Parts {
		v.Attachments = append(v.Attachments, b.attachmentView(a))
	}
	v.BodyHTML = b.withInlineLinks(m)
	return v
}

// withInlineLinks lets the pictures of a mail point at its own attachments.
func (b *Inbox) withInlineLinks(m *Message) string {
	html := m.BodyHTML
	for _, a := range m.Parts {
		if a.Cid != "" && a.State == "ready" && strings.Contains(html, cidMark(a.Cid)) {
			html = strings.ReplaceAll(html, cidMark(a.Cid), b.Link("attachments", a.ID))
		}
	}
	return html
}

// cidMark stands in stored HTML for the link of an inline picture.
func cidMark(cid string) string { return "/cid/" + url.PathEscape(cid) }

func (b *Inbox) attachmentView(a Attachment) AttachmentView {
	v := AttachmentView{ID: a.ID, Name: a.Name, MimeType: a.MimeType, Size: a.Size, State: a.State, Problem: a.Problem, Inline: a.InlinePart, CID: a.Cid}
	if a.State == "ready" {
		v.URL = b.Link("attachments", a.ID)
	}
	return v
}

const linkTTL = 24 * time.Hour

// Link is a signed, short-lived link to a blob of ours, bound to its object. It is a path below the public URL.
func (b *Inbox) Link(kind, id string) string {
	until := b.now().Add(linkTTL).Truncate(time.Hour).Unix() // the same link for an hour, so that browsers can cache
	return fmt.Sprintf("/files/%s/%s?until=%d&sig=%s", kind, id, until, b.linkTag(kind, id, until))
}

// LinkHolds tells whether a link's signature is ours and not over.
func (b *Inbox) LinkHolds(kind, id, until, sig string) bool {
	at, err := strconv.ParseInt(until, 10, 64)
	return err == nil && b.now().Unix() <= at && hmac.Equal([]byte(sig), []byte(b.linkTag(kind, id, at)))
}

func (b *Inbox) linkTag(kind, id string, until int64) string {
	mac := hmac.New(sha256.New, b.links)
	fmt.Fprintf(mac, "%s|%s|%d", kind, id, until)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// loadParts fills the messages' attachments with one question.
func loadParts(q *gorm.DB, messages []*Message) error {
	var ids []string
	by := map[string]*Message{}
	for _, m := range messages {
		if m.Attachments > 0 {
			ids = append(ids, m.ID)
			by[m.ID] = m
			m.Parts = nil
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var all []Attachment
	if err := q.Where("message_id IN ?", ids).Order("message_id, position").Find(&all).Error; err != nil {
		return err
	}
	for _, a := range all {
		by[a.MessageID].Parts = append(by[a.MessageID].Parts, a)
	}
	return nil
}

// createMessageTx stores m and tells of it; a message that counts moves its conversation's last_seq.
func (b *Inbox) createMessageTx(tx *gorm.DB, c *Conversation, m *Message) error {
	m.Attachments = len(m.Parts)
	if err := db.StoreTx(tx, m); err != nil {
		return err
	}
	for i := range m.Parts {
		if err := db.StoreTx(tx, &m.Parts[i]); err != nil {
			return err
		}
	}
	e := eventlog.Event{Type: "message.created", Subject: m.ID, Conversation: c.ID, Audience: c.Audience(), Data: late(func() any { return b.messageView(m) })}
	if m.Direction == DirInbound || m.Direction == DirOutbound {
		e.Stamp = func(tx *gorm.DB, seq int64) error { return stampTx(tx, c, m, seq) }
	}
	return eventlog.AppendTx(tx, e)
}

// stampTx gives m and its conversation the place that m has in the event log.
func stampTx(tx *gorm.DB, c *Conversation, m *Message, seq int64) error {
	m.Seq, c.LastSeq = seq, seq
	if m.N != 0 { // it had to be written before its place was known
		if err := tx.Exec("UPDATE messages SET seq = ? WHERE n = ?", seq, m.N).Error; err != nil {
			return err
		}
	}
	return db.ReplaceTx(tx, c)
}

// updateMessageTx writes the named columns of m and tells of it.
func (b *Inbox) updateMessageTx(tx *gorm.DB, c *Conversation, m *Message, columns map[string]any, told map[string]eventlog.Change) error {
	m.UpdatedAt = b.now().UnixMilli()
	columns["updated_at"] = m.UpdatedAt
	if err := tx.Model(&Message{}).Where("n = ?", m.N).UpdateColumns(columns).Error; err != nil {
		return fmt.Errorf("update message: %w", err)
	}
	if err := loadParts(tx, []*Message{m}); err != nil {
		return err
	}
	return eventlog.AppendTx(tx, eventlog.Event{Type: "message.updated", Subject: m.ID, Conversation: c.ID, Audience: c.Audience(),
		Data: late(func() any { return b.messageView(m) }), Changes: told})
}

// headOf makes m the newest message that a conversation's row shows.
func (c *Conversation) headOf(m *Message, preview string) {
	c.LastID, c.LastPreview, c.LastDirection, c.LastAt = m.ID, preview, m.Direction, m.CreatedAt
	c.ActivityAt = max(c.ActivityAt, m.CreatedAt)
}

// Value and Scan keep edits as JSON text.
func (e Edits) Value() (driver.Value, error) {
	if e == nil {
		e = Edits{}
	}
	b, err := json.Marshal([]EditView(e))
	return string(b), err
}

func (e *Edits) Scan(v any) error {
	switch x := v.(type) {
	case string:
		return json.Unmarshal([]byte(x), (*[]EditView)(e))
	case []byte:
		return json.Unmarshal(x, (*[]EditView)(e))
	}
	return nil
}
