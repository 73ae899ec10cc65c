package realtime

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"
)

const (
	frameLimit = 16 << 10 // bytes of a client's frame
	smallLimit = 32       // frames waiting that may be lost
	sendBuffer = 64 << 10 // bytes the system holds for a client before we notice that it does not read
	goodbye    = time.Second
)

// Talk is what is said on a line. Its methods may be called from different goroutines, Fill by one at a time.
type Talk interface {
	// Fill puts into out what the client should have now, until out is full. It is called again after each write, until it puts
	// nothing. A *websocket.CloseError ends the line with its code and text.
	Fill(out *Batch) error
	// Heard takes a text frame of the client's; it is valid UTF-8. Errors are as Fill's.
	Heard(frame []byte) error
	// Beat is called with each ping.
	Beat()
	// Left is called once, last.
	Left()
}

// Line is one WebSocket. One goroutine reads; a second one writes when there is something to write, and only it writes.
type Line struct {
	set   *Lines
	conn  *websocket.Conn
	raw   net.Conn
	talk  Talk
	heard atomic.Int64 // when the client was last heard, unix ns
	pace  *rate.Limiter
	phase int

	mu      sync.Mutex
	small   [][]byte // encoded frames that may be lost; the oldest go first
	bye     []byte   // the close frame, once there is one
	writing bool
	again   bool
	over    bool
	said    chan struct{} // closed when bye is out, or can't be sent
}

// Upgrade answers the handshake. On an error the refusal is already written. The line must be run.
func (s *Lines) Upgrade(w http.ResponseWriter, r *http.Request) (*Line, error) {
	h := &hijacker{ResponseWriter: w}
	conn, err := s.upgrader.Upgrade(h, r, nil)
	if err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	conn.SetReadLimit(frameLimit)
	l := &Line{set: s, conn: conn, raw: h.wire.Conn, pace: rate.NewLimiter(20, 100), said: make(chan struct{})}
	h.wire.line = l
	if c, ok := l.raw.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = c.SetWriteBuffer(sendBuffer)
	}
	conn.SetCloseHandler(func(int, string) error { return nil }) // hangUp answers
	pong := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		if !l.pace.AllowN(s.now(), 1) {
			return tooMany
		}
		return pong(data)
	})
	return l, nil
}

// hijacker hands gorilla a connection whose writes join the line's.
type hijacker struct {
	http.ResponseWriter
	wire *wire
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.wire = &wire{Conn: conn}
	return h.wire, rw, nil
}

// wire is the connection as gorilla sees it: the handshake goes straight through, the control frames that gorilla writes later wait for the
// line's writer.
type wire struct {
	net.Conn
	line *Line
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 && w.line != nil {
		w.line.heard.Store(w.line.set.now().UnixNano())
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	if w.line == nil {
		return w.Conn.Write(p)
	}
	if p[0] == 0x80|websocket.CloseMessage {
		w.line.hang(slices.Clone(p))
	} else {
		w.line.push(slices.Clone(p))
	}
	return len(p), nil
}

func (w *wire) SetWriteDeadline(t time.Time) error {
	if w.line == nil {
		return w.Conn.SetWriteDeadline(t)
	}
	return nil
}

var tooMany = &websocket.CloseError{Code: websocket.ClosePolicyViolation, Text: "too many frames"}

// Run is the life of the line; it returns when the connection is closed.
func (l *Line) Run(talk Talk) {
	l.talk = talk
	defer l.left()
	l.heard.Store(l.set.now().UnixNano())
	if !l.set.join(l) {
		_ = l.raw.SetWriteDeadline(l.set.now().Add(goodbye))
		_, _ = l.raw.Write(closeFrame(websocket.CloseGoingAway, ""))
		_ = l.raw.Close()
		return
	}
	defer l.set.leave(l)
	l.Wake()
	l.hangUp(l.listen())
}

func (l *Line) left() {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("leaving a socket panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	l.talk.Left()
}

func (l *Line) listen() (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("a socket's reader panicked", "panic", p, "stack", string(debug.Stack()))
			err = &websocket.CloseError{Code: websocket.CloseInternalServerErr}
		}
	}()
	for {
		kind, frame, err := l.conn.ReadMessage()
		switch {
		case err != nil:
			return err
		case !l.pace.AllowN(l.set.now(), 1):
			return tooMany
		case kind != websocket.TextMessage:
			return &websocket.CloseError{Code: websocket.CloseUnsupportedData, Text: "text frames only"}
		case !utf8.Valid(frame):
			return &websocket.CloseError{Code: websocket.CloseInvalidFramePayloadData, Text: "not UTF-8"}
		}
		if err := l.talk.Heard(frame); err != nil {
			return err
		}
	}
}

// hangUp ends the connection after err ended the reading: politely where the client can still hear it.
func (l *Line) hangUp(err error) {
	var e *websocket.CloseError
	switch {
	case !errors.As(err, &e) || e.Code == websocket.CloseAbnormalClosure: // nobody is there to be told
	case e.Code == websocket.CloseNoStatusReceived:
		l.Close(websocket.CloseNormalClosure, "")
	default:
		l.Close(e.Code, e.Text)
	}
	l.mu.Lock()
	polite := l.bye != nil
	l.mu.Unlock()
	if polite {
		select {
		case <-l.said:
		case <-time.After(goodbye):
		}
	}
	_ = l.raw.Close()
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
}

// Close says goodbye with code and ends the line within two seconds.
func (l *Line) Close(code int, text string) { l.hang(closeFrame(code, text)) }

func closeFrame(code int, text string) []byte {
	return appendFrame(nil, websocket.CloseMessage, websocket.FormatCloseMessage(code, text[:min(len(text), 123)]))
}

func (l *Line) hang(bye []byte) {
	l.mu.Lock()
	if l.bye == nil {
		l.bye = bye
		if l.writing { // it may be stuck
			_ = l.raw.SetWriteDeadline(l.set.now().Add(goodbye))
		}
	}
	l.mu.Unlock()
	l.Wake()
}

// Push sends message if the client keeps up; when too many wait, the oldest is lost.
func (l *Line) Push(message []byte) { l.push(appendFrame(nil, websocket.TextMessage, message)) }

func (l *Line) push(frames []byte) {
	l.mu.Lock()
	if len(l.small) >= smallLimit {
		l.small = append(l.small[:0], l.small[1:]...)
		l.set.dropped.Add(1)
	}
	l.small = append(l.small, frames)
	l.mu.Unlock()
	l.Wake()
}

// Wake makes the line ask its Talk for what is due. It does not block.
func (l *Line) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	if l.writing {
		l.again = true
		return
	}
	l.writing = true
	l.set.wg.Add(1) // the reader still holds one: over is not set
	go l.write()
}

var batches = sync.Pool{New: func() any { return &Batch{} }}

func (l *Line) write() {
	defer l.set.wg.Done()
	defer func() {
		if p := recover(); p != nil {
			slog.Error("a socket's writer panicked", "panic", p, "stack", string(debug.Stack()))
			l.end()
			_ = l.raw.Close()
		}
	}()
	b := batches.Get().(*Batch)
	for {
		last, ok := l.next(b)
		if !ok {
			break
		}
		if err := l.send(b); err != nil || last {
			l.end()
			if err == nil {
				_ = l.raw.SetReadDeadline(l.set.now().Add(goodbye)) // for the client's answer to our goodbye
			} else {
				_ = l.raw.Close()
			}
			break
		}
	}
	b.reset()
	if cap(b.buf) <= 2*batchSize {
		batches.Put(b)
	}
}

// end stops all writing for good.
func (l *Line) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.over = true
		close(l.said)
	}
}

// next fills b with what is due; ok false when nothing is. After the last batch nothing follows.
func (l *Line) next(b *Batch) (last, ok bool) {
	for {
		b.reset()
		l.mu.Lock()
		l.again = false
		for len(l.small) > 0 && !b.Full() {
			b.buf = append(b.buf, l.small[0]...)
			l.small = l.small[1:]
		}
		if len(l.small) == 0 {
			l.small = nil
		}
		bye := l.bye
		l.mu.Unlock()
		if bye == nil {
			bye = l.fill(b)
		}
		if bye != nil && b.big == nil {
			b.buf = append(b.buf, bye...)
			return true, true
		}
		if !b.Empty() {
			return false, true
		}
		l.mu.Lock()
		if !l.again && len(l.small) == 0 && l.bye == nil {
			l.writing = false
			l.mu.Unlock()
			return false, false
		}
		l.mu.Unlock()
	}
}

// fill asks the Talk; when that ends the line, the close frame is answered.
func (l *Line) fill(b *Batch) (bye []byte) {
	err := l.talk.Fill(b)
	if err == nil {
		return nil
	}
	bye = closeFrame(websocket.CloseInternalServerErr, "")
	var e *websocket.CloseError
	if errors.As(err, &e) {
		bye = closeFrame(e.Code, e.Text)
	} else {
		slog.Warn("a socket can't be served", "error", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bye == nil {
		l.bye = bye
	}
	return l.bye
}

func (l *Line) send(b *Batch) error {
	l.mu.Lock()
	wait := l.set.patience
	if l.bye != nil {
		wait = goodbye
	}
	_ = l.raw.SetWriteDeadline(l.set.now().Add(wait))
	l.mu.Unlock()
	n, err := b.writeTo(l.raw)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		l.giveUp(b.rest(n))
	}
	return err
}

// giveUp tells a client that does not read 1013, for when it reads again: the system's buffer, full until now, is widened for the rest of
// the frame that was cut and the goodbye. The rest is the system's business; we hold nothing any more.
func (l *Line) giveUp(rest []byte) {
	l.set.tooSlow.Add(1)
	l.mu.Lock()
	bye := l.bye
	l.mu.Unlock()
	if bye == nil {
		bye = closeFrame(websocket.CloseTryAgainLater, "too slow")
	}
	c, ok := l.raw.(*net.TCPConn)
	if !ok {
		return
	}
	if len(rest) <= sendBuffer {
		_ = c.SetWriteBuffer(3 * sendBuffer)
		_ = c.SetWriteDeadline(l.set.now().Add(100 * time.Millisecond))
		if _, err := c.Write(append(rest[:len(rest):len(rest)], bye...)); err == nil {
			return
		}
	}
	_ = c.SetLinger(0)
}
