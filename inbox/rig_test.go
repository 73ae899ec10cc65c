package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/connectors"
	"parley/crm"
	"parley/internal/blob"
	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/internal/jobs"
	"parley/internal/page"
	"parley/internal/secrets"
	"parley/realtime/eventlog"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// each runs f on a rig of each database.
func each(t *testing.T, f func(*rig)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { f(newRig(t, d)) })
}

// rig is an inbox on a real database, with connectors in memory.
type rig struct {
	t testing.TB
	*Inbox
	live   *fakeLive
	runner *jobs.Runner
	skip   atomic.Int64 // nanoseconds by which the rig's clock is ahead

	mu   sync.Mutex
	news chan struct{} // closed and made anew with each commit
}

var boss = eventlog.Viewer{UserID: "boss", All: true}

func newRig(t testing.TB, d *db.DB) *rig {
	t.Helper()
	r := &rig{t: t, live: &fakeLive{}, news: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	l, err := eventlog.Open(ctx, d, r.clock)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	store, err := blob.Open("file://"+filepath.Join(dir, "blobs"), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	box, err := secrets.Load(filepath.Join(dir, "secret.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	if err := crm.Seed(d.Write(ctx), r.clock()); err != nil {
		t.Fatal(err)
	}
	var factories []connectors.Factory
	for _, typ := range []string{connectors.Email, connectors.SMS, connectors.Telegram, connectors.Webchat, connectors.Telephony, connectors.Form} {
		factories = append(factories, connectors.Factory{Type: typ, Check: func(json.RawMessage) []connectors.FieldError { return nil }})
	}
	r.Inbox = New(Options{DB: d, Log: l, Blobs: store, Secrets: box, Now: r.clock, PublicURL: "http://hub.test", Factories: factories})
	r.Use(r.live)
	r.runner = jobs.NewRunner(d, r.clock, d.Dialect == db.SQLite)
	r.HandleJobs(r.runner)
	l.OnCommit(r.runner.Wake)
	l.OnCommit(r.tell)
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) })
	running.Go(func() { _ = r.runner.Run(ctx, ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return r
}

func (r *rig) clock() time.Time { return time.Now().UTC().Add(time.Duration(r.skip.Load())) }

// later moves the rig's clock.
func (r *rig) later(d time.Duration) { r.skip.Add(int64(d)) }

func (r *rig) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.news)
	r.news = make(chan struct{})
}

// until waits for a commit after which done holds.
func (r *rig) until(what string, done func() bool) {
	r.t.Helper()
	late := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		news := r.news
		r.mu.Unlock()
		if done() {
			return
		}
		select {
		case <-news:
		case <-time.After(200 * time.Millisecond): // some things come to pass without an event
		case <-late:
			r.t.Fatalf("in 20 s it did not come to pass that %s", what)
		}
	}
}

// channel connects a channel of a type; config is over the defaults.
func (r *rig) channel(typ string, config map[string]any) string {
	r.t.Helper()
	v, err := r.CreateChannel(context.Background(), typ, "my "+typ, config)
	if err != nil {
		r.t.Fatal(err)
	}
	return v.ID
}

// took has the inbox accept an item, which must succeed. An item without a key gets one.
func (r *rig) took(channelID string, in connectors.Inbound) connectors.Accepted {
	r.t.Helper()
	if in.Key == "" {
		in.Key = ids.New()
	}
	if in.Raw == nil {
		in.Raw = []byte(in.Key)
	}
	got, err := r.Accept(context.Background(), channelID, in)
	if err != nil {
		r.t.Fatalf("accept: %v", err)
	}
	return got
}

// text is a chat message of the person with this phone.
func text(phone, words string) connectors.Inbound {
	return connectors.Inbound{Text: words, ProviderID: ids.New(), Thread: connectors.Thread{Key: phone},
		Sender: connectors.Sender{Claims: []connectors.Claim{{Kind: connectors.KindPhone, Value: phone, Trust: connectors.TrustChannel}}}}
}

// mail is one from an address that is only asserted.
func mail(from, id, words string, answers ...string) connectors.Inbound {
	return connectors.Inbound{Kind: connectors.KindMail, Subject: "A question", Text: words, ProviderID: id, Thread: connectors.Thread{ReplyTo: answers},
		Sender: connectors.Sender{Claims: []connectors.Claim{{Kind: connectors.KindEmail, Value: from, Trust: connectors.TrustAsserted}}}}
}

func (r *rig) conversation(id string) ConversationView {
	r.t.Helper()
	c, err := r.Conversation(context.Background(), boss, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) row(id string) *Conversation {
	r.t.Helper()
	c := &Conversation{}
	if err := r.db.Read(context.Background()).Where("id = ?", id).Take(c).Error; err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) thread(id string) []MessageView {
	r.t.Helper()
	p, err := r.Messages(context.Background(), boss, id, page.Ask{Limit: 200})
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Data
}

func (r *rig) message(id string) MessageView {
	r.t.Helper()
	m, err := r.Message(context.Background(), boss, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

func (r *rig) contact(id string) crm.ContactView {
	r.t.Helper()
	c, err := r.Contact(context.Background(), boss, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) patch(id string, p Patch) ConversationView {
	r.t.Helper()
	c, err := r.PatchConversation(context.Background(), boss, id, p)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// reply answers, which must succeed.
func (r *rig) reply(conversationID string, d Draft) MessageView {
	r.t.Helper()
	m, err := r.Reply(context.Background(), boss, conversationID, d)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// becomes waits until a message has a status.
func (r *rig) becomes(id, status string) MessageView {
	r.t.Helper()
	r.until(fmt.Sprintf("the message is %s", status), func() bool { return r.message(id).Status == status })
	return r.message(id)
}

// rows counts the rows of a table.
func (r *rig) rows(table string) (n int64) {
	r.t.Helper()
	if err := r.db.Read(context.Background()).Table(table).Count(&n).Error; err != nil {
		r.t.Fatal(err)
	}
	return n
}

// person and team put somebody into the staff's tables.
func (r *rig) person(id string) string {
	r.t.Helper()
	r.exec("INSERT INTO users (id, email, name, role, created_at, updated_at) VALUES (?, ?, ?, 'agent', 0, 0)", id, id+"@hub.test", id)
	return id
}

func (r *rig) team(id string) string {
	r.t.Helper()
	r.exec("INSERT INTO teams (id, name, created_at) VALUES (?, ?, 0)", id, id)
	return id
}

func (r *rig) exec(q string, a ...any) {
	r.t.Helper()
	if err := r.db.Write(context.Background()).Exec(q, a...).Error; err != nil {
		r.t.Fatal(err)
	}
}

// told is what the log tells a viewer after a position, as "type subject".
func (r *rig) told(v eventlog.Viewer, after int64) (frames []string) {
	r.t.Helper()
	entries, err := r.log.After(context.Background(), after, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range entries {
		if f, ok := e.For(v); ok {
			frames = append(frames, string(f))
		}
	}
	return frames
}

func (r *rig) head() int64 {
	r.t.Helper()
	n, err := r.log.Head(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// fakeLive is the running connectors.
type fakeLive struct {
	mu sync.Mutex
	by map[string]connectors.Connector
}

func (l *fakeLive) Connector(id string) (connectors.Connector, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, ok := l.by[id]; ok {
		return c, nil
	}
	return nil, fault.Unavailable(time.Second, "the channel is not running")
}

func (l *fakeLive) Changed(string) {}

func (l *fakeLive) run(id string, c connectors.Connector) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = map[string]connectors.Connector{}
	}
	l.by[id] = c
}

// fakeProvider is a connector that does what it is told.
type fakeProvider struct {
	send   func(connectors.Outbound) (connectors.Receipt, error)
	find   func(connectors.Outbound) (connectors.Receipt, bool, error)
	replay func(raw []byte, rawType, key string) (connectors.Inbound, error)
}

func (p *fakeProvider) Run(ctx context.Context, _ connectors.Sink) error { <-ctx.Done(); return nil }

func (p *fakeProvider) Send(_ context.Context, out connectors.Outbound) (connectors.Receipt, error) {
	return p.send(out)
}

func (p *fakeProvider) Find(_ context.Context, out connectors.Outbound) (connectors.Receipt, bool, error) {
	return p.find(out)
}

func (p *fakeProvider) Replay(raw []byte, rawType, key string) (connectors.Inbound, error) {
	return p.replay(raw, rawType, key)
}
