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
	"parley/internal/page"

	"gorm.io/gorm"
)

// JournalView is a raw item as the API shows it: what it is, not what it says.
type JournalView struct {
	ID             string    `json:"id"`
	ChannelID      string    `json:"channel_id"`
	State          string    `json:"state" enum:"processed,duplicate,quarantined,rejected"`
	Reason         string    `json:"reason"`
	RawType        string    `json:"raw_type"`
	MessageID      *string   `json:"message_id"`
	ConversationID *string   `json:"conversation_id"`
	ReceivedAt     time.Time `json:"received_at"`
}

func (j *Journal) view() JournalView {
	return JournalView{j.ID, j.ChannelID, j.State, j.Reason, j.RawType, db.OrNull(j.MessageID), db.OrNull(j.ConversationID), db.Time(j.ReceivedAt)}
}

// Journal lists every raw item received, newest first.
func (b *Inbox) Journal(ctx context.Context, state, channelID string, ask page.Ask) (page.Of[JournalView], error) {
	q := b.db.Read(ctx).Model(&Journal{}).Omit("raw")
	if state != "" {
		q = q.Where("state = ?", state)
	}
	if channelID != "" {
		q = q.Where("channel_id = ?", channelID)
	}
	q, err := ask.Apply(q, "received_at", "id", true)
	if err != nil {
		return page.Of[JournalView]{}, err
	}
	var rows []*Journal
	if err := q.Find(&rows).Error; err != nil {
		return page.Of[JournalView]{}, fmt.Errorf("list journal: %w", err)
	}
	return page.Cut(ask, rows, func(j *Journal) page.Key { return page.Key{At: j.ReceivedAt, ID: j.ID} }, (*Journal).view), nil
}

func (b *Inbox) journalRow(ctx context.Context, id string) (*Journal, error) {
	j := &Journal{}
	if err := b.db.Read(ctx).Where("id = ?", id).Take(j).Error; err != nil {
		return nil, notFound(err, "item")
	}
	return j, nil
}

// Raw is an item as it came over the wire. The caller closes it.
func (b *Inbox) Raw(ctx context.Context, j *Journal) ([]byte, error) {
	if j.RawBlob == "" {
		return j.Raw, nil
	}
	r, err := b.blobs.Open(ctx, j.RawBlob, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// Replay reads a quarantined or rejected item again, as today's version of its connector understands it. It has its effect once: an item
// that is processed can't be replayed (fault.Conflict).
func (b *Inbox) Replay(ctx context.Context, id string) (JournalView, error) {
	j, err := b.journalRow(ctx, id)
	if err != nil {
		return JournalView{}, err
	}
	if j.State != Quarantined && j.State != Rejected {
		return JournalView{}, fault.Conflict("the item is %s already", j.State)
	}
	in, err := b.reread(ctx, j)
	if err != nil {
		return JournalView{}, err
	}
	ch, err := b.Channel(ctx, j.ChannelID)
	if err != nil {
		return JournalView{}, err
	}
	in.Key, in.Raw, in.RawType, in.Cursor = j.ItemKey, nil, j.RawType, nil
	if j.State == Rejected {
		in.Reject = "" // somebody looked at it and wants it in
	}
	it := b.prepare(ch, in)
	it.replay, it.journal = true, *j
	it.journal.State, it.journal.Reason = Processed, ""
	if err := b.putBlobs(ctx, it); err != nil {
		return JournalView{}, err
	}
	_, err = b.batch.do(it, func(tx *gorm.DB, s *sight, it *item) (connectors.Accepted, error) {
		var now Journal
		if err := forUpdate(tx).Select("state").Where("id = ?", id).Take(&now).Error; err != nil {
			return connectors.Accepted{}, err
		}
		if now.State != j.State {
			return connectors.Accepted{}, fault.Conflict("the item is %s already", now.State)
		}
		return b.acceptTx(tx, s, it)
	})
	if err != nil {
		return JournalView{}, err
	}
	return it.journal.view(), nil
}

func (b *Inbox) reread(ctx context.Context, j *Journal) (connectors.Inbound, error) {
	conn, err := b.live.Connector(j.ChannelID)
	if err != nil {
		return connectors.Inbound{}, err
	}
	r, ok := conn.(connectors.Replayer)
	if !ok {
		return connectors.Inbound{}, fault.Conflict("items of this channel can't be replayed")
	}
	raw, err := b.Raw(ctx, j)
	if err != nil {
		return connectors.Inbound{}, err
	}
	in, err := r.Replay(raw, j.RawType, j.ItemKey)
	if err != nil {
		return connectors.Inbound{}, fault.Conflict("the item still can't be read: %v", err)
	}
	if in.Quarantine != "" {
		return connectors.Inbound{}, fault.Conflict("the item still can't be read: %s", in.Quarantine)
	}
	return in, nil
}

// Discard marks a quarantined item as rejected: somebody looked at it and it is nothing. Its raw bytes stay.
func (b *Inbox) Discard(ctx context.Context, id string) (JournalView, error) {
	j, err := b.journalRow(ctx, id)
	if err != nil {
		return JournalView{}, err
	}
	err = b.db.Tx(ctx, func(tx *gorm.DB) error {
		res := tx.Model(&Journal{}).Where("id = ? AND state = ?", id, Quarantined).UpdateColumns(map[string]any{"state": Rejected, "reason": "discarded: " + j.Reason})
		if res.Error == nil && res.RowsAffected == 0 {
			return fault.Conflict("only a quarantined item can be discarded; this one is %s", j.State)
		}
		return res.Error
	})
	if err != nil {
		return JournalView{}, err
	}
	j.State, j.Reason = Rejected, "discarded: "+j.Reason
	return j.view(), nil
}

// JournalCounts is how many items there are in each state.
func (b *Inbox) JournalCounts(ctx context.Context) (map[string]int64, error) {
	var rows []struct {
		State string
		N     int64
	}
	if err := b.db.Read(ctx).Raw("SELECT state, COUNT(*) AS n FROM journal WHERE state <> 'processed' GROUP BY state").Scan(&rows).Error; err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, r := range rows {
		out[r.State] = r.N
	}
	return out, nil
}

// Visitor is what a website visitor may see of their own conversation: the messages of both sides, oldest first, at most 200, and the position
// in the event log from which what comes later must be read. There may be none yet.
func (b *Inbox) Visitor(ctx context.Context, channelID, visitorID string) (conversationID string, messages []MessageView, seq int64, err error) {
	if seq, err = b.log.Head(ctx); err != nil { // first: what is written from here on is read from the log
		return "", nil, 0, err
	}
	c := &Conversation{}
	err = b.db.Read(ctx).Where("channel_id = ? AND thread_key = ?", channelID, visitorID).Take(c).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil, seq, nil
	}
	if err != nil {
		return "", nil, 0, err
	}
	var rows []*Message
	err = b.db.Read(ctx).Where("conversation_id = ? AND direction IN ? AND deleted_at = 0 AND status IN ?", c.ID, []string{DirInbound, DirOutbound}, []string{Received, Sent, Delivered, Read}).
		Order("created_at DESC, n DESC").Limit(200).Find(&rows).Error
	if err != nil {
		return "", nil, 0, err
	}
	if err := loadParts(b.db.Read(ctx), rows); err != nil {
		return "", nil, 0, err
	}
	for i := len(rows) - 1; i >= 0; i-- {
		messages = append(messages, b.messageView(rows[i]))
	}
	return c.ID, messages, seq, nil
}
