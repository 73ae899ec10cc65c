package webchat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"parley/connectors"
)

const channelID = "0198c0de-0000-7000-8000-000000000001"

func newChat(t testing.TB, config string) *Connector {
	t.Helper()
	ch := connectors.Channel{ID: channelID, Type: connectors.Webchat, Config: json.RawMessage(config), Secret: []byte("0123456789abcdef0123456789abcdef")}
	c, err := New(ch, connectors.Host{Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pipe is a visitor's socket in memory, seen from both ends.
type pipe struct {
	in   chan []byte
	out  chan map[string]any
	once sync.Once
	gone chan struct{}
	code int
}

func newPipe() *pipe {
	return &pipe{in: make(chan []byte), out: make(chan map[string]any, 1000), gone: make(chan struct{})}
}

func (p *pipe) ReadFrame() ([]byte, error) {
	select {
	case b := <-p.in:
		return b, nil
	case <-p.gone:
		return nil, io.EOF
	}
}

func (p *pipe) WriteFrame(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var f map[string]any
	if err := json.Unmarshal(b, &f); err != nil {
		panic(err)
	}
	select {
	case <-p.gone:
		return io.ErrClosedPipe
	case p.out <- f:
		return nil
	}
}

func (p *pipe) Close(code int, _ string) {
	p.once.Do(func() { p.code = code; close(p.gone) })
}

func (p *pipe) say(t testing.TB, v any) {
	t.Helper()
	b, ok := v.(string)
	if !ok {
		enc, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b = string(enc)
	}
	select {
	case p.in <- []byte(b):
	case <-p.gone:
		t.Fatalf("the socket was closed with %d before %s was read", p.code, b)
	}
}

func (p *pipe) hear(t testing.TB, typ string) map[string]any {
	t.Helper()
	select {
	case f := <-p.out:
		if f["type"] != typ {
			t.Fatalf("heard %v, want a frame of type %s", f, typ)
		}
		return f
	case <-time.After(5 * time.Second):
		t.Fatalf("no %s frame came", typ)
		return nil
	}
}

// inbox keeps what it is given, each key once, and fails when told to.
type inbox struct {
	mu        sync.Mutex
	fail      bool
	items     []connectors.Inbound
	ids       map[string]string
	delivered []connectors.Delivery
}

func (b *inbox) Accept(_ context.Context, in connectors.Inbound) (connectors.Accepted, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail {
		return connectors.Accepted{}, errors.New("disk full")
	}
	if id, known := b.ids[in.Key]; known {
		return connectors.Accepted{MessageID: id, Duplicate: true}, nil
	}
	if b.ids == nil {
		b.ids = map[string]string{}
	}
	b.ids[in.Key] = fmt.Sprintf("m%d", len(b.ids)+1)
	b.items = append(b.items, in)
	return connectors.Accepted{MessageID: b.ids[in.Key]}, nil
}

func (b *inbox) Delivered(_ context.Context, d connectors.Delivery) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.delivered = append(b.delivered, d)
	return nil
}

func (b *inbox) breaks(yes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = yes
}

func (b *inbox) stored() []connectors.Inbound {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]connectors.Inbound(nil), b.items...)
}

func (b *inbox) Cursor(context.Context, string) (string, error)   { return "", nil }
func (b *inbox) Advance(context.Context, connectors.Cursor) error { return nil }
func (b *inbox) Known(context.Context, [32]byte) (bool, error)    { return false, nil }
func (b *inbox) Seen(_ context.Context, keys []string) ([]connectors.Standing, error) {
	return make([]connectors.Standing, len(keys)), nil
}
func (b *inbox) Report(_ context.Context, _ connectors.Health) {}

// logFeed is a conversation with a log: History reads the position first, then lets late arrive, then reads the messages.
type logFeed struct {
	mu     sync.Mutex
	log    []Frame
	late   []Frame
	wake   chan struct{}
	broken error
	dead   chan struct{}
}

func newFeed(frames ...Frame) *logFeed {
	return &logFeed{log: frames, wake: make(chan struct{}), dead: make(chan struct{})}
}

func (f *logFeed) add(frames ...Frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, frames...)
	close(f.wake)
	f.wake = make(chan struct{})
}

func (f *logFeed) History(context.Context, string) (msgs []Message, position int64, err error) {
	if f.broken != nil {
		return nil, 0, f.broken
	}
	f.mu.Lock()
	position = int64(len(f.log))
	f.mu.Unlock()
	f.add(f.late...)
	for _, fr := range f.log {
		if m, ok := fr.(Message); ok {
			msgs = append(msgs, m)
		}
	}
	return msgs, position, nil
}

func (f *logFeed) Follow(ctx context.Context, _ string, after int64, push func(Frame) error) error {
	for {
		f.mu.Lock()
		todo, wake := f.log[after:], f.wake
		f.mu.Unlock()
		for _, fr := range todo {
			if err := push(fr); err != nil {
				return err
			}
		}
		after += int64(len(todo))
		select {
		case <-ctx.Done():
			return nil
		case <-f.dead:
			return errors.New("the log was lost")
		case <-wake:
		}
	}
}

type served struct {
	*pipe
	box  *inbox
	feed *logFeed
	done chan error
}

// serve runs a socket; the test's end waits for it.
func serve(t testing.TB, c *Connector, feed *logFeed, v Visit) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{pipe: newPipe(), box: &inbox{}, feed: feed, done: make(chan error, 1)}
	if v.Sink == nil {
		v.Sink = s.box
	}
	v.Feed = feed
	go func() { s.done <- c.Serve(ctx, s.pipe, v); close(s.done) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-s.done:
		case <-time.After(5 * time.Second):
			t.Error("Serve did not end with its context")
		}
	})
	return s
}

// joined is a served socket that has joined as the holder of token ("" for a new visitor).
func joined(t testing.TB, c *Connector, feed *logFeed, token string) (*served, map[string]any) {
	t.Helper()
	s := serve(t, c, feed, Visit{})
	f := map[string]any{"type": "join", "visitor": nil}
	if token != "" {
		f["visitor"] = token
	}
	s.say(t, f)
	return s, s.hear(t, "joined")
}
