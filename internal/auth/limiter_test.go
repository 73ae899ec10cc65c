package auth

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stopwatch is a clock that a test moves.
type stopwatch struct{ at atomic.Int64 }

func (s *stopwatch) now() time.Time          { return time.Unix(0, s.at.Load()).UTC() }
func (s *stopwatch) forward(d time.Duration) { s.at.Add(int64(d)) }

func newStopwatch() *stopwatch {
	s := &stopwatch{}
	s.at.Store(time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC).UnixNano())
	return s
}

func fail(l *Login, n int, account, address string) (granted int, wait time.Duration) {
	for range n {
		w, ok := l.Try(account, address)
		if ok {
			granted++
		} else {
			wait = w
		}
	}
	return granted, wait
}

func TestTheEleventhGuessWaits(t *testing.T) {
	clock := newStopwatch()
	l := NewLogin(clock.now)
	granted, wait := fail(l, 25, "olga@hub.test", "203.0.113.7")
	if granted != 10 || wait <= 0 || wait > 90*time.Second {
		t.Fatalf("%d guesses, then wait %s", granted, wait)
	}
	if g, _ := fail(l, 1, " OLGA@hub.test ", "::ffff:203.0.113.7"); g != 0 {
		t.Error("other spelling, another guess")
	}
	if g, _ := fail(l, 1, "olga@hub.test", "198.51.100.2"); g != 1 {
		t.Error("the person herself is locked out at home")
	}
	clock.forward(wait)
	if g, _ := fail(l, 5, "olga@hub.test", "203.0.113.7"); g != 1 {
		t.Errorf("after the wait %d guesses, want 1", g)
	}
	clock.forward(15 * time.Minute)
	if g, _ := fail(l, 25, "olga@hub.test", "203.0.113.7"); g != 10 {
		t.Errorf("after a quarter of an hour %d guesses, want 10", g)
	}
}

func TestAnUnknownAccountIsCountedLikeAnyOther(t *testing.T) {
	l := NewLogin(newStopwatch().now)
	known, w1 := fail(l, 25, "olga@hub.test", "203.0.113.7")
	unknown, w2 := fail(l, 25, "nobody@hub.test", "203.0.113.8")
	if known != unknown || w1 != w2 {
		t.Errorf("%d and %s against %d and %s", known, w1, unknown, w2)
	}
}

func TestManyAccountsFromOneAddressAndOneAccountFromMany(t *testing.T) {
	l := NewLogin(newStopwatch().now)
	granted := 0
	for i := range 100 {
		g, _ := fail(l, 1, fmt.Sprintf("a%d@hub.test", i), "2001:db8:1:2::"+fmt.Sprint(i+1))
		granted += g
	}
	if granted != 30 {
		t.Errorf("one /64 got %d guesses, want 30", granted)
	}
	granted = 0
	for i := range 100 {
		g, _ := fail(l, 1, "olga@hub.test", fmt.Sprintf("198.51.100.%d", i))
		granted += g
	}
	if granted != 30 {
		t.Errorf("one account got %d guesses, want 30", granted)
	}
}

func TestSigningInDoesNotCount(t *testing.T) {
	l := NewLogin(newStopwatch().now)
	for range 200 {
		if _, ok := l.Try("olga@hub.test", "203.0.113.7"); !ok {
			t.Fatal("a person who knows the password is refused")
		}
		l.Passed("olga@hub.test", "203.0.113.7")
	}
}

func TestAClockPutBackLocksNobodyOut(t *testing.T) {
	clock := newStopwatch()
	l := NewLogin(clock.now)
	fail(l, 25, "olga@hub.test", "203.0.113.7")
	clock.forward(-24 * time.Hour)
	if g, wait := fail(l, 11, "olga@hub.test", "203.0.113.7"); g != 10 || wait > 15*time.Minute {
		t.Errorf("%d guesses, then wait %s", g, wait)
	}
}

func TestTheLimiterForgetsTheLongestUnseen(t *testing.T) {
	l := NewLimiter(newStopwatch().now, 2, time.Minute, 100)
	for i := range 10_000 {
		l.Take("early")
		l.Take(fmt.Sprint(i))
	}
	if len(l.seen) != 100 || l.used.Len() != 100 {
		t.Errorf("%d and %d remembered, want 100", len(l.seen), l.used.Len())
	}
	if _, ok := l.Take("early"); ok {
		t.Error("the one in use was forgotten")
	}
}

func TestConcurrentGuessesAreAllCounted(t *testing.T) {
	l := NewLogin(newStopwatch().now)
	var granted atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, ok := l.Try("olga@hub.test", "203.0.113.7"); ok {
				granted.Add(1)
			}
		})
	}
	wg.Wait()
	if granted.Load() > 10 {
		t.Errorf("%d guesses at once", granted.Load())
	}
}
