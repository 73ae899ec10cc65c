package realtime

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/realtime/broker"
	"parley/realtime/eventlog"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
	"gorm.io/gorm"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// noLeaks must be called first in a test: it then looks last.
func noLeaks(t *testing.T) {
	t.Cleanup(func() {
		goleak.VerifyNone(t,
			goleak.IgnoreAnyFunction("parley/internal/db/dbtest.(*cluster).start.func1"), // the PostgreSQL of all tests
			goleak.IgnoreAnyFunction("os/exec.(*Cmd).Start.func2"))
	})
}

// house is the staff room of a test: who may see what, and whose token holds.
type house struct {
	mu            sync.Mutex
	viewers       map[string]eventlog.Viewer
	revoked       map[string]bool
	conversations map[string]eventlog.Audience
}

func newHouse(viewers ...eventlog.Viewer) *house {
	h := &house{viewers: map[string]eventlog.Viewer{}, revoked: map[string]bool{}, conversations: map[string]eventlog.Audience{}}
	for _, v := range viewers {
		h.viewers[v.UserID] = v
	}
	return h
}

func (h *house) set(v eventlog.Viewer) { h.mu.Lock(); defer h.mu.Unlock(); h.viewers[v.UserID] = v }

func (h *house) remove(user string) { h.mu.Lock(); defer h.mu.Unlock(); delete(h.viewers, user) }

func (h *house) revoke(token string) { h.mu.Lock(); defer h.mu.Unlock(); h.revoked[token] = true }

func (h *house) rights(user string) (eventlog.Viewer, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.viewers[user]
	return v, ok
}

func (h *house) canSee(_ context.Context, v eventlog.Viewer, id string) (eventlog.Audience, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a, ok := h.conversations[id]
	return a, ok && a.Sees(v)
}

func (h *house) valid(_ context.Context, all []string) (map[string]bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]bool{}
	for _, c := range all {
		out[c] = !h.revoked[c]
	}
	return out, nil
}

// node is one server: log, tail, hub and a port.
type node struct {
	log  *eventlog.Log
	tail *Tail
	hub  *Hub
	srv  *httptest.Server
	end  func()
}

type nodeOptions struct {
	house  *house
	broker broker.Broker
	tail   TailOptions
	change func(*Hub) // before it runs
}

var boss = eventlog.Viewer{UserID: "boss", All: true}

func startNode(t testing.TB, d *db.DB, o nodeOptions) *node {
	t.Helper()
	if o.house == nil {
		o.house = newHouse(boss)
	}
	if o.broker == nil {
		o.broker, _ = broker.Open("memory://")
	}
	ctx, cancel := context.WithCancel(context.Background())
	l, err := eventlog.Open(ctx, d, clock.System)
	if err != nil {
		t.Fatal(err)
	}
	o.tail.Log, o.tail.Broker, o.tail.Now = l, o.broker, clock.System
	tail, err := OpenTail(ctx, o.tail)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{log: l, tail: tail, hub: NewHub(Options{
		Tail: tail, Epoch: l.Epoch(), Broker: o.broker, Now: clock.System, Origins: []string{"https://hub.test"},
		Rights: o.house.rights, CanSee: o.house.canSee, Valid: o.house.valid,
	})}
	if o.change != nil {
		o.change(n.hub)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = tail.Run(ctx) })
	wg.Go(func() { _ = n.hub.Run(ctx) })
	n.srv = httptest.NewServer(http.HandlerFunc(n.serve))
	n.end = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		n.srv.Close()
	})
	t.Cleanup(n.end)
	return n
}

// serve takes the session from the query: user, token, cookie.
func (n *node) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	run, err := n.hub.Serve(w, r, Session{Credential: q.Get("token"), UserID: q.Get("user"), Name: strings.ToUpper(q.Get("user")), Cookie: q.Has("cookie")})
	if err == nil {
		go run() // as the bridge to fiber does; the hub waits for it
	}
}

// say writes one event of a conversation.
func (n *node) say(t testing.TB, typ, conversation string, a eventlog.Audience, data any) {
	t.Helper()
	n.tell(t, eventlog.Event{Type: typ, Subject: conversation, Conversation: conversation, Audience: a, Data: data})
}

func (n *node) tell(t testing.TB, events ...eventlog.Event) {
	t.Helper()
	err := n.log.Transaction(context.Background(), func(tx *gorm.DB) error {
		for _, e := range events {
			if err := eventlog.AppendTx(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

var everybody = eventlog.Audience{Open: true}

type frame struct {
	Type    string
	Seq     int64
	LastSeq int64 `json:"last_seq"`
	Epoch   string
	Raw     string `json:"-"`
	Got     time.Time
}

// screen is a client that keeps what it gets.
type screen struct {
	conn  *websocket.Conn
	hello frame
	mu    sync.Mutex
	all   []frame
	err   error
	wake  chan struct{}
	done  chan struct{}
}

// dial opens a socket; query is user=…&token=… and so on.
func dial(n *node, query string) (*screen, error) {
	d := websocket.Dialer{HandshakeTimeout: 5 * time.Second}
	conn, res, err := d.Dial("ws"+strings.TrimPrefix(n.srv.URL, "http")+"/ws?"+query, nil)
	if err != nil {
		if res != nil {
			err = fmt.Errorf("%w: %s", err, res.Status)
		}
		return nil, err
	}
	s := &screen{conn: conn, wake: make(chan struct{}), done: make(chan struct{})}
	go s.listen()
	s.hello, err = s.find(10*time.Second, 0, func(f frame) bool { return true })
	if err == nil && s.hello.Type != "hello" {
		err = fmt.Errorf("the first frame is %s", s.hello.Raw)
	}
	if err != nil {
		s.cut()
	}
	return s, err
}

// open is dial for a test that can't go on without.
func open(t testing.TB, n *node, query string) *screen {
	t.Helper()
	s, err := dial(n, query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.cut)
	return s
}

func (s *screen) listen() {
	defer close(s.done)
	for {
		_, b, err := s.conn.ReadMessage()
		f := frame{Raw: string(b[:min(len(b), 1000)]), Got: time.Now()}
		if err == nil {
			err = json.Unmarshal(b, &f)
		}
		s.mu.Lock()
		if err != nil {
			s.err = err
		} else {
			s.all = append(s.all, f)
		}
		close(s.wake)
		s.wake = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) cut() { _ = s.conn.Close(); <-s.done }

func (s *screen) frames() []frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]frame(nil), s.all...)
}

func (s *screen) seqs() (all []int64) {
	for _, f := range s.frames() {
		if f.Type != "hello" && f.Seq > 0 {
			all = append(all, f.Seq)
		}
	}
	return all
}

// find waits for the first frame from index from on that want takes.
func (s *screen) find(limit time.Duration, from int, want func(frame) bool) (frame, error) {
	end := time.After(limit)
	for i := from; ; {
		s.mu.Lock()
		for ; i < len(s.all); i++ {
			if want(s.all[i]) {
				defer s.mu.Unlock()
				return s.all[i], nil
			}
		}
		err, wake := s.err, s.wake
		s.mu.Unlock()
		if err != nil {
			return frame{}, fmt.Errorf("the socket ended: %w", err)
		}
		select {
		case <-wake:
		case <-end:
			return frame{}, fmt.Errorf("not within %s; %d frames came", limit, i)
		}
	}
}

func (s *screen) wait(t testing.TB, typ, part string) frame {
	t.Helper()
	f, err := s.find(5*time.Second, 0, func(f frame) bool { return f.Type == typ && strings.Contains(f.Raw, part) })
	if err != nil {
		t.Fatalf("%s with %q: %v", typ, part, err)
	}
	return f
}

// never fails if a frame with part has come; marker, something later, must have come before it is asked.
func (s *screen) never(t testing.TB, part string) {
	t.Helper()
	for _, f := range s.frames() {
		if strings.Contains(f.Raw, part) {
			t.Errorf("shown: %s", f.Raw)
		}
	}
}

func (s *screen) send(t testing.TB, v any) {
	t.Helper()
	if err := s.conn.WriteJSON(v); err != nil {
		t.Fatal(err)
	}
}

// closed waits for the end and answers the close code, 0 when there was none.
func (s *screen) closed(t testing.TB, limit time.Duration) int {
	t.Helper()
	select {
	case <-s.done:
	case <-time.After(limit):
		t.Fatalf("still open after %s", limit)
	}
	if e, ok := s.err.(*websocket.CloseError); ok && e.Code != websocket.CloseAbnormalClosure {
		return e.Code
	}
	return 0
}

type obj = map[string]any

// narrow makes a dialer whose system buffers little, so that not reading is soon noticed. Much less makes loopback, with its segments of
// 64 kB, crawl.
func narrow() websocket.Dialer {
	return websocket.Dialer{HandshakeTimeout: 5 * time.Second, ReadBufferSize: 512, NetDial: func(network, addr string) (net.Conn, error) {
		c, err := net.Dial(network, addr)
		if err == nil {
			_ = c.(*net.TCPConn).SetReadBuffer(64 << 10)
		}
		return c, err
	}}
}
