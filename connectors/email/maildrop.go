package email

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"parley/connectors"
)

// maildrop follows a POP3 maildrop. It has no position: what is known is the set of its UIDLs in the journal, of which a copy is kept
// here so that a mail is asked after once.
type maildrop struct {
	c     *Connector
	sink  connectors.Sink
	board *healthBoard

	known      map[string]connectors.Standing // of what the maildrop held when it was last looked at
	received   map[string]time.Time           // UIDL → when the server took it, for delete_after_days
	reconciled time.Time
	figures    connectors.Reconciliation
}

const maildropName = "POP3"

// older marks mail from before the channel: it stands in the journal as seen, and counts nowhere.
const older connectors.Standing = "older"

func (c *Connector) readMaildrop(ctx context.Context, sink connectors.Sink) error {
	sink.Report(ctx, connectors.Health{State: connectors.StateConnecting})
	board := newBoard(sink, []string{maildropName})
	c.board.Store(board)
	defer c.board.Store(nil)
	m := &maildrop{c: c, sink: sink, board: board}
	wait := c.pace.retry
	for ctx.Err() == nil {
		err := m.look(ctx)
		switch {
		case ctx.Err() != nil:
		case connectors.IsUnauthorized(err):
			return err
		case err != nil:
			c.host.Log.Warn("maildrop lost", "channel", c.channel.ID, "error", err)
			board.failed(ctx, maildropName, err)
			pause(ctx, wait/2+rand.N(wait/2+1))
			wait = min(2*wait, c.pace.longest)
		default:
			wait = c.pace.retry
			board.connected(ctx, maildropName)
			pause(ctx, c.pace.poll)
		}
	}
	return nil
}

// look takes what is new, in one session.
func (m *maildrop) look(ctx context.Context) error {
	d, err := m.c.dialPOP3(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	mails, err := d.list()
	if err != nil {
		return err
	}
	now := m.c.host.Now()
	due := m.reconciled.IsZero() || now.Sub(m.reconciled) >= reconcileEvery
	if due {
		m.known = nil // asked anew
	}
	if err := m.learn(ctx, mails); err != nil {
		return err
	}
	fetched, err := m.takeNew(ctx, d, mails)
	if err != nil {
		return err
	}
	if err := m.dropOld(d, mails, now); err != nil {
		return err
	}
	if err := d.quit(); err != nil {
		return err
	}
	m.figures = m.count(mails, fetched, now)
	if due {
		m.reconciled = now
		m.board.reconciled(ctx, m.figures)
	}
	return nil
}

func popKey(uidl string) string { return "pop3/" + uidl }

// olderKey notes that a mail is from before from: with another backfill_from it is asked after again.
func olderKey(uidl string, from time.Time) string {
	return popKey(uidl) + "/before/" + from.UTC().Format(time.RFC3339)
}

// learn asks the sink after mail that is not known here yet, and forgets what has left the maildrop.
func (m *maildrop) learn(ctx context.Context, mails []dropMail) error {
	from, _ := m.c.limits()
	known := make(map[string]connectors.Standing, len(mails))
	var ask []dropMail
	var keys []string
	for _, mail := range mails {
		if s := m.known[mail.uidl]; s != connectors.Absent {
			known[mail.uidl] = s
			continue
		}
		ask = append(ask, mail)
		keys = append(keys, popKey(mail.uidl), olderKey(mail.uidl, from))
	}
	m.known = known
	if len(ask) == 0 {
		return nil
	}
	seen, err := m.sink.Seen(ctx, keys)
	if err != nil {
		return fmt.Errorf("compare with what is stored: %w", err)
	}
	for i, mail := range ask {
		switch {
		case seen[2*i] != connectors.Absent:
			known[mail.uidl] = seen[2*i]
		case seen[2*i+1] != connectors.Absent:
			known[mail.uidl] = older
		}
	}
	return nil
}

// takeNew stores every mail that is not known. One that the server cannot hand out does not stop the others.
func (m *maildrop) takeNew(ctx context.Context, d *drop, mails []dropMail) (fetched int64, err error) {
	for _, mail := range mails {
		if m.known[mail.uidl] != connectors.Absent {
			continue
		}
		standing, err := m.take(ctx, d, mail)
		var no popRefusal
		if errors.As(err, &no) {
			m.c.host.Log.Warn("a mail cannot be fetched", "channel", m.c.channel.ID, "uidl", mail.uidl, "error", err)
			continue
		}
		if err != nil {
			return fetched, err
		}
		m.known[mail.uidl] = standing
		if standing != older {
			fetched++
		}
	}
	return fetched, nil
}

func (m *maildrop) take(ctx context.Context, d *drop, mail dropMail) (connectors.Standing, error) {
	from, news := m.c.limits()
	header, err := d.header(mail.n)
	if err != nil {
		return "", err
	}
	h := ParseHeader(header).Header
	at := receivedAt(h)
	if !at.IsZero() && at.Before(from) {
		_, err := m.sink.Accept(ctx, connectors.Inbound{Key: olderKey(mail.uidl, from), At: at, RawType: rawType, Raw: header, Kind: connectors.KindMail, Ignore: "older than this channel"})
		return older, err
	}
	in, report := m.c.largeMail(header, mail.size), (*Report)(nil)
	if mail.size <= MaxSize {
		raw, err := d.retrieve(mail.n)
		if err != nil {
			return "", err
		}
		in, report = m.c.envelope(raw)
	}
	in.Key, in.At = popKey(mail.uidl), at
	in.Muted = !at.IsZero() && at.Before(news)
	if err := m.c.accept(ctx, m.sink, in, report); err != nil {
		return "", err
	}
	if in.Quarantine != "" {
		return connectors.Quarantined, nil
	}
	return connectors.Here, nil
}

// dropOld marks mail for removal that was stored here and came in long enough ago.
func (m *maildrop) dropOld(d *drop, mails []dropMail, now time.Time) error {
	days := m.c.config.POP3.DeleteAfterDays
	if days == 0 {
		return nil
	}
	received := make(map[string]time.Time, len(mails))
	for _, mail := range mails {
		if m.known[mail.uidl] != connectors.Here {
			continue
		}
		at, asked := m.received[mail.uidl]
		if !asked {
			header, err := d.header(mail.n)
			if err != nil {
				return err
			}
			at = receivedAt(ParseHeader(header).Header)
		}
		received[mail.uidl] = at
		if at.IsZero() || now.Sub(at) < time.Duration(days)*24*time.Hour {
			continue
		}
		if err := d.remove(mail.n); err != nil {
			return fmt.Errorf("remove a mail: %w", err)
		}
	}
	m.received = received
	return nil
}

// count is how the maildrop compares with what is stored of it.
func (m *maildrop) count(mails []dropMail, fetched int64, now time.Time) connectors.Reconciliation {
	r := connectors.Reconciliation{Box: maildropName, At: now.UTC()}
	if !m.reconciled.IsZero() {
		r.Fetched = fetched // at first everything is new
	}
	for _, mail := range mails {
		switch m.known[mail.uidl] {
		case older:
			continue
		case connectors.Here:
			r.Here++
		case connectors.Quarantined:
			r.Quarantined++
		default:
			r.Missing++
		}
		r.Provider++
	}
	return r
}

// reconcileDrop compares the maildrop now.
func (c *Connector) reconcileDrop(ctx context.Context, sink connectors.Sink) ([]connectors.Reconciliation, error) {
	m := &maildrop{c: c, sink: sink, board: newBoard(sink, nil), reconciled: c.host.Now()}
	if err := m.look(ctx); err != nil {
		return nil, err
	}
	return []connectors.Reconciliation{m.figures}, nil
}
