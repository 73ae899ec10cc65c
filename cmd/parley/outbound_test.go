package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/connectors/connectortest/faketwilio"
	"parley/inbox"
	"parley/internal/db/dbtest"
)

// R-08 in small: replies go out through a provider that times out, refuses, answers 429, breaks and cuts, and the sender is killed
// meanwhile. None is sent twice, none stays silent, and none is said to be sent that was not.
func TestNoReplyIsSentTwiceOrForgotten(t *testing.T) {
	eachDatabase(t, dbtest.DurablePostgresURL, func(t *testing.T, databaseURL string) {
		t.Parallel()
		got := correspond(t, serving(t, built(t, shipped), databaseURL), 500, 10)
		if len(got.twice) > 0 {
			t.Errorf("%d replies were sent twice, e.g. %s", len(got.twice), got.twice[0])
		}
		for _, c := range got.complaints {
			t.Error(c)
		}
		t.Logf("states %v", got.states)
		if doubtful := 12 * 500 / 50; got.states[inbox.Unknown] > doubtful+8*10 { // of the answers, and what was on its way at a kill
			t.Errorf("%d replies are unknown, more than nobody can know of", got.states[inbox.Unknown])
		}
		if got.states[inbox.Sent]+got.states[inbox.Delivered] < 250 || got.states[inbox.FailedMsg] == 0 || got.states[inbox.Unknown] == 0 {
			t.Errorf("the states %v do not show that the provider was faulty and most replies went out", got.states)
		}
	})
}

func TestRepeatingBlindlyIsCaught(t *testing.T) {
	t.Parallel()
	got := correspond(t, serving(t, built(t, mutant), "", "MUTANT=repeat-blindly"), 100, 0)
	if len(got.twice) == 0 {
		t.Error("the mutant sent nothing twice: the test of R-08 can't see what it is for")
	}
}

// correspondence is what became of replies.
type correspondence struct {
	*hub
	twilio        *faketwilio.Server
	sms           channel
	conversations []inbox.ConversationView

	mu      sync.Mutex
	replies map[string]string // words → id of the message that was accepted

	states     map[string]int
	twice      []string
	complaints []string
}

func (r *correspondence) complain(format string, a ...any) {
	r.complaints = append(r.complaints, fmt.Sprintf(format, a...))
}

// faults is a bad day of the provider, in an order of chance; stalls last until the connector's own deadline and are few.
func faults(n int) []faketwilio.Fault {
	limited := faketwilio.Limited
	limited.RetryAfter = 1
	var all []faketwilio.Fault
	for i := range n {
		f := faketwilio.Fault{}
		switch i % 50 {
		case 0, 10, 20, 30:
			f = limited
		case 1, 11, 21:
			f = faketwilio.NoSuchNumber
		case 2, 12, 22:
			f = faketwilio.Broken
		case 3, 13:
			f = faketwilio.BrokenButTaken
		case 4, 14, 24:
			f = faketwilio.CutAfter
		case 5, 15:
			f = faketwilio.CutBefore
		case 6:
			f = faketwilio.StalledTaken
		case 7:
			f = faketwilio.GarbageTaken
		}
		all = append(all, f)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

const correspondents = 50

func correspond(t *testing.T, h *hub, replies, kills int) *correspondence {
	t.Helper()
	tw, err := faketwilio.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tw.Close)
	r := &correspondence{hub: h, twilio: tw, replies: map[string]string{}, states: map[string]int{}}
	tw.OnCreate(r.callBack)
	r.sms = h.connect("sms", tw.Config())
	h.running(r.sms)
	for i := range correspondents {
		if status, _, err := tw.Post(context.Background(), r.sms.URLs["inbound"], tw.Inbound(fmt.Sprintf("+1415559%04d", i), "Please answer.", nil)); taken(status, err) != nil {
			t.Fatalf("inbound: %d %v", status, err)
		}
	}
	r.conversations = all[inbox.ConversationView](h, "/conversations")
	tw.Next(faults(replies)...)
	r.write(replies, kills)
	r.settle()
	r.judge(replies)
	return r
}

// callBack is the provider's later word about what it took; it says it of every other message only, so that the rest must do without.
func (r *correspondence) callBack(m faketwilio.Message) {
	if m.SID[len(m.SID)-1]%2 == 0 {
		return
	}
	for range 50 {
		if status, err := r.twilio.Callback(context.Background(), m, "delivered", 0); taken(status, err) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// write has agents answer, each reply with an Idempotency-Key and until it was accepted, while the program is killed.
func (r *correspondence) write(replies, kills int) {
	var next atomic.Int64
	var agents sync.WaitGroup
	for range 4 {
		agents.Go(func() {
			for n := int(next.Add(1)); n <= replies; n = int(next.Add(1)) {
				r.reply(n)
			}
		})
	}
	for range kills {
		time.Sleep(time.Duration(100+rand.IntN(300)) * time.Millisecond)
		r.kill()
		r.serve()
	}
	agents.Wait()
}

func (r *correspondence) reply(n int) {
	words := fmt.Sprintf("reply %05d", n)
	path := "/conversations/" + r.conversations[n%correspondents].ID + "/messages"
	for range 1000 {
		var m inbox.MessageView
		if status, err := r.ask(http.MethodPost, path, http.Header{"Idempotency-Key": {words}}, object{"body": words}, &m); err == nil && status == http.StatusAccepted {
			r.mu.Lock()
			r.replies[words] = m.ID
			r.mu.Unlock()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
}

// settle waits until nothing is on its way any more.
func (r *correspondence) settle() {
	r.within(90*time.Second, "every reply has its end", func() bool {
		for _, m := range r.outgoing() {
			if m.Status == inbox.Queued || m.Status == inbox.Sending {
				time.Sleep(200 * time.Millisecond)
				return false
			}
		}
		return true
	})
}

func (r *correspondence) outgoing() (out []inbox.MessageView) {
	for _, c := range r.conversations {
		for _, m := range all[inbox.MessageView](r.hub, "/conversations/"+c.ID+"/messages") {
			if m.Direction == inbox.DirOutbound {
				out = append(out, m)
			}
		}
	}
	return out
}

// judge holds what agents are shown against what the provider took.
func (r *correspondence) judge(replies int) {
	taken := map[string]int{}
	for _, m := range r.twilio.Taken() {
		taken[m.Form.Get("Body")]++
	}
	for words, n := range taken {
		if n > 1 {
			r.twice = append(r.twice, words)
		}
	}
	shown := map[string]int{}
	for _, m := range r.outgoing() {
		r.states[m.Status]++
		shown[m.BodyText]++
		if r.replies[m.BodyText] != m.ID {
			r.complain("%s was accepted as %s and is %s", m.BodyText, r.replies[m.BodyText], m.ID)
		}
		switch n := taken[m.BodyText]; {
		case n == 0 && (m.Status == inbox.Sent || m.Status == inbox.Delivered):
			r.complain("%s is shown as %s and the provider never took it", m.BodyText, m.Status)
		case n > 0 && m.Status == inbox.FailedMsg:
			r.complain("%s is shown as failed (%s) and the provider took it", m.BodyText, *m.Error)
		case m.Status != inbox.Sent && m.Status != inbox.Delivered && m.Status != inbox.FailedMsg && m.Status != inbox.Unknown:
			r.complain("%s ends as %s", m.BodyText, m.Status)
		}
	}
	if len(shown) != replies || len(r.replies) != replies {
		r.complain("%d replies were written, %d accepted, %d are shown", replies, len(r.replies), len(shown))
	}
	for words, n := range shown {
		if n > 1 {
			r.complain("%s was written once and is %d messages", words, n)
		}
	}
}
