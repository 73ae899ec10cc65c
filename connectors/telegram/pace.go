package telegram

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"parley/connectors"
)

// Telegram's own figures (core.telegram.org/bots/faq): about 30 messages a second in all, one a second in a chat.
const (
	botRate, botBurst   = 25, 25
	chatRate, chatBurst = 1, 3
	longestWait         = 5 * time.Second // a message that must wait longer goes back to its queue
	chatsRemembered     = 4096
)

// pace keeps a bot within Telegram's limits.
type pace struct {
	now func() time.Time
	bot *rate.Limiter

	mu    sync.Mutex // guards what follows
	chats map[string]*rate.Limiter
	until time.Time // Telegram asked for silence until then
}

func newPace(now func() time.Time) *pace {
	return &pace{now: now, bot: rate.NewLimiter(botRate, botBurst), chats: map[string]*rate.Limiter{}}
}

// wait returns nil when a message for chat may go, and connectors.Retry when its turn is too far away.
func (p *pace) wait(ctx context.Context, chat string) error {
	now := p.now()
	if quiet := p.quietFor(now); quiet > 0 {
		return connectors.Retry(errors.New("Telegram asked this bot to be quiet for a while"), quiet)
	}
	inChat, inAll := p.chat(chat, now).ReserveN(now, 1), p.bot.ReserveN(now, 1)
	wait := max(inChat.DelayFrom(now), inAll.DelayFrom(now))
	giveUp := func(why error, after time.Duration) error {
		inChat.CancelAt(now)
		inAll.CancelAt(now)
		return connectors.Retry(why, after)
	}
	if wait > longestWait {
		return giveUp(errors.New("more messages are waiting than Telegram allows at once"), wait)
	}
	turn := time.NewTimer(wait)
	defer turn.Stop()
	select {
	case <-turn.C:
		return nil
	case <-ctx.Done():
		return giveUp(ctx.Err(), 0)
	}
}

// hush keeps the whole bot quiet for d.
func (p *pace) hush(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = p.now().Add(d)
}

func (p *pace) quietFor(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until.Sub(now)
}

func (p *pace) chat(id string, now time.Time) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, known := p.chats[id]
	if !known {
		p.forget(now)
		l = rate.NewLimiter(chatRate, chatBurst)
		p.chats[id] = l
	}
	return l
}

// forget drops limiters that are full again: a new one would be the same. The caller holds mu.
func (p *pace) forget(now time.Time) {
	if len(p.chats) < chatsRemembered {
		return
	}
	for id, l := range p.chats {
		if l.TokensAt(now) >= chatBurst {
			delete(p.chats, id)
		}
	}
}
