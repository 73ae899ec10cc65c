package api

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

type bridgeKey struct{}

// serveBridge runs fiber on a free port; sockets are handed to got.
func serveBridge(t *testing.T, got chan<- *websocket.Conn) (addr string) {
	t.Helper()
	t.Cleanup(func() {
		goleak.VerifyNone(t, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2")) // looks every 10 s whether it should end
	})
	app := fiber.New(fiber.Config{Immutable: true, DisableStartupMessage: true, IdleTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second})
	KeepSockets(app)
	app.Use(func(c *fiber.Ctx) error {
		c.SetUserContext(context.WithValue(c.UserContext(), bridgeKey{}, "anna"))
		return c.Next()
	})
	app.Get("/hello", func(c *fiber.Ctx) error { return c.SendString("hello") })
	app.Get("/ws", func(c *fiber.Ctx) error {
		return Upgrade(c, func(w http.ResponseWriter, r *http.Request) (func(), error) {
			if r.URL.Query().Get("since") == "" || r.Context().Value(bridgeKey{}) != "anna" || r.Header.Get("X-Two") == "" {
				w.Header().Set("X-Why", "no since")
				w.WriteHeader(http.StatusTeapot)
				_, _ = fmt.Fprintf(w, "%s of %s", r.URL, r.RemoteAddr)
				return nil, http.ErrAbortHandler
			}
			conn, err := (&websocket.Upgrader{ReadBufferSize: 512}).Upgrade(w, r, nil)
			return func() { got <- conn }, err
		})
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = app.Listener(l) }()
	t.Cleanup(func() { _ = app.ShutdownWithTimeout(time.Second); <-done })
	return l.Addr().String()
}

func TestASocketInsideFiberIsReal(t *testing.T) {
	got := make(chan *websocket.Conn, 1)
	addr := serveBridge(t, got)
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/ws?since=1", http.Header{"X-Two": {"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := <-got
	defer s.Close()
	if _, ok := s.NetConn().(*net.TCPConn); !ok {
		t.Errorf("the socket stands on a %T: its buffers can't be bounded", s.NetConn())
	}
	time.Sleep(1500 * time.Millisecond) // fiber's timeouts are over; they must not be the socket's
	if err := c.WriteMessage(websocket.TextMessage, []byte("ping")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := s.ReadMessage(); err != nil || string(b) != "ping" {
		t.Fatalf("%q %v", b, err)
	}
	if err := s.WriteMessage(websocket.TextMessage, []byte("pong")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := c.ReadMessage(); err != nil || string(b) != "pong" {
		t.Fatalf("%q %v", b, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	if _, _, err := c.ReadMessage(); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("closing the socket did not close the connection: %v", err)
	}
}

// A server that can't interrupt its own write can't let a stuck client go.
func TestAStuckSocketInsideFiberCanBeCut(t *testing.T) {
	got := make(chan *websocket.Conn, 1)
	addr := serveBridge(t, got)
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/ws?since=1", http.Header{"X-Two": {"a"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := <-got
	written := make(chan error, 1)
	go func() {
		for {
			if err := s.WriteMessage(websocket.TextMessage, make([]byte, 1<<20)); err != nil {
				written <- err
				return
			}
		}
	}()
	time.Sleep(300 * time.Millisecond)
	_ = s.Close()
	select {
	case <-written:
	case <-time.After(2 * time.Second):
		t.Fatal("the write goes on after Close")
	}
}

func TestARefusedHandshakeIsAnOrdinaryAnswerOnAConnectionThatLives(t *testing.T) {
	addr := serveBridge(t, make(chan *websocket.Conn, 1))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	ask := func(path, more string) *http.Response {
		t.Helper()
		_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: hub.test\r\n%s\r\n", path, more)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	if res := ask("/ws", ""); res.StatusCode != http.StatusTeapot || res.Header.Get("X-Why") != "no since" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	if res := ask("/ws?since=1", "X-Two: a\r\n"); res.StatusCode != http.StatusBadRequest { // gorilla's own refusal
		t.Error(res.Status)
	}
	if res := ask("/hello", ""); res.StatusCode != http.StatusOK {
		t.Errorf("after the refusals: %s", res.Status)
	}
}
