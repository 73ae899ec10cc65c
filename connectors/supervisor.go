package connectors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"parley/internal/fault"
)

const (
	syncEvery  = 2 * time.Second  // another node's changes are seen within this
	leaseFor   = 10 * time.Second // a channel whose node died is taken over after this
	leaseRenew = 3 * time.Second
	pauseMost  = 5 * time.Minute
)

// Running is a channel as the supervisor needs it: a new version is run anew.
type Running struct {
	Channel
	Version  int64
	Disabled bool
	Problem  string // why it can't run, in words for its admin; "" when it can
}

// Keeper is where the supervisor learns of channels. Leases are kept where all nodes see them.
type Keeper interface {
	// Running lists every channel; RunningChannel is one of them, fault.NotFound when there is none.
	Running(ctx context.Context) ([]Running, error)
	RunningChannel(ctx context.Context, id string) (Running, error)
	Sink(channelID string) Sink
	// Lease takes or renews the right to run a channel; false means that another node has it.
	Lease(ctx context.Context, channelID, node string, ttl time.Duration) (bool, error)
	// Release gives the right back.
	Release(ctx context.Context, channelID, node string) error
}

// Supervisor keeps one live connector per channel: every node can send and take webhooks, and one node at a time receives.
type Supervisor struct {
	node      string
	source    Keeper
	factories map[string]Factory
	host      Host

	mu   sync.Mutex
	live map[string]*running
	base context.Context // of Run; nil before
	wg   sync.WaitGroup
}

type running struct {
	Running
	conn   Connector
	err    error // why there is no conn
	cancel context.CancelFunc
}

// NewSupervisor makes a supervisor. node names this process among the nodes.
func NewSupervisor(node string, source Keeper, factories []Factory, host Host) *Supervisor {
	s := &Supervisor{node: node, source: source, host: host, factories: map[string]Factory{}, live: map[string]*running{}}
	for _, f := range factories {
		s.factories[f.Type] = f
	}
	return s
}

// Run keeps the channels running until ctx ends, then waits until they have stopped.
func (s *Supervisor) Run(ctx context.Context) error {
	s.mu.Lock()
	s.base = ctx
	for _, r := range s.live { // built before Run for a webhook or a reply
		s.startLocked(r)
	}
	s.mu.Unlock()
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		if err := s.sync(ctx); err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "channels could not be read", "error", err)
		}
		select {
		case <-ctx.Done():
			s.wg.Wait()
			return nil
		case <-tick.C:
		}
	}
}

// sync starts what is new, restarts what has changed, stops what is gone.
func (s *Supervisor) sync(ctx context.Context) error {
	all, err := s.source.Running(ctx)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, r := range all {
		known[r.ID] = true
		s.put(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.live {
		if !known[id] {
			r.stop()
			delete(s.live, id)
		}
	}
	return nil
}

// put makes r the live version of its channel.
func (s *Supervisor) put(r Running) *running {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.live[r.ID]
	if old != nil && old.Version >= r.Version {
		return old
	}
	if old != nil {
		old.stop()
	}
	now := &running{Running: r}
	s.live[r.ID] = now
	f, known := s.factories[r.Type]
	switch {
	case r.Disabled:
		now.err = fault.Unavailable(time.Minute, "the channel is disabled")
	case r.Problem != "":
		now.err = fault.Unavailable(time.Minute, "%s", r.Problem)
	case !known:
		now.err = fault.Unavailable(time.Minute, "this program has no channels of type %q", r.Type)
	default:
		host := s.host
		host.Log = slog.With("channel", r.ID, "type", r.Type)
		if now.conn, now.err = f.New(r.Channel, host); now.err != nil {
			now.err = fault.Unavailable(time.Minute, "the channel's settings can't be used: %v", now.err)
		}
	}
	s.startLocked(now)
	return now
}

func (r *running) stop() {
	if r.cancel != nil {
		r.cancel()
	}
}

// startLocked lets a connector receive. s.mu is held.
func (s *Supervisor) startLocked(r *running) {
	if s.base == nil || s.base.Err() != nil || r.cancel != nil || r.Disabled {
		return
	}
	ctx, cancel := context.WithCancel(s.base)
	r.cancel = cancel
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer cancel()
		if r.conn == nil {
			s.source.Sink(r.ID).Report(ctx, Health{StateError, r.err.Error()})
			return
		}
		s.receive(ctx, r)
	}()
}

// Connector is the live connector of a channel, made now if need be.
func (s *Supervisor) Connector(id string) (Connector, error) {
	s.mu.Lock()
	r := s.live[id]
	s.mu.Unlock()
	if r == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		row, err := s.source.RunningChannel(ctx, id)
		if err != nil {
			return nil, err
		}
		r = s.put(row)
	}
	if r.conn == nil {
		return nil, r.err
	}
	return r.conn, nil
}

// Changed takes over a channel's new settings at once.
func (s *Supervisor) Changed(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	row, err := s.source.RunningChannel(ctx, id)
	if err != nil {
		slog.ErrorContext(ctx, "a changed channel could not be read", "channel", id, "error", err)
		return
	}
	s.put(row)
}

// receive runs the connector while this node has the lease, again after a pause when it fails.
func (s *Supervisor) receive(ctx context.Context, r *running) {
	sink := s.source.Sink(r.ID)
	pause := time.Second
	for ctx.Err() == nil {
		began := s.host.Now()
		err := s.leased(ctx, r, sink)
		if ctx.Err() != nil {
			return
		}
		switch {
		case IsUnauthorized(err):
			slog.WarnContext(ctx, "channel is stopped: its credentials are refused", "channel", r.ID)
			sink.Report(ctx, Health{StateUnauthorized, err.Error()})
			return
		case err != nil:
			slog.WarnContext(ctx, "channel failed", "channel", r.ID, "error", err)
			sink.Report(ctx, Health{StateError, err.Error()})
		}
		if s.host.Now().Sub(began) > time.Minute {
			pause = time.Second
		}
		sleep(ctx, pause/2+rand.N(pause))
		if err != nil {
			pause = min(2*pause, pauseMost)
		}
	}
}

// leased waits for the lease and runs the connector until it ends or the lease is lost.
func (s *Supervisor) leased(ctx context.Context, r *running, sink Sink) error {
	for {
		mine, err := s.source.Lease(ctx, r.ID, s.node, leaseFor)
		if err != nil {
			return fmt.Errorf("lease: %w", err)
		}
		if mine {
			break
		}
		if sleep(ctx, leaseRenew); ctx.Err() != nil {
			return nil
		}
	}
	run, cancel := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Add(1)
	go func() {
		defer renewing.Done()
		defer cancel()
		s.renew(run, r.ID)
	}()
	err := runConnector(run, r.conn, sink)
	cancel()
	renewing.Wait()
	free, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer done()
	return errors.Join(err, s.source.Release(free, r.ID, s.node))
}

// renew holds the lease; it returns when it is lost. Once it could not be renewed for most of its time it counts as lost.
func (s *Supervisor) renew(ctx context.Context, id string) {
	last := s.host.Now()
	for {
		if sleep(ctx, leaseRenew); ctx.Err() != nil {
			return
		}
		mine, err := s.source.Lease(ctx, id, s.node, leaseFor)
		switch {
		case err == nil && !mine:
			return
		case err == nil:
			last = s.host.Now()
		case s.host.Now().Sub(last) > leaseFor-leaseRenew:
			slog.WarnContext(ctx, "the lease of a channel could not be renewed", "channel", id, "error", err)
			return
		}
	}
}

func runConnector(ctx context.Context, c Connector, sink Sink) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("a connector panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.Run(ctx, sink)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
