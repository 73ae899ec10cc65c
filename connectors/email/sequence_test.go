package email

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/connectors/email/mailtest"
)

// whatever happens to the mailbox, the line and the database in between, each mail that stayed is stored, and none twice.
func TestAnySequenceOfEventsLosesNothing(t *testing.T) {
	t.Parallel()
	sequence := 0
	rapid.Check(t, func(rt *rapid.T) {
		sequence++
		box, err := mailtest.NewMailbox("support@hub.test")
		if err != nil {
			rt.Fatal(err)
		}
		defer box.Close()
		w := &world{t: rt, box: box, sink: newSink(), name: sequence, began: time.Now()}
		w.start()
		defer w.stop()
		rt.Repeat(map[string]func(*rapid.T){
			"deliver":            func(*rapid.T) { w.deliver() },
			"deliver twins":      func(*rapid.T) { w.deliverTwins() },
			"answer elsewhere":   func(*rapid.T) { w.answerElsewhere() },
			"compare":            func(*rapid.T) { w.compare() },
			"expunge":            func(*rapid.T) { w.expunge() },
			"new uidvalidity":    func(*rapid.T) { w.must(box.NewUIDValidity()) },
			"cut":                func(*rapid.T) { box.Cut() },
			"cut in a while":     func(*rapid.T) { box.CutAfter(int64(rapid.IntRange(10, 4000).Draw(rt, "bytes"))) },
			"heal the line":      func(*rapid.T) { box.CutAfter(-1) },
			"server away":        func(*rapid.T) { box.Down(); w.must(box.Up()) },
			"restart":            func(*rapid.T) { w.stop(); w.start() },
			"a moment":           func(*rapid.T) { time.Sleep(time.Duration(rapid.IntRange(1, 15).Draw(rt, "ms")) * time.Millisecond) },
			"catch up":           func(*rapid.T) { w.catchUp(40 * time.Millisecond) },
			"database goes away": func(*rapid.T) { w.breakSink() },
			"database returns":   func(*rapid.T) { w.sink.failing(nil) },
		})
		w.settle()
	})
}

// world is a mailbox, a connector that follows it and what must be stored in the end.
type world struct {
	t       *rapid.T
	box     *mailtest.Mailbox
	sink    *memorySink
	c       *Connector
	end     func() error
	began   time.Time
	name, n int
	want    []string // the subject of every mail
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) start() {
	c, err := connectorFor(map[string]any{"imap": w.box.Config()})
	w.must(err)
	c.channel.CreatedAt = w.began
	w.c, w.end = c, launch(c, w.sink)
}

func (w *world) stop() { w.must(w.end()) }

func (w *world) deliver() {
	w.n++
	subject := fmt.Sprintf("letter %d of %d", w.n, w.name)
	_, err := w.box.Deliver(letter(subject))
	w.must(err)
	w.want = append(w.want, subject)
}

// deliverTwins brings two different mails with one Message-ID, and one without any.
func (w *world) deliverTwins() {
	for _, id := range []string{"Message-ID: <same@customer.test>\n", "Message-ID: <same@customer.test>\n", ""} {
		w.n++
		subject := fmt.Sprintf("letter %d of %d", w.n, w.name)
		_, err := w.box.Deliver("From: anna@customer.test\nTo: support@hub.test\n" + id + "Subject: " + subject + "\n\nhello\n")
		w.must(err)
		w.want = append(w.want, subject)
	}
}

// answerElsewhere is what the owner's mail program leaves in the Sent folder.
func (w *world) answerElsewhere() {
	w.n++
	subject := fmt.Sprintf("letter %d of %d", w.n, w.name)
	w.must(w.box.Sent("From: support@hub.test\nTo: anna@customer.test\nSubject: " + subject + "\n\nhello\n"))
	w.want = append(w.want, subject)
}

// compare reconciles beside the reader; on a broken line or database it may fail.
func (w *world) compare() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = w.c.Reconcile(ctx, w.sink)
}

// expunge removes a mail that was stored already: one that goes before we saw it is nobody's loss, but could not be counted.
func (w *world) expunge() {
	uids := w.box.UIDs()
	if len(uids) == 0 || len(w.sink.items()) < len(w.want) {
		return
	}
	w.must(w.box.Expunge(uids[rand.IntN(len(uids))]))
}

func (w *world) breakSink() {
	n := rapid.IntRange(1, 4).Draw(w.t, "every nth call fails")
	calls := 0
	w.sink.failing(func(string) error {
		if calls++; calls%n == 0 {
			return errSink
		}
		return nil
	})
}

// catchUp waits until every mail is stored, or for as long as it may take.
func (w *world) catchUp(longest time.Duration) {
	deadline := time.Now().Add(longest)
	for len(w.sink.items()) < len(w.want) && time.Now().Before(deadline) {
		time.Sleep(2 * time.Millisecond)
	}
}

func (w *world) settle() {
	w.box.CutAfter(-1)
	w.sink.failing(nil)
	w.catchUp(20 * time.Second)
	seen := map[string]int{}
	for _, in := range w.sink.items() {
		seen[in.Subject]++
	}
	for _, s := range w.want {
		if seen[s] != 1 {
			w.t.Errorf("%q is stored %d times", s, seen[s])
		}
	}
	w.agree(20 * time.Second)
	if len(w.sink.items()) != len(w.want) {
		w.t.Errorf("%d items of %d mails", len(w.sink.items()), len(w.want))
	}
}

// agree waits until the mailbox and the sink compare as equal: after new UIDs the mailbox is read once more, which takes a moment.
func (w *world) agree(longest time.Duration) {
	want := int64(len(w.box.UIDs()))
	for end := time.Now().Add(longest); ; time.Sleep(5 * time.Millisecond) {
		all, err := w.c.Reconcile(context.Background(), w.sink)
		if err == nil && all[0].Here == want && all[0].Missing == 0 {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("%d mails in the mailbox, compared: %v, %v", want, all, err)
		}
	}
}
