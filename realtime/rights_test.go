package realtime

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/internal/fault"
	"parley/realtime/eventlog"
)

var (
	anna  = eventlog.Viewer{UserID: "anna", Teams: []string{"north"}}
	boris = eventlog.Viewer{UserID: "boris", Teams: []string{"south"}}
	north = eventlog.Audience{Teams: []string{"north"}}
	south = eventlog.Audience{Teams: []string{"south"}}
)

func TestAnAgentSeesTheirOwnTeamsAlone(t *testing.T) {
	noLeaks(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		n := startNode(t, d, nodeOptions{house: newHouse(anna, boris, boss)})
		a, b, m := open(t, n, "user=anna&token=a"), open(t, n, "user=boris&token=b"), open(t, n, "user=boss&token=m")
		n.say(t, "message.created", "cs", south, "walnut")
		n.say(t, "message.created", "cn", north, "almond")
		n.say(t, "message.created", "co", everybody, "the end")
		for _, s := range []*screen{a, b, m} {
			s.wait(t, "message.created", "the end")
		}
		a.never(t, "walnut")
		b.never(t, "almond")
		m.wait(t, "message.created", "walnut")
		m.wait(t, "message.created", "almond")
		again := open(t, n, "user=anna&token=a&since=0&epoch="+a.hello.Epoch)
		again.wait(t, "message.created", "the end")
		again.never(t, "walnut")
		again.wait(t, "message.created", "almond")
	})
}

func TestWhoLosesAConversationGetsItsIDAndNoMore(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{house: newHouse(anna, boris)})
	a, b := open(t, n, "user=anna&token=a"), open(t, n, "user=boris&token=b")
	b.send(t, obj{"type": "watch", "conversations": []string{"other"}})
	b.wait(t, "watching", "")
	n.say(t, "conversation.updated", "c1", north, "before")
	n.tell(t, eventlog.Event{Type: "conversation.updated", Subject: "c1", Conversation: "c1", Audience: south, Before: &north, Data: "handed over"})
	n.say(t, "message.created", "c1", south, "behind her back")
	n.say(t, "contact.created", "", everybody, "the end")
	a.wait(t, "contact.created", "the end")
	a.wait(t, "conversation.removed", `"data":{"id":"c1"}`)
	a.never(t, "handed over")
	a.never(t, "behind her back")
	b.wait(t, "conversation.updated", "handed over") // what comes into sight is told whatever is watched
	b.never(t, "behind her back")
}

func TestWatchNarrowsToWhatIsOnTheScreen(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{})
	s := open(t, n, "user=boss&token=t")
	round := func(mark string) {
		for _, c := range []string{"c1", "c2"} {
			n.say(t, "message.created", c, everybody, mark+" message "+c)
			n.say(t, "conversation.updated", c, everybody, mark+" conversation "+c)
		}
		n.say(t, "lead.created", "", everybody, mark+" end")
		s.wait(t, "lead.created", mark+" end")
	}
	watch := func(v obj) {
		v["type"] = "watch"
		from := len(s.frames())
		s.send(t, v)
		if _, err := s.find(5*time.Second, from, func(f frame) bool { return f.Type == "watching" }); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		name       string
		watch      obj
		see, never []string
	}{
		{"nothing-said", nil, []string{"message c1", "message c2", "conversation c1", "conversation c2"}, nil},
		{"thread-and-list", obj{"conversations": []string{"c1"}, "views": []string{"mine"}}, []string{"message c1", "conversation c1", "conversation c2"}, []string{"message c2"}},
		{"thread-only", obj{"conversations": []string{"c1"}, "views": []string{}}, []string{"message c1", "conversation c1"}, []string{"message c2", "conversation c2"}},
		{"elsewhere", obj{}, nil, []string{"message", "conversation"}},
	}
	for _, c := range cases {
		if c.watch != nil {
			watch(c.watch)
		}
		round(c.name)
		for _, w := range c.see {
			if _, err := s.find(time.Second, 0, func(f frame) bool { return strings.Contains(f.Raw, c.name+" "+w) }); err != nil {
				t.Errorf("%s: %s did not come", c.name, w)
			}
		}
		for _, w := range c.never {
			s.never(t, c.name+" "+w)
		}
	}
}

func TestTheMarkMovesTheClientOverWhatWasNotForIt(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{house: newHouse(anna), change: func(h *Hub) { h.lines.beat = 1 }})
	s := open(t, n, "user=anna&token=a")
	for range 5 {
		n.say(t, "message.created", "c", south, "walnut")
	}
	s.wait(t, "mark", `"last_seq":5`)
	s.never(t, "walnut")
}

func TestWhoMayNoLongerListenIsCut(t *testing.T) {
	noLeaks(t)
	h := newHouse(anna, boris, boss)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{house: h})
	revoked, disabled, narrowed, stays := open(t, n, "user=anna&token=a"), open(t, n, "user=boris&token=b"), open(t, n, "user=anna&token=a2"), open(t, n, "user=boss&token=m")
	h.revoke("a")
	n.hub.Recheck()
	if code := revoked.closed(t, 2*time.Second); code != 4401 {
		t.Errorf("revoked: %d", code)
	}
	h.remove("boris")
	if code := disabled.closed(t, 2*time.Second); code != 4401 { // without being told to look
		t.Errorf("disabled: %d", code)
	}
	if _, err := dial(n, "user=boris&token=b"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("who may not listen: %v", err)
	}
	h.set(eventlog.Viewer{UserID: "anna"})
	n.say(t, "message.created", "c", north, "walnut")
	n.say(t, "message.created", "c", everybody, "the end")
	for _, s := range []*screen{narrowed, stays} {
		s.wait(t, "message.created", "the end")
	}
	narrowed.never(t, "walnut")
	stays.wait(t, "message.created", "walnut")
	h.revoke("m")
	if code := stays.closed(t, 4*time.Second); code != 4401 { // found by itself
		t.Errorf("revoked without a word: %d", code)
	}
}

// A database that does not answer must not throw everybody out.
func TestCredentialsThatCannotBeCheckedStay(t *testing.T) {
	noLeaks(t)
	asked := make(chan struct{}, 10)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{change: func(h *Hub) {
		h.o.Valid = func(context.Context, []string) (map[string]bool, error) {
			asked <- struct{}{}
			return nil, errors.New("no database")
		}
	}})
	s := open(t, n, "user=boss&token=t")
	n.hub.Recheck()
	<-asked
	n.hub.Recheck()
	<-asked // the first look is over
	s.send(t, obj{"type": "ping"})
	s.wait(t, "pong", "")
}

func TestTheFeedIsFilteredAndCountsAfterwards(t *testing.T) {
	noLeaks(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		n := startNode(t, d, nodeOptions{house: newHouse(anna, boss), tail: TailOptions{Entries: 16}})
		for i := range 60 {
			a := south
			if i%6 == 0 {
				a = north
			}
			n.say(t, "message.created", "c", a, i)
		}
		ctx := context.Background()
		frames, next, err := n.hub.Feed(ctx, "anna", 0, 4, 0)
		if err != nil || len(frames) != 4 || next != 19 {
			t.Fatalf("%d frames up to %d, %v", len(frames), next, err)
		}
		frames, next, err = n.hub.Feed(ctx, "anna", next, 200, 0)
		if err != nil || len(frames) != 6 || next != 60 {
			t.Fatalf("%d frames up to %d, %v", len(frames), next, err)
		}
		frames, next, err = n.hub.Feed(ctx, "anna", next, 200, 0)
		if err != nil || len(frames) != 0 || next != 60 {
			t.Fatalf("the end: %d frames up to %d, %v", len(frames), next, err)
		}
		var f *fault.Error
		if _, _, err := n.hub.Feed(ctx, "stranger", 0, 10, 0); !errors.As(err, &f) || f.Kind != fault.KindUnauthorized {
			t.Errorf("a stranger: %v", err)
		}
	})
}

// A caller who has just written asks right after; the tail may not have read it yet.
func TestTheFeedHasWhatWasJustWritten(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{})
	for i := range int64(50) {
		n.say(t, "message.created", "c", everybody, i)
		frames, next, err := n.hub.Feed(context.Background(), "boss", i, 10, 0)
		if err != nil || len(frames) != 1 || next != i+1 {
			t.Fatalf("after %d: %d frames, %v", i, len(frames), err)
		}
	}
}

func TestTheFeedWaitsForNewsOfOnesOwn(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{house: newHouse(anna)})
	type answer struct {
		frames [][]byte
		next   int64
		err    error
	}
	ask := func(ctx context.Context, after int64, wait time.Duration) <-chan answer {
		got := make(chan answer, 1)
		go func() {
			f, next, err := n.hub.Feed(ctx, "anna", after, 10, wait)
			got <- answer{f, next, err}
		}()
		return got
	}
	got := ask(context.Background(), 0, 10*time.Second)
	n.say(t, "message.created", "c", south, "walnut")
	select {
	case a := <-got:
		t.Fatalf("woken by what is not hers: %q", a.frames)
	case <-time.After(200 * time.Millisecond):
	}
	n.say(t, "message.created", "c", north, "almond")
	if a := <-got; len(a.frames) != 1 || a.next != 2 || a.err != nil || !strings.Contains(string(a.frames[0]), "almond") {
		t.Errorf("%q %d %v", a.frames, a.next, a.err)
	}
	n.say(t, "message.created", "c", south, "walnut")
	if a := <-ask(context.Background(), 2, 50*time.Millisecond); len(a.frames) != 0 || a.next != 3 || a.err != nil {
		t.Errorf("the end of the wait: %q %d %v", a.frames, a.next, a.err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	got = ask(ctx, 3, 10*time.Second)
	cancel()
	if a := <-got; !errors.Is(a.err, context.Canceled) {
		t.Errorf("cancelled: %v", a.err)
	}
	got = ask(context.Background(), 3, 10*time.Second)
	n.end()
	if a := <-got; len(a.frames) != 0 {
		t.Errorf("at the end of the server: %q", a.frames)
	}
}
