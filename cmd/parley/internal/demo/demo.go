// Package demo fills an installation with the believable life of a made-up shop: customers who write through every channel and
// answer what agents write to them. They use the real connectors against fakes of the providers in this process; the shop's people use the
// public API. Nothing is written past them.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest/faketelegram"
	"parley/connectors/connectortest/faketwilio"
)

// Options are how the demo goes.
type Options struct {
	Base  string // the hub's address, http://127.0.0.1:PORT
	Out   io.Writer
	Clock *Clock  // the hub's; begins a week ago
	Speed float64 // how many times faster than life the customers are; 0: 1
}

// Show is the shop with its customers.
type Show struct {
	o         Options
	door      *client
	providers *providers
	office    *office
	feed      *feed
	customers *directory
	live      atomic.Bool // customers answer

	mu    sync.Mutex
	ctx   context.Context // of Run; nil before and once it is over
	named map[string]int  // newcomers by language
	hands sync.WaitGroup
}

// New starts the providers; Close ends them.
func New(o Options) (*Show, error) {
	if o.Speed <= 0 {
		o.Speed = 1
	}
	p, err := openProviders(o.Clock.Now)
	if err != nil {
		return nil, fmt.Errorf("the demo's providers: %w", err)
	}
	return &Show{o: o, door: newClient(o.Base), providers: p, customers: newDirectory(), named: map[string]int{}}, nil
}

// Close ends the providers, after Run.
func (s *Show) Close() {
	s.providers.close()
	s.door.http.CloseIdleConnections()
}

// Run opens the shop, lets the past week happen and then goes on live, until ctx ends. An error before that means that the shop could
// not be opened or that its past could not happen.
func (s *Show) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.finish()
	defer cancel()
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	err := s.open(ctx)
	if err == nil {
		s.welcome()
		err = s.past(ctx)
	}
	s.o.Clock.Home()
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	s.live.Store(true)
	fmt.Fprintln(s.o.Out, "The past week is in. From now on customers write by themselves, every few seconds.")
	s.present(ctx)
	<-ctx.Done()
	return nil
}

// finish waits for all that was started; ctx has ended.
func (s *Show) finish() {
	s.mu.Lock()
	s.ctx = nil
	s.mu.Unlock()
	s.hands.Wait()
}

func (s *Show) open(ctx context.Context) error {
	var err error
	if s.office, err = openOffice(ctx, s.o.Base, s.providers); err != nil {
		return fmt.Errorf("open the shop: %w", err)
	}
	s.feed = newFeed(s.office.people[nora].api)
	s.start(s.feed.run)
	s.start(s.readPost)
	s.providers.twilio.OnCreate(s.textArrived)
	s.providers.telegram.OnSend(s.telegramArrived)
	return nil
}

func (s *Show) welcome() {
	fmt.Fprintf(s.o.Out, `
Parley's demo: Fernleaf, houseplants by post. Shop and customers are made up; the channels are real, their providers run in this program.

  Open       %[1]s
  Owner      %[2]s      password %[5]s
  Agents     %[3]s, %[4]s      the same password

  Answer     somebody in the inbox: they write back within seconds.
  Watch      calls ring, messages change from sent to delivered and read, leads come from the form.
  Be a customer yourself in the chat at %[1]s/demo

Ctrl-C ends it and leaves nothing behind. A week of history is coming in now.
`, s.o.Base, ownerMail, agentMail, otherMail, Password)
}

// start runs f until the demo ends; false when it has ended.
func (s *Show) start(f func(ctx context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.ctx.Err() != nil {
		return false
	}
	ctx := s.ctx
	s.hands.Go(func() { f(ctx) })
	return true
}

// later does f after about so long.
func (s *Show) later(after time.Duration, f func(ctx context.Context) error) {
	s.start(func(ctx context.Context) {
		if pause(ctx, s.about(after)); ctx.Err() != nil {
			return
		}
		if err := f(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "a scene of the demo went wrong", "error", err)
		}
	})
}

// about is d give or take a third, at the demo's speed.
func (s *Show) about(d time.Duration) time.Duration {
	return time.Duration((float64(d)*2/3 + rand.Float64()*float64(d)*2/3) / s.o.Speed)
}

// react has a customer answer the shop's words after a few seconds.
func (s *Show) react(c *customer, words string, write func(ctx context.Context, line string) error) {
	if !s.live.Load() {
		return
	}
	line := c.begin(words)
	if line == "" {
		return
	}
	s.later(4*time.Second, func(ctx context.Context) error {
		c.done()
		return write(ctx, line)
	})
}

// unreachable is a number whose telephone is switched off.
const unreachable = "+447700900999"

// textArrived: the shop sent an SMS.
func (s *Show) textArrived(m faketwilio.Message) {
	to := m.Form.Get("To")
	s.later(700*time.Millisecond, func(ctx context.Context) error {
		status, code := "delivered", 0
		if to == unreachable {
			status, code = "undelivered", 30003
		}
		_, err := s.providers.twilio.Callback(ctx, m, status, code)
		return err
	})
	if c := s.customers.withPhone(to); c != nil && to != unreachable {
		s.react(c, m.Form.Get("Body"), func(ctx context.Context, line string) error { return s.writeText(ctx, c, saying{text: line}) })
	}
}

// telegramArrived: the bot sent a message.
func (s *Show) telegramArrived(sent faketelegram.Call) {
	c := s.customers.withTelegram(sent.ChatID())
	if c == nil {
		return
	}
	words := sent.Params.Get("text") + sent.Params.Get("caption")
	s.react(c, words, func(_ context.Context, line string) error {
		_, err := s.writeTelegram(c, saying{text: line})
		return err
	})
}

var errNoChannel = errors.New("customers can't write there")

// write has a customer say something by a channel of that type, as the first thing or into what they have there already.
func (s *Show) write(ctx context.Context, c *customer, on string, w saying) error {
	switch on {
	case connectors.Email:
		return s.writeMail(c, w, nil)
	case connectors.SMS:
		return s.writeText(ctx, c, w)
	case connectors.Telegram:
		_, err := s.writeTelegram(c, w)
		return err
	case connectors.Webchat:
		return s.chat(ctx, c, w.text)
	}
	return errNoChannel
}
