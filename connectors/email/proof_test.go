package email

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/connectors"
)

var (
	proofMails = flag.Int("mails", 150, "mails of 50 kB that TestDovecotOverABadLine reads")
	proofCuts  = flag.Int("cuts", 8, "connections that are cut meanwhile")
)

// badLine cuts a number of connections, each after some bytes came in.
type badLine struct {
	mu         sync.Mutex
	left, most int
	opened     int
	done       int
}

// dial takes the place of Host.Dial.
func (l *badLine) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened++
	if l.left == 0 {
		return conn, nil
	}
	return &cutConn{Conn: conn, line: l, budget: rand.IntN(l.most)}, nil
}

func (l *badLine) cuts() int { l.mu.Lock(); defer l.mu.Unlock(); return l.done }

// cut tells whether a connection that used up its budget ends.
func (l *badLine) cut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 {
		return false
	}
	l.left--
	l.done++
	return true
}

type cutConn struct {
	net.Conn
	line   *badLine
	budget int // of bytes; read by one goroutine
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.budget -= n; c.budget < 0 && n > 0 {
		c.budget = c.line.most
		if c.line.cut() {
			c.Close()
			return n / 2, net.ErrClosed
		}
	}
	return n, err
}

// mails of 50 kB from a real Dovecot over TLS, with cut connections and new UIDs in the middle.
// The full proof: go test ./connectors/email -run TestDovecotOverABadLine -v -mails 1000 -cuts 20
func TestDovecotOverABadLine(t *testing.T) {
	d := startDovecot(t)
	sink := newSink()
	half := *proofMails / 2
	line := &badLine{left: *proofCuts, most: max(60_000, *proofMails*50_000/(*proofCuts+1))}
	c := newChannel(t, map[string]any{"imap": d.imapConfig()})
	c.host.Dial = line.dial
	began := time.Now()
	d.deliverLarge(0, half)
	t.Logf("%d mails delivered by LMTP in %s", half, time.Since(began).Round(time.Millisecond))
	began = time.Now()
	running(t, c, sink)
	sink.awaitItems(t, half/2)
	d.doveadm("mailbox", "update", "--uid-validity", "4242", "-u", "support@hub.test", "INBOX")
	d.deliverLarge(half, *proofMails)
	sink.awaitItems(t, *proofMails)
	took := time.Since(began)
	sink.awaitState(t, connectors.StateConnected)
	all, err := c.Reconcile(t.Context(), sink)
	if err != nil {
		t.Fatal(err)
	}
	items := sink.items()
	lost, doubled, bytes := 0, 0, 0
	seen := subjects(items)
	for n := range *proofMails {
		switch seen[largeSubject(n)] {
		case 0:
			lost++
		case 1:
		default:
			doubled++
		}
	}
	for _, in := range items {
		bytes += len(in.Raw)
	}
	t.Logf("%d mails (%d MB) stored in %s over TLS, delivery of the second half included; %d connections, %d cut, UIDVALIDITY changed once: %d lost, %d doubled; %d under a new number",
		len(items), bytes>>20, took.Round(time.Millisecond), line.opened, line.cuts(), lost, doubled, sink.repeats)
	t.Logf("INBOX: %s", all[0])
	if lost != 0 || doubled != 0 || len(items) != *proofMails || all[0].Here != int64(*proofMails) || all[0].Missing != 0 {
		t.Errorf("%d items, %d lost, %d doubled; %s", len(items), lost, doubled, all[0])
	}
	if line.cuts() < *proofCuts {
		t.Errorf("only %d connections were cut", line.cuts())
	}
}

func largeSubject(n int) string { return fmt.Sprintf("large letter %d", n) }

// deliverLarge brings mails from to to, of 50 kB each, over one LMTP connection.
func (d *dovecot) deliverLarge(from, to int) {
	d.t.Helper()
	text := strings.Repeat("All work and no play makes Jack a dull boy. And so on, and so on...\n", 720)
	for n := from; n < to; n++ {
		if _, err := d.Deliver(letter(largeSubject(n)) + text); err != nil {
			d.t.Fatal(err)
		}
	}
}
