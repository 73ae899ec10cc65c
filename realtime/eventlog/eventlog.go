// Package eventlog is the durable log of every visible change. Sockets, the change feed and outgoing webhooks read it;
// nothing that people see changes without an entry.
//
// An entry gets its position (seq) inside the transaction that makes the change, as the transaction's last act: the
// row event_head is locked from then until the commit. So positions appear in the order of commits, without a gap, and a reader that
// asks for "after N" can never overtake a slower writer (docs/decisions/0010).
package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/ids"

	"gorm.io/gorm"
)

// Actor is who caused a change.
type Actor struct {
	Type string `json:"type"` // "user", "contact", "automation", "system"
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// System is the actor where nobody is named.
var System = Actor{Type: "system"}

// Audience says who may see an entry: those who see everything (managers and above) always do, unless it is private.
type Audience struct {
	Open    bool     `json:"open,omitempty"`    // everybody
	Users   []string `json:"users,omitempty"`   // these
	Teams   []string `json:"teams,omitempty"`   // members of these
	Private bool     `json:"private,omitempty"` // only Users, whatever the others may see
}

// Viewer is a reader of the log with the rights of this moment.
type Viewer struct {
	UserID string
	Teams  []string
	All    bool // sees every conversation
}

// Sees tells whether v is in the audience.
func (a Audience) Sees(v Viewer) bool {
	switch {
	case slices.Contains(a.Users, v.UserID) && v.UserID != "":
		return true
	case a.Private:
		return false
	case v.All || a.Open:
		return true
	}
	return slices.ContainsFunc(a.Teams, func(t string) bool { return slices.Contains(v.Teams, t) })
}

// Change is one field's old and new value.
type Change struct {
	From any `json:"from"`
	To   any `json:"to"`
}

// Event is a change to be told.
type Event struct {
	Type         string
	Subject      string // id of the resource it is about
	Conversation string // "" when it belongs to none
	// Data is the resource as GET shows it. It is encoded when the transaction ends, so it may be completed until then.
	Data     any
	Changes  map[string]Change
	Actor    Actor // zero: the context's
	Audience Audience
	Before   *Audience // who could see it until this change, when that differs
	// Stamp, if set, is called with the event's position before Data is encoded.
	Stamp func(tx *gorm.DB, seq int64) error
}

// Late is event data that is read when the transaction ends.
type Late func() any

// Log writes and reads.
type Log struct {
	db    *db.DB
	now   clock.Clock
	epoch string

	mu   sync.Mutex
	wake []func()
}

// Open readies the log; the first one on a fresh database makes the installation's epoch.
func Open(ctx context.Context, d *db.DB, now clock.Clock) (*Log, error) {
	l := &Log{db: d, now: now}
	err := d.Write(ctx).Exec("INSERT INTO installation (id, epoch, created_at) VALUES (1, ?, ?) ON CONFLICT DO NOTHING", ids.New(), now().UnixMilli()).Error
	if err != nil {
		return nil, fmt.Errorf("installation: %w", err)
	}
	if err := d.Read(ctx).Raw("SELECT epoch FROM installation WHERE id = 1").Scan(&l.epoch).Error; err != nil {
		return nil, fmt.Errorf("installation: %w", err)
	}
	return l, nil
}

// Epoch names the history that positions belong to. A restore begins a new one.
func (l *Log) Epoch() string { return l.epoch }

// OnCommit registers what is called after each commit that wrote entries. It must not block.
func (l *Log) OnCommit(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake = append(l.wake, f)
}

type recorder struct {
	events []Event
	after  []func()
}

type recorderKey struct{}
type actorKey struct{}

// WithActor names who causes what happens under ctx.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf is the context's actor, System when none was named.
func ActorOf(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return System
}

// Transaction runs f in one transaction. What f gave to db.StoreTx and AppendTx is written as its last act. After the commit readers are woken.
func (l *Log) Transaction(ctx context.Context, f func(tx *gorm.DB) error) error {
	var rec *recorder
	err := l.db.Tx(context.WithValue(ctx, recorderKey{}, &recorder{}), func(tx *gorm.DB) error {
		rec = tx.Statement.Context.Value(recorderKey{}).(*recorder)
		*rec = recorder{} // a second try begins anew
		if err := f(tx); err != nil {
			return err
		}
		return l.writeTx(tx, rec.events)
	})
	if err != nil {
		return err
	}
	for _, f := range rec.after {
		f()
	}
	if len(rec.events) > 0 {
		l.notify()
	}
	return nil
}

func (l *Log) notify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.wake {
		f()
	}
}

// ErrNoTransaction is given to whoever appends outside of Log.Transaction.
var ErrNoTransaction = errors.New("eventlog: not inside Log.Transaction")

func recorderOf(tx *gorm.DB) *recorder {
	rec, _ := tx.Statement.Context.Value(recorderKey{}).(*recorder)
	return rec
}

// AppendTx collects e for the end of the transaction. A second "….updated" of the same resource in one transaction takes the
// first one's place: its changes run from the first old value to the last new one.
func AppendTx(tx *gorm.DB, e Event) error {
	rec := recorderOf(tx)
	if rec == nil {
		return ErrNoTransaction
	}
	if e.Actor == (Actor{}) {
		e.Actor = ActorOf(tx.Statement.Context)
	}
	for i := range rec.events {
		if old := &rec.events[i]; old.Type == e.Type && old.Subject == e.Subject && isUpdate(e.Type) {
			e.Changes = merge(old.Changes, e.Changes)
			if old.Before != nil {
				e.Before = old.Before
			}
			rec.events = append(slices.Delete(rec.events, i, i+1), e)
			return nil
		}
	}
	rec.events = append(rec.events, e)
	return nil
}

func isUpdate(typ string) bool {
	const s = ".updated"
	return len(typ) > len(s) && typ[len(typ)-len(s):] == s && typ != "message.updated"
}

func merge(first, then map[string]Change) map[string]Change {
	if len(first) == 0 {
		return then
	}
	out := map[string]Change{}
	for k, c := range first {
		out[k] = c
	}
	for k, c := range then {
		if old, ok := out[k]; ok {
			c.From = old.From
		}
		out[k] = c
	}
	return out
}

// AfterCommitTx calls f once the transaction has committed. f must not block.
func AfterCommitTx(tx *gorm.DB, f func()) error {
	rec := recorderOf(tx)
	if rec == nil {
		return ErrNoTransaction
	}
	rec.after = append(rec.after, f)
	return nil
}

type frame struct {
	Seq          int64             `json:"seq"`
	ID           string            `json:"id"`
	Type         string            `json:"type"`
	At           time.Time         `json:"at"`
	Actor        Actor             `json:"actor"`
	Conversation string            `json:"conversation_id,omitempty"`
	Data         any               `json:"data"`
	Changes      map[string]Change `json:"changes,omitempty"`
}

// row is an entry as the table holds it.
type row struct {
	Seq            int64
	ID             string
	Type           string
	At             int64
	ConversationID string
	Audience       string
	Before         string
	Frame          string
}

func (row) TableName() string { return "events" }

func (l *Log) writeTx(tx *gorm.DB, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	var head int64
	if err := tx.Raw("UPDATE event_head SET seq = seq + ? WHERE id = 1 RETURNING seq", len(events)).Scan(&head).Error; err != nil {
		return fmt.Errorf("position in the event log: %w", err)
	}
	first := head - int64(len(events)) + 1
	for i, e := range events {
		if e.Stamp != nil {
			if err := e.Stamp(tx, first+int64(i)); err != nil {
				return fmt.Errorf("stamp %s: %w", e.Type, err)
			}
		}
	}
	if err := db.FlushTx(tx); err != nil { // after the stamps, before what it numbers is encoded
		return err
	}
	now := l.now()
	rows := make([]row, len(events))
	for i, e := range events {
		r, err := e.row(first+int64(i), now)
		if err != nil {
			return fmt.Errorf("encode %s: %w", e.Type, err)
		}
		rows[i] = r
	}
	if err := tx.CreateInBatches(rows, 500).Error; err != nil {
		return fmt.Errorf("append to the event log: %w", err)
	}
	return nil
}

func (e Event) row(seq int64, now time.Time) (row, error) {
	r := row{Seq: seq, ID: ids.New(), Type: e.Type, At: now.UnixMilli(), ConversationID: e.Conversation}
	if late, ok := e.Data.(Late); ok {
		e.Data = late()
	}
	b, err := json.Marshal(frame{seq, r.ID, e.Type, now.UTC().Truncate(time.Millisecond), e.Actor, e.Conversation, e.Data, e.Changes})
	if err != nil {
		return r, err
	}
	r.Frame = string(b)
	if b, err = json.Marshal(e.Audience); err != nil {
		return r, err
	}
	r.Audience = string(b)
	if e.Before != nil {
		if b, err = json.Marshal(e.Before); err != nil {
			return r, err
		}
		r.Before = string(b)
	}
	return r, nil
}

// Entry is one entry as readers get it.
type Entry struct {
	Seq          int64
	ID, Type     string
	At           time.Time
	Conversation string
	Audience     Audience
	Before       *Audience
	Frame        []byte // encoded once; do not change
}

// For is the frame that v gets, ok false when it is not for v. Whom the conversation has just left gets its id only.
func (e Entry) For(v Viewer) (frame []byte, ok bool) {
	if e.Audience.Sees(v) {
		return e.Frame, true
	}
	if e.Before != nil && e.Before.Sees(v) && e.Conversation != "" {
		return fmt.Appendf(nil, `{"seq":%d,"id":%q,"type":"conversation.removed","at":%q,"actor":{"type":"system"},"data":{"id":%q}}`,
			e.Seq, e.ID, e.At.Format(time.RFC3339Nano), e.Conversation), true
	}
	return nil, false
}

// After is up to limit entries whose position is above seq, in order.
func (l *Log) After(ctx context.Context, seq int64, limit int) ([]Entry, error) {
	var rows []row
	if err := l.db.Read(ctx).Where("seq > ?", seq).Order("seq").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the event log: %w", err)
	}
	out := make([]Entry, len(rows))
	for i, r := range rows {
		e, err := r.entry()
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", r.Seq, err)
		}
		out[i] = e
	}
	return out, nil
}

func (r row) entry() (Entry, error) {
	e := Entry{Seq: r.Seq, ID: r.ID, Type: r.Type, At: time.UnixMilli(r.At).UTC(), Conversation: r.ConversationID, Frame: []byte(r.Frame)}
	if err := json.Unmarshal([]byte(r.Audience), &e.Audience); err != nil {
		return e, err
	}
	if r.Before != "" {
		e.Before = &Audience{}
		return e, json.Unmarshal([]byte(r.Before), e.Before)
	}
	return e, nil
}

// Head is the newest position.
func (l *Log) Head(ctx context.Context) (seq int64, err error) {
	err = l.db.Read(ctx).Raw("SELECT seq FROM event_head WHERE id = 1").Scan(&seq).Error
	return seq, err
}

// ReachesBack tells whether a reader at seq has missed nothing that is gone: no entry after it was forgotten, and it is not ahead of the log.
func (l *Log) ReachesBack(ctx context.Context, seq int64) (bool, error) {
	var oldest *int64
	if err := l.db.Read(ctx).Raw("SELECT MIN(seq) FROM events").Scan(&oldest).Error; err != nil {
		return false, err
	}
	head, err := l.Head(ctx)
	if err != nil || seq > head {
		return false, err
	}
	if oldest == nil {
		return seq == head, nil
	}
	return seq >= *oldest-1, nil
}

// Forget drops entries older than age, a thousand at a time; the newest always stays.
func (l *Log) Forget(ctx context.Context, age time.Duration) error {
	before := l.now().Add(-age).UnixMilli()
	for {
		res := l.db.Write(ctx).Exec(`DELETE FROM events WHERE at < ? AND seq IN (SELECT seq FROM events ORDER BY seq LIMIT 1000) AND seq < (SELECT MAX(seq) FROM events)`, before) // older ones come first
		if res.Error != nil {
			return fmt.Errorf("forget old events: %w", res.Error)
		}
		if res.RowsAffected == 0 {
			return nil
		}
		slog.DebugContext(ctx, "old events are gone", "count", res.RowsAffected)
	}
}
