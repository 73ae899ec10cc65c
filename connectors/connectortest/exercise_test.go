package connectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"parley/connectors"
)

// postbox is a provider that is polled: letters lie in it until their number is passed.
type postbox struct {
	mu      sync.Mutex
	letters []int
	next    int // the number that the reader asked for last
	came    chan struct{}
}

func (p *postbox) Config() any { return map[string]string{"password": "open sesame"} }
func (p *postbox) Close()      {}

func (p *postbox) Deliver(_ string, n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.letters[min(p.next, len(p.letters)):] {
		if l == n {
			return nil
		}
	}
	p.letters = append(p.letters, n)
	close(p.came)
	p.came = make(chan struct{})
	return nil
}

func (p *postbox) Acknowledged(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.letters[:min(p.next, len(p.letters))] {
		if l == n {
			return true
		}
	}
	return false
}

func (p *postbox) read(ctx context.Context, from int) (letter, next int, err error) {
	for {
		p.mu.Lock()
		p.next = max(p.next, from)
		came := p.came
		if from < len(p.letters) {
			defer p.mu.Unlock()
			return p.letters[from], from + 1, nil
		}
		p.mu.Unlock()
		select {
		case <-came:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
}

// reader is a connector for a postbox, with one fault at most.
type reader struct {
	box   *postbox
	fault string
	calls int
}

func (r *reader) Run(ctx context.Context, sink connectors.Sink) error {
	err := r.poll(ctx, sink)
	switch {
	case ctx.Err() != nil && r.fault != "ends with an error":
		return nil
	case r.fault == "tells the password":
		return fmt.Errorf("login with open sesame: %w", err)
	}
	return err
}

func (r *reader) poll(ctx context.Context, sink connectors.Sink) error {
	if r.fault == "leaves a goroutine" {
		go func() { time.Sleep(20 * time.Second) }()
	}
	v, err := sink.Cursor(ctx, "letter")
	if err != nil && r.fault != "starts at the end without a cursor" {
		return err
	}
	from, _ := strconv.Atoi(v)
	if err != nil {
		from = 1
	}
	sink.Report(ctx, connectors.Health{State: connectors.StateConnected})
	for {
		letter, next, err := r.box.read(ctx, from)
		if err != nil {
			return err
		}
		if r.fault == "acknowledges first" {
			r.box.mu.Lock()
			r.box.next = next
			r.box.mu.Unlock()
		}
		if _, err := sink.Accept(ctx, r.item(letter, next)); err != nil {
			return err
		}
		from = next
	}
}

func (r *reader) item(letter, next int) connectors.Inbound {
	r.calls++
	key := fmt.Sprint("letter ", letter)
	switch r.fault {
	case "has no key":
		key = ""
	case "makes a new key each time":
		key = fmt.Sprint(key, " ", r.calls)
	}
	return connectors.Inbound{Key: key, Raw: []byte(key), RawType: "text/plain", Cursor: &connectors.Cursor{Name: "letter", Value: strconv.Itoa(next)}}
}

func (r *reader) Send(_ context.Context, out connectors.Outbound) (connectors.Receipt, error) {
	switch {
	case out.Text == "refuse":
		return connectors.Receipt{}, connectors.Permanent(errors.New("no"))
	case r.fault == "does not know what it sent":
		return connectors.Receipt{}, errors.New("hm")
	}
	return connectors.Receipt{ProviderID: "1"}, nil
}

func channelWith(fault string) Channel[*postbox] {
	var box *postbox
	return Channel[*postbox]{
		Factory: connectors.Factory{
			Type: "post", Secrets: []string{"password"}, Check: func(json.RawMessage) []connectors.FieldError { return nil },
			New: func(connectors.Channel, connectors.Host) (connectors.Connector, error) {
				return &reader{box: box, fault: fault}, nil
			},
		},
		Local: true,
		New:   func() (*postbox, error) { box = &postbox{came: make(chan struct{})}; return box, nil },
		Sends: []Send[*postbox]{
			{Name: "fine", Out: connectors.Outbound{Text: "hello"}, Want: Taken},
			{Name: "refused", Out: connectors.Outbound{Text: "refuse"}, Want: Permanent},
		},
	}
}

func TestAGoodConnectorPasses(t *testing.T) {
	ch := channelWith("")
	for _, r := range rules[*postbox]() {
		if err := play(ch, NewHost(), r.holds); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
	for _, c := range ch.Sends {
		if err := play(ch, NewHost(), func(ctx context.Context, s *stage[*postbox]) error { return fares(ctx, s, c) }); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

// Each fault must be found by the rule that is there for it.
func TestFaultsAreFound(t *testing.T) {
	fine := func(ctx context.Context, s *stage[*postbox]) error { return fares(ctx, s, s.ch.Sends[0]) }
	cases := []struct {
		fault string
		rule  func(context.Context, *stage[*postbox]) error
	}{
		{"has no key", arrives[*postbox]},
		{"acknowledges first", refused[*postbox]},
		{"makes a new key each time", refused[*postbox]},
		{"makes a new key each time", twice[*postbox]},
		{"starts at the end without a cursor", cursorFails[*postbox]},
		{"ends with an error", ends[*postbox]},
		{"leaves a goroutine", ends[*postbox]},
		{"tells the password", cursorFails[*postbox]},
		{"does not know what it sent", fine},
	}
	for _, c := range cases {
		t.Run(c.fault, func(t *testing.T) {
			if err := play(channelWith(c.fault), NewHost(), c.rule); err == nil {
				t.Error("not noticed")
			}
		})
	}
}
