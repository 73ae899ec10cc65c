package email

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/email/mailtest"
)

// memorySink is the inbox as the connector sees it: unique keys, cursors that move with the item, and failure on command.
type memorySink struct {
	mu        sync.Mutex
	byKey     map[string]connectors.Inbound
	order     []connectors.Inbound
	hashes    map[[32]byte]bool
	cursors   map[string]string
	delivered []connectors.Delivery
	health    []connectors.Health
	doubles   int
	repeats   int
	fail      func(call string) error
	change    chan struct{}
}

func newSink() *memorySink {
	return &memorySink{byKey: map[string]connectors.Inbound{}, hashes: map[[32]byte]bool{}, cursors: map[string]string{}, change: make(chan struct{})}
}

var errSink = errors.New("the database is away")

// failing makes calls fail while f says so; nil heals.
func (s *memorySink) failing(f func(call string) error) { s.mu.Lock(); s.fail = f; s.mu.Unlock() }

func (s *memorySink) begin(call string) (end func(), err error) {
	s.mu.Lock()
	if s.fail != nil {
		if err := s.fail(call); err != nil {
			s.mu.Unlock()
			return nil, err
		}
	}
	return func() {
		close(s.change)
		s.change = make(chan struct{})
		s.mu.Unlock()
	}, nil
}

func (s *memorySink) Accept(_ context.Context, in connectors.Inbound) (connectors.Accepted, error) {
	end, err := s.begin("accept")
	if err != nil {
		return connectors.Accepted{}, err
	}
	defer end()
	if in.Cursor != nil {
		s.cursors[in.Cursor.Name] = in.Cursor.Value
	}
	if _, twice := s.byKey[in.Key]; twice {
		s.doubles++
		return connectors.Accepted{Duplicate: true}, nil
	}
	s.byKey[in.Key] = in
	if in.Repeat {
		s.repeats++
		return connectors.Accepted{}, nil
	}
	s.order = append(s.order, in)
	s.hashes[sha256.Sum256(in.Raw)] = true
	return connectors.Accepted{}, nil
}

func (s *memorySink) Delivered(_ context.Context, d connectors.Delivery) error {
	end, err := s.begin("delivered")
	if err != nil {
		return err
	}
	defer end()
	s.delivered = append(s.delivered, d)
	return nil
}

func (s *memorySink) Cursor(_ context.Context, name string) (string, error) {
	end, err := s.begin("cursor")
	if err != nil {
		return "", err
	}
	defer end()
	return s.cursors[name], nil
}

func (s *memorySink) Advance(_ context.Context, c connectors.Cursor) error {
	end, err := s.begin("advance")
	if err != nil {
		return err
	}
	defer end()
	s.cursors[c.Name] = c.Value
	return nil
}

func (s *memorySink) Known(_ context.Context, sum [32]byte) (bool, error) {
	end, err := s.begin("known")
	if err != nil {
		return false, err
	}
	defer end()
	return s.hashes[sum], nil
}

func (s *memorySink) Seen(_ context.Context, keys []string) ([]connectors.Standing, error) {
	end, err := s.begin("seen")
	if err != nil {
		return nil, err
	}
	defer end()
	out := make([]connectors.Standing, len(keys))
	for i, k := range keys {
		in, known := s.byKey[k]
		switch {
		case known && in.Quarantine != "":
			out[i] = connectors.Quarantined
		case known:
			out[i] = connectors.Here
		}
	}
	return out, nil
}

func (s *memorySink) Report(_ context.Context, h connectors.Health) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health = append(s.health, h)
	close(s.change)
	s.change = make(chan struct{})
}

func (s *memorySink) items() []connectors.Inbound {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]connectors.Inbound(nil), s.order...)
}

// await waits until ok holds over the sink's state.
func (s *memorySink) await(t testing.TB, what string, ok func(s *memorySink) bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		good, change := ok(s), s.change
		s.mu.Unlock()
		if good {
			return
		}
		select {
		case <-change:
		case <-deadline:
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Fatalf("no %s; %d items, health %v", what, len(s.order), s.health)
		}
	}
}

func (s *memorySink) awaitItems(t testing.TB, n int) []connectors.Inbound {
	t.Helper()
	s.await(t, "items", func(s *memorySink) bool { return len(s.order) >= n })
	return s.items()
}

func (s *memorySink) awaitState(t testing.TB, state string) {
	t.Helper()
	s.await(t, "state "+state, func(s *memorySink) bool { return len(s.health) > 0 && s.health[len(s.health)-1].State == state })
}

var testSecret = []byte("0123456789abcdef0123456789abcdef")

// testPace is ordinaryPace for servers in the same process.
var testPace = pace{
	dial: 2 * time.Second, silence: 2 * time.Second, brief: 150 * time.Millisecond, idle: 20 * time.Second, done: 2 * time.Second, poll: 50 * time.Millisecond,
	retry: 10 * time.Millisecond, longest: 100 * time.Millisecond, test: 5 * time.Second,
	answer: time.Second, final: time.Second, keep: 2 * time.Second,
}

func testHost() connectors.Host {
	return connectors.Host{
		HTTP: http.DefaultClient,
		Dial: (&net.Dialer{}).DialContext,
		Now:  time.Now,
		Log:  slog.New(slog.DiscardHandler),
	}
}

// newChannel is a connector for support@hub.test with that config.
func newChannel(t testing.TB, config map[string]any) *Connector {
	t.Helper()
	c, err := connectorFor(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func connectorFor(config map[string]any) (*Connector, error) {
	if config["address"] == nil {
		config["address"] = "support@hub.test"
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	c, err := newConnector(connectors.Channel{ID: "ch1", Type: connectors.Email, Config: raw, CreatedAt: time.Now(), Secret: testSecret}, testHost())
	if err == nil {
		c.pace = testPace
	}
	return c, err
}

func newMailbox(t testing.TB) *mailtest.Mailbox {
	t.Helper()
	box, err := mailtest.NewMailbox("support@hub.test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(box.Close)
	return box
}

// launch runs the connector; stop ends it and returns what Run returned.
func launch(c *Connector, sink connectors.Sink) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, sink) }()
	return sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(10 * time.Second):
			return errors.New("Run did not end within 10 s")
		}
	})
}

// running launches the connector until stop or the end of the test.
func running(t testing.TB, c *Connector, sink connectors.Sink) (stop func() error) {
	t.Helper()
	stop = launch(c, sink)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return stop
}

// letter is an ordinary mail of Anna's.
func letter(subject string, more ...string) string {
	return "From: Anna Berg <anna@customer.test>\nTo: support@hub.test\nSubject: " + subject + "\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") +
		"@customer.test>\n" + strings.Join(more, "\n") + map[bool]string{true: "\n"}[len(more) > 0] + "Content-Type: text/plain; charset=utf-8\n\nHello, " + subject + "\n"
}
