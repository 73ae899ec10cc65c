package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"parley/connectors"
)

// Send hands a mail to the submission server. Until the final dot is written nothing can have been sent, so failures before it may be
// tried again; after it only the server's answer says what happened (RFC 5321 §4.1.1.4, §4.5.3.2.6).
func (c *Connector) Send(ctx context.Context, out connectors.Outbound) (connectors.Receipt, error) {
	if c.config.SMTP == nil {
		return connectors.Receipt{}, connectors.Permanent(errors.New("this channel has no server for outgoing mail"))
	}
	if out.ProviderID == "" {
		out.ProviderID = c.NameMessage(out.ConversationID, out.MessageID)
	}
	to, err := envelopeTo(out)
	if err != nil {
		return connectors.Receipt{}, connectors.Permanent(err)
	}
	if err := c.inPace(out.ProviderID); err != nil {
		return connectors.Receipt{}, err
	}
	mail, err := c.compose(ctx, out)
	if err != nil {
		return connectors.Receipt{}, err
	}
	s, err := c.connection(ctx)
	if err != nil {
		return connectors.Receipt{}, err
	}
	if err := s.transaction(c.config.Address, to, mail, out.ProviderID); err != nil {
		c.pool.drop(s)
		return connectors.Receipt{}, err
	}
	c.pool.keep(s, c.pace.keep)
	c.keepCopy(ctx, mail, out.ProviderID)
	return connectors.Receipt{ProviderID: out.ProviderID}, nil
}

// inPace refuses a mail that would leave faster than the config allows, and says when it may. Each node keeps the pace for itself.
func (c *Connector) inPace(id string) error {
	if c.pacer == nil {
		return nil
	}
	if wait := c.pacer.wait(id, c.host.Now()); wait > 0 {
		return connectors.Retry(fmt.Errorf("no more than %d mails a minute leave this channel", c.config.SMTP.PerMinute), wait)
	}
	return nil
}

// keepCopy puts a copy into the Sent folder where the config wants it. The mail has left: failing is noted and no more.
func (c *Connector) keepCopy(ctx context.Context, mail []byte, id string) {
	if !c.config.SMTP.SaveToSent {
		return
	}
	if err := c.saveToSent(ctx, mail, id); err != nil {
		c.host.Log.Warn("no copy of a sent mail was kept", "channel", c.channel.ID, "message_id", id, "error", err)
	}
}

// envelopeTo is every recipient once.
func envelopeTo(out connectors.Outbound) ([]string, error) {
	var all []string
	seen := map[string]bool{}
	for _, list := range [][]string{{out.To}, out.Cc, out.Bcc} {
		for _, a := range list {
			a = strings.TrimSpace(a)
			if !validAddress(a) {
				return nil, fmt.Errorf("%q is not an email address", a)
			}
			if key := foldAddress(a); !seen[key] {
				seen[key] = true
				all = append(all, asciiDomain(a))
			}
		}
	}
	return all, nil
}

// submission is one signed-in connection to the SMTP server.
type submission struct {
	client *smtp.Client
	conn   net.Conn
	stop   func() bool // frees it of its context
	expiry *time.Timer // while it is idle
}

// writeLimitConn ends a connection whose peer stops reading: go-smtp sets no deadline while the mail is written.
type writeLimitConn struct {
	net.Conn
	limit time.Duration
}

func (w writeLimitConn) Write(b []byte) (int, error) {
	w.Conn.SetWriteDeadline(time.Now().Add(w.limit))
	return w.Conn.Write(b)
}

func (c *Connector) dialSMTP(ctx context.Context) (*submission, error) {
	cfg := c.config.SMTP
	k, err := c.credentials(ctx, cfg.Auth, cfg.Username, cfg.Password)
	if err != nil {
		return nil, asRetry(err)
	}
	dialCtx, cancel := context.WithTimeout(ctx, c.pace.dial)
	defer cancel()
	raw, err := c.host.Dial(dialCtx, "tcp", cfg.endpoint())
	if err != nil {
		return nil, connectors.Retry(fmt.Errorf("connect to %s: %w", cfg.endpoint(), err), 0)
	}
	s := &submission{conn: raw}
	s.bind(ctx)
	if err := s.begin(ctx, cfg, c.pace, domainOf(asciiDomain(c.config.Address))); err != nil {
		s.close()
		return nil, connectors.Retry(fmt.Errorf("greet %s: %w", cfg.endpoint(), err), 0)
	}
	if err := c.loginSMTP(s, k); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// asRetry is err before anything was handed over.
func asRetry(err error) error {
	if connectors.IsUnauthorized(err) {
		return err
	}
	return connectors.Retry(err, 0)
}

func (s *submission) begin(ctx context.Context, cfg *SMTPConfig, p pace, name string) error {
	conn := net.Conn(writeLimitConn{s.conn, p.answer})
	tlsConfig := &tls.Config{ServerName: cfg.Host}
	switch cfg.Security {
	case securityTLS:
		conn.SetDeadline(time.Now().Add(p.answer))
		t := tls.Client(conn, tlsConfig)
		if err := t.HandshakeContext(ctx); err != nil {
			return err
		}
		conn = t
	case securityStartTLS:
		conn.SetDeadline(time.Now().Add(p.answer))
		client, err := smtp.NewClientStartTLS(conn, tlsConfig)
		if err != nil {
			return err
		}
		s.client = client
	}
	if s.client == nil {
		s.client = smtp.NewClient(conn)
	}
	s.client.CommandTimeout, s.client.SubmissionTimeout = p.answer, p.final
	return s.client.Hello(name)
}

func (c *Connector) loginSMTP(s *submission, k credentials) error {
	if k.user == "" {
		return nil
	}
	mechanism, err := s.mechanism(k, c.config.SMTP)
	if err != nil {
		return connectors.Retry(err, 0)
	}
	err = s.client.Auth(mechanism)
	switch {
	case err == nil:
		return nil
	case isTokenRefusal(err), replyCode(err) >= 500:
		return asRetry(c.refused(k, err))
	}
	return connectors.Retry(fmt.Errorf("sign in as %s: %w", k.user, err), 0)
}

func (s *submission) mechanism(k credentials, cfg *SMTPConfig) (sasl.Client, error) {
	switch {
	case k.token != "":
		return k.bearer(s.client.SupportsAuth, cfg.Host, cfg.Port)
	case s.client.SupportsAuth(sasl.Plain):
		return sasl.NewPlainClient("", k.user, k.password), nil
	case s.client.SupportsAuth(sasl.Login):
		return sasl.NewLoginClient(k.user, k.password), nil
	}
	return nil, fmt.Errorf("%s offers no way to sign in with a password", cfg.endpoint())
}

func (s *submission) transaction(from string, to []string, mail []byte, id string) error {
	options := &smtp.MailOptions{Size: int64(len(mail)), Return: smtp.DSNReturnHeaders, EnvelopeID: envelopeID(id)}
	if !isASCII(from) || !isASCII(strings.Join(to, "")) {
		if ok, _ := s.client.Extension("SMTPUTF8"); !ok {
			return connectors.Permanent(errors.New("the mail server takes no addresses with letters outside ASCII"))
		}
		options.UTF8 = true
	}
	if err := s.client.Mail(asciiDomain(from), options); err != nil {
		return refused("sender", err)
	}
	for _, a := range to {
		if err := s.client.Rcpt(a, notifyOf(a)); err != nil {
			return refused("recipient "+a, err) // nobody gets it, so that nobody gets it twice
		}
	}
	data, err := s.client.Data()
	if err != nil {
		return refused("mail", err)
	}
	if _, err := data.Write(mail); err != nil {
		return connectors.Retry(fmt.Errorf("hand the mail over: %w", err), 0)
	}
	if err := data.Close(); err != nil {
		if replyCode(err) == 0 {
			return fmt.Errorf("the mail was handed over but not answered: %w", err)
		}
		return refused("mail", err)
	}
	return nil
}

// notifyOf asks for news of failure and delay, where the server knows of such (RFC 3461).
func notifyOf(to string) *smtp.RcptOptions {
	kind := smtp.DSNAddressTypeRFC822
	if !isASCII(to) {
		kind = smtp.DSNAddressTypeUTF8
	}
	return &smtp.RcptOptions{Notify: []smtp.DSNNotify{smtp.DSNNotifyFailure, smtp.DSNNotifyDelayed}, OriginalRecipientType: kind, OriginalRecipient: to}
}

// refused reads a reply before anything was taken over: 5xx is final, everything else may be tried again.
func refused(what string, err error) error {
	if replyCode(err) >= 500 {
		return connectors.Permanent(fmt.Errorf("the mail server refused the %s: %w", what, err))
	}
	return connectors.Retry(fmt.Errorf("%s: %w", what, err), 0)
}

// replyCode is the server's three digits in err, 0 when it did not answer.
func replyCode(err error) int {
	var reply *smtp.SMTPError
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

// envelopeID is what a bounce repeats (RFC 3461 §4.4: at most 100 characters), "" when the id is too long for it.
func envelopeID(id string) string {
	local, _, _ := strings.Cut(asciiOnly(id), "@")
	if len(local) > 100 {
		return ""
	}
	return local
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// quit says good-bye; the mail is already taken.
func (s *submission) quit() {
	s.client.CommandTimeout = 2 * time.Second
	_ = s.client.Quit()
}

func (s *submission) close() {
	s.stop()
	s.conn.Close()
}

func (c *Connector) testSMTP(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.pace.test)
	defer cancel()
	s, err := c.dialSMTP(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.quit()
	return nil
}
