package connectors_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"parley/connectors"
	"parley/internal/clock"
	"parley/internal/fault"

	"go.uber.org/goleak"
)

// keeper is the channels' rows and leases, as two nodes see them.
type keeper struct {
	mu      sync.Mutex
	rows    map[string]connectors.Running
	owner   map[string]string
	until   map[string]time.Time
	reports []connectors.Health
	broken  bool // leases can't be read
}

func newKeeper() *keeper {
	return &keeper{rows: map[string]connectors.Running{}, owner: map[string]string{}, until: map[string]time.Time{}}
}

func (k *keeper) set(r connectors.Running) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rows[r.ID] = r
}

func (k *keeper) Running(context.Context) (out []connectors.Running, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.rows {
		out = append(out, r)
	}
	return out, nil
}

func (k *keeper) RunningChannel(_ context.Context, id string) (connectors.Running, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.rows[id]
	if !ok {
		return r, fault.NotFound("no such channel")
	}
	return r, nil
}

func (k *keeper) Sink(string) connectors.Sink { return reportingSink{keeper: k} }

func (k *keeper) Lease(_ context.Context, id, node string, ttl time.Duration) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken {
		return false, errors.New("the database is away")
	}
	if k.owner[id] != "" && k.owner[id] != node && time.Now().Before(k.until[id]) {
		return false, nil
	}
	k.owner[id], k.until[id] = node, time.Now().Add(ttl)
	return true, nil
}

func (k *keeper) Release(_ context.Context, id, node string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.owner[id] == node {
		k.owner[id] = ""
	}
	return nil
}

func (k *keeper) healthOf() []connectors.Health {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]connectors.Health(nil), k.reports...)
}

type reportingSink struct {
	connectors.Sink
	keeper *keeper
}

func (s reportingSink) Report(_ context.Context, h connectors.Health) {
	s.keeper.mu.Lock()
	defer s.keeper.mu.Unlock()
	s.keeper.reports = append(s.keeper.reports, h)
}

// mailbox is a connector that tells when it runs and ends as it is told.
type mailbox struct {
	runs chan string // its config, once per Run
	end  func(ctx context.Context) error
	text string
}

func (m *mailbox) Run(ctx context.Context, _ connectors.Sink) error {
	m.runs <- m.text
	return m.end(ctx)
}

func (m *mailbox) Send(context.Context, connectors.Outbound) (connectors.Receipt, error) {
	return connectors.Receipt{ProviderID: m.text}, nil
}

func start(t *testing.T, k *keeper, node string, runs chan string, end func(ctx context.Context) error) (*connectors.Supervisor, func()) {
	t.Helper()
	f := connectors.Factory{Type: "mailbox", New: func(ch connectors.Channel, _ connectors.Host) (connectors.Connector, error) {
		if string(ch.Config) == "bad" {
			return nil, errors.New("the port is no number")
		}
		return &mailbox{runs, end, node + " " + string(ch.Config)}, nil
	}}
	s := connectors.NewSupervisor(node, k, []connectors.Factory{f}, connectors.Host{Now: clock.System, Log: slog.Default()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return s, stop
}

func untilDone(ctx context.Context) error { <-ctx.Done(); return nil }

func channel(config string, version int64) connectors.Running {
	return connectors.Running{Version: version, Channel: connectors.Channel{ID: "c1", Type: "mailbox", Config: []byte(config)}}
}

func hear(t *testing.T, runs chan string, want string, within time.Duration) {
	t.Helper()
	select {
	case got := <-runs:
		if got != want {
			t.Fatalf("%q runs, want %q", got, want)
		}
	case <-time.After(within):
		t.Fatalf("%q does not run", want)
	}
}

func TestOneNodeRunsAChannelAndTheOtherTakesOver(t *testing.T) {
	defer goleak.VerifyNone(t)
	k := newKeeper()
	k.set(channel("v1", 1))
	runs := make(chan string, 10)
	_, stopA := start(t, k, "A", runs, untilDone)
	hear(t, runs, "A v1", 5*time.Second)
	b, stopB := start(t, k, "B", runs, untilDone)
	select {
	case got := <-runs:
		t.Fatalf("%q runs beside A", got)
	case <-time.After(500 * time.Millisecond):
	}
	conn, err := b.Connector("c1")
	if err != nil {
		t.Fatal("every node can send:", err)
	}
	if r, _ := conn.Send(context.Background(), connectors.Outbound{}); r.ProviderID != "B v1" {
		t.Fatal(r)
	}
	stopA()
	hear(t, runs, "B v1", 15*time.Second)
	stopB()
}

func TestAChangedChannelRunsAnewAndADisabledOneStops(t *testing.T) {
	k := newKeeper()
	k.set(channel("v1", 1))
	runs := make(chan string, 10)
	s, _ := start(t, k, "A", runs, untilDone)
	hear(t, runs, "A v1", 5*time.Second)
	k.set(channel("v2", 2))
	s.Changed("c1")
	hear(t, runs, "A v2", 5*time.Second)
	off := channel("v2", 3)
	off.Disabled = true
	k.set(off)
	s.Changed("c1")
	if _, err := s.Connector("c1"); !fault.Is(err, fault.KindUnavailable) {
		t.Fatalf("a disabled channel sends: %v", err)
	}
	if _, err := s.Connector("c2"); !fault.Is(err, fault.KindNotFound) {
		t.Fatalf("a channel that does not exist: %v", err)
	}
}

func TestRefusedCredentialsStopTheChannelAndTellWhy(t *testing.T) {
	k := newKeeper()
	k.set(channel("v1", 1))
	runs := make(chan string, 10)
	s, _ := start(t, k, "A", runs, func(context.Context) error { return connectors.Unauthorized(errors.New("wrong password")) })
	hear(t, runs, "A v1", 5*time.Second)
	select {
	case <-runs:
		t.Fatal("it was tried again with the same credentials")
	case <-time.After(2 * time.Second):
	}
	h := k.healthOf()
	if len(h) == 0 || h[len(h)-1] != (connectors.Health{State: connectors.StateUnauthorized, Detail: "wrong password"}) {
		t.Fatal(h)
	}
	k.set(channel("v2", 2))
	s.Changed("c1")
	hear(t, runs, "A v2", 5*time.Second)
}

func TestAFailingOrPanickingChannelIsStartedAgain(t *testing.T) {
	k := newKeeper()
	k.set(channel("v1", 1))
	runs := make(chan string, 10)
	n := 0
	start(t, k, "A", runs, func(ctx context.Context) error {
		if n++; n == 1 {
			panic("boom")
		}
		if n == 2 {
			return errors.New("connection reset")
		}
		return untilDone(ctx)
	})
	for range 3 {
		hear(t, runs, "A v1", 10*time.Second)
	}
}

func TestSettingsThatCanNotBeUsedAreReported(t *testing.T) {
	k := newKeeper()
	k.set(channel("bad", 1))
	s, _ := start(t, k, "A", make(chan string, 1), untilDone)
	if _, err := s.Connector("c1"); !fault.Is(err, fault.KindUnavailable) {
		t.Fatal(err)
	}
	for range 100 {
		if h := k.healthOf(); len(h) > 0 && h[0].State == connectors.StateError {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("nobody was told")
}
