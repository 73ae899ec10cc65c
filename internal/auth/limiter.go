package auth

import (
	"container/list"
	"net/netip"
	"strings"
	"sync"
	"time"

	"parley/internal/clock"
)

// Limiter lets each key do something burst times at once and then once every so often. It remembers at most max keys; when
// there are more, the one unseen for longest is forgotten. It is safe for concurrent use.
type Limiter struct {
	now   clock.Clock
	burst int
	every time.Duration
	max   int

	mu   sync.Mutex
	seen map[string]*list.Element
	used *list.List // of *spent, the latest first
}

// spent is until when a key's uses are paid for (the theoretical arrival time of the generic cell rate algorithm).
type spent struct {
	key   string
	until time.Time
}

// NewLimiter gives each of at most max keys burst uses per period, flowing back evenly.
func NewLimiter(now clock.Clock, burst int, period time.Duration, max int) *Limiter {
	return &Limiter{now: now, burst: burst, every: period / time.Duration(burst), max: max, seen: map[string]*list.Element{}, used: list.New()}
}

// Take uses one of key's uses. When none is left it says how long to wait for the next.
func (l *Limiter) Take(key string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	s := l.of(key, now)
	until := s.until.Add(l.every)
	if over := until.Sub(now) - time.Duration(l.burst)*l.every; over > 0 {
		return over, false
	}
	s.until = until
	return 0, true
}

// GiveBack returns a use that Take had granted.
func (l *Limiter) GiveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.seen[key]; ok {
		s := e.Value.(*spent)
		s.until = s.until.Add(-l.every)
	}
}

// of is the state of a key, between now (unused) and a whole burst later. What lies behind that comes from before the clock was
// put back, and is forgotten: it must not lock anybody out.
func (l *Limiter) of(key string, now time.Time) *spent {
	e, ok := l.seen[key]
	if !ok {
		if l.used.Len() >= l.max {
			oldest := l.used.Back()
			delete(l.seen, oldest.Value.(*spent).key)
			l.used.Remove(oldest)
		}
		e = l.used.PushFront(&spent{key: key, until: now})
		l.seen[key] = e
	}
	l.used.MoveToFront(e)
	s := e.Value.(*spent)
	if full := now.Add(time.Duration(l.burst) * l.every); s.until.Before(now) || s.until.After(full) {
		s.until = now
	}
	return s
}

// Login limits attempts to sign in: of an account from one address, of an account from everywhere, and of an address. It counts
// accounts that do not exist like all others, so its answers tell nothing about them.
type Login struct{ pair, account, address *Limiter }

// NewLogin allows ten failures in 15 minutes for an account from one address, and thirty for an account or an address in all.
func NewLogin(now clock.Clock) *Login {
	const period, keys = 15 * time.Minute, 20_000
	return &Login{
		pair:    NewLimiter(now, 10, period, keys),
		account: NewLimiter(now, 30, period, keys),
		address: NewLimiter(now, 30, period, keys),
	}
}

// Try counts an attempt before the password is looked at. When it is one too many it says how long to wait.
func (l *Login) Try(account, address string) (wait time.Duration, ok bool) {
	account, address = fold(account), network(address)
	if wait, ok = l.address.Take(address); !ok {
		return wait, false
	}
	if wait, ok = l.pair.Take(account + "\n" + address); !ok {
		l.address.GiveBack(address)
		return wait, false
	}
	if wait, ok = l.account.Take(account); !ok {
		l.address.GiveBack(address)
		l.pair.GiveBack(account + "\n" + address)
		return wait, false
	}
	return 0, true
}

// Passed takes back the attempt that Try counted: the person signed in, only failures count.
func (l *Login) Passed(account, address string) {
	account, address = fold(account), network(address)
	l.address.GiveBack(address)
	l.pair.GiveBack(account + "\n" + address)
	l.account.GiveBack(account)
}

// fold is an account's key: bounded, whatever was typed.
func fold(account string) string {
	return HashToken(strings.ToLower(strings.TrimSpace(account)))
}

// network is the address, or the /64 of an IPv6 address: one customer of a provider has all of it.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	p, _ := a.WithZone("").Prefix(64)
	return p.String()
}
