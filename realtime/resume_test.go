package realtime

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/realtime/eventlog"
)

// story is how much happens in a run of R-12.
type story struct {
	screens, events, cuts, restarts int
	change                          func(*Hub)
}

// TestEveryScreenSeesEverythingOnceThroughCutsAndRestarts is R-12 in small.
func TestEveryScreenSeesEverythingOnceThroughCutsAndRestarts(t *testing.T) {
	noLeaks(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if wrong := tellStory(t, d, story{screens: 50, events: 1000, cuts: 300, restarts: 2}); wrong != "" {
			t.Error(wrong)
		}
	})
}

// The two usual ways to do it wrong must not pass the same test.
func TestTheResumeTestRefusesWhatLosesEvents(t *testing.T) {
	noLeaks(t)
	wrongs := map[string]func(h *Hub){
		"drops what does not fit into the client's queue": func(h *Hub) {
			h.read = func(ctx context.Context, pos int64, limit int) ([]eventlog.Entry, error) {
				page, err := h.o.Tail.After(ctx, pos, limit)
				if len(page) > 2 {
					page = []eventlog.Entry{page[0], page[len(page)-1]}
				}
				return page, err
			}
		},
		"reads the past, then subscribes": func(h *Hub) {
			h.read = func(ctx context.Context, pos int64, limit int) ([]eventlog.Entry, error) {
				page, err := h.o.Tail.After(ctx, pos, limit)
				if len(page) == 0 {
					return page, err
				}
				time.Sleep(time.Millisecond)
				if now := h.o.Tail.Head(); now > page[len(page)-1].Seq {
					page = append(append([]eventlog.Entry{}, page...), eventlog.Entry{Seq: now, Audience: eventlog.Audience{Private: true}})
				}
				return page, err
			}
		},
	}
	for name, change := range wrongs {
		t.Run(name, func(t *testing.T) {
			d := dbtest.Open(t, dbtest.SQLiteURL(t))
			wrong := tellStory(t, d, story{screens: 20, events: 400, cuts: 60, restarts: 1, change: change})
			if wrong == "" {
				t.Fatal("it lost nothing: this test can't tell right from wrong")
			}
			t.Log(wrong)
		})
	}
}

// fan is a screen's owner: cut, it comes back with the last number it saw.
type fan struct {
	now         func() *node
	first, last int64
	epoch       string
	seen        []int64
	wrong       string
	cuts        int
}

func (f *fan) take(s *screen) {
	for _, fr := range s.frames()[1:] {
		switch {
		case fr.Type == "resync":
			f.wrong = "resync where nothing was forgotten"
		case fr.Seq > 0:
			if fr.Seq <= f.last {
				f.wrong = fmt.Sprintf("%d after %d", fr.Seq, f.last)
			}
			f.last = fr.Seq
			f.seen = append(f.seen, fr.Seq)
		}
	}
}

func (f *fan) connect(stop <-chan struct{}) *screen {
	for {
		q := "user=boss&token=t"
		if f.epoch != "" {
			q += fmt.Sprintf("&since=%d&epoch=%s", f.last, f.epoch)
		}
		s, err := dial(f.now(), q)
		if err == nil {
			if f.epoch == "" {
				f.first, f.last = s.hello.Seq, s.hello.Seq
			}
			f.epoch = s.hello.Epoch
			return s
		}
		select {
		case <-stop:
			f.wrong = fmt.Sprintf("no connection: %v", err)
			return nil
		case <-time.After(time.Duration(5+rand.IntN(20)) * time.Millisecond):
		}
	}
}

// watch stays connected until stop is closed and end has been seen; tickets are cuts to make.
func (f *fan) watch(stop <-chan struct{}, end *atomic.Int64, tickets *atomic.Int64) {
	giveUp := make(chan struct{})
	late := time.AfterFunc(40*time.Second, func() { close(giveUp) })
	defer late.Stop()
	for f.wrong == "" {
		s := f.connect(giveUp)
		if s == nil {
			return
		}
		cut := time.After(time.Duration(50+rand.IntN(400)) * time.Millisecond)
	here:
		for {
			select {
			case <-giveUp:
				s.cut()
				f.take(s)
				f.wrong = fmt.Sprintf("stands at %d of %d", f.last, end.Load())
				return
			case <-cut:
				if tickets.Add(-1) >= 0 {
					f.cuts++
					break here
				}
			case <-s.done:
				break here
			case <-time.After(10 * time.Millisecond):
				select {
				case <-stop:
				default:
					continue
				}
				all := s.seqs()
				if f.last >= end.Load() || len(all) > 0 && all[len(all)-1] >= end.Load() {
					s.cut()
					f.take(s)
					return
				}
			}
		}
		s.cut()
		f.take(s)
	}
}

// tellStory answers what went wrong.
func tellStory(t *testing.T, d *db.DB, st story) (wrong string) {
	o := nodeOptions{tail: TailOptions{Entries: 64}, change: st.change} // few, so that the log itself is read too
	var now atomic.Pointer[node]
	now.Store(startNode(t, d, o))
	stop := make(chan struct{})
	var end, tickets, written atomic.Int64
	tickets.Store(int64(st.cuts))
	fans := make([]*fan, st.screens)
	var watching sync.WaitGroup
	for i := range fans {
		fans[i] = &fan{now: now.Load}
		watching.Go(func() { fans[i].watch(stop, &end, &tickets) })
	}
	var working sync.WaitGroup
	for w := range 4 {
		working.Go(func() {
			for i := w; i < st.events; i += 4 {
				now.Load().say(t, "message.created", fmt.Sprint("c", i%7), everybody, obj{"n": i})
				written.Add(1)
				time.Sleep(time.Duration(rand.IntN(12)) * time.Millisecond)
			}
		})
	}
	for k := range st.restarts {
		for written.Load() < int64(st.events*(k+1)/(st.restarts+1)) {
			time.Sleep(5 * time.Millisecond)
		}
		old := now.Load()
		next := startNode(t, d, o)
		now.Store(next)
		old.end()
	}
	working.Wait()
	for deadline := time.Now().Add(10 * time.Second); tickets.Load() > 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	head, err := now.Load().log.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	end.Store(head)
	close(stop)
	watching.Wait()
	if head != int64(st.events) {
		t.Fatalf("%d events in the log", head)
	}
	cuts := 0
	for i, f := range fans {
		cuts += f.cuts
		if f.wrong == "" && len(f.seen) != int(head-f.first) {
			f.wrong = fmt.Sprintf("saw %d of %d", len(f.seen), head-f.first)
		}
		if f.wrong != "" {
			wrong = fmt.Sprintf("screen %d: %s", i, f.wrong)
		}
	}
	if wrong == "" && cuts < st.cuts {
		wrong = fmt.Sprintf("only %d of %d cuts were made", cuts, st.cuts)
	}
	return wrong
}

func TestWhoAsksForWhatIsForgottenReadsAnew(t *testing.T) {
	noLeaks(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		first := startNode(t, d, nodeOptions{})
		for i := range 20 {
			first.say(t, "message.created", "c", everybody, i)
		}
		if err := first.log.Forget(context.Background(), -time.Hour); err != nil { // all but the newest
			t.Fatal(err)
		}
		first.end()
		n := startNode(t, d, nodeOptions{})
		cases := []struct {
			name, query string
			resync      bool
		}{
			{"before what is kept", "since=5", true},
			{"at the edge", "since=19", false},
			{"at the head", "since=20&epoch=" + n.log.Epoch(), false},
			{"ahead of the log", "since=99", true},
			{"another history", "since=20&epoch=other", true},
			{"no number", "since=x", true},
			{"from now on", "", false},
		}
		for _, c := range cases {
			s := open(t, n, "user=boss&token=t&"+c.query)
			n.say(t, "contact.created", "", everybody, c.name)
			live := s.wait(t, "contact.created", c.name)
			got := s.frames()
			if resync := got[1].Type == "resync"; resync != c.resync {
				t.Errorf("%s: %s", c.name, got[1].Raw)
			} else if resync && (got[1].LastSeq != s.hello.Seq || live.Seq != s.hello.Seq+1) {
				t.Errorf("%s: live goes on at %d after hello at %d, %s", c.name, live.Seq, s.hello.Seq, got[1].Raw)
			}
		}
		if got := n.hub.Stats().Resyncs; got != 4 {
			t.Errorf("%d resyncs counted", got)
		}
	})
}

// A position can also fall out of the log while its socket is open, when the log could not be read for long.
func TestASocketThatIsLeftBehindIsToldToReadAnew(t *testing.T) {
	noLeaks(t)
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	var hold atomic.Bool
	n := startNode(t, d, nodeOptions{change: func(h *Hub) {
		h.read = func(ctx context.Context, pos int64, limit int) ([]eventlog.Entry, error) {
			if hold.Load() {
				return nil, context.DeadlineExceeded
			}
			page, err := h.o.Tail.o.Log.After(ctx, pos, limit)
			return page, err
		}
	}})
	s := open(t, n, "user=boss&token=t")
	hold.Store(true)
	for i := range 10 {
		n.say(t, "message.created", "c", everybody, i)
	}
	if err := n.log.Forget(context.Background(), -time.Hour); err != nil {
		t.Fatal(err)
	}
	hold.Store(false)
	f := s.wait(t, "resync", "")
	if f.LastSeq != 10 || len(s.seqs()) != 0 {
		t.Errorf("%s, events %v", f.Raw, s.seqs())
	}
	n.say(t, "message.created", "c", everybody, "next")
	if f := s.wait(t, "message.created", "next"); f.Seq != 11 {
		t.Error(f.Raw)
	}
}
