package form

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"parley/connectors"
)

// inbox stores each key once, with its cursor, or fails when told to.
type inbox struct {
	mu      sync.Mutex
	fail    bool
	items   []connectors.Inbound
	keys    map[string]bool
	cursors map[string]string
}

func newInbox() *inbox { return &inbox{keys: map[string]bool{}, cursors: map[string]string{}} }

func (b *inbox) Accept(_ context.Context, in connectors.Inbound) (connectors.Accepted, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if in.Key == "" {
		panic("an item without a key")
	}
	if b.fail {
		return connectors.Accepted{}, errors.New("disk full")
	}
	if b.keys[in.Key] {
		return connectors.Accepted{Duplicate: true}, nil
	}
	b.keys[in.Key] = true
	b.items = append(b.items, in)
	if in.Cursor != nil {
		b.cursors[in.Cursor.Name] = in.Cursor.Value
	}
	return connectors.Accepted{MessageID: "m"}, nil
}

func (b *inbox) Cursor(_ context.Context, name string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cursors[name], nil
}

func (b *inbox) Delivered(context.Context, connectors.Delivery) error { return nil }
func (b *inbox) Advance(context.Context, connectors.Cursor) error     { return nil }
func (b *inbox) Known(context.Context, [32]byte) (bool, error)        { return false, nil }
func (b *inbox) Seen(_ context.Context, keys []string) ([]connectors.Standing, error) {
	return make([]connectors.Standing, len(keys)), nil
}
func (b *inbox) Report(context.Context, connectors.Health) {}

// last is the newest item; a test that has none fails.
func (b *inbox) last(t testing.TB) connectors.Inbound {
	t.Helper()
	if len(b.items) == 0 {
		t.Fatal("nothing was stored")
	}
	return b.items[len(b.items)-1]
}

// tuesday is a clock that stands still until told otherwise.
type tuesday struct{ now time.Time }

func newForm(t testing.TB, config string) (*Connector, *tuesday) {
	t.Helper()
	day := &tuesday{time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	ch := connectors.Channel{ID: "f1", Type: connectors.Form, Config: json.RawMessage(config), HookURL: "https://hub.example/hooks/form/f1"}
	c, err := New(ch, connectors.Host{Now: func() time.Time { return day.now }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c, day
}

const urlencoded = "application/x-www-form-urlencoded"

// post is a request from one visitor's address; pairs are headers.
func request(contentType, body string, pairs ...string) connectors.WebhookRequest {
	h := http.Header{}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return connectors.WebhookRequest{Method: http.MethodPost, Header: h, Body: []byte(body), RemoteIP: "203.0.113.7"}
}
