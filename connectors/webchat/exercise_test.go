package webchat

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"parley/connectors"
	"parley/connectors/connectortest"
)

// once keeps no connection for a second request: the exercise counts what is left running.
var once = http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// browser is a visitor's program: it joins with its token, sends a message, and believes only what was accepted.
type browser struct {
	mu       sync.Mutex
	token    string
	accepted map[int]bool
}

func (b *browser) Config() any {
	return map[string]any{"allowed_origins": []string{"*"}, "identity_secret": identitySecret}
}
func (b *browser) Close() {}

func (b *browser) Deliver(hookURL string, n int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	res, err := once.Post(fmt.Sprintf("%s?n=%d&visitor=%s", hookURL, n, b.token), "", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	token, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	b.token = string(token)
	b.accepted[n] = b.accepted[n] || res.StatusCode == http.StatusOK
	return nil
}

func (b *browser) Acknowledged(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accepted[n]
}

// door runs one whole socket for each request: join, one message, gone.
func door(t *testing.T) func(connectors.Connector, connectors.Sink) http.Handler {
	return func(c connectors.Connector, sink connectors.Sink) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p := newPipe()
			served := make(chan error)
			go func() { served <- c.(*Connector).Serve(r.Context(), p, Visit{Sink: sink, Feed: newFeed()}) }()
			p.say(t, map[string]any{"type": "join", "visitor": r.FormValue("visitor")})
			token := p.hear(t, "joined")["visitor"].(string)
			p.say(t, map[string]any{"type": "message", "client_id": r.FormValue("n"), "text": "item " + r.FormValue("n")})
			answer := <-p.out
			p.Close(1000, "")
			if err := <-served; err != nil {
				t.Error(err)
			}
			if answer["type"] != "accepted" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			_, _ = io.WriteString(w, token)
		})
	}
}

func TestKeepsThePromisesOfEveryChannel(t *testing.T) {
	connectortest.Exercise(t, connectortest.Channel[*browser]{
		Factory: Factory, Local: true, Door: door(t),
		New:   func() (*browser, error) { return &browser{accepted: map[int]bool{}}, nil },
		Sends: []connectortest.Send[*browser]{{Name: "Taken", Out: connectors.Outbound{MessageID: "m1", Text: "hello"}, Want: connectortest.Taken}},
	})
}
