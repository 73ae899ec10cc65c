package mailtest

import (
	"net"
	"sync"
)

// line is the network between a server and its clients, with its faults.
type line struct {
	mu      sync.Mutex
	change  *sync.Cond
	conns   map[*lineConn]struct{}
	count   int
	stalled bool
	budget  int64 // bytes that a connection may still send; negative: no limit
}

func newLine() *line {
	l := &line{conns: map[*lineConn]struct{}{}, budget: -1}
	l.change = sync.NewCond(&l.mu)
	return l
}

func (l *line) listener(inner net.Listener) net.Listener { return &lineListener{inner, l} }

func (l *line) opened() int { l.mu.Lock(); defer l.mu.Unlock(); return l.count }

func (l *line) open() int { l.mu.Lock(); defer l.mu.Unlock(); return len(l.conns) }

func (l *line) cut() {
	l.mu.Lock()
	conns := make([]*lineConn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

func (l *line) cutAfter(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.budget = n
	for c := range l.conns {
		c.left = n
	}
}

func (l *line) stall(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = on
	l.change.Broadcast()
}

type lineListener struct {
	net.Listener
	line *line
}

func (l *lineListener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.line.mu.Lock()
	defer l.line.mu.Unlock()
	c := &lineConn{Conn: inner, line: l.line, left: l.line.budget}
	l.line.conns[c] = struct{}{}
	l.line.count++
	return c, nil
}

type lineConn struct {
	net.Conn
	line   *line
	left   int64 // guarded by line.mu, as is closed
	closed bool
}

// allow waits while the line is stalled and says how many of n bytes may pass.
func (c *lineConn) allow(n int) (may int, cut bool) {
	c.line.mu.Lock()
	defer c.line.mu.Unlock()
	for c.line.stalled && !c.closed {
		c.line.change.Wait()
	}
	if c.left < 0 {
		return n, false
	}
	may = int(min(int64(n), c.left))
	c.left -= int64(may)
	return may, may < n
}

func (c *lineConn) Write(b []byte) (int, error) {
	may, cut := c.allow(len(b))
	n, err := c.Conn.Write(b[:may])
	if cut {
		c.Close()
		if err == nil {
			err = net.ErrClosed
		}
	}
	return n, err
}

func (c *lineConn) Close() error {
	c.line.mu.Lock()
	c.closed = true
	delete(c.line.conns, c)
	c.line.change.Broadcast()
	c.line.mu.Unlock()
	return c.Conn.Close()
}
