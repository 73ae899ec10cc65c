package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"parley/connectors"
	"parley/crm"
	"parley/internal/db"
	"parley/internal/ids"
	"parley/internal/sanitize"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// The states of a journal row.
const (
	Processed   = "processed"
	Duplicate   = "duplicate"
	Quarantined = "quarantined"
	Rejected    = "rejected"
)

// Journal is one raw item as it came in.
type Journal struct {
	ID             string `gorm:"primaryKey"`
	ChannelID      string
	ItemKey        string
	State          string
	Reason         string
	Raw            []byte
	RawType        string
	RawBlob        string
	RawHash        string
	MessageID      string
	ConversationID string
	ContactID      string
	ReceivedAt     int64
}

func (Journal) TableName() string { return "journal" }

// rawInRow is how many bytes of a raw item stand in its journal row; a larger one goes to the blob store.
const rawInRow = 64 << 10

// Accept stores one inbound item with everything it causes, or nothing. After it returned nil the item is ours and its
// provider may be told so. An item that was stored before has no further effect.
func (b *Inbox) Accept(ctx context.Context, channelID string, in connectors.Inbound) (connectors.Accepted, error) {
	ch, err := b.cachedChannel(ctx, channelID)
	if err != nil {
		return connectors.Accepted{}, err
	}
	if strings.TrimSpace(in.Key) == "" {
		return connectors.Accepted{}, errors.New("an item without a key can't be told from its repetition")
	}
	item := b.prepare(ch, in)
	if item.hasBlobs() {
		if known, err := b.alreadyHere(ctx, item); known.Duplicate || err != nil {
			return known, err
		}
		if err := b.putBlobs(ctx, item); err != nil {
			return connectors.Accepted{}, err
		}
	}
	if acknowledgesFirst {
		go func() { _, _ = b.batch.do(item, b.acceptTx) }()
		return connectors.Accepted{}, nil
	}
	out, err := b.batch.do(item, b.acceptTx)
	if db.Refused(err) || errors.Is(err, errPanic) {
		out, err = b.setAside(ctx, item, err)
	}
	if err != nil {
		return connectors.Accepted{}, fmt.Errorf("accept %s item: %w", ch.Type, err)
	}
	return out, nil
}

// setAside keeps an item that can't be stored as what it is, so that it does not stand in the way of the next one for ever: raw, in
// quarantine, with the reason for the log and a word for the admin.
func (b *Inbox) setAside(ctx context.Context, it *item, why error) (connectors.Accepted, error) {
	if known, err := b.alreadyHere(ctx, it); known.Duplicate || err != nil {
		return known, err
	}
	logError(ctx, "an item can't be processed and is set aside", why, "channel", it.ch.ID, "key", it.Key)
	it.journal.MessageID, it.journal.ConversationID, it.journal.ContactID = "", "", ""
	it.Quarantine = "it could not be processed (" + it.journal.ID + " in the log)"
	out, err := b.batch.do(it, b.acceptTx)
	return out, errors.Join(err, ifFailed(err, why))
}

func ifFailed(err, why error) error {
	if err == nil {
		return nil
	}
	return why
}

// alreadyHere spares a repeated item the way through the blob store. The unique index has the last word.
func (b *Inbox) alreadyHere(ctx context.Context, it *item) (connectors.Accepted, error) {
	all, err := seen(b.db.Read(ctx), []*item{it})
	known := all[it.key()]
	if err != nil || known == nil {
		return connectors.Accepted{}, err
	}
	if it.Cursor != nil {
		if err := b.advance(ctx, it.ch.ID, *it.Cursor); err != nil {
			return connectors.Accepted{}, err
		}
	}
	return *known, nil
}

func (b *Inbox) acceptTx(tx *gorm.DB, s *sight, it *item) (connectors.Accepted, error) {
	j := &it.journal // a second try begins anew
	j.State, j.Reason, j.MessageID, j.ConversationID, j.ContactID = Processed, "", "", "", ""
	if it.Cursor != nil {
		if err := advanceTx(tx, it.ch.ID, *it.Cursor); err != nil {
			return connectors.Accepted{}, err
		}
	}
	if known := s.seen[it.key()]; known != nil && !it.replay {
		return *known, nil
	}
	if err := b.dispatchTx(tx, s, it); err != nil {
		return connectors.Accepted{}, err
	}
	out := connectors.Accepted{MessageID: j.MessageID, ConversationID: j.ConversationID, ContactID: j.ContactID}
	if it.replay {
		return out, tx.Model(&Journal{}).Where("id = ?", j.ID).UpdateColumns(map[string]any{"state": j.State, "reason": j.Reason, "message_id": j.MessageID,
			"conversation_id": j.ConversationID, "contact_id": j.ContactID}).Error
	}
	s.seen[it.key()] = &connectors.Accepted{MessageID: out.MessageID, ConversationID: out.ConversationID, ContactID: out.ContactID, Duplicate: true}
	return out, db.StoreTx(tx, j)
}

// dispatchTx does what this item asks for.
func (b *Inbox) dispatchTx(tx *gorm.DB, s *sight, it *item) error {
	switch {
	case it.Repeat:
		it.journal.State, it.journal.Reason = Duplicate, "the same bytes as an item that is here under another key"
		it.journal.Raw, it.journal.RawBlob, it.journal.RawHash = nil, "", ""
		return nil
	case it.Quarantine != "":
		it.journal.State, it.journal.Reason = Quarantined, sanitize.Preview(it.Quarantine, 500)
		return nil
	case it.Reject != "":
		it.journal.State, it.journal.Reason = Rejected, sanitize.Preview(it.Reject, 500)
		return nil
	case it.Ignore != "":
		it.journal.Reason = sanitize.Preview(it.Ignore, 500)
		return nil
	case it.Call != nil:
		return b.acceptCallTx(tx, s, it)
	case it.Edit != nil:
		return b.acceptEditTx(tx, s, it)
	case it.Auto == connectors.AutoBounce, it.Auto == connectors.AutoReceipt, it.Auto == connectors.AutoComplaint, it.Auto == connectors.AutoLoop:
		return b.acceptReportTx(tx, it)
	case it.Outgoing:
		return b.acceptOutgoingTx(tx, it)
	}
	return b.acceptMessageTx(tx, s, it)
}

// acceptMessageTx is the ordinary case: a person wrote something.
func (b *Inbox) acceptMessageTx(tx *gorm.DB, s *sight, it *item) error {
	who, conv, fresh, err := b.placeTx(tx, s, it)
	if err != nil {
		return err
	}
	before := conv.snapshot()
	m := b.inboundMessage(it, conv, who.Contact)
	conv.received(m, it)
	if fresh {
		return b.beginTx(tx, s, it, who, conv, m)
	}
	return b.joinTx(tx, s, it, who, conv, before, m)
}

// joinTx adds a message to a conversation that was there before.
func (b *Inbox) joinTx(tx *gorm.DB, s *sight, it *item, who crm.Resolved, conv *Conversation, before snapshot, m *Message) error {
	if who.Changed {
		if err := b.tellContactTx(tx, who, conv); err != nil {
			return err
		}
	}
	if err := b.leadTx(tx, s, it, who, conv); err != nil {
		return err
	}
	if err := b.createMessageTx(tx, conv, m); err != nil {
		return err
	}
	if err := b.saveTx(tx, conv, before); err != nil {
		return err
	}
	return b.fetchPartsTx(tx, it, m)
}

// beginTx stores a conversation together with its first message, and tells of them in the order in which a reader needs them.
func (b *Inbox) beginTx(tx *gorm.DB, s *sight, it *item, who crm.Resolved, conv *Conversation, m *Message) error {
	if who.Changed {
		if err := b.tellContactTx(tx, who, conv); err != nil {
			return err
		}
	}
	if err := db.StoreTx(tx, conv); err != nil {
		return fmt.Errorf("open conversation: %w", err)
	}
	err := eventlog.AppendTx(tx, eventlog.Event{Type: "conversation.created", Subject: conv.ID, Conversation: conv.ID, Actor: it.actor, Audience: conv.Audience(),
		Data: late(func() any { return conv.View() })})
	if err != nil {
		return err
	}
	if err := b.leadTx(tx, s, it, who, conv); err != nil {
		return err
	}
	if err := b.createMessageTx(tx, conv, m); err != nil {
		return err
	}
	return b.fetchPartsTx(tx, it, m)
}

// placeTx finds the sender and the conversation. fresh says that the conversation is new and not stored yet.
func (b *Inbox) placeTx(tx *gorm.DB, s *sight, it *item) (who crm.Resolved, conv *Conversation, fresh bool, err error) {
	if err := b.recogniseTx(tx, s, it); err != nil {
		return who, nil, false, err
	}
	who, err = s.people.ResolveTx(tx, it.who())
	if err != nil {
		return who, nil, false, fmt.Errorf("resolve sender: %w", err)
	}
	it.actor = eventlog.Actor{Type: "contact", ID: who.Contact.ID, Name: who.Contact.Name}
	conv, fresh, err = b.threadTx(tx, s, it, who)
	if err != nil {
		return who, nil, false, fmt.Errorf("thread: %w", err)
	}
	it.journal.ConversationID, it.journal.ContactID = conv.ID, who.Contact.ID
	return who, conv, fresh, nil
}

// recogniseTx lets an answer speak for its sender: whoever answers a mail of ours from the very address that we wrote to is the person we wrote
// to, also where nobody was known by that address on this channel yet (a form's visitor who is answered by mail).
func (b *Inbox) recogniseTx(tx *gorm.DB, s *sight, it *item) error {
	from := it.from()
	if from.Kind != connectors.KindEmail || len(it.Thread.ReplyTo) == 0 {
		return nil
	}
	if err := db.FlushTx(tx); err != nil {
		return err
	}
	var ours []Message
	err := tx.Select("conversation_id", "headers").Where("channel_id = ? AND provider_id IN ? AND direction = ?", it.ch.ID, it.Thread.ReplyTo[:min(50, len(it.Thread.ReplyTo))], DirOutbound).
		Order("n DESC").Limit(10).Find(&ours).Error
	if err != nil {
		return fmt.Errorf("what the mail answers: %w", err)
	}
	for _, m := range ours {
		if m.Headers["to"] != from.Value || m.Headers[forwarded] == true {
			continue
		}
		c, err := oneTx(tx.Where("id = ?", m.ConversationID))
		if err != nil || c == nil {
			return err
		}
		return s.people.BelongsTx(tx, c.ContactID, it.who())
	}
	return nil
}

func (b *Inbox) inboundMessage(it *item, conv *Conversation, from *crm.Contact) *Message {
	m := &Message{
		ID: ids.New(), ConversationID: conv.ID, ContactID: from.ID, ChannelID: it.ch.ID, Direction: DirInbound, Kind: it.Kind, Subject: it.Subject,
		BodyText: it.Text, BodyHTML: it.HTML, BodyVisible: it.Visible, Headers: headersOf(it), AuthorType: "contact", AuthorID: from.ID, AuthorName: from.Name, Status: Received,
		ProviderID: it.ProviderID, Auto: string(it.Auto), CreatedAt: it.shownAt(), UpdatedAt: it.now.UnixMilli(),
	}
	if m.Kind == "" {
		m.Kind = connectors.KindText
	}
	for i := range it.parts {
		it.parts[i].MessageID = m.ID
	}
	m.Parts = it.parts
	it.journal.MessageID = m.ID
	return m
}

// received is what an inbound message does to its conversation.
func (c *Conversation) received(m *Message, it *item) {
	if m.CreatedAt >= c.LastAt {
		c.headOf(m, previewOf(m))
	}
	if it.Muted {
		return
	}
	c.UnreadCount++
	if m.Auto != "" {
		return // nobody waits for an answer to it, and it wakes nothing up
	}
	c.Status, c.SnoozedUntil = Open, 0
	if c.WaitingSince == 0 {
		c.WaitingSince = m.CreatedAt
	}
	if peer := it.peer(); peer.Value != "" && m.ContactID == c.ContactID && m.ChannelID == c.ChannelID { // a participant's word does not turn the answers to them
		c.PeerKind, c.Peer = peer.Kind, peer.Value
	}
}

// leadTx opens a lead card where the channel's rule says so, and hangs it on the conversation.
func (b *Inbox) leadTx(tx *gorm.DB, s *sight, it *item, who crm.Resolved, conv *Conversation) error {
	rule := it.rules.Lead
	wanted := rule.Create == "new_contact" && who.Created || rule.Create == "always" && conv.LeadID == ""
	guest := conv.ContactID != who.Contact.ID // somebody who was written to in another's conversation
	if !wanted || guest || it.Auto != connectors.AutoNone || it.Muted || len(it.Sender.Claims) == 0 {
		return nil
	}
	source := map[string]any{"channel_type": it.ch.Type, "channel_id": it.ch.ID, "utm": it.Source.UTM}
	if it.Source.UTM == nil {
		source["utm"] = map[string]string{}
	}
	if it.Source.URL != "" {
		source["url"] = sanitize.Preview(it.Source.URL, 1000)
	}
	if it.Source.Referrer != "" {
		source["referrer"] = sanitize.Preview(it.Source.Referrer, 1000)
	}
	l, err := s.people.OpenLeadTx(tx, crm.NewLead{Title: who.Contact.Name, PipelineID: rule.PipelineID, OwnerID: rule.Owner, ContactID: who.Contact.ID, ConversationID: conv.ID,
		Source: source, Audience: conv.Audience(), At: it.now})
	if err != nil {
		return err
	}
	conv.LeadID = l.ID
	return nil
}

func (b *Inbox) tellContactTx(tx *gorm.DB, who crm.Resolved, conv *Conversation) error {
	if who.Created {
		return crm.AnnounceTx(tx, "contact.created", who.Contact, conv.Audience(), nil)
	}
	audience, err := AudienceOfContactTx(tx, who.Contact)
	if err != nil {
		return err
	}
	return crm.AnnounceTx(tx, "contact.updated", who.Contact, audience, nil)
}

// AudienceOfContactTx is who may see a contact: its owner and whoever may see one of its conversations; everybody where it has none.
func AudienceOfContactTx(tx *gorm.DB, c *crm.Contact) (eventlog.Audience, error) {
	var rows []struct{ AssigneeID, TeamID string }
	if err := db.FlushTx(tx); err != nil {
		return eventlog.Audience{}, err
	}
	if err := tx.Raw("SELECT DISTINCT assignee_id, team_id FROM conversations WHERE contact_id = ? LIMIT 100", c.ID).Scan(&rows).Error; err != nil {
		return eventlog.Audience{}, err
	}
	a := eventlog.Audience{Open: len(rows) == 0 && c.OwnerID == ""}
	if c.OwnerID != "" {
		a.Users = append(a.Users, c.OwnerID)
	}
	for _, r := range rows {
		x := audienceOf(r.AssigneeID, r.TeamID)
		a.Open = a.Open || x.Open
		a.Users, a.Teams = append(a.Users, x.Users...), append(a.Teams, x.Teams...)
	}
	return a, nil
}

func advanceTx(tx *gorm.DB, channelID string, c connectors.Cursor) error {
	err := tx.Exec("INSERT INTO channel_cursors (channel_id, name, value) VALUES (?, ?, ?) ON CONFLICT (channel_id, name) DO UPDATE SET value = excluded.value", channelID, c.Name, c.Value).Error
	if err != nil {
		return fmt.Errorf("move cursor %s: %w", c.Name, err)
	}
	return nil
}

func (b *Inbox) advance(ctx context.Context, channelID string, c connectors.Cursor) error {
	return b.db.Tx(ctx, func(tx *gorm.DB) error { return advanceTx(tx, channelID, c) })
}
