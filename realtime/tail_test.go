package realtime

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/internal/db/dbtest"
	"parley/realtime/eventlog"

	"pgregory.net/rapid"
)

func TestFollowersHearEverythingInOrderBeforeTheScreensDo(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{})
	heard := make(chan int64, 1000)
	n.tail.Follow(func(page []eventlog.Entry) {
		if page[0].Seq == 1 {
			panic("a follower of no use")
		}
	})
	n.tail.Follow(func(page []eventlog.Entry) {
		time.Sleep(10 * time.Millisecond) // a screen that did not wait would be quicker
		for _, e := range page {
			heard <- e.Seq
		}
	})
	quits := make(chan int64, 1000)
	cancel := n.tail.Follow(func(page []eventlog.Entry) { quits <- page[0].Seq })
	s := open(t, n, "user=boss&token=t")
	for i := range int64(20) {
		n.say(t, "message.created", "c", everybody, i)
		if _, err := s.find(5*time.Second, 0, func(f frame) bool { return f.Type != "hello" && f.Seq == i+1 }); err != nil {
			t.Fatal(err)
		}
		select {
		case seq := <-heard:
			if seq != i+1 {
				t.Fatalf("%d after %d", seq, i)
			}
		default:
			t.Fatalf("the screen knew %d first", i+1)
		}
		if i == 9 {
			cancel()
		}
	}
	if len(quits) != 10 {
		t.Errorf("%d pages for who left after 10", len(quits))
	}
}

func TestMemoryAndLogGiveTheSame(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{tail: TailOptions{Entries: 10}})
	for i := range 30 {
		n.say(t, "message.created", "c", everybody, i)
	}
	eventually(t, "the tail's end", func() bool { return n.tail.Head() == 30 })
	for pos := range int64(32) {
		page, err := n.tail.After(context.Background(), pos, 7)
		if err != nil {
			t.Fatal(err)
		}
		want, err := n.log.After(context.Background(), pos, 7)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(seqsOf(page), seqsOf(want)) {
			t.Errorf("after %d: %v, the log says %v", pos, seqsOf(page), seqsOf(want))
		}
	}
}

func seqsOf(page []eventlog.Entry) []int64 {
	all := []int64{}
	for _, e := range page {
		all = append(all, e.Seq)
	}
	return all
}

// Whatever comes in, the window holds the newest entries without a hole and within its bounds, and older windows stay as they were.
func TestTheWindowIsBoundedAndHasNoHoles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries, size := rapid.IntRange(1, 20).Draw(t, "entries"), rapid.IntRange(1, 500).Draw(t, "bytes")
		w := &window{head: rapid.Int64Range(0, 5).Draw(t, "head")}
		seq := w.head
		type memory struct {
			w    *window
			seqs []int64
		}
		var past []memory
		for range rapid.IntRange(1, 30).Draw(t, "pages") {
			if rapid.IntRange(0, 9).Draw(t, "hole") == 0 {
				seq += 3
			}
			var page []eventlog.Entry
			for range rapid.IntRange(0, 8).Draw(t, "page") {
				seq++
				page = append(page, eventlog.Entry{Seq: seq, Frame: make([]byte, rapid.IntRange(0, 100).Draw(t, "length"))})
			}
			w = w.with(page, entries, size)
			if len(page) > 0 && w.head != seq {
				t.Fatalf("head %d after %d", w.head, seq)
			}
			bytes := 0
			for i, e := range w.entries {
				bytes += len(e.Frame)
				if e.Seq != w.head-int64(len(w.entries)-1-i) {
					t.Fatalf("a hole: %v", seqsOf(w.entries))
				}
			}
			if bytes != w.bytes || len(w.entries) > entries || bytes > size && len(w.entries) > 1 || w.dropped > size/4 {
				t.Fatalf("%d entries of %d bytes (it says %d), %d dropped; allowed %d of %d", len(w.entries), bytes, w.bytes, w.dropped, entries, size)
			}
			past = append(past, memory{w, seqsOf(w.entries)})
		}
		for _, m := range past {
			if !slices.Equal(seqsOf(m.w.entries), m.seqs) {
				t.Fatalf("an old window changed from %v to %v", m.seqs, seqsOf(m.w.entries))
			}
		}
	})
}

// After a restart those who come back shall not all ask the database.
func TestAFreshTailRemembersTheNewest(t *testing.T) {
	noLeaks(t)
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	first := startNode(t, d, nodeOptions{})
	for i := range 40 {
		first.say(t, "message.created", "c", everybody, fmt.Sprint(i))
	}
	first.end()
	n := startNode(t, d, nodeOptions{})
	if page, ok := n.tail.kept.Load().after(0, 100); !ok || len(page) != 40 {
		t.Errorf("%d remembered, %v", len(page), ok)
	}
}
