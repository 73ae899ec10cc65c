package webchat

import "time"

// bucket lets through burst at once and then one per every. It is used by one goroutine.
type bucket struct {
	burst int
	every time.Duration
	level time.Duration // what was taken and has not run out yet
	last  time.Time
}

// take tells whether one more may pass now, and otherwise how long it has to wait.
func (b *bucket) take(now time.Time) (wait time.Duration, ok bool) {
	if passed := now.Sub(b.last); passed > 0 {
		b.level = max(0, b.level-passed)
	}
	b.last = now
	if over := b.level + b.every - time.Duration(b.burst)*b.every; over > 0 {
		return over, false
	}
	b.level += b.every
	return 0, true
}
