package mailtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is one that the sink took.
type Mail struct {
	From string // envelope
	To   []string
	Raw  []byte
	At   time.Time

	EnvelopeID string             // ENVID of MAIL (RFC 3461), "" when none was given
	Rcpts      []smtp.RcptOptions // of each in To
}

// Message parses the header; the body is still encoded. It is nil for bytes that are no mail.
func (m Mail) Message() *mail.Message {
	p, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return nil
	}
	return p
}

// Stage is a step of the SMTP dialogue.
type Stage string

// The steps in their order. Accepted is after the mail was kept and before the answer to the final dot.
const (
	Connect  Stage = "connect"
	Auth     Stage = "auth"
	From     Stage = "mail from"
	Rcpt     Stage = "rcpt to"
	Data     Stage = "data"
	Accepted Stage = "accepted"
)

// Sink is an SMTP server that keeps all mail. Any user and password is right until told otherwise. Its methods are safe for
// concurrent use.
type Sink struct {
	Account string // whose XOAUTH2 token is right; "" for anybody's. Set it before anything is sent

	port   int
	server *smtp.Server
	listen net.Listener
	line   *line
	served sync.WaitGroup

	mu     sync.Mutex
	mails  []Mail
	news   chan struct{} // closed and made anew with every mail
	faults map[Stage]fault
	done   chan struct{}
}

type fault struct {
	err   error
	cut   bool
	stall bool
	left  int // how many more times; negative: until Heal
}

// NewSink starts one.
func NewSink() (*Sink, error) {
	s := &Sink{line: newLine(), news: make(chan struct{}), faults: map[Stage]fault{}, done: make(chan struct{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.listen = l
	s.port = l.Addr().(*net.TCPAddr).Port
	s.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		if err := s.at(Connect, c.Conn()); err != nil {
			return nil, err
		}
		return &sinkSession{sink: s, conn: c.Conn()}, nil
	}))
	s.server.Domain, s.server.AllowInsecureAuth, s.server.EnableSMTPUTF8, s.server.EnableDSN = "sink.test", true, true, true
	s.server.ErrorLog = quiet{}
	s.served.Go(func() { _ = s.server.Serve(s.line.listener(l)) }) // ends with Close
	return s, nil
}

// Close stops the server and cuts its connections.
func (s *Sink) Close() {
	s.mu.Lock()
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	s.mu.Unlock()
	s.listen.Close() // the server may not know it yet
	_ = s.server.Close()
	s.line.cut()
	s.served.Wait()
}

// Config is the `smtp` part of an email channel's config.
func (s *Sink) Config() map[string]any {
	return map[string]any{"host": "127.0.0.1", "port": s.port, "security": "none"}
}

// Refuse answers stage with code and text from now on.
func (s *Sink) Refuse(stage Stage, code int, text string) {
	s.set(stage, fault{err: &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: text}, left: -1})
}

// Cut ends the connection at stage, times times (negative: until Heal).
func (s *Sink) Cut(stage Stage, times int) { s.set(stage, fault{cut: true, left: times}) }

// Stall leaves stage without an answer until Heal or Close.
func (s *Sink) Stall(stage Stage) { s.set(stage, fault{stall: true, left: -1}) }

// Heal ends all faults.
func (s *Sink) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = map[Stage]fault{}
	close(s.done)
	s.done = make(chan struct{})
}

func (s *Sink) set(stage Stage, f fault) { s.mu.Lock(); s.faults[stage] = f; s.mu.Unlock() }

var errCut = errors.New("cut")

// at lets the fault of a stage happen.
func (s *Sink) at(stage Stage, conn net.Conn) error {
	s.mu.Lock()
	f, ok := s.faults[stage]
	if !ok || f.left == 0 {
		s.mu.Unlock()
		return nil
	}
	f.left--
	s.faults[stage] = f
	done := s.done
	s.mu.Unlock()
	switch {
	case f.cut:
		conn.Close()
		return errCut
	case f.stall:
		<-done
		return nil
	}
	return f.err
}

// Connections is how many were opened so far.
func (s *Sink) Connections() int { return s.line.opened() }

// Open is how many connections are open.
func (s *Sink) Open() int { return s.line.open() }

// CutLine ends every open connection.
func (s *Sink) CutLine() { s.line.cut() }

// Mails is all that came so far.
func (s *Sink) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Wait is the first mail, past or to come, that is wanted.
func (s *Sink) Wait(ctx context.Context, wanted func(Mail) bool) (Mail, error) {
	for {
		s.mu.Lock()
		mails, news := s.mails, s.news
		s.mu.Unlock()
		for _, m := range mails {
			if wanted(m) {
				return m, nil
			}
		}
		select {
		case <-news:
		case <-ctx.Done():
			return Mail{}, fmt.Errorf("no such mail among %d: %w", len(mails), ctx.Err())
		}
	}
}

func (s *Sink) keep(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	close(s.news)
	s.news = make(chan struct{})
}

type sinkSession struct {
	sink *Sink
	conn net.Conn
	from string
	to   []string

	envelopeID string
	rcpts      []smtp.RcptOptions
}

func (x *sinkSession) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login, "XOAUTH2"} }

func (x *sinkSession) Auth(mechanism string) (sasl.Server, error) {
	check := func() error { return x.sink.at(Auth, x.conn) }
	if mechanism == sasl.Login {
		return &loginServer{check: check}, nil
	}
	if mechanism == "XOAUTH2" {
		return &xoauth2Server{account: x.sink.Account, check: check}, nil
	}
	return sasl.NewPlainServer(func(_, _, _ string) error { return check() }), nil
}

// xoauth2Server believes every token of its account, and says why not as Google does.
type xoauth2Server struct {
	account string
	refused bool
	check   func() error
}

func (x *xoauth2Server) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return []byte{}, false, nil
	}
	if !x.refused && x.account != "" && !bytes.HasPrefix(response, []byte("user="+x.account+"\x01auth=Bearer ")) {
		x.refused = true
		return []byte(`{"status":"401","schemes":"bearer"}`), false, nil
	}
	if x.refused {
		return nil, true, &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "not accepted"}
	}
	return nil, true, x.check()
}

// loginServer asks for a user and a password and believes both.
type loginServer struct {
	asked int
	check func() error
}

func (l *loginServer) Next([]byte) (challenge []byte, done bool, err error) {
	l.asked++
	switch l.asked {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check()
}

func (x *sinkSession) Mail(from string, o *smtp.MailOptions) error {
	x.from, x.envelopeID = from, o.EnvelopeID
	return x.sink.at(From, x.conn)
}

func (x *sinkSession) Rcpt(to string, o *smtp.RcptOptions) error {
	x.to, x.rcpts = append(x.to, to), append(x.rcpts, *o)
	return x.sink.at(Rcpt, x.conn)
}

func (x *sinkSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := x.sink.at(Data, x.conn); err != nil {
		return err
	}
	x.sink.keep(Mail{From: x.from, To: append([]string(nil), x.to...), Raw: raw, At: time.Now(), EnvelopeID: x.envelopeID, Rcpts: x.rcpts})
	return x.sink.at(Accepted, x.conn)
}

func (x *sinkSession) Reset()        { x.from, x.to, x.envelopeID, x.rcpts = "", nil, "", nil }
func (x *sinkSession) Logout() error { return nil }
