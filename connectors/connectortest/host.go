package connectortest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"parley/connectors"
)

// Host is a house for one connector under test: a plain dialer that reaches the test's own servers, a clock that
// stands still until it is moved, and a log that can be read.
type Host struct {
	connectors.Host
	Clock *Clock

	log       *journal
	transport *http.Transport
}

// NewHost is a house with an open road.
func NewHost() *Host { return newHost((&net.Dialer{}).DialContext) }

// NewDeadHost is a house from which nobody can be reached.
func NewDeadHost() *Host {
	return newHost(func(_ context.Context, network, _ string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("nobody can be reached")}
	})
}

func newHost(dial func(context.Context, string, string) (net.Conn, error)) *Host {
	h := &Host{
		Clock:     &Clock{now: time.Date(2026, 1, 6, 12, 0, 0, 0, time.UTC)}, // a Tuesday
		log:       &journal{},
		transport: &http.Transport{DialContext: dial},
	}
	h.Host = connectors.Host{
		HTTP: &http.Client{Transport: h.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Dial: dial,
		Now:  h.Clock.Now,
		Log:  slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return h
}

// Logged is all that was logged.
func (h *Host) Logged() string { return h.log.String() }

// Close lets go of idle connections.
func (h *Host) Close() { h.transport.CloseIdleConnections() }

// Clock is a time that moves when told to.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the time.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

// Set makes it t.
func (c *Clock) Set(t time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.now = t }

// Add moves it by d.
func (c *Clock) Add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}
func (j *journal) String() string { j.mu.Lock(); defer j.mu.Unlock(); return j.buf.String() }

// Hooks is the public door of one connector: what comes in below hookURL's path goes to its Webhook.
func Hooks(hookURL string, receiver connectors.WebhookReceiver, sink connectors.Sink) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := url.Parse(hookURL)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ip, _, _ := net.SplitHostPort(r.RemoteAddr)
		a := receiver.Webhook(r.Context(), connectors.WebhookRequest{
			Method: r.Method, Path: r.URL.Path[min(len(u.Path), len(r.URL.Path)):], URL: u.Scheme + "://" + u.Host + r.URL.RequestURI(),
			Query: r.URL.Query(), Header: r.Header, Body: body, RemoteIP: ip,
		}, sink)
		for k, v := range a.Header {
			w.Header().Set(k, v)
		}
		if a.Type != "" {
			w.Header().Set("Content-Type", a.Type)
		}
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body)
	})
}
