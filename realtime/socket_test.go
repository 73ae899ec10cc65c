package realtime

import (
	"testing"

	"parley/internal/clock"
	"parley/realtime/broker"
	"parley/realtime/eventlog"

	"golang.org/x/time/rate"
)

// What a client says may be anything; it never breaks the socket and never reaches further than the client may see.
func FuzzHeard(f *testing.F) {
	for _, s := range []string{
		`{"type":"ping"}`, `{"type":"watch","conversations":["c1"],"views":[]}`, `{"type":"typing","conversation_id":"c1"}`,
		`{"type":"viewing","conversation_id":"hidden","on":false}`, `{"type":"presence","state":"away"}`, `{"type":7}`, `[]`, `null`, `{"on":"x"}`, "{\"type\":\"\x00\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		h, own, other := quietHub(), newHouse(anna, boss), "boss"
		own.conversations["c1"] = north
		h.o.Rights, h.o.CanSee = own.rights, own.canSee
		line := func() *Line { return &Line{set: h.lines, over: true} }
		s := &socket{hub: h, line: line(), who: Session{UserID: "anna"}, typing: rate.NewLimiter(100, 100), state: online}
		o := &socket{hub: h, line: line(), who: Session{UserID: other}}
		o.line.talk = o
		h.lines.join(o.line)
		for range 3 {
			if err := s.Heard(said); err != nil {
				t.Fatal(err)
			}
		}
		if s.viewing != "" && s.viewing != "c1" {
			t.Errorf("looks at %q", s.viewing)
		}
		if len(s.line.small) > smallLimit || len(o.line.small) > 3 {
			t.Errorf("%d and %d frames", len(s.line.small), len(o.line.small))
		}
	})
}

// quietHub has no log behind it.
func quietHub() *Hub {
	tail := &Tail{news: make(chan struct{})}
	tail.kept.Store(&window{})
	b, _ := broker.Open("memory://")
	return NewHub(Options{Tail: tail, Epoch: "e", Broker: b, Now: clock.System})
}

// The oldest of the frames that may be lost go first, and nothing else grows.
func TestFramesThatMayBeLostAreBounded(t *testing.T) {
	h := quietHub()
	l := &Line{set: h.lines, over: true}
	for i := range 100 {
		l.Push([]byte{byte(i)})
	}
	if len(l.small) != smallLimit || l.small[0][2] != 100-smallLimit || l.small[smallLimit-1][2] != 99 || h.Stats().Dropped != 100-smallLimit {
		t.Errorf("%d wait, from %v, %d dropped", len(l.small), l.small[0], h.Stats().Dropped)
	}
}

func TestRightsAreAskedAtEachFrame(t *testing.T) {
	a := eventlog.Audience{Users: []string{"anna"}}
	h, own := quietHub(), newHouse(anna)
	h.o.Rights = own.rights
	line := &Line{set: h.lines, over: true}
	line.talk = &socket{hub: h, line: line, who: Session{UserID: "anna"}}
	h.lines.join(line)
	w := whisper{Sender: "boss", Audience: &a, Frame: []byte(`{}`)}
	h.show(w)
	own.remove("anna")
	h.show(w)
	if len(line.small) != 1 {
		t.Errorf("%d frames; one came while she might listen", len(line.small))
	}
}
