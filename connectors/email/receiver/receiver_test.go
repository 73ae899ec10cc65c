package receiver

import (
	"context"
	"errors"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// store is a channel that takes mail, or refuses to.
type store struct {
	mu    sync.Mutex
	err   error
	mails []string
	to    [][]string
	from  string
}

func (s *store) take(_ context.Context, from string, to []string, raw []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.from, s.mails, s.to = from, append(s.mails, string(raw)), append(s.to, to)
	return nil
}

// open runs a receiver until the test ends.
func open(t *testing.T, o Options) (r *Receiver, smtpAddr, lmtpAddr string) {
	t.Helper()
	o.Listen, o.LMTPListen = "127.0.0.1:0", "127.0.0.1:0"
	r = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run did not end")
		}
	})
	a, b := r.Addrs()
	return r, a.String(), b.String()
}

const mail = "From: anna@customer.test\r\nSubject: hello\r\n\r\nwords\r\n"

func send(addr string, to ...string) error {
	c, err := smtp.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.SendMail("anna@customer.test", to, strings.NewReader(mail))
}

func code(err error) int {
	var reply *smtp.SMTPError
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

func TestMailReachesTheChannelThatClaimsIt(t *testing.T) {
	r, addr, _ := open(t, Options{})
	var support, sales store
	release := r.Claim("Support@Hub.test", support.take)
	defer r.Claim("sales@hub.test", sales.take)()
	if err := send(addr, "support@hub.test", "support+tok@hub.test", "SALES@hub.test"); err != nil {
		t.Fatal(err)
	}
	if len(support.mails) != 1 || support.mails[0] != mail || support.from != "anna@customer.test" || !slices.Equal(support.to[0], []string{"support@hub.test", "support+tok@hub.test"}) {
		t.Errorf("support: %+v", support.to)
	}
	if len(sales.mails) != 1 {
		t.Errorf("sales: %d", len(sales.mails))
	}
	for _, stranger := range []string{"nobody@hub.test", "support@elsewhere.test"} {
		if err := send(addr, stranger); code(err) != 550 {
			t.Errorf("%s: %v", stranger, err)
		}
	}
	release()
	if err := send(addr, "support@hub.test"); code(err) != 550 {
		t.Errorf("after release: %v", err)
	}
}

func TestRefusedIsNotAcked(t *testing.T) {
	r, addr, _ := open(t, Options{})
	var good, bad store
	bad.err = errors.New("the database is away")
	defer r.Claim("good@hub.test", good.take)()
	defer r.Claim("bad@hub.test", bad.take)()
	defer r.Claim("panic@hub.test", func(context.Context, string, []string, []byte) error { panic("oh") })()
	for _, to := range [][]string{{"bad@hub.test"}, {"good@hub.test", "bad@hub.test"}, {"panic@hub.test"}} {
		if err := send(addr, to...); code(err) != 451 {
			t.Errorf("%v: %v", to, err)
		}
	}
	bad.mu.Lock()
	bad.err = nil
	bad.mu.Unlock()
	if err := send(addr, "good@hub.test", "bad@hub.test"); err != nil || len(bad.mails) != 1 {
		t.Errorf("healed: %v", err)
	}
}

func TestLMTPAnswersForEachRecipient(t *testing.T) {
	r, _, addr := open(t, Options{})
	var good, bad store
	bad.err = errors.New("away")
	defer r.Claim("good@hub.test", good.take)()
	defer r.Claim("bad@hub.test", bad.take)()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	if err := c.Mail("anna@customer.test", nil); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"good@hub.test", "bad@hub.test"} {
		if err := c.Rcpt(to, nil); err != nil {
			t.Fatal(err)
		}
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(mail)); err != nil {
		t.Fatal(err)
	}
	answers, err := w.CloseWithLMTPResponse()
	var refused smtp.LMTPDataError
	if !errors.As(err, &refused) || refused["bad@hub.test"] == nil || refused["bad@hub.test"].Code != 451 || answers["good@hub.test"] == nil {
		t.Errorf("answers %v, error %v", answers, err)
	}
	if len(good.mails) != 1 {
		t.Errorf("%d mails", len(good.mails))
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	r, addr, _ := open(t, Options{})
	var s store
	defer r.Claim("support@hub.test", s.take)()
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	huge := "Subject: x\r\n\r\n" + strings.Repeat("0123456789\r\n", maxMail/12+10)
	if err := c.SendMail("a@b.test", []string{"support@hub.test"}, strings.NewReader(huge)); code(err) != 552 {
		t.Errorf("%v", err)
	}
	if len(s.mails) != 0 {
		t.Error("it was taken")
	}
	if err := send(addr, "support@hub.test"); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	r, addr, _ := open(t, Options{MaxInFlight: 20})
	var s store
	defer r.Claim("support@hub.test", s.take)()
	if err := send(addr, "support@hub.test"); code(err) != 452 {
		t.Errorf("%v", err)
	}
	if got := r.bytes.Load(); got != 0 {
		t.Errorf("%d bytes are still counted", got)
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	_, addr, _ := open(t, Options{MaxConnsPerIP: 2})
	greet := func() string {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		line, _ := textproto.NewConn(conn).ReadLine()
		return line
	}
	greet()
	greet()
	if third := greet(); !strings.HasPrefix(third, "421 ") {
		t.Errorf("the third hears %q", third)
	}
}

func TestSilentPeerIsDropped(t *testing.T) {
	_, addr, _ := open(t, Options{Silence: 100 * time.Millisecond})
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 512)
	for {
		if _, err := conn.Read(buf); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Error("still open after 5 s")
			}
			return
		}
	}
}

// A mail that is being stored when the program ends is stored; one that is still coming stays with its sender.
func TestEndingWaitsForWhatIsBeingStored(t *testing.T) {
	r := New(Options{Listen: "127.0.0.1:0"})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	addr, _ := r.Addrs()
	inside, stored := make(chan struct{}), false
	r.Claim("support@hub.test", func(ctx context.Context, _ string, _ []string, _ []byte) error {
		close(inside)
		time.Sleep(300 * time.Millisecond)
		stored = ctx.Err() == nil
		return nil
	})
	sent := make(chan error, 1)
	go func() { sent <- send(addr.String(), "support@hub.test") }()
	<-inside
	cancel()
	if err := <-ended; err != nil || !stored {
		t.Errorf("Run: %v, stored %v", err, stored)
	}
	<-sent
}

func TestPortInUseIsSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := New(Options{Listen: l.Addr().String()}).Run(t.Context()); err == nil {
		t.Error("no error")
	}
}
