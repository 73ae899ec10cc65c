package email

import (
	"context"
	"strings"
	"sync"

	"parley/connectors"
)

// healthBoard turns the states of several mailboxes into one of the channel.
type healthBoard struct {
	sink  connectors.Sink
	names []string // in the order in which they are told

	mu      sync.Mutex
	reached map[string]bool
	failing map[string]string // mailbox → what is wrong
	figures map[string]connectors.Reconciliation
}

func newBoard(sink connectors.Sink, names []string) *healthBoard {
	return &healthBoard{sink: sink, names: names, reached: map[string]bool{}, failing: map[string]string{}, figures: map[string]connectors.Reconciliation{}}
}

// connected notes that a mailbox is read up to its end.
func (b *healthBoard) connected(ctx context.Context, mailbox string) {
	b.mu.Lock()
	b.reached[mailbox] = true
	delete(b.failing, mailbox)
	b.mu.Unlock()
	b.tell(ctx)
}

// reconciled notes how a mailbox compares with what is stored.
func (b *healthBoard) reconciled(ctx context.Context, r connectors.Reconciliation) {
	b.mu.Lock()
	b.figures[r.Box] = r
	b.mu.Unlock()
	b.tell(ctx)
}

// tell reports the channel as connected once every mailbox is.
func (b *healthBoard) tell(ctx context.Context) {
	b.mu.Lock()
	fine, words := len(b.reached) == len(b.names) && len(b.failing) == 0, b.words()
	b.mu.Unlock()
	if fine {
		b.sink.Report(ctx, connectors.Health{State: connectors.StateConnected, Detail: words})
	}
}

// words is the last comparison of each mailbox. mu is held.
func (b *healthBoard) words() string {
	var parts []string
	for _, name := range b.names {
		if r, ok := b.figures[name]; ok && len(b.names) > 1 {
			parts = append(parts, name+": "+r.String())
		} else if ok {
			parts = append(parts, r.String())
		}
	}
	return strings.Join(parts, "; ")
}

func (b *healthBoard) failed(ctx context.Context, mailbox string, err error) {
	b.mu.Lock()
	b.failing[mailbox] = err.Error()
	b.mu.Unlock()
	b.sink.Report(ctx, connectors.Health{State: connectors.StateError, Detail: mailbox + ": " + err.Error()})
}
