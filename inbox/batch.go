package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"parley/connectors"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

const (
	batchMost  = 64   // items in one commit
	apartMost  = 3    // items that are set apart before all of a commit are done one by one
	batchQueue = 1024 // items that wait; more are turned away, their provider comes again
)

// batch gathers concurrent items into one commit: while one is being written to disk the next ones line up behind it, so a
// busy hour costs one fsync for many. There is no timer: a single item is committed at once.
type batch struct {
	log   *eventlog.Log
	queue chan *entry

	mu     sync.RWMutex
	closed bool
}

type entry struct {
	item   *item
	accept acceptance
	out    connectors.Accepted
	done   chan error
}

// acceptance takes an item in.
type acceptance func(tx *gorm.DB, s *sight, it *item) (connectors.Accepted, error)

func newBatch(l *eventlog.Log) *batch {
	return &batch{log: l, queue: make(chan *entry, batchQueue)}
}

var errPanic = errors.New("panic")

var errFull = fault.Unavailable(2*time.Second, "too many messages are coming in at once")

// do takes it in, in a transaction that it may share with others; its failure undoes itself alone. It returns after the commit.
func (g *batch) do(it *item, accept acceptance) (connectors.Accepted, error) {
	e := &entry{item: it, accept: guarded(accept), done: make(chan error, 1)}
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return connectors.Accepted{}, fault.Unavailable(time.Second, "the server is stopping")
	}
	select {
	case g.queue <- e:
		g.mu.RUnlock()
	default:
		g.mu.RUnlock()
		return connectors.Accepted{}, errFull
	}
	err := <-e.done // the commit is not far, and who leaves now would not know whether the item is stored
	return e.out, err
}

// run commits until ctx ends, and then what is still in the queue.
func (g *batch) run(ctx context.Context) error {
	for {
		select {
		case e := <-g.queue:
			g.commit(g.gather(e))
		case <-ctx.Done():
			g.mu.Lock()
			g.closed = true
			g.mu.Unlock()
			for {
				select {
				case e := <-g.queue:
					g.commit(g.gather(e))
				default:
					return nil
				}
			}
		}
	}
}

func (g *batch) gather(first *entry) []*entry {
	all := []*entry{first}
	for len(all) < batchMost {
		select {
		case e := <-g.queue:
			all = append(all, e)
		default:
			return all
		}
	}
	return all
}

// commit writes all of them at once. When one fails, nothing of them is written; it is set apart and the others go on without it. Who
// failed on a unique index met another node at work on the same thing; done once more, alone, it finds what the other made.
// When the whole could not be written each is tried alone: one that can't be stored must not keep the others out.
func (g *batch) commit(all []*entry) {
	for apart := 0; len(all) > 1 && apart < apartMost; apart++ {
		bad, err := g.together(all)
		switch {
		case bad >= 0 && !db.Away(err):
			defer g.alone(all[bad])
			all = slices.Delete(all, bad, bad+1)
			continue
		case err != nil && !db.Away(err): // a statement for many rows: it may be anybody's
			apart = apartMost
			continue
		}
		for _, e := range all {
			e.done <- err
		}
		return
	}
	for _, e := range all {
		g.alone(e)
	}
}

// together answers who failed, -1 when all of them did or nobody.
func (g *batch) together(all []*entry) (bad int, err error) {
	err = g.log.Transaction(context.Background(), func(tx *gorm.DB) error {
		bad = -1
		items := make([]*item, len(all))
		for i, e := range all {
			items[i] = e.item
		}
		s, err := sightTx(tx, items)
		if err != nil {
			return err
		}
		for i, e := range all {
			if e.out, err = e.accept(tx, s, e.item); err != nil {
				bad = i
				return err
			}
		}
		return nil
	})
	return bad, err
}

func (g *batch) alone(e *entry) {
	_, err := g.together([]*entry{e})
	if db.IsDuplicate(err) || db.GaveWay(err) {
		_, err = g.together([]*entry{e})
	}
	e.done <- err
}

// guarded makes a panic of one item that item's failure: the others, and the process, go on.
func guarded(accept acceptance) acceptance {
	return func(tx *gorm.DB, s *sight, it *item) (out connectors.Accepted, err error) {
		defer func() {
			if p := recover(); p != nil {
				slog.Error("an item made the inbox panic", "panic", p, "stack", string(debug.Stack()))
				err = fmt.Errorf("%w: %v", errPanic, p)
			}
		}()
		return accept(tx, s, it)
	}
}
