package inbox

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/connectors"
	"parley/crm"
	"parley/internal/db"
	"parley/internal/ids"
	"parley/internal/sanitize"

	"gorm.io/gorm"
)

const previewLength = 140

// threadTx decides which conversation an item joins. A conversation that it opens is returned with fresh and not stored yet.
//
// A thread that the provider itself keeps (a chat, a number, a visitor) is one conversation, opened again when it was resolved.
// Mail joins by our reply token or by the ids it refers to, and only when its sender is who the conversation is with.
func (b *Inbox) threadTx(tx *gorm.DB, s *sight, it *item, who crm.Resolved) (c *Conversation, fresh bool, err error) {
	if c := s.threads[it.thread()]; c != nil {
		c.MatchHow, c.MatchEvidence = "identity", who.Evidence
		if c.ContactID != who.Contact.ID {
			c.MatchHow, c.MatchEvidence = "thread", "the same thread on the channel"
		}
		return c, false, nil
	}
	if it.Thread.ReplyToken != "" || len(it.Thread.ReplyTo) > 0 {
		if err := db.FlushTx(tx); err != nil { // what it answers may have come in the same moment
			return nil, false, err
		}
	}
	if c, err = b.answeredTx(tx, it, who); err != nil || c != nil {
		return c, false, err
	}
	if c, err = b.crossedTx(tx, it, who); err != nil || c != nil {
		return c, false, err
	}
	c, err = b.openTx(tx, s, it, who)
	if err == nil && it.Thread.Key != "" {
		s.threads[it.thread()] = c
	}
	return c, true, err
}

// crossedTx is the conversation in which somebody was last written to on this channel although they had come by another one: a missed call
// that was answered by SMS, a form that was answered in Telegram. What they say there belongs to it until it is resolved.
func (b *Inbox) crossedTx(tx *gorm.DB, it *item, who crm.Resolved) (*Conversation, error) {
	if it.Thread.Key == "" || who.Created {
		return nil, nil
	}
	c, err := oneTx(tx.Where(`id = (SELECT m.conversation_id FROM messages m JOIN conversations o ON o.id = m.conversation_id
		WHERE o.contact_id = ? AND o.channel_id <> m.channel_id AND m.channel_id = ? AND m.direction = ? ORDER BY m.n DESC LIMIT 1) AND status <> ?`,
		who.Contact.ID, it.ch.ID, DirOutbound, Resolved))
	if c != nil {
		c.MatchHow, c.MatchEvidence = "thread", "we wrote to them here in this conversation"
	}
	return c, err
}

// answeredTx is the conversation that a mail answers: by our reply token, else by the nearest message that it refers to. Its sender must be who the
// conversation is with, or somebody we wrote to in it; a subject alone joins nothing.
func (b *Inbox) answeredTx(tx *gorm.DB, it *item, who crm.Resolved) (*Conversation, error) {
	if it.Thread.ReplyToken != "" {
		c, err := oneTx(tx.Where("reply_token = ?", it.Thread.ReplyToken))
		if err != nil {
			return nil, err
		}
		if c != nil {
			if fits, err := b.fitsTx(tx, it, c, who.Contact.ID); err != nil || fits {
				c.MatchHow, c.MatchEvidence = "thread", "the reply address of the conversation"
				return c, err
			}
		}
	}
	return b.byReferencesTx(tx, it, func(c *Conversation) (bool, error) { return b.fitsTx(tx, it, c, who.Contact.ID) })
}

// fitsTx tells whether the sender of it takes part in c.
func (b *Inbox) fitsTx(tx *gorm.DB, it *item, c *Conversation, contactID string) (bool, error) {
	if it.rules.NewSubject == "new_conversation" && bareSubject(it.Subject) != bareSubject(c.Subject) {
		return false, nil
	}
	if c.ContactID == contactID {
		return true, nil
	}
	from := it.from()
	if from.Kind != connectors.KindEmail {
		return false, nil
	}
	var n int64
	err := tx.Model(&Message{}).Where(`conversation_id = ? AND direction = ? AND headers LIKE ? ESCAPE '\'`, c.ID, DirOutbound, "%"+likeEscape(quoted(from.Value))+"%").Limit(1).Count(&n).Error
	return n > 0, err
}

// bareSubject is a subject without the marks of answers and forwards.
func bareSubject(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	for {
		mark, rest, ok := strings.Cut(s, ":")
		if !ok || !slices.Contains([]string{"re", "fwd", "fw", "aw", "wg", "sv", "antw", "rv", "отв", "на", "ответ"}, strings.TrimSpace(mark)) {
			return s
		}
		s = strings.TrimSpace(rest)
	}
}

// byReferencesTx is the conversation of the nearest message that the item answers and whose conversation fits.
func (b *Inbox) byReferencesTx(tx *gorm.DB, it *item, fits func(*Conversation) (bool, error)) (*Conversation, error) {
	for _, id := range it.Thread.ReplyTo[:min(50, len(it.Thread.ReplyTo))] {
		if id == "" {
			continue // never match on an empty key
		}
		var candidates []Message
		err := tx.Select("conversation_id").Where("channel_id = ? AND provider_id = ? AND provider_id <> ''", it.ch.ID, id).Order("n DESC").Limit(10).Find(&candidates).Error
		if err != nil {
			return nil, err
		}
		for _, m := range candidates { // several where somebody's mail program repeats its ids
			c, err := oneTx(tx.Where("id = ?", m.ConversationID))
			if err != nil {
				return nil, err
			}
			if c == nil {
				continue
			}
			if ok, err := fits(c); err != nil || ok {
				c.MatchHow, c.MatchEvidence = "thread", "it answers a message of this conversation"
				return c, err
			}
		}
	}
	return nil, nil
}

// oneTx locks and reads the conversation that q names, nil when there is none.
func oneTx(q *gorm.DB) (*Conversation, error) {
	c, err := lockTx(q)
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return c, err
}

// openTx makes a conversation, without storing it.
func (b *Inbox) openTx(tx *gorm.DB, s *sight, it *item, who crm.Resolved) (*Conversation, error) {
	at := it.shownAt()
	c := &Conversation{
		ID: ids.New(), Status: Open, Priority: "normal", Subject: sanitize.Preview(it.Subject, 300), ChannelID: it.ch.ID, ChannelType: it.ch.Type,
		ContactID: who.Contact.ID, ThreadKey: it.Thread.Key, ReplyToken: newToken(), ActivityAt: at, CreatedAt: at, UpdatedAt: it.now.UnixMilli(), Version: 1,
		MatchHow: "identity", MatchEvidence: who.Evidence, PeerName: who.Contact.Name,
	}
	db.NumberTx(tx, "conversation", &c.Number)
	db.Same(tx, c.ID, c)
	peer := it.peer()
	c.PeerKind, c.Peer = peer.Kind, peer.Value
	if it.Muted {
		c.Status = Resolved
	}
	if who.Created {
		c.MatchHow = "created"
		return c, nil
	}
	var err error
	c.LeadID, err = s.people.LeadTx(tx, who.Contact.ID)
	return c, err
}

// newToken is 80 random bits in letters that survive every mail system.
func newToken() string {
	raw := make([]byte, 10)
	_, _ = rand.Read(raw) // never fails since Go 1.24
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw))
}

// previewOf is a message in one line.
func previewOf(m *Message) string {
	for _, text := range []string{m.BodyVisible, m.BodyText} {
		if s := sanitize.Preview(text, previewLength); s != "" {
			return s
		}
	}
	if m.BodyHTML != "" {
		if s := sanitize.Preview(sanitize.HTMLToText(m.BodyHTML), previewLength); s != "" {
			return s
		}
	}
	for _, p := range m.Parts {
		return "[" + sanitize.Preview(p.Name, previewLength) + "]"
	}
	return sanitize.Preview(m.Subject, previewLength)
}

func attachmentName(p connectors.Attachment, i int) string {
	if strings.TrimSpace(p.Name) != "" {
		return sanitize.Filename(p.Name)
	}
	return fmt.Sprintf("attachment-%d%s", i+1, extensionOf(p.MIME))
}

func extensionOf(mime string) string {
	switch strings.ToLower(strings.TrimSpace(strings.SplitN(mime, ";", 2)[0])) {
	case "image/jpeg":
		return ".jpg"
	case "image/png":
		return ".png"
	case "image/webp":
		return ".webp"
	case "audio/ogg":
		return ".ogg"
	case "video/mp4":
		return ".mp4"
	case "application/pdf":
		return ".pdf"
	case "message/rfc822":
		return ".eml"
	case "text/calendar":
		return ".ics"
	}
	return ""
}

func mimeOf(p connectors.Attachment) string {
	m := strings.ToLower(strings.TrimSpace(strings.SplitN(p.MIME, ";", 2)[0]))
	if m == "" || !storable(m) || strings.ContainsAny(m, " \r\n") || !strings.Contains(m, "/") || len(m) > 120 {
		return "application/octet-stream"
	}
	return m
}
