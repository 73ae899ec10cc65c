package email

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/connectors"
)

// reconcileEvery is how often each mailbox is compared with what is stored of it.
const reconcileEvery = time.Hour

// reconcileInTime compares the mailbox when that is due.
func (m *mailbox) reconcileInTime(ctx context.Context, s *session) error {
	now := m.c.host.Now()
	if !m.reconciled.IsZero() && now.Sub(m.reconciled) < reconcileEvery {
		return nil
	}
	r, err := m.reconcile(ctx, s)
	if err != nil {
		return err
	}
	m.reconciled = now
	m.board.reconciled(ctx, r)
	return nil
}

// reconcile compares all mail that lies before the position with what is stored, and takes what is missing. The position stays.
func (m *mailbox) reconcile(ctx context.Context, s *session) (connectors.Reconciliation, error) {
	r := connectors.Reconciliation{Box: m.name, At: m.c.host.Now().UTC()}
	mails, err := m.followed(s)
	if err != nil || len(mails) == 0 {
		return r, err
	}
	keys := make([]string, len(mails))
	for i, mail := range mails {
		keys[i] = m.key(mail.uid)
	}
	seen, err := m.sink.Seen(ctx, keys)
	if err != nil {
		return r, fmt.Errorf("compare with what is stored: %w", err)
	}
	var missing []meta
	for i, mail := range mails {
		switch r.Provider++; seen[i] {
		case connectors.Here:
			r.Here++
		case connectors.Quarantined:
			r.Quarantined++
		default:
			missing = append(missing, mail)
		}
	}
	return r, m.fill(ctx, s, missing, &r)
}

// followed is the mail before the position that may come in.
func (m *mailbox) followed(s *session) ([]meta, error) {
	from, _ := m.limits()
	first, err := s.since(from.Add(-48 * time.Hour))
	if err != nil || first == 0 {
		return nil, err
	}
	all, err := s.list(first)
	if err != nil {
		return nil, err
	}
	var mails []meta
	for _, mail := range all {
		if !tooOld(mail, from) && mail.uid < m.at.NextUID {
			mails = append(mails, mail)
		}
	}
	return mails, nil
}

// fill takes what is missing and counts it where it has come to. What has vanished meanwhile is not on the server any more.
func (m *mailbox) fill(ctx context.Context, s *session, missing []meta, r *connectors.Reconciliation) error {
	for len(missing) > 0 {
		n := batch(missing)
		items, err := m.fetch(s, missing[:n])
		if err != nil {
			return err
		}
		r.Provider -= int64(n - len(items))
		for _, it := range items {
			if err := m.store(ctx, it, true); err != nil {
				return err
			}
			if it.in.Quarantine != "" {
				r.Quarantined++
			} else {
				r.Here++
			}
			r.Fetched++
		}
		missing = missing[n:]
	}
	if r.Fetched > 0 {
		m.c.host.Log.Warn("mail was missing and is here now", "channel", m.c.channel.ID, "mailbox", m.name, "mails", r.Fetched)
	}
	return nil
}

// Reconcile implements connectors.Reconciler, over connections of its own: the channel may be followed by another node.
func (c *Connector) Reconcile(ctx context.Context, sink connectors.Sink) ([]connectors.Reconciliation, error) {
	if c.config.POP3 != nil {
		all, err := c.reconcileDrop(ctx, sink)
		c.tellReconciled(ctx, all)
		return all, err
	}
	if c.config.IMAP == nil {
		return nil, errors.New("this channel has no mailbox to compare with: its mail is brought to it")
	}
	s, err := c.dialIMAP(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	sent, err := s.sentFolder()
	if err != nil {
		return nil, err
	}
	var all []connectors.Reconciliation
	for _, name := range c.boxesWith(sent).names {
		m := &mailbox{c: c, name: name, sent: name == sent, sink: sink}
		r, err := m.reconcileNow(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, r)
	}
	c.tellReconciled(ctx, all)
	return all, nil
}

// tellReconciled shows the figures with the channel's state, where this node follows it.
func (c *Connector) tellReconciled(ctx context.Context, all []connectors.Reconciliation) {
	if board := c.board.Load(); board != nil {
		for _, r := range all {
			board.reconciled(ctx, r)
		}
	}
}

func (m *mailbox) reconcileNow(ctx context.Context, s *session) (connectors.Reconciliation, error) {
	stored, err := m.position(ctx)
	if err != nil {
		return connectors.Reconciliation{}, err
	}
	selected, err := s.examine(m.name)
	if err != nil {
		return connectors.Reconciliation{}, err
	}
	if stored == nil || stored.UIDValidity != selected.UIDValidity || selected.UIDNext != 0 && selected.UIDNext < stored.NextUID {
		return connectors.Reconciliation{}, errors.New("this mailbox is being read anew just now; compare it once that is done")
	}
	m.at = *stored
	return m.reconcile(ctx, s)
}

var _ connectors.Reconciler = (*Connector)(nil)
