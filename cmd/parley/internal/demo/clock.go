package demo

import (
	"sync/atomic"
	"time"

	"parley/internal/clock"
)

// Clock begins in the past, is moved forward from one scene to the next, and in the end runs with the real one. It never goes back.
type Clock struct {
	real   clock.Clock
	behind atomic.Int64 // nanoseconds
}

// NewClock is behind real by so much.
func NewClock(real clock.Clock, behind time.Duration) *Clock {
	c := &Clock{real: real}
	c.behind.Store(int64(behind))
	return c
}

// Now is a clock.Clock.
func (c *Clock) Now() time.Time { return c.real().Add(-time.Duration(c.behind.Load())) }

// MoveTo makes it t, unless it is later already; t lies in the past.
func (c *Clock) MoveTo(t time.Time) {
	if behind := c.real().Sub(t); behind >= 0 && behind < time.Duration(c.behind.Load()) {
		c.behind.Store(int64(behind))
	}
}

// Home makes it the present.
func (c *Clock) Home() { c.behind.Store(0) }
