package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/connectors/connectortest/fakepbx"
	"parley/connectors/connectortest/faketelegram"
	"parley/connectors/connectortest/faketwilio"
	"parley/internal/db/dbtest"
)

// the program is killed again and again while every channel that is told things over HTTP pours in and providers repeat one item in five.
// What was acknowledged is there, once, and every person is one contact.
func TestNothingIsLostOrDoubledWhenItIsKilled(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 20
	}
	eachDatabase(t, dbtest.DurablePostgresURL, func(t *testing.T, databaseURL string) {
		s := storm(t, serving(t, built(t, shipped), databaseURL), rounds)
		if len(s.items) < 2*rounds {
			t.Errorf("only %d items in %d rounds: the storm was too thin to tell anything", len(s.items), rounds)
		}
		got := s.count()
		if got.lost != 0 || got.doubled != 0 {
			t.Errorf("of %d items %d are lost and %d are there more than once, e.g. %s", len(s.items), got.lost, got.doubled, got.example)
		}
		for _, complaint := range got.complaints {
			t.Error(complaint)
		}
	})
}

func TestAcknowledgingBeforeTheCommitIsCaught(t *testing.T) {
	h := serving(t, built(t, mutant), "", "MUTANT=acknowledge-first")
	got := storm(t, h, 15).count()
	if got.lost == 0 {
		t.Error("the mutant lost nothing: the test of R-01 can't see what it is for")
	}
}

func TestTheShippedBinaryHoldsNoMutant(t *testing.T) {
	for path, want := range map[string]bool{built(t, shipped): false, built(t, mutant): true} {
		b, err := os.ReadFile(path)
		if err != nil || bytes.Contains(b, []byte("acknowledge-first")) != want {
			t.Errorf("%s holds the mutants: %t, %v", path, !want, err)
		}
	}
}

// item is one thing that a provider has to tell.
type item struct {
	kind   string // sms, telegram, form, chat, call
	sender int
	text   string    // in the message, "" for a call
	step   string    // of a call
	at     time.Time // of a call's start; its second tells calls apart
	post   func() error
	acked  bool
}

const senders = 25 // on each channel

// tempest is a storm's providers and what they had to tell.
type tempest struct {
	*hub
	sms, tg, form, chat, pbx channel
	twilio                   *faketwilio.Server
	bot                      *faketelegram.Server
	exchange                 *fakepbx.PBX
	began                    time.Time

	mu       sync.Mutex
	items    []*item
	visitors [senders]*chatter
}

// chatter is a visitor who comes back after every cut.
type chatter struct {
	mu    sync.Mutex
	token string
	now   *visitor
}

const botSecret = "storm-secret_1"

// storm kills the hub once a round while providers write, and then lets them deliver what was never acknowledged.
func storm(t *testing.T, h *hub, rounds int) *tempest {
	t.Helper()
	s := &tempest{hub: h, began: time.Now().Add(-24 * time.Hour).UTC().Truncate(time.Second)}
	s.open(t)
	var over atomic.Bool
	var writers sync.WaitGroup
	for _, kind := range []string{"sms", "telegram", "form", "chat", "call"} {
		writers.Go(func() { s.write(kind, &over) })
	}
	for range rounds {
		time.Sleep(time.Duration(2+rand.IntN(120)) * time.Millisecond) // a fresh process on PostgreSQL needs 30 ms for its first item
		h.kill()
		h.serve()
	}
	over.Store(true)
	writers.Wait()
	s.deliverTheRest()
	t.Logf("%d rounds, %d items", rounds, len(s.items))
	return s
}

// open connects the channels.
func (s *tempest) open(t *testing.T) {
	var err error
	if s.twilio, err = faketwilio.Start(); err == nil {
		t.Cleanup(s.twilio.Close)
		if s.bot, err = faketelegram.Start(); err == nil {
			t.Cleanup(s.bot.Close)
			s.exchange, err = fakepbx.New(nil)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.exchange.Close)
	s.sms = s.connect("sms", s.twilio.Config())
	bot := s.bot.Config("webhook")
	bot["webhook_secret"] = botSecret
	s.tg = s.connect("telegram", bot)
	s.pbx = s.connect("telephony", s.exchange.Config())
	s.form = s.connect("form", object{"allowed_origins": []string{"*"}})
	s.chat = s.connect("webchat", object{"allowed_origins": []string{"*"}})
	for _, c := range []channel{s.sms, s.tg, s.pbx, s.form, s.chat} {
		s.running(c)
	}
	for i := range s.visitors {
		s.visitors[i] = &chatter{}
	}
}

// make is the n-th item of a kind.
func (s *tempest) make(kind string, n int) *item {
	it := &item{kind: kind, sender: n % senders, text: fmt.Sprintf("storm-%s-%06d.", kind, n)}
	switch kind {
	case "sms":
		form := s.twilio.Inbound(fmt.Sprintf("+1415557%04d", it.sender), it.text, nil)
		it.post = func() error {
			status, _, err := s.twilio.Post(context.Background(), s.sms.URLs["inbound"], form)
			return taken(status, err)
		}
	case "telegram":
		u := s.bot.Message(faketelegram.Person{ID: int64(900_000 + it.sender), First: "Storm"}, it.text, nil)
		it.post = func() error { return taken(s.bot.Post(context.Background(), s.tg.URLs["updates"], botSecret, u.JSON)) }
	case "form":
		body := object{"name": "Storm Person", "email": fmt.Sprintf("storm%d@mail.example", it.sender), "message": it.text}
		header := http.Header{"Idempotency-Key": {it.text}, "X-Forwarded-For": {fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)}}
		it.post = func() error {
			status, _, err := s.do(http.MethodPost, "/hooks/form/"+s.form.ID, header, body)
			return taken(status, err)
		}
	case "chat":
		it.post = func() error { return s.visitors[it.sender].say(s, it.text) }
	case "call":
		s.makeCall(it, n)
	}
	return it
}

var callSteps = []string{"ringing", "answered", "ended"}

// makeCall makes every three items the three steps of a call.
func (s *tempest) makeCall(it *item, n int) {
	call, talk := n/len(callSteps), 7
	it.sender, it.step, it.at = call%senders, callSteps[n%len(callSteps)], s.began.Add(time.Duration(call)*20*time.Second)
	e := fakepbx.Event{Event: it.step, CallID: fmt.Sprint("storm-", call), Direction: "inbound", From: fmt.Sprintf("+1415558%04d", it.sender), To: fakepbx.OwnNumber,
		At: it.at.Add(time.Duration(n%len(callSteps)) * 5 * time.Second)}
	if it.step == "ended" {
		e.TalkSeconds = &talk
	}
	id := "evt-" + it.text
	it.post = func() error { return s.exchange.Post(context.Background(), s.pbx.URLs["events"], id, e) }
}

func taken(status int, err error) error {
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("answered %d", status)
	}
	return err
}

func (c *chatter) say(s *tempest, text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil {
		v, err := s.visit(s.chat.ID, c.token)
		if err != nil {
			return err
		}
		c.now, c.token = v, v.token
	}
	err := c.now.say(text, text)
	if refused := (*refusedFrame)(nil); err != nil && !errors.As(err, &refused) {
		_ = c.now.conn.Close()
		c.now = nil
	}
	return err
}

// write is one provider: one item after another, each until it was taken, and one in five once more.
func (s *tempest) write(kind string, over *atomic.Bool) {
	for n := 0; !over.Load(); n++ {
		it := s.make(kind, n)
		s.mu.Lock()
		s.items = append(s.items, it)
		s.mu.Unlock()
		for !over.Load() && !it.acked {
			if it.acked = it.post() == nil; !it.acked {
				time.Sleep(3 * time.Millisecond)
			}
		}
		if it.acked && rand.IntN(5) == 0 {
			_ = it.post()
		}
	}
}

// deliverTheRest is the providers after the storm: what they never heard a yes for they repeat until they do, and one in five of the rest.
func (s *tempest) deliverTheRest() {
	s.t.Helper()
	var never atomic.Int64
	queue := make(chan *item)
	var posting sync.WaitGroup
	for range 4 {
		posting.Go(func() {
			for it := range queue {
				for try := 0; try < 100 && (try == 0 || !it.acked); try++ {
					if it.post() == nil {
						it.acked = true
					} else {
						time.Sleep(20 * time.Millisecond)
					}
				}
				if !it.acked {
					never.Add(1)
				}
			}
		})
	}
	for _, it := range s.items {
		if !it.acked || rand.IntN(5) == 0 {
			queue <- it
		}
	}
	close(queue)
	posting.Wait()
	if n := never.Load(); n > 0 {
		s.t.Errorf("%d items were not taken after the storm either", n)
	}
}
