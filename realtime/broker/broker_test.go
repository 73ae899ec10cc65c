package broker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"parley/realtime/broker"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a NATS server on port, on a free one when port is -1.
func start(t *testing.T, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(5 * time.Second) {
		t.Fatal("NATS does not start")
	}
	t.Cleanup(func() { stop(s) })
	return s
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func portOf(s *server.Server) int {
	_, p, _ := strings.Cut(strings.TrimPrefix(s.ClientURL(), "nats://"), ":")
	n := 0
	for _, c := range p {
		n = n*10 + int(c-'0')
	}
	return n
}

func open(t *testing.T, url string) broker.Broker {
	t.Helper()
	b, err := broker.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// hears publishes at from until got has it, for there is no other sign that a subscription has reached the server.
func hears(t *testing.T, from broker.Broker, got <-chan string, word string) {
	t.Helper()
	end := time.After(10 * time.Second)
	for {
		from.Publish("parley.test", []byte(word))
		select {
		case w := <-got:
			if w == word {
				return
			}
		case <-time.After(50 * time.Millisecond):
		case <-end:
			t.Fatalf("%q did not come", word)
		}
	}
}

func words(b broker.Broker) <-chan string {
	got := make(chan string, 1000)
	b.Subscribe("parley.test", func(p []byte) { got <- string(p) })
	return got
}

func TestAHintReachesTheOtherNodeAndNotItself(t *testing.T) {
	s := start(t, -1)
	a, b := open(t, s.ClientURL()), open(t, s.ClientURL())
	atA, atB := words(a), words(b)
	hears(t, a, atB, "from a")
	hears(t, b, atA, "from b")
	for len(atA) > 0 {
		if w := <-atA; w == "from a" {
			t.Error("a node heard itself")
		}
	}
}

func TestHintsGoOnAfterNATSWasAway(t *testing.T) {
	s := start(t, -1)
	port := portOf(s)
	a, b := open(t, s.ClientURL()), open(t, s.ClientURL())
	atB := words(b)
	hears(t, a, atB, "before")
	if err := a.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	stop(s)
	began := time.Now()
	for range 1000 {
		a.Publish("parley.test", []byte("lost"))
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("publishing without a server took %s", d)
	}
	if err := a.Ping(context.Background()); err == nil {
		t.Error("a broker that is away answers a ping")
	}
	start(t, port)
	hears(t, a, atB, "after")
	if err := a.Ping(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestNATSMayComeLater(t *testing.T) {
	s := start(t, -1)
	port, url := portOf(s), s.ClientURL()
	stop(s)
	began := time.Now()
	a, b := open(t, url), open(t, url)
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("the start waited %s for NATS", d)
	}
	atB := words(b)
	if a.Ping(context.Background()) == nil {
		t.Error("nobody is there to answer")
	}
	start(t, port)
	hears(t, a, atB, "late")
}

func TestACancelledSubscriptionIsSilent(t *testing.T) {
	s := start(t, -1)
	a, b := open(t, s.ClientURL()), open(t, s.ClientURL())
	heard := make(chan string, 1000)
	cancel := b.Subscribe("parley.other", func(p []byte) { heard <- string(p) })
	cancel()
	atB := words(b)
	a.Publish("parley.other", []byte("x"))
	hears(t, a, atB, "marker")
	if len(heard) > 0 {
		t.Error("heard after cancel")
	}
}

func TestOpenRefusesWhatItDoesNotKnowWithoutSayingThePassword(t *testing.T) {
	for _, u := range []string{"redis://u:hush@h", "nats://u:hush@h:port", "", "nats://u:hush@ h"} {
		b, err := broker.Open(u)
		if err == nil {
			b.Close()
			t.Errorf("%q is taken", u)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("the password is in: %v", err)
		}
	}
	m := open(t, "memory://")
	m.Publish("parley.test", nil)
	if err := m.Ping(context.Background()); err != nil {
		t.Error(err)
	}
}
