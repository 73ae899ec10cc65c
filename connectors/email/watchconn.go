package email

import (
	"io"
	"net"
	"sync"
	"time"
)

// watchConn ends a connection on which nothing came for longer than its limit. go-imap sets a deadline only after the first byte of a
// response, so on a dead line it would wait for ever; its own deadlines are ignored here. Once failed it stays failed: go-imap's
// decoder tries a timed-out read again.
type watchConn struct {
	net.Conn

	mu    sync.Mutex
	limit time.Duration
	dead  bool
}

func newWatchConn(conn net.Conn, limit time.Duration) *watchConn {
	return &watchConn{Conn: conn, limit: limit}
}

func (w *watchConn) SetReadDeadline(time.Time) error    { return nil }
func (w *watchConn) SetDeadline(t time.Time) error      { return w.Conn.SetWriteDeadline(t) }
func (w *watchConn) SetWriteDeadline(t time.Time) error { return w.Conn.SetWriteDeadline(t) }

func (w *watchConn) Read(b []byte) (int, error) {
	if !w.arm() {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := w.Conn.Read(b)
	if err != nil {
		w.mu.Lock()
		w.dead = true
		w.mu.Unlock()
		w.Conn.Close()
	}
	return n, err
}

func (w *watchConn) arm() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return false
	}
	w.Conn.SetReadDeadline(time.Now().Add(w.limit))
	return true
}

// setLimit changes the longest tolerated silence, also for a read that is waiting now.
func (w *watchConn) setLimit(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = d
	w.Conn.SetReadDeadline(time.Now().Add(d))
}
