package email

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/connectors"
)

// Connector is one email channel.
type Connector struct {
	channel connectors.Channel
	config  Config
	host    connectors.Host
	pace    pace
	tokens  *tokens
	pool    *pool
	pacer   *pacer                      // nil: no limit
	board   atomic.Pointer[healthBoard] // of Run, nil while this node does not receive
}

// Factory makes email connectors.
func Factory() connectors.Factory {
	return connectors.Factory{
		Type:    connectors.Email,
		Check:   check,
		Secrets: []string{"imap.password", "pop3.password", "smtp.password", "oauth.client_secret", "oauth.refresh_token"},
		New: func(ch connectors.Channel, host connectors.Host) (connectors.Connector, error) {
			return newConnector(ch, host)
		},
	}
}

func newConnector(ch connectors.Channel, host connectors.Host) (*Connector, error) {
	if bad := check(ch.Config); len(bad) > 0 {
		return nil, fmt.Errorf("email channel: %s: %s", bad[0].Field, bad[0].Message)
	}
	config, err := readConfig(ch.Config)
	if err != nil {
		return nil, err
	}
	c := &Connector{channel: ch, config: config, host: host, pace: ordinaryPace, tokens: newTokens(config.OAuth), pool: newPool()}
	if config.SMTP != nil {
		c.pacer = newPacer(config.SMTP.PerMinute)
	}
	return c, nil
}

// NameMessage implements connectors.Namer.
func (c *Connector) NameMessage(conversationID, messageID string) string {
	return MessageID(conversationID, messageID, strings.ToLower(domainOf(asciiDomain(c.config.Address))), c.channel.Secret)
}

// Run reads every mailbox of the channel over a connection of its own and takes what the built-in receiver brings. It connects again
// by itself; only refused credentials and a receiver that is switched off end it.
func (c *Connector) Run(ctx context.Context, sink connectors.Sink) error {
	if c.config.Receiver.Enabled {
		if c.host.Receiver == nil {
			return errors.New("the built-in mail receiver is switched off: set email.receiver.listen or email.receiver.lmtp_listen")
		}
		defer c.host.Receiver.Claim(c.config.Address, c.receive(sink))()
	}
	switch {
	case c.config.IMAP != nil:
		return c.readMailboxes(ctx, sink)
	case c.config.POP3 != nil:
		return c.readMaildrop(ctx, sink)
	}
	sink.Report(ctx, connectors.Health{State: connectors.StateConnected})
	<-ctx.Done()
	return nil
}

// limits are the times of arrival from which mail comes in, and from which it is news.
func (c *Connector) limits() (from, news time.Time) {
	news = c.channel.CreatedAt.Add(-time.Minute)
	from = news
	if back := c.config.backfillFrom(); !back.IsZero() && back.Before(from) {
		from = back
	}
	return from, news
}

// errBoxGone says that the Sent folder is not where it was: it was renamed, or removed.
var errBoxGone = errors.New("the Sent folder is gone")

// readMailboxes follows every mailbox, and chooses them anew when the Sent folder has moved.
func (c *Connector) readMailboxes(ctx context.Context, sink connectors.Sink) error {
	for {
		sink.Report(ctx, connectors.Health{State: connectors.StateConnecting})
		chosen, err := c.awaitBoxes(ctx, sink)
		if err != nil || ctx.Err() != nil {
			return err
		}
		if err := c.followBoxes(ctx, sink, chosen); !errors.Is(err, errBoxGone) {
			return err
		}
		pause(ctx, c.pace.longest)
	}
}

// followBoxes follows each mailbox over a connection of its own, until ctx ends or one of them says why none can go on.
func (c *Connector) followBoxes(ctx context.Context, sink connectors.Sink, chosen boxes) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	board := newBoard(sink, chosen.names)
	c.board.Store(board)
	defer c.board.Store(nil)
	var wg sync.WaitGroup
	var once sync.Once
	var ended error
	for _, name := range chosen.names {
		wg.Go(func() {
			m := &mailbox{c: c, name: name, sent: name == chosen.sent, sink: sink, board: board}
			if err := m.run(ctx); err != nil {
				once.Do(func() { ended = err })
				cancel()
			}
		})
	}
	wg.Wait()
	return ended
}

// awaitBoxes asks the server for its mailboxes until it answers. It returns only refused credentials.
func (c *Connector) awaitBoxes(ctx context.Context, sink connectors.Sink) (boxes, error) {
	for wait := c.pace.retry; ; wait = min(2*wait, c.pace.longest) {
		chosen, err := c.chooseBoxes(ctx)
		if err == nil || connectors.IsUnauthorized(err) {
			return chosen, err
		}
		if ctx.Err() != nil {
			return boxes{}, nil
		}
		c.host.Log.Warn("mail server cannot be read", "channel", c.channel.ID, "error", err)
		sink.Report(ctx, connectors.Health{State: connectors.StateError, Detail: err.Error()})
		pause(ctx, wait/2+rand.N(wait/2+1))
	}
}

// receive is what the built-in receiver calls. The same bytes for the same recipient are the same item.
func (c *Connector) receive(sink connectors.Sink) func(ctx context.Context, from string, to []string, raw []byte) error {
	return func(ctx context.Context, from string, to []string, raw []byte) error {
		sum := sha256.New()
		sum.Write([]byte(foldAddress(c.config.Address) + "\n"))
		sum.Write(raw)
		in, report := c.envelope(append(append(envelopeHeader(from, to), c.resultsHeader(ctx, raw)...), raw...))
		in.Key = "smtp:" + hex.EncodeToString(sum.Sum(nil))
		return c.accept(ctx, sink, in, report)
	}
}

// envelopeHeader says what only the envelope knew, as a delivering server does (RFC 5321 §4.4). It holds no time: the same mail
// brought twice gives the same bytes.
func envelopeHeader(from string, to []string) []byte {
	var b strings.Builder
	b.WriteString("Return-Path: <" + oneLine(from) + ">\r\n")
	for _, t := range to {
		b.WriteString("Delivered-To: " + oneLine(t) + "\r\n")
	}
	return []byte(b.String())
}

// Test implements connectors.Tester: it signs in at both servers and opens every mailbox.
func (c *Connector) Test(ctx context.Context) error {
	if c.config.IMAP != nil {
		if err := c.testIMAP(ctx); err != nil {
			return fmt.Errorf("incoming mail: %w", err)
		}
	}
	if c.config.POP3 != nil {
		if err := c.testPOP3(ctx); err != nil {
			return fmt.Errorf("incoming mail: %w", err)
		}
	}
	if c.config.SMTP != nil {
		if err := c.testSMTP(ctx); err != nil {
			return fmt.Errorf("outgoing mail: %w", err)
		}
	}
	return nil
}

var (
	_ connectors.Namer  = (*Connector)(nil)
	_ connectors.Tester = (*Connector)(nil)
)
