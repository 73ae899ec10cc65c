package connectortest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/connectors"
)

// Op is a call of the sink that can be made to fail.
type Op string

const (
	OpAccept    Op = "Accept"
	OpDelivered Op = "Delivered"
	OpCursor    Op = "Cursor"
	OpAdvance   Op = "Advance"
	OpKnown     Op = "Known"
	OpSeen      Op = "Seen"
)

// Always makes an Op fail until Fail is called again.
const Always = -1

// ErrSink is what a failing sink answers.
var ErrSink = errors.New("the sink was told to fail")

// Sink keeps in memory what a connector hands over, one item per key, as the inbox does.
type Sink struct {
	mu         sync.Mutex
	changed    chan struct{} // closed and replaced at each change
	stored     []connectors.Inbound
	byKey      map[string]int
	offered    []connectors.Inbound
	cursors    map[string]string
	deliveries []connectors.Delivery
	reports    []connectors.Health
	failing    map[Op]int
	failed     map[Op]int
}

// NewSink is an empty sink.
func NewSink() *Sink {
	return &Sink{changed: make(chan struct{}), byKey: map[string]int{}, cursors: map[string]string{}, failing: map[Op]int{}, failed: map[Op]int{}}
}

var _ connectors.Sink = (*Sink)(nil)

// Fail makes the next times calls of op fail; 0 heals it.
func (s *Sink) Fail(op Op, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing[op] = times
}

// Accept stores an item and moves its cursor, or fails and does neither.
func (s *Sink) Accept(ctx context.Context, in connectors.Inbound) (connectors.Accepted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tell()
	s.offered = append(s.offered, in)
	if err := s.refuse(ctx, OpAccept); err != nil {
		return connectors.Accepted{}, err
	}
	if in.Key == "" {
		return connectors.Accepted{}, errors.New("an item without a key")
	}
	if in.Cursor != nil {
		s.cursors[in.Cursor.Name] = in.Cursor.Value
	}
	n, known := s.byKey[in.Key]
	if !known {
		n = len(s.stored)
		s.byKey[in.Key] = n
		s.stored = append(s.stored, in)
	}
	return connectors.Accepted{MessageID: fmt.Sprintf("message-%d", n), Duplicate: known}, nil
}

// Delivered notes d.
func (s *Sink) Delivered(ctx context.Context, d connectors.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tell()
	if err := s.refuse(ctx, OpDelivered); err != nil {
		return err
	}
	s.deliveries = append(s.deliveries, d)
	return nil
}

// Cursor is the value last stored under name.
func (s *Sink) Cursor(ctx context.Context, name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tell()
	if err := s.refuse(ctx, OpCursor); err != nil {
		return "", err
	}
	return s.cursors[name], nil
}

// Advance moves a cursor.
func (s *Sink) Advance(ctx context.Context, c connectors.Cursor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tell()
	if err := s.refuse(ctx, OpAdvance); err != nil {
		return err
	}
	s.cursors[c.Name] = c.Value
	return nil
}

// Known looks for the bytes among the stored items.
func (s *Sink) Known(ctx context.Context, sum [32]byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse(ctx, OpKnown); err != nil {
		return false, err
	}
	for _, in := range s.stored {
		if sha256.Sum256(in.Raw) == sum {
			return true, nil
		}
	}
	return false, nil
}

// Seen looks for the keys among the stored items.
func (s *Sink) Seen(ctx context.Context, keys []string) ([]connectors.Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse(ctx, OpSeen); err != nil {
		return nil, err
	}
	out := make([]connectors.Standing, len(keys))
	for i, k := range keys {
		n, known := s.byKey[k]
		switch {
		case known && s.stored[n].Quarantine != "":
			out[i] = connectors.Quarantined
		case known:
			out[i] = connectors.Here
		}
	}
	return out, nil
}

// Report keeps h.
func (s *Sink) Report(_ context.Context, h connectors.Health) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tell()
	s.reports = append(s.reports, h)
}

// Items are the stored items, in the order in which they were stored.
func (s *Sink) Items() []connectors.Inbound {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]connectors.Inbound(nil), s.stored...)
}

// Offered is every item that came to Accept, also again and also when it failed.
func (s *Sink) Offered() []connectors.Inbound {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]connectors.Inbound(nil), s.offered...)
}

// Deliveries are the notes so far.
func (s *Sink) Deliveries() []connectors.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]connectors.Delivery(nil), s.deliveries...)
}

// Reports are the channel's states so far.
func (s *Sink) Reports() []connectors.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]connectors.Health(nil), s.reports...)
}

// Failures is how often op failed because it was told to.
func (s *Sink) Failures(op Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed[op]
}

// Await waits until the sink is as wanted, looking after each change. what goes into the error.
func (s *Sink) Await(timeout time.Duration, what string, wanted func(*Sink) bool) error {
	late := time.NewTimer(timeout)
	defer late.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if wanted(s) {
			return nil
		}
		select {
		case <-changed:
		case <-late.C:
			return fmt.Errorf("waited %s for: %s", timeout, what)
		}
	}
}

// refuse fails when ctx is over or op was told to. The caller holds mu.
func (s *Sink) refuse(ctx context.Context, op Op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.failing[op] == 0 {
		return nil
	}
	if s.failing[op] > 0 {
		s.failing[op]--
	}
	s.failed[op]++
	return ErrSink
}

// tell wakes those who wait. The caller holds mu.
func (s *Sink) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}
