package realtime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"parley/internal/db/dbtest"

	"github.com/gorilla/websocket"
)

// byGorilla reads frames with a parser that is not ours.
func byGorilla(t *testing.T, wire []byte) (all []string) {
	t.Helper()
	handshake := make(chan net.Conn, 1)
	srv := newHandshaker(t, handshake)
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+srv, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw := <-handshake
	go func() {
		_, _ = raw.Write(wire)
		_ = raw.Close()
	}()
	for {
		_, b, err := conn.ReadMessage()
		if err != nil {
			return all
		}
		all = append(all, string(b))
	}
}

// newHandshaker answers one WebSocket handshake and hands over the naked connection.
func newHandshaker(t *testing.T, got chan<- net.Conn) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err == nil {
			got <- c.NetConn()
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return l.Addr().String()
}

func TestFramesOfEveryLengthArriveWhole(t *testing.T) {
	noLeaks(t)
	var out bytes.Buffer
	var want []string
	for _, n := range []int{0, 1, 125, 126, copied, copied + 1, 65535, 65536, 300000} {
		var b Batch
		b.Text([]byte("before"))
		b.Text([]byte(strings.Repeat("x", n)))
		if _, err := b.writeTo(&out); err != nil {
			t.Fatal(err)
		}
		want = append(want, "before", strings.Repeat("x", n))
	}
	got := byGorilla(t, out.Bytes())
	if len(got) != len(want) {
		t.Fatalf("%d frames of %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("frame %d: %d bytes of %d", i, len(got[i]), len(want[i]))
		}
	}
}

// Wherever a write is cut, the rest completes exactly the frame that was cut.
func TestTheRestOfACutFrame(t *testing.T) {
	for _, long := range []bool{false, true} {
		var b Batch
		ends := map[int]bool{0: true}
		for _, n := range []int{3, 0, 200, 70000} {
			if n == 70000 && !long {
				continue
			}
			b.Text(bytes.Repeat([]byte{'a'}, n))
			ends[len(b.buf)+len(b.big)] = true
		}
		var all bytes.Buffer
		_, _ = b.writeTo(&all)
		for n := 0; n <= all.Len(); n += 1 + n/300 {
			rest := b.rest(n)
			if !ends[n+len(rest)] || !bytes.Equal(rest, all.Bytes()[n:n+len(rest)]) || ends[n] && len(rest) > 0 {
				t.Fatalf("long %v, cut at %d: a rest of %d", long, n, len(rest))
			}
		}
	}
}

// pusher writes one message per event into a conversation that everybody sees.
func (n *node) fill(t *testing.T, count, size int) {
	body := strings.Repeat("all work and no play ", size/21)
	for i := range count {
		n.say(t, "message.created", "c", everybody, fmt.Sprint(i, body))
	}
}

// TestStuckReadersAreCutAndCostLittle is R-13 in small.
func TestStuckReadersAreCutAndCostLittle(t *testing.T) {
	noLeaks(t)
	const readers = 20
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	n := startNode(t, d, nodeOptions{tail: TailOptions{Bytes: 1 << 20}, change: func(h *Hub) { h.lines.patience = 6 * time.Second /* longer than the writing takes on a busy machine */ }})
	lively := open(t, n, "user=boss&token=t")
	before := heap()
	var stuck []*websocket.Conn
	dialer := narrow()
	for range readers {
		c, _, err := dialer.Dial("ws"+strings.TrimPrefix(n.srv.URL, "http")+"/ws?user=boss&token=t", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		stuck = append(stuck, c)
	}
	n.fill(t, 300, 24<<10)
	if _, err := lively.find(10*time.Second, 0, func(f frame) bool { return f.Type != "hello" && f.Seq == 300 }); err != nil {
		t.Fatalf("the one who reads: %v", err)
	}
	cost := (int64(heap()) - int64(before) - 2<<20) / readers // 2 MB: the tail's memory, with slack
	if s := n.hub.Stats(); s.Sockets != readers+1 {
		t.Errorf("%d sockets are left too early", s.Sockets)
	}
	if cost > 64<<10 {
		t.Errorf("a stuck reader costs %d bytes", cost)
	}
	for end := time.Now().Add(20 * time.Second); n.hub.Stats().Sockets > 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d sockets are still held", n.hub.Stats().Sockets)
		}
	}
	if got := n.hub.Stats().TooSlow; got != readers {
		t.Errorf("%d counted as too slow", got)
	}
	for i, c := range stuck { // whoever reads again after all finds whole frames in order, and why it ended
		last, code := int64(0), 0
		for code == 0 {
			var f frame
			err := c.ReadJSON(&f)
			var e *websocket.CloseError
			switch {
			case errors.As(err, &e):
				code = e.Code
			case err != nil:
				t.Fatalf("reader %d: %v", i, err)
			case f.Type != "hello" && f.Seq != last+1:
				t.Fatalf("reader %d: %s %d after %d", i, f.Type, f.Seq, last)
			default:
				last = f.Seq
			}
		}
		if code != websocket.CloseTryAgainLater {
			t.Errorf("reader %d was told %d", i, code)
		}
	}
	again := open(t, n, "user=boss&token=t&since=0&epoch="+n.log.Epoch())
	if _, err := again.find(10*time.Second, 0, func(f frame) bool { return f.Type != "hello" && f.Seq == 300 }); err != nil || len(again.seqs()) != 300 {
		t.Errorf("the resumed one saw %d: %v", len(again.seqs()), err)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func TestWhatAClientMayNotSayEndsOrIsRefused(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{})
	text := func(s string) func(*websocket.Conn) error {
		return func(c *websocket.Conn) error { return c.WriteMessage(websocket.TextMessage, []byte(s)) }
	}
	cases := []struct {
		name  string
		say   func(*websocket.Conn) error
		code  int    // of the close
		error string // or part of the error frame
	}{
		{"bytes", func(c *websocket.Conn) error { return c.WriteMessage(websocket.BinaryMessage, []byte{1}) }, 1003, ""},
		{"not UTF-8", text("{\"type\":\"ping\xff\"}"), 1007, ""},
		{"too long", text(strings.Repeat("x", frameLimit+1)), 1009, ""},
		{"not JSON", text("hello?"), 0, "JSON"},
		{"not an object", text("[1]"), 0, "JSON"},
		{"a wrong shape", text(`{"type":"watch","conversations":7}`), 0, "JSON"},
		{"an unknown type", text(`{"type":"drop tables"}`), 0, "unknown type"},
		{"an unknown state", text(`{"type":"presence","state":"asleep"}`), 0, "state must be"},
		{"goodbye", func(c *websocket.Conn) error {
			return c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "bye"))
		}, 1000, ""},
		{"far too much", func(c *websocket.Conn) error {
			for range 200 {
				if err := c.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)); err != nil {
					return nil // cut meanwhile
				}
			}
			return nil
		}, 1008, ""},
		{"a reserved bit", func(c *websocket.Conn) error {
			_, err := c.NetConn().Write([]byte{0xF1, 0x80, 0, 0, 0, 0})
			return err
		}, 1002, ""},
	}
	for _, c := range cases {
		s := open(t, n, "user=boss&token=t")
		if err := c.say(s.conn); err != nil {
			t.Fatal(err)
		}
		if c.code != 0 {
			if got := s.closed(t, 3*time.Second); got != c.code {
				t.Errorf("%s: closed with %d", c.name, got)
			}
			continue
		}
		s.wait(t, "error", c.error)
		s.send(t, obj{"type": "ping"})
		s.wait(t, "pong", "")
	}
}

func TestAPingIsAnsweredAndASilentClientIsBuried(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{change: func(h *Hub) {
		h.lines.beat, h.lines.silence = 1, 2500*time.Millisecond
	}})
	alive := open(t, n, "user=boss&token=t")
	pong := make(chan string, 1)
	alive.conn.SetPongHandler(func(s string) error { pong <- s; return nil })
	if err := alive.conn.WriteControl(websocket.PingMessage, []byte("who"), time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	silent, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(n.srv.URL, "http")+"/ws?user=boss&token=t", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if s := <-pong; s != "who" {
		t.Errorf("pong %q", s)
	}
	alive.wait(t, "mark", `"last_seq":0`)
	for end := time.Now().Add(6 * time.Second); n.hub.Stats().Sockets > 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the silent one is still held")
		}
	}
	alive.send(t, obj{"type": "ping"})
	alive.wait(t, "pong", "")
}

func TestTheEndTellsEverybodyAndLeavesNobody(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{})
	s := open(t, n, "user=boss&token=t")
	dialer := narrow()
	stuck, _, err := dialer.Dial("ws"+strings.TrimPrefix(n.srv.URL, "http")+"/ws?user=boss&token=t", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	n.fill(t, 60, 24<<10)
	s.wait(t, "message.created", `"seq":60`)
	began := time.Now()
	n.end()
	if d := time.Since(began); d > 2500*time.Millisecond {
		t.Errorf("the end took %s", d)
	}
	if code := s.closed(t, time.Second); code != websocket.CloseGoingAway {
		t.Errorf("told %d", code)
	}
	if got := n.hub.Stats().Sockets; got != 0 {
		t.Errorf("%d sockets are left", got)
	}
}

func TestTheHandshake(t *testing.T) {
	noLeaks(t)
	n := startNode(t, dbtest.Open(t, dbtest.SQLiteURL(t)), nodeOptions{})
	url := "ws" + strings.TrimPrefix(n.srv.URL, "http") + "/ws?user=boss&token=t"
	cases := []struct {
		name, query, origin string
		status              int
	}{
		{"our page with a cookie", "&cookie", "https://hub.test", 101},
		{"a foreign page with a cookie", "&cookie", "https://evil.test", 403},
		{"our name in another scheme", "&cookie", "http://hub.test", 403},
		{"a cookie without an origin", "&cookie", "", 403},
		{"a token from anywhere", "", "https://else.test", 101},
		{"a token without an origin", "", "", 101},
	}
	for _, c := range cases {
		h := http.Header{}
		if c.origin != "" {
			h.Set("Origin", c.origin)
		}
		d := websocket.Dialer{Subprotocols: []string{"parley.v1", "bearer.secret"}}
		conn, res, err := d.Dial(url+c.query, h)
		if res == nil {
			t.Fatal(err)
		}
		if res.StatusCode != c.status {
			t.Errorf("%s: %s", c.name, res.Status)
		}
		if err == nil {
			if p := conn.Subprotocol(); p != "parley.v1" {
				t.Errorf("%s: protocol %q", c.name, p)
			}
			_ = conn.Close()
		}
	}
	res, err := http.Get(n.srv.URL + "/ws?user=boss&token=t")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if res.StatusCode != 400 || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("no handshake at all: %s %s", res.Status, b)
	}
}
