package email

import (
	"context"
	"fmt"
	"sync"
	"time"

	"parley/connectors"
)

// poolMost is how many connections to the submission server a channel has at once.
const poolMost = 4

// pool keeps signed-in connections for the next mail. One that saw any failure is never used again.
type pool struct {
	turns chan struct{} // one for each connection in use

	mu   sync.Mutex
	idle []*submission // the one used last is at the end
}

func newPool() *pool { return &pool{turns: make(chan struct{}, poolMost)} }

// connection is a signed-in connection that answers, bound to ctx. It must be given back by keep or drop.
func (c *Connector) connection(ctx context.Context) (*submission, error) {
	select {
	case c.pool.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, connectors.Retry(fmt.Errorf("wait for a connection to the mail server: %w", ctx.Err()), 0)
	}
	for s := c.pool.take(); s != nil; s = c.pool.take() {
		if s.bind(ctx); s.answers(c.pace.answer) {
			return s, nil
		}
		s.close()
	}
	s, err := c.dialSMTP(ctx)
	if err != nil {
		<-c.pool.turns
		return nil, err
	}
	return s, nil
}

// take is the connection used last, nil when none is idle.
func (p *pool) take() *submission {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	s := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	s.expiry.Stop()
	return s
}

// keep gives a connection back after a mail went well.
func (p *pool) keep(s *submission, idle time.Duration) {
	defer func() { <-p.turns }()
	if !s.stop() { // ctx has ended and closed it
		s.conn.Close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.expiry = time.AfterFunc(idle, func() { p.expire(s) })
	p.idle = append(p.idle, s)
}

// drop gives a connection back that is of no more use.
func (p *pool) drop(s *submission) {
	s.close()
	<-p.turns
}

// expire ends a connection that nobody took in time.
func (p *pool) expire(s *submission) {
	p.mu.Lock()
	for i, x := range p.idle {
		if x == s {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			p.mu.Unlock()
			s.quit()
			s.conn.Close()
			return
		}
	}
	p.mu.Unlock()
}

// bind lets the end of ctx end the connection.
func (s *submission) bind(ctx context.Context) {
	s.stop = context.AfterFunc(ctx, func() { s.conn.Close() })
}

// answers asks whether the server is still there and has forgotten the last mail.
func (s *submission) answers(limit time.Duration) bool {
	s.client.CommandTimeout = min(limit, 5*time.Second)
	defer func() { s.client.CommandTimeout = limit }()
	return s.client.Reset() == nil && s.client.Noop() == nil
}
