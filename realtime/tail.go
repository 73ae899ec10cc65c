// Package realtime brings the event log to people's screens: one tail per node follows the log, every socket reads from its own
// position. Nothing is queued per socket but a few frames that may be lost (typing, presence), so a slow reader costs nothing and a
// returning one misses nothing.
package realtime

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/clock"
	"parley/realtime/broker"
	"parley/realtime/eventlog"
)

const (
	eventsTopic = "parley.events"
	pageSize    = 512
	// readings keep this distance under load: it costs nobody anything, and many commits become one query and one push
	breath = 2 * time.Millisecond
)

// TailOptions say what to follow. Zero values take the defaults.
type TailOptions struct {
	Log    *eventlog.Log
	Broker broker.Broker
	Now    clock.Clock
	Poll   time.Duration // how often the log is read unwoken, 500 ms
	// The newest entries are kept in memory, up to both bounds: 8192 entries and 8 MB of frames.
	Entries, Bytes int
}

// Tail follows the log from the position it was opened at and keeps the newest entries in memory.
type Tail struct {
	o     TailOptions
	kept  atomic.Pointer[window]
	wake  chan struct{}
	local atomic.Bool   // commits of this node that the others have not been told of
	slots chan struct{} // readers of the log itself at the same time

	mu        sync.Mutex
	followers []*follower
	news      chan struct{}
}

type follower struct{ f func([]eventlog.Entry) }

// OpenTail stands at the newest entry. What is committed from now on is followed once Run runs.
func OpenTail(ctx context.Context, o TailOptions) (*Tail, error) {
	if o.Poll == 0 {
		o.Poll = 500 * time.Millisecond
	}
	if o.Entries == 0 {
		o.Entries = 8192
	}
	if o.Bytes == 0 {
		o.Bytes = 8 << 20
	}
	t := &Tail{o: o, wake: make(chan struct{}, 1), slots: make(chan struct{}, 4), news: make(chan struct{})}
	head, err := o.Log.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("newest position: %w", err)
	}
	w := &window{head: head}
	recent, err := o.Log.After(ctx, max(0, head-pageSize), pageSize) // those who come back after a restart find them here
	if err != nil {
		return nil, err
	}
	recent = slices.DeleteFunc(recent, func(e eventlog.Entry) bool { return e.Seq > head })
	t.kept.Store(w.with(recent, o.Entries, o.Bytes))
	o.Log.OnCommit(func() {
		t.local.Store(true)
		t.nudge()
	})
	return t, nil
}

func (t *Tail) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Run follows until ctx ends.
func (t *Tail) Run(ctx context.Context) error {
	defer t.o.Broker.Subscribe(eventsTopic, func([]byte) { t.nudge() })()
	poll := time.NewTimer(t.o.Poll)
	defer poll.Stop()
	broken := false
	for {
		if t.local.Swap(false) {
			t.o.Broker.Publish(eventsTopic, nil)
		}
		if err := t.read(ctx); err != nil && ctx.Err() == nil {
			if !broken {
				slog.ErrorContext(ctx, "the event log can't be read, screens stand still until it can", "error", err)
			}
			broken = true
		} else {
			broken = false
		}
		poll.Reset(t.o.Poll)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(breath):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.wake:
		case <-poll.C:
		}
	}
}

func (t *Tail) read(ctx context.Context) error {
	for {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		page, err := t.o.Log.After(ctx, t.Head(), pageSize)
		cancel()
		if err != nil || len(page) == 0 {
			return err
		}
		t.take(page)
		if len(page) < pageSize {
			return nil
		}
	}
}

func (t *Tail) take(page []eventlog.Entry) {
	t.kept.Store(t.kept.Load().with(page, t.o.Entries, t.o.Bytes))
	t.mu.Lock()
	all, news := slices.Clone(t.followers), t.news
	t.news = make(chan struct{})
	t.mu.Unlock()
	for _, f := range all {
		f.tell(page)
	}
	close(news)
}

func (f *follower) tell(page []eventlog.Entry) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("a follower of the event log panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	f.f(page)
}

// Follow calls f, in one goroutine and in order, with every entry that is committed after Follow returned (and perhaps with some from just
// before): follow first, then load what f keeps up to date. f must not block, and must not change the entries. Sockets learn of an entry after all followers have: rights that f keeps are in force before it is shown.
func (t *Tail) Follow(f func([]eventlog.Entry)) (cancel func()) {
	me := &follower{f}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.followers = append(t.followers, me)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.followers = slices.DeleteFunc(slices.Clone(t.followers), func(f *follower) bool { return f == me })
	}
}

// Head is the newest position this node knows of.
func (t *Tail) Head() int64 { return t.kept.Load().head }

// News is closed when there are entries after the Head of this moment. Ask for it before reading.
func (t *Tail) News() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.news
}

// After is up to limit entries after pos, in order, none when pos is the Head or beyond it: from memory where that reaches back, else from the log.
// When the first one is not pos+1, what lay between is forgotten. The entries are shared; do not change them.
func (t *Tail) After(ctx context.Context, pos int64, limit int) ([]eventlog.Entry, error) {
	if page, ok := t.kept.Load().after(pos, limit); ok {
		return page, nil
	}
	return t.fromLog(ctx, pos, limit)
}

func (t *Tail) fromLog(ctx context.Context, pos int64, limit int) ([]eventlog.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return t.o.Log.After(ctx, pos, limit)
}

// ReachesBack tells whether everything after pos can still be had, and pos is not ahead of the log.
func (t *Tail) ReachesBack(ctx context.Context, pos int64) (bool, error) {
	w := t.kept.Load()
	if pos >= w.head-int64(len(w.entries)) && pos <= w.head {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return t.o.Log.ReachesBack(ctx, pos)
}

// window is the newest entries without a hole, the last of them at head. It never changes; with makes the next one.
type window struct {
	entries []eventlog.Entry
	head    int64
	bytes   int // of frames in entries
	dropped int // bytes that the array below entries still holds
}

func (w *window) with(page []eventlog.Entry, entries, size int) *window {
	if len(page) == 0 {
		return w
	}
	next := *w
	if page[0].Seq != w.head+1 || len(w.entries) == 0 {
		next = window{}
	}
	next.entries = append(next.entries, page...) // readers of w see only up to their own length
	next.head = page[len(page)-1].Seq
	for _, e := range page {
		next.bytes += len(e.Frame)
	}
	for len(next.entries) > entries || next.bytes > size && len(next.entries) > 1 {
		n := len(next.entries[0].Frame)
		next.bytes, next.dropped = next.bytes-n, next.dropped+n
		next.entries = next.entries[1:]
	}
	if next.dropped > size/4 {
		next.entries, next.dropped = slices.Clone(next.entries), 0
	}
	return &next
}

// after answers ok false when pos lies before what is kept.
func (w *window) after(pos int64, limit int) (page []eventlog.Entry, ok bool) {
	if pos >= w.head {
		return nil, true
	}
	i := int64(len(w.entries)) - (w.head - pos)
	if i < 0 {
		return nil, false
	}
	return w.entries[i:min(int(i)+limit, len(w.entries))], true
}
