package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// session is one connection to the IMAP server. Only UID, INTERNALDATE, RFC822.SIZE and BODY.PEEK[] are ever fetched: servers get
// ENVELOPE and BODYSTRUCTURE wrong, and then the whole connection dies.
type session struct {
	client *imapclient.Client
	conn   *watchConn
	pace   pace
	wake   chan struct{} // holds a token when the server said that something is new
	stop   func() bool
}

// dialIMAP connects and signs in. The connection ends with ctx.
func (c *Connector) dialIMAP(ctx context.Context) (*session, error) {
	cfg := c.config.IMAP
	k, err := c.credentials(ctx, cfg.Auth, cfg.Username, cfg.Password)
	if err != nil {
		return nil, err
	}
	dialCtx, cancel := context.WithTimeout(ctx, c.pace.dial)
	defer cancel()
	raw, err := c.host.Dial(dialCtx, "tcp", cfg.endpoint())
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", cfg.endpoint(), err)
	}
	s := &session{conn: newWatchConn(raw, c.pace.silence), pace: c.pace, wake: make(chan struct{}, 1)}
	s.stop = context.AfterFunc(ctx, func() { raw.Close() })
	err = s.begin(cfg)
	if err == nil {
		err = c.loginIMAP(s, k)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) begin(cfg *IMAPConfig) error {
	tlsConfig := &tls.Config{ServerName: cfg.Host, NextProtos: []string{"imap"}}
	options := &imapclient.Options{TLSConfig: tlsConfig, UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				select {
				case s.wake <- struct{}{}:
				default:
				}
			}
		},
	}}
	switch cfg.Security {
	case securityTLS:
		s.client = imapclient.New(tls.Client(s.conn, tlsConfig), options)
	case securityStartTLS:
		client, err := imapclient.NewStartTLS(s.conn, options)
		if err != nil {
			return fmt.Errorf("start TLS: %w", err)
		}
		s.client = client
	default:
		s.client = imapclient.New(s.conn, options)
	}
	if err := s.client.WaitGreeting(); err != nil {
		return fmt.Errorf("greeting of %s: %w", cfg.endpoint(), err)
	}
	return nil
}

func (c *Connector) loginIMAP(s *session, k credentials) error {
	err := s.login(k, c.config.IMAP)
	var answer *imap.Error
	switch {
	case err == nil:
		return nil
	case isTokenRefusal(err), errors.As(err, &answer) && answer.Type == imap.StatusResponseTypeNo && isRefusal(answer.Code):
		return c.refused(k, err)
	}
	return fmt.Errorf("sign in as %s: %w", k.user, err)
}

func (s *session) login(k credentials, cfg *IMAPConfig) error {
	caps := s.client.Caps()
	if k.token != "" {
		mechanism, err := k.bearer(func(name string) bool { return caps.Has(imap.AuthCap(name)) }, cfg.Host, cfg.Port)
		if err != nil {
			return err
		}
		return s.client.Authenticate(mechanism)
	}
	if caps.Has(imap.CapLoginDisabled) {
		return s.client.Authenticate(sasl.NewPlainClient("", k.user, k.password))
	}
	return s.client.Login(k.user, k.password).Wait()
}

// isRefusal is false for answers that say "not now". Exchange and others refuse a password without any code.
func isRefusal(code imap.ResponseCode) bool {
	switch code {
	case "", imap.ResponseCodeAuthenticationFailed, imap.ResponseCodeAuthorizationFailed, imap.ResponseCodeExpired:
		return true
	}
	return false
}

// close ends the connection and waits for its reader. No fetch may be open.
func (s *session) close() {
	s.stop()
	s.conn.Close()
	if s.client != nil {
		<-s.client.Closed()
	}
}

// examine opens a mailbox for reading only, so that nothing is marked as read by accident.
func (s *session) examine(name string) (*imap.SelectData, error) {
	data, err := s.client.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return data, nil
}

// since is the lowest UID that arrived on or after day, 0 when there is none.
func (s *session) since(day time.Time) (imap.UID, error) {
	data, err := s.client.UIDSearch(&imap.SearchCriteria{Since: day}, nil).Wait()
	if err != nil {
		return 0, fmt.Errorf("search by date: %w", err)
	}
	lowest := imap.UID(0)
	for _, uid := range data.AllUIDs() {
		if lowest == 0 || uid < lowest {
			lowest = uid
		}
	}
	return lowest, nil
}

// meta is what is known of a mail before its bytes are.
type meta struct {
	uid  imap.UID
	at   time.Time // INTERNALDATE, zero when the server does not say
	size int64
}

// list is what the mailbox holds from UID next on, ascending.
func (s *session) list(next imap.UID) ([]meta, error) {
	set := imap.UIDSet{imap.UIDRange{Start: next, Stop: 0}}
	cmd := s.client.Fetch(set, &imap.FetchOptions{UID: true, InternalDate: true, RFC822Size: true})
	var all []meta
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		var m meta
		for item := msg.Next(); item != nil; item = msg.Next() {
			switch item := item.(type) {
			case imapclient.FetchItemDataUID:
				m.uid = item.UID
			case imapclient.FetchItemDataInternalDate:
				m.at = item.Time
			case imapclient.FetchItemDataRFC822Size:
				m.size = item.Size
			}
		}
		if m.uid >= next { // "n:*" always matches the last one
			all = append(all, m)
		}
	}
	if err := cmd.Close(); err != nil {
		return nil, fmt.Errorf("list new mail: %w", err)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].uid < all[j].uid })
	return all, nil
}

var (
	wholeMail  = &imap.FetchItemBodySection{Peek: true}
	headerOnly = &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader}
)

// fetch gets the bytes of mails; one that has vanished meanwhile is missing from the result.
//
// When a literal breaks half-way, go-imap's reader goes on with the same literal on its own: the command must not be touched
// again, only the connection ended.
func (s *session) fetch(uids []imap.UID, section *imap.FetchItemBodySection) (map[imap.UID][]byte, error) {
	if len(uids) == 0 {
		return nil, nil
	}
	cmd := s.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	mails := map[imap.UID][]byte{}
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		var uid imap.UID
		var raw []byte
		for item := msg.Next(); item != nil; item = msg.Next() {
			switch item := item.(type) {
			case imapclient.FetchItemDataUID:
				uid = item.UID
			case imapclient.FetchItemDataBodySection:
				b, err := readLiteral(item.Literal)
				if err != nil {
					s.conn.Close()
					<-s.client.Closed()
					return nil, fmt.Errorf("fetch mail: %w", err)
				}
				raw = b
			}
		}
		if uid != 0 {
			mails[uid] = raw
		}
	}
	if err := cmd.Close(); err != nil {
		return nil, fmt.Errorf("fetch mail: %w", err)
	}
	return mails, nil
}

// readLiteral reads at most one byte more than a mail may have, whatever the server said before, and leaves the stream behind it.
func readLiteral(r imap.LiteralReader) ([]byte, error) {
	if r == nil {
		return []byte{}, nil
	}
	keep := min(r.Size(), MaxSize+1)
	b := make([]byte, keep)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	_, err := io.Copy(io.Discard, r)
	return b, err
}

// idle waits until the server says that something is new, or for at most d. Without IDLE it waits for pace.poll.
func (s *session) idle(ctx context.Context, d time.Duration) error {
	if !s.client.Caps().Has(imap.CapIdle) {
		return s.await(ctx, s.pace.poll)
	}
	cmd, err := s.client.Idle()
	if err != nil {
		return fmt.Errorf("wait for mail: %w", err)
	}
	s.conn.setLimit(d + s.pace.done)
	err = s.await(ctx, d)
	s.conn.setLimit(s.pace.done)
	defer s.conn.setLimit(s.pace.silence)
	if closeErr := cmd.Close(); closeErr != nil {
		return fmt.Errorf("wait for mail: %w", closeErr)
	}
	if waitErr := cmd.Wait(); waitErr != nil {
		return fmt.Errorf("wait for mail: %w", waitErr)
	}
	return err
}

func (s *session) await(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.wake:
	case <-t.C:
	case <-s.client.Closed():
		return errors.New("the mail server ended the connection")
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (c *Connector) testIMAP(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.pace.test)
	defer cancel()
	s, err := c.dialIMAP(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	sent, err := s.sentFolder()
	if err != nil {
		return err
	}
	for _, name := range c.boxesWith(sent).names {
		if _, err := s.examine(name); err != nil {
			return err
		}
	}
	return nil
}
