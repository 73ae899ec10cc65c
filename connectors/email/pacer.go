package email

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	pacerMost   = 10_000           // mails that wait for their moment
	pacerForget = 10 * time.Minute // after its moment a mail that did not come again has lost it
)

// pacer lets mails leave at a rate. A mail that comes too early is given a moment of its own, so that many that wait do not all come again
// for the same one.
type pacer struct {
	mu      sync.Mutex
	limit   *rate.Limiter
	moments map[string]time.Time // by message
}

// newPacer is nil when there is no limit. A tenth of a minute's mail may leave at once.
func newPacer(perMinute int) *pacer {
	if perMinute == 0 {
		return nil
	}
	return &pacer{limit: rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, perMinute/10)), moments: map[string]time.Time{}}
}

// wait is how long message id must wait; 0: it may leave now, and is counted.
func (p *pacer) wait(id string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, given := p.moments[id]; given {
		if d := at.Sub(now); d > 0 {
			return d
		}
		delete(p.moments, id)
		return 0
	}
	if len(p.moments) >= pacerMost {
		if p.forget(now); len(p.moments) >= pacerMost {
			return pacerForget
		}
	}
	d := p.limit.ReserveN(now, 1).DelayFrom(now)
	if d > 0 {
		p.moments[id] = now.Add(d)
	}
	return d
}

// forget drops the moments that passed unused. mu is held.
func (p *pacer) forget(now time.Time) {
	for id, at := range p.moments {
		if now.Sub(at) > pacerForget {
			delete(p.moments, id)
		}
	}
}
