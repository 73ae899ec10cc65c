package receiver

import (
	"net"
	"time"
)

// limitListener lets in no more connections than allowed, and gives each a deadline.
type limitListener struct {
	net.Listener
	receiver *Receiver
}

// Accept refuses a connection over the limit at once and waits for the next.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, ok := l.receiver.enter(conn)
		if !ok {
			conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = conn.Write([]byte("421 4.3.2 Too many connections, try again later\r\n"))
			conn.Close()
			continue
		}
		return c, nil
	}
}

func (r *Receiver) enter(conn net.Conn) (*limitConn, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ip := ipOf(conn)
	if r.ending || len(r.conns) >= r.options.MaxConns || r.connsBy[ip] >= r.options.MaxConnsPerIP {
		return nil, false
	}
	c := &limitConn{Conn: conn, receiver: r, ip: ip, end: time.Now().Add(r.options.Lifetime)}
	r.conns[c] = struct{}{}
	r.connsBy[ip]++
	return c, true
}

func (r *Receiver) leave(c *limitConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, inside := r.conns[c]; !inside {
		return
	}
	delete(r.conns, c)
	if r.connsBy[c.ip]--; r.connsBy[c.ip] == 0 {
		delete(r.connsBy, c.ip)
	}
}

// cut ends every connection and lets no more in.
func (r *Receiver) cut() {
	r.mu.Lock()
	r.ending = true
	conns := make([]*limitConn, 0, len(r.conns))
	for c := range r.conns {
		conns = append(conns, c)
	}
	r.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

func ipOf(conn net.Conn) string {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		return conn.RemoteAddr().String()
	}
	return host
}

// limitConn ends a connection that is silent for too long or lives too long.
type limitConn struct {
	net.Conn
	receiver *Receiver
	ip       string
	end      time.Time
}

func (c *limitConn) until() time.Time {
	at := time.Now().Add(c.receiver.options.Silence)
	if at.After(c.end) {
		return c.end
	}
	return at
}

func (c *limitConn) Read(b []byte) (int, error) {
	c.Conn.SetReadDeadline(c.until())
	return c.Conn.Read(b)
}

func (c *limitConn) Write(b []byte) (int, error) {
	c.Conn.SetWriteDeadline(c.until())
	return c.Conn.Write(b)
}

func (c *limitConn) Close() error {
	c.receiver.leave(c)
	return c.Conn.Close()
}
