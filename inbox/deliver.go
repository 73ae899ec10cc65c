package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/connectors"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/jobs"

	"gorm.io/gorm"
)

const (
	jobDeliver = "deliver"
	jobFind    = "find"

	deliverTimeout = 60 * time.Second // a connector has its own, shorter one; mails with attachments take a while
)

type deliverJob struct {
	MessageID string `json:"message_id"`
}

// deliver hands one message to its channel. Whatever may have reached the provider is never repeated by itself: a process that died
// in the middle leaves "sending", and whoever finds that makes it "unknown".
func (b *Inbox) deliver(ctx context.Context, j jobs.Job) error {
	var p deliverJob
	if err := j.Into(&p); err != nil {
		return err
	}
	m, c, err := b.takeForSending(ctx, p.MessageID)
	if err != nil || m == nil {
		return err
	}
	conn, err := b.live.Connector(m.ChannelID)
	if err != nil {
		return b.settle(ctx, m, func(tx *gorm.DB, c *Conversation, m *Message) error { return b.setStatusTx(tx, c, m, Queued, "") }, jobs.Later(err, 2*time.Second))
	}
	out, err := b.outbound(ctx, c, m)
	if err != nil { // nothing has left
		back := b.settle(ctx, m, func(tx *gorm.DB, c *Conversation, m *Message) error {
			return b.setStatusTx(tx, c, m, Queued, err.Error())
		}, err)
		return back
	}
	sending, cancel := context.WithTimeout(ctx, deliverTimeout)
	defer cancel()
	r, err := conn.Send(sending, out)
	return b.outcome(ctx, m, j, r, err)
}

// takeForSending moves a queued message to "sending". It answers nil when there is nothing to send (any more).
func (b *Inbox) takeForSending(ctx context.Context, id string) (*Message, *Conversation, error) {
	var m *Message
	var c *Conversation
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		var err error
		if c, m, err = lockMessageTx(tx, id); err != nil {
			return err
		}
		switch m.Status {
		case Queued:
			m.Attempt++
			return b.setStatusTx(tx, c, m, Sending, "")
		case Sending:
			err = b.doubtTx(tx, c, m, "Parley was stopped while it was being sent")
		}
		m = nil
		return err
	})
	if fault.Is(err, fault.KindNotFound) {
		return nil, nil, nil
	}
	return m, c, err
}

// doubtTx makes a message unknown and has its provider asked where that can be done.
func (b *Inbox) doubtTx(tx *gorm.DB, c *Conversation, m *Message, why string) error {
	if err := b.setStatusTx(tx, c, m, Unknown, why); err != nil {
		return err
	}
	return enqueueFindTx(tx, m.ID, m.ChannelID, b.now())
}

func lockMessageTx(tx *gorm.DB, id string) (*Conversation, *Message, error) {
	m := &Message{}
	if err := db.FlushTx(tx); err != nil { // it may be of this transaction
		return nil, nil, err
	}
	if err := tx.Select("conversation_id").Where("id = ?", id).Take(m).Error; err != nil {
		return nil, nil, notFound(err, "message")
	}
	c, err := lockTx(tx.Where("id = ?", m.ConversationID)) // the conversation first, as everywhere
	if err != nil {
		return nil, nil, notFound(err, "conversation")
	}
	m = &Message{}
	if err := forUpdate(tx).Where("id = ?", id).Take(m).Error; err != nil {
		return nil, nil, notFound(err, "message")
	}
	return c, m, nil
}

// outcome writes what Send said.
func (b *Inbox) outcome(ctx context.Context, m *Message, j jobs.Job, r connectors.Receipt, sent error) error {
	after, again := connectors.IsRetry(sent)
	again = again || repeatsBlindly && sent != nil && !connectors.IsPermanent(sent)
	var retry error
	if again {
		if after == 0 {
			after = jobs.Backoff(j.Attempt)
		}
		retry = jobs.Later(sent, after)
	}
	return b.settle(ctx, m, func(tx *gorm.DB, c *Conversation, m *Message) error {
		switch {
		case sent == nil:
			if r.ProviderID != "" {
				m.ProviderID = r.ProviderID
			}
			if r.Delivered {
				return b.setStatusTx(tx, c, m, Delivered, "")
			}
			return b.setStatusTx(tx, c, m, Sent, "")
		case again:
			return b.setStatusTx(tx, c, m, Queued, sent.Error())
		case connectors.IsPermanent(sent):
			return b.setStatusTx(tx, c, m, FailedMsg, sent.Error())
		}
		return b.doubtTx(tx, c, m, "the provider gave no clear answer: "+sent.Error())
	}, retry)
}

// settle writes the end of an attempt, as long as the message is still being sent: a callback may have been faster and knows better.
// It writes even when ctx has ended. The answer is next, or the failure to write.
func (b *Inbox) settle(ctx context.Context, m *Message, write func(*gorm.DB, *Conversation, *Message) error, next error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		c, now, err := lockMessageTx(tx, m.ID)
		if err != nil {
			return err
		}
		if now.Status != Sending {
			next = nil
			return nil
		}
		return write(tx, c, now)
	})
	if err != nil {
		return fmt.Errorf("outcome of message %s: %w", m.ID, err)
	}
	return next
}

// outbound is a message as its connector gets it.
func (b *Inbox) outbound(ctx context.Context, c *Conversation, m *Message) (connectors.Outbound, error) {
	q := b.db.Read(ctx)
	out := connectors.Outbound{
		MessageID: m.ID, ConversationID: c.ID, Attempt: m.Attempt, ToName: c.PeerName, ReplyToken: c.ReplyToken, Subject: m.Subject, Text: m.BodyText, HTML: m.BodyHTML,
		AuthorName: m.AuthorName, ProviderID: m.ProviderID, CreatedAt: time.UnixMilli(m.CreatedAt).UTC(),
	}
	out.To, _ = m.Headers["to"].(string)
	out.Cc, out.Bcc = texts(m.Headers["cc"]), texts(m.Headers["bcc"])
	if m.ChannelID == c.ChannelID {
		out.ThreadKey = c.ThreadKey
	}
	var thread []Message
	err := q.Select("id", "provider_id", "direction").Where("conversation_id = ? AND channel_id = ? AND provider_id <> '' AND id <> ?", c.ID, m.ChannelID, m.ID).Order("created_at DESC, n DESC").Limit(20).Find(&thread).Error
	if err != nil {
		return out, err
	}
	for i := len(thread) - 1; i >= 0; i-- {
		out.References = append(out.References, thread[i].ProviderID)
	}
	out.ReplyTo = answered(thread, m)
	if m.Attachments > 0 {
		if err := loadParts(q, []*Message{m}); err != nil {
			return out, err
		}
		for _, a := range m.Parts {
			out.Parts = append(out.Parts, connectors.OutAttachment{Name: a.Name, MIME: a.MimeType, Size: a.Size, CID: a.Cid,
				Open: func(ctx context.Context) (io.ReadCloser, error) { return b.blobs.Open(ctx, a.BlobKey, 0, -1) },
				URL:  func(time.Duration) string { return b.publicURL + b.Link("attachments", a.ID) }})
		}
	}
	return out, nil
}

// texts is a list of a JSON object as strings.
func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// answered is the provider id of the message that m answers: the one named, else nothing for a chat and the newest inbound one for mail.
func answered(newestFirst []Message, m *Message) string {
	for _, t := range newestFirst {
		if m.ReplyTo != "" && t.ID == m.ReplyTo || m.ReplyTo == "" && m.Kind == connectors.KindMail && t.Direction == DirInbound {
			return t.ProviderID
		}
	}
	return ""
}

// deliveryBuried: after a day of refusals the message is shown as failed.
func (b *Inbox) deliveryBuried(ctx context.Context, j jobs.Job, why error) {
	var p deliverJob
	if j.Into(&p) != nil {
		return
	}
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		c, m, err := lockMessageTx(tx, p.MessageID)
		if err != nil {
			return err
		}
		switch m.Status {
		case Sending:
			return b.doubtTx(tx, c, m, "sending broke off: "+why.Error())
		case Queued:
			return b.setStatusTx(tx, c, m, FailedMsg, "given up after many tries: "+why.Error())
		}
		return nil
	})
	logError(ctx, "a message that was given up could not be marked", err, "message", p.MessageID)
}

// find asks the provider what became of a message whose outcome is unknown.
func (b *Inbox) find(ctx context.Context, j jobs.Job) error {
	var p deliverJob
	if err := j.Into(&p); err != nil {
		return err
	}
	var m Message
	err := b.db.Read(ctx).Where("id = ?", p.MessageID).Take(&m).Error
	if errors.Is(err, gorm.ErrRecordNotFound) || err == nil && m.Status != Unknown {
		return nil
	}
	if err != nil {
		return err
	}
	conn, err := b.live.Connector(m.ChannelID)
	if err != nil {
		return jobs.Later(err, 10*time.Second)
	}
	f, can := conn.(connectors.Finder)
	if !can {
		return nil
	}
	var c Conversation
	if err := b.db.Read(ctx).Where("id = ?", m.ConversationID).Take(&c).Error; err != nil {
		return err
	}
	out, err := b.outbound(ctx, &c, &m)
	if err != nil {
		return err
	}
	r, found, err := f.Find(ctx, out)
	if err == nil && found {
		found, err = b.unclaimed(ctx, &m, r.ProviderID)
	}
	switch {
	case err != nil && j.Attempt >= 6:
		return nil // it stays unknown; the agent is told and can decide
	case err != nil:
		return jobs.Later(err, time.Duration(j.Attempt)*30*time.Second)
	case !found && j.Attempt < 3:
		return jobs.Later(errors.New("the provider does not list it yet"), time.Duration(j.Attempt)*20*time.Second)
	}
	state, reason := connectors.DeliverySent, ""
	if !found {
		r, state, reason = connectors.Receipt{}, connectors.DeliveryFailed, "the provider never got it"
	}
	return b.Delivered(ctx, m.ChannelID, connectors.Delivery{MessageID: m.ID, ProviderID: r.ProviderID, State: state, Reason: reason})
}

// unclaimed tells whether what a provider found can be m: a customer who is told the same words twice has two messages, and one of them
// may have gone out under this id.
func (b *Inbox) unclaimed(ctx context.Context, m *Message, providerID string) (bool, error) {
	var n int64
	err := b.db.Read(ctx).Model(&Message{}).Where("channel_id = ? AND provider_id = ? AND provider_id <> '' AND id <> ?", m.ChannelID, providerID, m.ID).Count(&n).Error
	return n == 0, err
}
