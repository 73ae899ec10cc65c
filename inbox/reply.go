package inbox

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"parley/connectors"
	"parley/crm"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/internal/jobs"
	"parley/internal/once"
	"parley/internal/sanitize"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

const (
	bodyMost        = 100_000 // characters of a reply or a note
	attachmentsMost = 20
)

// Draft is what an agent sends off.
type Draft struct {
	Body        string
	Format      string // text, markdown or html
	Note        bool
	Attachments []string // ids of uploads
	ChannelID   string   // "": the conversation's
	ReplyTo     string   // id of the message it answers
	Mail        MailFields
	SendAt      time.Time
	Hold        time.Duration // can be undone for so long
	// LastSeenSeq, when not nil, refuses the reply with a conflict when somebody wrote since.
	LastSeenSeq *int64
}

// MailFields are what only a mail has. To, when set, sends it to somebody else than the one the conversation is with (a forward).
type MailFields struct {
	To, Subject string
	Cc, Bcc     []string
}

const (
	recipientsMost = 50
	forwarded      = "forwarded" // header of a mail that went to somebody else than the one the conversation is with
)

// normal checks the addresses and writes them as they go out.
func (f *MailFields) normal() error {
	clean := func(field string, in []string) ([]string, error) {
		var out []string
		for _, a := range in {
			n := crm.NormalEmail(a)
			if n == "" {
				return nil, fault.Invalid(field, "invalid", "%q is not an e-mail address", sanitize.Preview(a, 80))
			}
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
		return out, nil
	}
	var err error
	if f.Cc, err = clean("cc", f.Cc); err != nil {
		return err
	}
	if f.Bcc, err = clean("bcc", f.Bcc); err != nil {
		return err
	}
	if f.To != "" {
		to, err := clean("to", []string{f.To})
		if err != nil {
			return err
		}
		f.To = to[0]
	}
	if len(f.Cc)+len(f.Bcc) > recipientsMost {
		return fault.Invalid("cc", "too_many", "at most %d further recipients", recipientsMost)
	}
	f.Subject = sanitize.Preview(f.Subject, 300)
	return nil
}

func (f MailFields) empty() bool { return f.To == "" && f.Subject == "" && len(f.Cc)+len(f.Bcc) == 0 }

// Reply stores an answer or a note; an answer is queued for its channel. The error is a fault that says what is wrong with it.
func (b *Inbox) Reply(ctx context.Context, v eventlog.Viewer, conversationID string, d Draft) (MessageView, error) {
	if err := d.check(); err != nil {
		return MessageView{}, err
	}
	var m *Message
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		c, err := conversationTx(tx, v, conversationID)
		if err != nil {
			return err
		}
		if err := b.guardTx(tx, c, d); err != nil {
			return err
		}
		if m, err = b.composeTx(tx, c, d, eventlog.ActorOf(ctx)); err != nil {
			return err
		}
		if err := once.Tx(tx, m.ID); err != nil {
			return err
		}
		if d.Note {
			return b.createMessageTx(tx, c, m)
		}
		return b.queueTx(tx, c, m, d)
	})
	if err != nil {
		return MessageView{}, err
	}
	return b.messageView(m), nil
}

func (d *Draft) check() error {
	d.Body = sanitize.Text(d.Body)
	switch {
	case strings.TrimSpace(d.Body) == "" && len(d.Attachments) == 0:
		return fault.Invalid("body", "required", "an empty message can't be sent")
	case len([]rune(d.Body)) > bodyMost:
		return fault.Invalid("body", "too_long", "at most %d characters", bodyMost)
	case len(d.Attachments) > attachmentsMost:
		return fault.Invalid("attachments", "too_many", "at most %d files", attachmentsMost)
	case d.Hold < 0 || d.Hold > 30*time.Second:
		return fault.Invalid("hold_s", "out_of_range", "0 to 30 seconds")
	}
	if err := d.Mail.normal(); err != nil {
		return err
	}
	switch d.Format {
	case "":
		d.Format = "text"
	case "text", "markdown", "html":
	default:
		return fault.Invalid("format", "unknown", "text, markdown or html")
	}
	return nil
}

// guardTx refuses an answer to somebody who has not seen what was said meanwhile; the problem carries what was missed.
func (b *Inbox) guardTx(tx *gorm.DB, c *Conversation, d Draft) error {
	if d.Note || d.LastSeenSeq == nil || c.LastSeq <= *d.LastSeenSeq {
		return nil
	}
	var missed []*Message
	err := tx.Where("conversation_id = ? AND seq > ? AND direction IN ?", c.ID, *d.LastSeenSeq, []string{DirInbound, DirOutbound}).Order("created_at, n").Limit(50).Find(&missed).Error
	if err != nil {
		return err
	}
	if err := loadParts(tx, missed); err != nil {
		return err
	}
	views := make([]MessageView, len(missed))
	for i, m := range missed {
		views[i] = b.messageView(m)
	}
	return &fault.Error{Kind: fault.KindConflict, Detail: "somebody wrote in this conversation meanwhile", Extra: map[string]any{"messages": views, "last_seq": c.LastSeq}}
}

func (b *Inbox) composeTx(tx *gorm.DB, c *Conversation, d Draft, by eventlog.Actor) (*Message, error) {
	now := b.now()
	m := &Message{ID: ids.New(), ConversationID: c.ID, ContactID: c.ContactID, ChannelID: c.ChannelID, Direction: DirOutbound, Kind: connectors.KindText, AuthorType: "user",
		AuthorID: by.ID, AuthorName: by.Name, Status: Queued, ReplyTo: d.ReplyTo, CreatedAt: now.UnixMilli(), UpdatedAt: now.UnixMilli()}
	m.BodyText, m.BodyHTML = bodies(d)
	if d.Note {
		m.Direction, m.Status = DirNote, Sent
	}
	if d.ReplyTo != "" {
		var n int64
		if err := tx.Model(&Message{}).Where("id = ? AND conversation_id = ?", d.ReplyTo, c.ID).Count(&n).Error; err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, fault.Invalid("reply_to", "unknown", "the conversation has no such message")
		}
	}
	return m, b.attachUploadsTx(tx, m, d.Attachments, by.ID)
}

// bodies are a draft's words as plain text and, where it is more than that, as HTML that may go out.
func bodies(d Draft) (text, rich string) {
	switch d.Format {
	case "markdown":
		return d.Body, sanitize.Markdown(d.Body)
	case "html":
		rich = sanitize.OutgoingHTML(d.Body)
		return sanitize.Text(sanitize.HTMLToText(rich)), rich
	}
	return d.Body, ""
}

// queueTx makes m leave: by which channel, to whom, when.
func (b *Inbox) queueTx(tx *gorm.DB, c *Conversation, m *Message, d Draft) error {
	before := c.snapshot()
	ch, to, err := b.routeTx(tx, c, d.ChannelID)
	if err != nil {
		return err
	}
	m.ChannelID = ch.ID
	m.Headers = db.Map{"to": to}
	if ch.Type == connectors.Email {
		if err := asMailTx(tx, c, ch, m, d.Mail); err != nil {
			return err
		}
	} else if !d.Mail.empty() {
		return fault.Invalid("cc", "not_a_mail", "only a mail has a subject and further recipients")
	}
	m.ProviderID = b.nameOf(ch.ID, c.ID, m.ID)
	at := b.now().Add(d.Hold)
	if d.SendAt.After(at) {
		at = d.SendAt
	}
	if at.After(b.now()) {
		m.SendAt = at.UnixMilli()
	}
	if err := b.createMessageTx(tx, c, m); err != nil {
		return err
	}
	if err := enqueueDeliveryTx(tx, m, at, b.now()); err != nil {
		return err
	}
	c.answered(m)
	return b.saveTx(tx, c, before)
}

// asMailTx gives an answer what makes it a mail: subject, recipients, the signature of its author or else of the channel.
func asMailTx(tx *gorm.DB, c *Conversation, ch *Channel, m *Message, f MailFields) error {
	m.Kind, m.Subject = connectors.KindMail, replySubject(c.Subject)
	if f.Subject != "" {
		m.Subject = f.Subject
	}
	if f.To != "" && f.To != m.Headers["to"] {
		m.Headers["to"], m.Headers[forwarded] = f.To, true
	}
	if len(f.Cc) > 0 {
		m.Headers["cc"] = f.Cc
	}
	if len(f.Bcc) > 0 {
		m.Headers["bcc"] = f.Bcc
	}
	signature, err := signatureTx(tx, ch, m.AuthorID)
	if err != nil || signature == "" {
		return err
	}
	m.BodyText += "\n\n-- \n" + signature // RFC 3676 §4.3
	if m.BodyHTML != "" {
		m.BodyHTML += "<p>-- <br>" + strings.ReplaceAll(html.EscapeString(signature), "\n", "<br>") + "</p>"
	}
	return nil
}

func signatureTx(tx *gorm.DB, ch *Channel, userID string) (string, error) {
	var u struct{ Settings db.Map }
	if err := tx.Table("users").Select("settings").Where("id = ?", userID).Limit(1).Scan(&u).Error; err != nil {
		return "", err
	}
	own, _ := u.Settings["signature"].(string)
	if own = strings.TrimSpace(sanitize.Text(own)); own != "" {
		return own, nil
	}
	return strings.TrimSpace(sanitize.Text(ch.common().Signature)), nil
}

// answered is what one of our messages does to its conversation.
func (c *Conversation) answered(m *Message) {
	c.headOf(m, previewOf(m))
	c.UnreadCount, c.WaitingSince = 0, 0
}

func replySubject(s string) string {
	if s == "" {
		return "Re: your message"
	}
	if len(s) >= 3 && strings.EqualFold(s[:3], "re:") {
		return s
	}
	return "Re: " + s
}

// routeTx says by which channel and to which address an answer goes.
func (b *Inbox) routeTx(tx *gorm.DB, c *Conversation, channelID string) (*Channel, string, error) {
	if channelID == "" {
		channelID = c.ChannelID
	}
	ch := &Channel{}
	if err := tx.Where("id = ?", channelID).Take(ch).Error; err != nil {
		if fault.Is(notFound(err, "channel"), fault.KindNotFound) {
			return nil, "", fault.Invalid("channel_id", "unknown", "there is no such channel")
		}
		return nil, "", err
	}
	if ch.Disabled {
		return nil, "", fault.Invalid("channel_id", "disabled", "the channel %q is disabled", ch.Name)
	}
	if ch.Type == connectors.Form || ch.Type == connectors.Telephony {
		return nil, "", fault.Invalid("channel_id", "no_way_back", "nothing can be sent through a %s channel; choose another one", ch.Type)
	}
	if ch.ID == c.ChannelID {
		if c.Peer == "" {
			return nil, "", fault.Invalid("channel_id", "no_address", "the sender left no address to answer to")
		}
		return ch, c.Peer, nil
	}
	kind := map[string]string{connectors.Email: connectors.KindEmail, connectors.SMS: connectors.KindPhone, connectors.Telegram: connectors.KindTelegram, connectors.Webchat: connectors.KindWebchat}[ch.Type]
	var i crm.Identity
	err := tx.Where("contact_id = ? AND kind = ? AND scope IN ?", c.ContactID, kind, []string{"", ch.ID, c.ChannelID}).Order("created_at DESC").Take(&i).Error
	if fault.Is(notFound(err, "identity"), fault.KindNotFound) {
		return nil, "", fault.Invalid("channel_id", "no_address", "the contact has no address on this channel")
	}
	return ch, i.Value, err
}

// nameOf is the provider id that we give a message ourselves, where the channel's messages have one that we choose.
func (b *Inbox) nameOf(channelID, conversationID, messageID string) string {
	conn, err := b.live.Connector(channelID)
	if err != nil {
		return ""
	}
	if n, ok := conn.(connectors.Namer); ok {
		return n.NameMessage(conversationID, messageID)
	}
	return ""
}

func enqueueDeliveryTx(tx *gorm.DB, m *Message, at, now time.Time) error {
	return jobs.EnqueueTx(tx, jobs.New{Kind: jobDeliver, Payload: deliverJob{m.ID}, RunAt: at, At: now, Queue: "send:" + m.ChannelID, Lane: "conversation:" + m.ConversationID,
		UniqueKey: fmt.Sprintf("%s:%d", deliverKey(m.ID), m.Attempt)})
}

// deliverKey names the jobs that send a message; each carries the number of attempts before it, so that one that is just ending keeps no new one out.
func deliverKey(messageID string) string { return "deliver:" + messageID }

// messageTx reads and locks a message of a conversation that v may see.
func (b *Inbox) messageTx(tx *gorm.DB, v eventlog.Viewer, conversationID, id string) (*Conversation, *Message, error) {
	c, err := conversationTx(tx, v, conversationID)
	if err != nil {
		return nil, nil, err
	}
	m := &Message{}
	if err := forUpdate(tx).Where("id = ? AND conversation_id = ?", id, c.ID).Take(m).Error; err != nil {
		return nil, nil, notFound(err, "message")
	}
	return c, m, nil
}

// Cancel takes back a message that has not left yet; fault.Conflict when it is too late.
func (b *Inbox) Cancel(ctx context.Context, v eventlog.Viewer, conversationID, id string) (MessageView, error) {
	return b.changeMessage(ctx, v, conversationID, id, func(tx *gorm.DB, c *Conversation, m *Message) error {
		gone, err := jobs.CancelTx(tx, deliverKey(m.ID))
		if err != nil {
			return err
		}
		if m.Status != Queued || !gone {
			return fault.Conflict("it is too late: the message is %s", m.Status)
		}
		return b.setStatusTx(tx, c, m, Cancelled, "")
	})
}

// Retry sends a message that failed, was cancelled, or whose outcome nobody knows, once more.
func (b *Inbox) Retry(ctx context.Context, v eventlog.Viewer, conversationID, id string) (MessageView, error) {
	return b.changeMessage(ctx, v, conversationID, id, func(tx *gorm.DB, c *Conversation, m *Message) error {
		if m.Direction != DirOutbound || m.Status != FailedMsg && m.Status != Unknown && m.Status != Cancelled {
			return fault.Conflict("only what failed, is unknown or was cancelled can be sent again; this message is %s", m.Status)
		}
		if err := enqueueDeliveryTx(tx, m, b.now(), b.now()); err != nil {
			return err
		}
		return b.setStatusTx(tx, c, m, Queued, "")
	})
}

func (b *Inbox) changeMessage(ctx context.Context, v eventlog.Viewer, conversationID, id string, change func(*gorm.DB, *Conversation, *Message) error) (MessageView, error) {
	var m *Message
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		var c *Conversation
		var err error
		if c, m, err = b.messageTx(tx, v, conversationID, id); err != nil {
			return err
		}
		return change(tx, c, m)
	})
	if err != nil {
		return MessageView{}, err
	}
	return b.messageView(m), nil
}

// setStatusTx moves a message to another state and tells of it.
func (b *Inbox) setStatusTx(tx *gorm.DB, c *Conversation, m *Message, status, reason string) error {
	was := m.Status
	m.Status, m.Error = status, sanitize.Preview(reason, 500)
	columns := map[string]any{"status": m.Status, "error": m.Error, "provider_id": m.ProviderID, "attempt": m.Attempt}
	if err := b.updateMessageTx(tx, c, m, columns, map[string]eventlog.Change{"status": {From: was, To: status}}); err != nil {
		return fmt.Errorf("%s → %s: %w", was, status, err)
	}
	return nil
}
