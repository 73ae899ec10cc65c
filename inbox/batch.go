package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"parley/internal/db"
	"parley/internal/fault"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

const (
	batchMost  = 64   // items in one commit
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
	do   func(tx *gorm.DB) error
	done chan error
}

func newBatch(l *eventlog.Log) *batch {
	return &batch{log: l, queue: make(chan *entry, batchQueue)}
}

var errPanic = errors.New("panic")

var errFull = fault.Unavailable(2*time.Second, "too many messages are coming in at once")

// do runs f in a transaction that it may share with others; f's failure undoes f alone. It returns after the commit.
func (g *batch) do(f func(tx *gorm.DB) error) error {
	e := &entry{do: guarded(f), done: make(chan error, 1)}
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return fault.Unavailable(time.Second, "the server is stopping")
	}
	select {
	case g.queue <- e:
		g.mu.RUnlock()
	default:
		g.mu.RUnlock()
		return errFull
	}
	return <-e.done // the commit is not far, and who leaves now would not know whether the item is stored
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

// commit writes all of them at once. An item whose part failed on a unique index met another node at work on the same thing;
// it is done once more, alone, and then finds what the other made.
func (g *batch) commit(all []*entry) {
	if len(all) == 1 {
		all[0].done <- g.alone(all[0])
		return
	}
	errs := make([]error, len(all))
	err := g.log.Transaction(context.Background(), func(tx *gorm.DB) error {
		for i, e := range all {
			errs[i] = eventlog.StepTx(tx, e.do)
		}
		return nil
	})
	for i, e := range all {
		switch {
		case err != nil:
			e.done <- err
		case db.IsDuplicate(errs[i]):
			e.done <- g.alone(e)
		default:
			e.done <- errs[i]
		}
	}
}

func (g *batch) alone(e *entry) error {
	err := g.log.Transaction(context.Background(), e.do)
	if db.IsDuplicate(err) {
		err = g.log.Transaction(context.Background(), e.do)
	}
	return err
}

// guarded makes a panic of one item that item's failure: the others, and the process, go on.
func guarded(f func(tx *gorm.DB) error) func(tx *gorm.DB) error {
	return func(tx *gorm.DB) (err error) {
		defer func() {
			if p := recover(); p != nil {
				slog.Error("an item made the inbox panic", "panic", p, "stack", string(debug.Stack()))
				err = fmt.Errorf("%w: %v", errPanic, p)
			}
		}()
		return f(tx)
	}
}
