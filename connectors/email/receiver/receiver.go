// Package receiver is the built-in mail receiver: SMTP for a mail server that forwards to us (or for the world, when we are the MX of a
// domain) and LMTP for a server beside us. It keeps no queue: the answer 250 means that the mail is stored.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"

	"parley/connectors"
)

// The limits of the receiver.
const (
	maxMail       = 25 << 20
	maxRecipients = 100
	maxLine       = 1 << 20 // many programs write a whole page of HTML on one line
)

// Options say where the receiver listens. An address that is "" stays closed.
type Options struct {
	Listen     string // SMTP, host:port
	LMTPListen string // LMTP, host:port
	Hostname   string // for the greeting; "localhost" when empty
	Log        *slog.Logger
	// Resolver answers the questions of SPF, DKIM and DMARC; the system's when nil.
	Resolver Resolver

	// Zero means the default in brackets.
	MaxConns      int           // connections at once, SMTP and LMTP together [100]
	MaxConnsPerIP int           // [20]
	MaxInFlight   int64         // bytes of mail in memory at once; more is answered 452 [200 MB]
	Silence       time.Duration // longest wait for the peer's next bytes [1 min]
	Lifetime      time.Duration // of one connection [15 min]
	StoreTimeout  time.Duration // for storing one mail [30 s]
}

// Receiver implements connectors.MailReceiver.
type Receiver struct {
	options Options
	bytes   atomic.Int64 // of mail in memory

	storing sync.RWMutex // held for reading while a mail is stored
	closed  bool         // guarded by storing

	mu      sync.Mutex
	claims  map[string][]*claim // by folded address
	conns   map[*limitConn]struct{}
	connsBy map[string]int // by IP
	ending  bool
	smtp    net.Addr
	lmtp    net.Addr
	ready   chan struct{}
}

type take func(ctx context.Context, from string, to []string, raw []byte) error

type claim struct {
	address string
	take    take
}

var _ connectors.MailReceiver = (*Receiver)(nil)

// New makes a receiver; Run opens it.
func New(o Options) *Receiver {
	o.Hostname = or(o.Hostname, "localhost")
	o.MaxConns = or(o.MaxConns, 100)
	o.MaxConnsPerIP = or(o.MaxConnsPerIP, 20)
	o.MaxInFlight = or(o.MaxInFlight, 200<<20)
	o.Silence = or(o.Silence, time.Minute)
	o.Lifetime = or(o.Lifetime, 15*time.Minute)
	o.StoreTimeout = or(o.StoreTimeout, 30*time.Second)
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Receiver{options: o, claims: map[string][]*claim{}, conns: map[*limitConn]struct{}{}, connsBy: map[string]int{}, ready: make(chan struct{})}
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Claim implements connectors.MailReceiver. Where several channels claim one address, the first of them gets the mail.
func (r *Receiver) Claim(address string, t func(ctx context.Context, from string, to []string, raw []byte) error) (release func()) {
	c := &claim{fold(address), t}
	r.mu.Lock()
	r.claims[c.address] = append(r.claims[c.address], c)
	r.mu.Unlock()
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		left := r.claims[c.address][:0]
		for _, other := range r.claims[c.address] {
			if other != c {
				left = append(left, other)
			}
		}
		if r.claims[c.address] = left; len(left) == 0 {
			delete(r.claims, c.address)
		}
	})
}

// claimOf is who takes mail for address, also for a plus address; nil when nobody does.
func (r *Receiver) claimOf(address string) *claim {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range []string{fold(address), withoutDetail(fold(address))} {
		if c := r.claims[a]; len(c) > 0 {
			return c[0]
		}
	}
	return nil
}

func fold(a string) string { return strings.ToLower(strings.TrimSpace(a)) }

func withoutDetail(a string) string {
	at := strings.LastIndexByte(a, '@')
	if at < 0 {
		return a
	}
	if plus := strings.IndexByte(a[:at], '+'); plus > 0 {
		return a[:plus] + a[at:]
	}
	return a
}

// Run listens until ctx ends and then waits for what is being stored. It returns an error when it cannot listen.
func (r *Receiver) Run(ctx context.Context) error {
	storeCtx, stopStoring := context.WithCancel(context.WithoutCancel(ctx))
	defer stopStoring()
	var servers []*smtp.Server
	var listeners []net.Listener
	for _, at := range []struct {
		address string
		lmtp    bool
		bound   *net.Addr
	}{{r.options.Listen, false, &r.smtp}, {r.options.LMTPListen, true, &r.lmtp}} {
		if at.address == "" {
			continue
		}
		l, err := net.Listen("tcp", at.address)
		if err != nil {
			for _, open := range listeners {
				open.Close()
			}
			return fmt.Errorf("mail receiver: %w", err)
		}
		r.mu.Lock()
		*at.bound = l.Addr()
		r.mu.Unlock()
		listeners = append(listeners, &limitListener{l, r})
		servers = append(servers, r.server(storeCtx, at.lmtp))
	}
	close(r.ready)
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() {
			if err := s.Serve(listeners[i]); err != nil && ctx.Err() == nil {
				r.options.Log.Error("mail receiver stopped listening", "error", err)
			}
		})
	}
	<-ctx.Done()
	for _, l := range listeners {
		l.Close()
	}
	defer time.AfterFunc(grace, stopStoring).Stop()
	r.storing.Lock() // what is being stored may finish; a peer that is still sending keeps its mail and brings it again
	r.closed = true
	r.storing.Unlock()
	r.cut()
	for _, s := range servers {
		_ = s.Shutdown(context.WithoutCancel(ctx)) // every connection is closed: its session ends
	}
	wg.Wait()
	return nil
}

// grace is how long a mail that is being stored may take when the receiver ends.
const grace = 3 * time.Second

// Addrs waits until Run listens and tells where: nil for what is off.
func (r *Receiver) Addrs() (smtpAddr, lmtpAddr net.Addr) {
	<-r.ready
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.smtp, r.lmtp
}

func (r *Receiver) server(ctx context.Context, lmtp bool) *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		return &session{receiver: r, ctx: ctx, conn: conn, lmtp: lmtp}, nil
	}))
	s.LMTP, s.Domain = lmtp, r.options.Hostname
	s.MaxMessageBytes, s.MaxRecipients, s.MaxLineLength = maxMail, maxRecipients, maxLine
	s.EnableSMTPUTF8 = true
	s.ErrorLog = logAdapter{r.options.Log}
	return s
}

type logAdapter struct{ log *slog.Logger }

func (l logAdapter) Printf(format string, v ...any) {
	l.log.Debug("mail receiver", "detail", fmt.Sprintf(format, v...))
}
func (l logAdapter) Println(v ...any) { l.log.Debug("mail receiver", "detail", fmt.Sprint(v...)) }

// session is one connection's dialogue.
type session struct {
	receiver *Receiver
	ctx      context.Context
	conn     *smtp.Conn
	lmtp     bool
	from     string
	rcpts    []recipient
}

type recipient struct {
	address string
	claim   *claim
}

var (
	errUnknown  = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such recipient here"}
	errLater    = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Could not store the mail now, try again later"}
	errBusy     = &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Too much mail at once, try again later"}
	errTooLarge = &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "The mail is larger than 25 MB"}
)

func (s *session) Reset()        { s.from, s.rcpts = "", nil }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from, s.rcpts = from, nil
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	c := s.receiver.claimOf(to)
	if c == nil {
		return errUnknown
	}
	s.rcpts = append(s.rcpts, recipient{to, c})
	return nil
}

// Data answers once for all recipients: unless every one of them has the mail, the peer keeps it and brings it again. Those who had it
// know it by its key.
func (s *session) Data(body io.Reader) error {
	raw, release, err := s.read(body)
	if err != nil {
		return err
	}
	defer release()
	for _, err := range s.deliver(raw) {
		if err != nil {
			return errLater
		}
	}
	return nil
}

// LMTPData answers for each recipient on its own (RFC 2033 §4.2).
func (s *session) LMTPData(body io.Reader, status smtp.StatusCollector) error {
	raw, release, err := s.read(body)
	if err != nil {
		return err
	}
	defer release()
	results := s.deliver(raw)
	for _, to := range s.rcpts {
		if results[to.claim] != nil {
			status.SetStatus(to.address, errLater)
		} else {
			status.SetStatus(to.address, nil)
		}
	}
	return nil
}

// deliver hands the mail to every channel among the recipients once.
func (s *session) deliver(raw []byte) map[*claim]error {
	to := map[*claim][]string{}
	for _, r := range s.rcpts {
		to[r.claim] = append(to[r.claim], r.address)
	}
	provenance := connectors.Provenance{Results: s.results(raw), Local: s.lmtp}
	results := map[*claim]error{}
	s.receiver.storing.RLock()
	defer s.receiver.storing.RUnlock()
	for c, addresses := range to {
		ctx, cancel := context.WithTimeout(connectors.WithProvenance(s.ctx, provenance), s.receiver.options.StoreTimeout)
		results[c] = s.hand(ctx, c, addresses, raw)
		cancel()
	}
	return results
}

func (s *session) hand(ctx context.Context, c *claim, to []string, raw []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			s.receiver.options.Log.Warn("a received mail could not be stored", "recipient", c.address, "error", err)
		}
	}()
	if s.receiver.closed {
		return errors.New("the receiver is ending")
	}
	return c.take(ctx, s.from, to, raw)
}

// read takes the mail into memory, within what all connections may hold together.
func (s *session) read(body io.Reader) (raw []byte, release func(), err error) {
	held := int64(0)
	release = func() { s.receiver.bytes.Add(-held) }
	chunk := make([]byte, 64<<10)
	for {
		n, err := body.Read(chunk)
		held += int64(n)
		if s.receiver.bytes.Add(int64(n)) > s.receiver.options.MaxInFlight {
			release()
			return nil, nil, errBusy
		}
		raw = append(raw, chunk[:n]...)
		switch {
		case errors.Is(err, io.EOF):
			return raw, release, nil
		case errors.Is(err, smtp.ErrDataTooLarge):
			release()
			return nil, nil, errTooLarge
		case err != nil:
			release()
			return nil, nil, err
		}
	}
}
