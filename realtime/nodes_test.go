package realtime

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/internal/db/dbtest"
	"parley/realtime/broker"
	"parley/realtime/eventlog"

	"github.com/nats-io/nats-server/v2/server"
)

func startNATS(t *testing.T, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(5 * time.Second) {
		t.Fatal("NATS does not start")
	}
	t.Cleanup(func() { stopNATS(s) })
	return s
}

func stopNATS(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func natsPort(t *testing.T, s *server.Server) int {
	t.Helper()
	u := s.ClientURL()
	p, err := strconv.Atoi(u[strings.LastIndexByte(u, ':')+1:])
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func openBroker(t *testing.T, s *server.Server) broker.Broker {
	t.Helper()
	b, err := broker.Open(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// TestTwoNodesTellEachOtherWithAndWithoutNATS is R-15 in small. poll is so long that only NATS can be quick.
func TestTwoNodesTellEachOtherWithAndWithoutNATS(t *testing.T) {
	noLeaks(t)
	url := dbtest.PostgresURL(t)
	s := startNATS(t, -1)
	port := natsPort(t, s)
	o := nodeOptions{tail: TailOptions{Poll: 1000 * time.Millisecond}}
	o.broker = openBroker(t, s)
	a := startNode(t, dbtest.Open(t, url), o)
	o.broker = openBroker(t, s)
	b := startNode(t, dbtest.Open(t, url), o)
	atA, atB := open(t, a, "user=boss&token=t"), open(t, b, "user=boss&token=t")

	written := int64(0)
	say := func(n *node, count int) {
		for range count {
			n.say(t, "message.created", "c", everybody, "x")
			written++
		}
	}
	everywhere := func(when string, limit time.Duration) {
		t.Helper()
		for _, at := range []*screen{atA, atB} {
			if _, err := at.find(limit, 0, func(f frame) bool { return f.Seq == written }); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
		}
	}
	quick := func(when string) {
		t.Helper()
		for range 50 { // the subscriptions may still be on their way
			began := time.Now()
			say(a, 1)
			everywhere(when, 5*time.Second)
			if time.Since(began) < 300*time.Millisecond {
				return
			}
		}
		t.Errorf("%s: never quicker than polling", when)
	}
	quick("with NATS")
	stopNATS(s)
	say(a, 20)
	say(b, 20)
	everywhere("without NATS", 2*time.Second)
	startNATS(t, port)
	quick("with NATS again")
	say(b, 20)
	everywhere("at the end", 2*time.Second)
	var want []int64
	for i := range written {
		want = append(want, i+1)
	}
	if got := atA.seqs(); !slices.Equal(got, want) {
		t.Errorf("at A: %v", got)
	}
	if got := atB.seqs(); !slices.Equal(got, want) {
		t.Errorf("at B: %v", got)
	}
}

func TestASocketGoesOnAtTheOtherNode(t *testing.T) {
	noLeaks(t)
	url := dbtest.PostgresURL(t)
	a, b := startNode(t, dbtest.Open(t, url), nodeOptions{}), startNode(t, dbtest.Open(t, url), nodeOptions{})
	s := open(t, a, "user=boss&token=t")
	a.say(t, "message.created", "c", everybody, "one")
	seen := s.wait(t, "message.created", "one")
	// b may not have read it yet: it must not take the client for one who is ahead of the log
	again := open(t, b, fmt.Sprintf("user=boss&token=t&since=%d&epoch=%s", seen.Seq, seen.Epoch))
	a.say(t, "message.created", "c", everybody, "two")
	again.wait(t, "message.created", "two")
	if got := again.seqs(); !slices.Equal(got, []int64{2}) {
		t.Errorf("events %v", got)
	}
	if n := b.hub.Stats().Resyncs; n != 0 {
		t.Errorf("%d resyncs", n)
	}
}

func TestTypingIsShownToThoseWhoSeeTheConversationOnEveryNode(t *testing.T) {
	noLeaks(t)
	url := dbtest.PostgresURL(t)
	s := startNATS(t, -1)
	h := newHouse(anna, boris, boss, eventlog.Viewer{UserID: "nora", Teams: []string{"north"}})
	h.conversations["cn"], h.conversations["cs"] = north, south
	o := nodeOptions{house: h, broker: openBroker(t, s)}
	n1 := startNode(t, dbtest.Open(t, url), o)
	o.broker = openBroker(t, s)
	n2 := startNode(t, dbtest.Open(t, url), o)
	a, b := open(t, n1, "user=anna&token=a"), open(t, n1, "user=boris&token=b")
	near, far, m := open(t, n1, "user=nora&token=n"), open(t, n2, "user=nora&token=n"), open(t, n2, "user=boss&token=m")

	eventually(t, "presence of the other node", func() bool { return n2.hub.Present()["anna"] == online && n1.hub.Present()["boss"] == online })

	b.send(t, obj{"type": "typing", "conversation_id": "cn"}) // not his to type in
	b.send(t, obj{"type": "viewing", "conversation_id": "cn"})
	a.send(t, obj{"type": "typing", "conversation_id": "cn"})
	a.send(t, obj{"type": "viewing", "conversation_id": "cn"})
	for _, s := range []*screen{near, far, m} {
		if f := s.wait(t, "typing", ""); f.Raw != `{"conversation_id":"cn","type":"typing","user":{"id":"anna","name":"ANNA"}}` {
			t.Error(f.Raw)
		}
		f := s.wait(t, "viewing", `"on":true`)
		if f.Raw != `{"conversation_id":"cn","on":true,"type":"viewing","user":{"id":"anna","name":"ANNA"}}` {
			t.Error(f.Raw)
		}
		s.never(t, "boris\",\"name")
	}
	b.send(t, obj{"type": "ping"})
	b.wait(t, "pong", "")
	b.never(t, `"typing"`)
	b.never(t, `"viewing"`)
	a.never(t, `"typing"`)

	m.send(t, obj{"type": "watch", "conversations": []string{"cs"}})
	m.wait(t, "watching", "")
	a.cut() // who goes no longer looks
	far.wait(t, "viewing", `"on":false`)
	m.never(t, `"on":false`)
	n2.end() // and takes its people along
	eventually(t, "the other node's people are gone", func() bool { return n1.hub.Present()["boss"] == "" })
}

func TestTypingTooOftenIsNotPassedOn(t *testing.T) {
	noLeaks(t)
	h := newHouse(anna, boss)
	h.conversations["cn"] = north
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{house: h})
	a, m := open(t, n, "user=anna&token=a"), open(t, n, "user=boss&token=m")
	for range 50 {
		a.send(t, obj{"type": "typing", "conversation_id": "cn"})
	}
	a.send(t, obj{"type": "ping"})
	a.wait(t, "pong", "")
	n.say(t, "message.created", "cn", north, "the end")
	m.wait(t, "message.created", "the end")
	shown := 0
	for _, f := range m.frames() {
		if f.Type == "typing" {
			shown++
		}
	}
	if shown == 0 || shown > 10 || n.hub.Stats().Limited < 40 {
		t.Errorf("%d shown, %d held back", shown, n.hub.Stats().Limited)
	}
}

func TestPresenceIsToldOnceAndOutlivesAReload(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{house: newHouse(anna, boss), change: func(h *Hub) { h.present.grace = 800 * time.Millisecond }})
	m := open(t, n, "user=boss&token=m")
	first := open(t, n, "user=anna&token=a")
	m.wait(t, "presence", `"state":"online","type":"presence","user_id":"anna"`)
	second := open(t, n, "user=anna&token=a")
	second.send(t, obj{"type": "presence", "state": "away"})
	first.cut() // one is left, and it is away
	m.wait(t, "presence", `"state":"away","type":"presence","user_id":"anna"`)
	second.cut()
	third := open(t, n, "user=anna&token=a")
	if _, err := m.find(5*time.Second, len(m.frames()), func(f frame) bool { return f.Type == "presence" && strings.Contains(f.Raw, "online") }); err != nil {
		t.Fatal(err)
	}
	m.never(t, offline)
	third.cut()
	m.wait(t, "presence", `"state":"offline","type":"presence","user_id":"anna"`)
	if p := n.hub.Present(); len(p) != 1 || p["boss"] != online {
		t.Errorf("present: %v", p)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(8 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 8 s", what)
		}
	}
}
