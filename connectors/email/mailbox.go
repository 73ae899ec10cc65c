package email

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/emersion/go-imap/v2"

	"parley/connectors"
)

// pace holds the waiting times of a connector.
type pace struct {
	dial    time.Duration // to connect
	silence time.Duration // longest silence while a command runs
	brief   time.Duration // first IDLE after news; each further one is four times as long
	idle    time.Duration // longest IDLE, after which the mailbox is looked at again
	done    time.Duration // longest wait for the answer that ends an IDLE; idle and done are how late a dead line is noticed
	poll    time.Duration // between looks at a server without IDLE
	retry   time.Duration // first pause after a failure, doubled up to retryMax
	longest time.Duration
	test    time.Duration // for Test as a whole
	answer  time.Duration // for one SMTP reply
	final   time.Duration // for the reply to the final dot
	keep    time.Duration // after which an idle connection to the SMTP server is ended
}

var ordinaryPace = pace{
	dial: 10 * time.Second, silence: 60 * time.Second, brief: 150 * time.Millisecond, idle: 20 * time.Second, done: 10 * time.Second, poll: 30 * time.Second,
	retry: 500 * time.Millisecond, longest: 15 * time.Second, test: 30 * time.Second,
	answer: 60 * time.Second, final: 2 * time.Minute, keep: 30 * time.Second,
}

const (
	batchMails = 100
	batchBytes = 32 << 20

	lateAnswer = 5 * time.Minute // an answer written elsewhere that is older when it is seen stands at its own time
)

// mailbox follows one mailbox of the server. Its position is kept by the sink: it moves with every mail, in the same transaction.
type mailbox struct {
	c     *Connector
	name  string
	sent  bool // it holds what was sent
	sink  connectors.Sink
	board *healthBoard

	at         position
	reconciled time.Time // zero: not yet
}

// position is the cursor of a mailbox.
type position struct {
	UIDValidity uint32   `json:"uidvalidity"`
	NextUID     imap.UID `json:"next_uid"`
	// RescanBelow is set after the server gave new UIDs: mail below it may be stored under its old name and is known by its bytes.
	RescanBelow imap.UID `json:"rescan_below,omitempty"`
	// Restored counts how often the server went back to an older state with the same UIDVALIDITY: its UIDs name other mail since then.
	Restored int `json:"restored,omitempty"`
	// From is how far back mail was taken when the position was begun.
	From time.Time `json:"from"`
}

// run follows the mailbox until ctx ends, and connects again after every failure. It returns only refused credentials and errBoxGone.
func (m *mailbox) run(ctx context.Context) error {
	wait := m.c.pace.retry
	for ctx.Err() == nil {
		caughtUp, err := m.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if connectors.IsUnauthorized(err) {
			return err
		}
		if m.gone(err) {
			m.c.host.Log.Warn("the Sent folder is gone, looking for it", "channel", m.c.channel.ID, "mailbox", m.name)
			return errBoxGone
		}
		m.c.host.Log.Warn("mailbox lost", "channel", m.c.channel.ID, "mailbox", m.name, "error", err)
		if caughtUp {
			wait = m.c.pace.retry // servers end connections all the time: that alone is nothing to tell
		} else {
			m.board.failed(ctx, m.name, err)
		}
		pause(ctx, wait/2+rand.N(wait/2+1))
		wait = min(2*wait, m.c.pace.longest)
	}
	return nil
}

// gone tells whether a Sent folder that we chose ourselves is not there any more.
func (m *mailbox) gone(err error) bool {
	var answer *imap.Error
	return m.sent && len(m.c.config.IMAP.Mailboxes) == 0 && errors.As(err, &answer) && answer.Code == imap.ResponseCodeNonExistent
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// follow reads the mailbox over one connection until that fails. caughtUp tells whether it got as far as waiting for new mail.
func (m *mailbox) follow(ctx context.Context) (caughtUp bool, err error) {
	s, err := m.c.dialIMAP(ctx)
	if err != nil {
		return false, err
	}
	defer s.close()
	stored, err := m.position(ctx) // first: the server's next UID is never older than it
	if err != nil {
		return false, err
	}
	selected, err := s.examine(m.name)
	if err != nil {
		return false, err
	}
	if err := m.locate(ctx, s, selected, stored); err != nil {
		return false, err
	}
	for wait := m.c.pace.brief; ; wait = min(4*wait, m.c.pace.idle) {
		before := m.at.NextUID
		if err := m.takeNew(ctx, s); err != nil {
			return caughtUp, err
		}
		// Some servers (go-imap's is one) say nothing of a mail that came between the last look and IDLE: look again soon.
		if m.at.NextUID != before {
			wait = m.c.pace.brief
		}
		if !caughtUp {
			caughtUp = true
			m.board.connected(ctx, m.name)
		}
		if err := m.reconcileInTime(ctx, s); err != nil {
			return caughtUp, err
		}
		if err := s.idle(ctx, wait); err != nil {
			return caughtUp, err
		}
	}
}

// cursorName is the sink's name for the position.
func (m *mailbox) cursorName() string { return "imap/" + m.name }

// position is what the sink has of it, nil for a mailbox that was never read.
func (m *mailbox) position(ctx context.Context) (*position, error) {
	stored, err := m.sink.Cursor(ctx, m.cursorName())
	if err != nil {
		return nil, fmt.Errorf("read position: %w", err)
	}
	if stored == "" {
		return nil, nil
	}
	at := &position{}
	if err := json.Unmarshal([]byte(stored), at); err != nil {
		return nil, fmt.Errorf("read position %q: %w", stored, err)
	}
	return at, nil
}

// locate finds where reading goes on: where it stopped, or at the first mail that may come in, when the mailbox is new, has new
// UIDs, went back to an older state, or is to be read from further back.
func (m *mailbox) locate(ctx context.Context, s *session, selected *imap.SelectData, stored *position) error {
	from, _ := m.limits()
	renumbered := stored != nil && stored.UIDValidity != selected.UIDValidity
	restored := stored != nil && !renumbered && selected.UIDNext != 0 && selected.UIDNext < stored.NextUID
	if stored != nil && !renumbered && !restored && !from.Before(stored.From) {
		m.at = *stored
		return nil
	}
	first, err := s.since(from.Add(-48 * time.Hour)) // days are the server's
	if err != nil {
		return err
	}
	m.at = position{UIDValidity: selected.UIDValidity, NextUID: first, From: from}
	if first == 0 {
		m.at.NextUID = max(selected.UIDNext, 1)
	}
	switch {
	case renumbered:
		m.at.RescanBelow = max(selected.UIDNext, 1)
		m.c.host.Log.Info("mailbox has new UIDs, reading it again", "channel", m.c.channel.ID, "mailbox", m.name)
	case restored:
		m.at.RescanBelow, m.at.Restored = selected.UIDNext, stored.Restored+1
		m.c.host.Log.Warn("mailbox went back to an older state, reading it again", "channel", m.c.channel.ID, "mailbox", m.name)
	case stored != nil:
		m.at.RescanBelow, m.at.Restored = stored.RescanBelow, stored.Restored
	}
	return m.sink.Advance(ctx, m.cursor(m.at.NextUID))
}

// key names a mail of this mailbox for good.
func (m *mailbox) key(uid imap.UID) string {
	if m.at.Restored > 0 {
		return fmt.Sprintf("%s/%d+%d/%d", m.name, m.at.UIDValidity, m.at.Restored, uid)
	}
	return fmt.Sprintf("%s/%d/%d", m.name, m.at.UIDValidity, uid)
}

// limits are the times of arrival from which mail comes in, and from which it is news.
func (m *mailbox) limits() (from, news time.Time) { return m.c.limits() }

func (m *mailbox) cursor(next imap.UID) connectors.Cursor {
	at := m.at
	at.NextUID = next
	if next >= at.RescanBelow {
		at.RescanBelow = 0
	}
	value, err := json.Marshal(at)
	if err != nil {
		panic(err) // a struct of numbers and a time
	}
	return connectors.Cursor{Name: m.cursorName(), Value: string(value)}
}

// takeNew brings in everything from the position on.
func (m *mailbox) takeNew(ctx context.Context, s *session) error {
	all, err := s.list(m.at.NextUID)
	if err != nil {
		return err
	}
	for len(all) > 0 {
		n := batch(all)
		if err := m.takeBatch(ctx, s, all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// batch is how many of the next mails are fetched at once: bounded in number (go-imap's queues) and bytes (ours).
func batch(all []meta) int {
	bytes := int64(0)
	for i, m := range all[:min(len(all), batchMails)] {
		bytes += min(m.size, MaxSize)
		if bytes > batchBytes && i > 0 {
			return i
		}
	}
	return min(len(all), batchMails)
}

func (m *mailbox) takeBatch(ctx context.Context, s *session, mails []meta) error {
	items, err := m.fetch(s, mails)
	if err != nil {
		return err
	}
	for _, it := range items {
		cursor := m.cursor(it.uid + 1)
		it.in.Cursor = &cursor
		if err := m.store(ctx, it, it.uid < m.at.RescanBelow); err != nil {
			return err
		}
		m.moved(it.uid + 1)
	}
	if next := mails[len(mails)-1].uid + 1; m.at.NextUID < next {
		return m.advance(ctx, next)
	}
	return nil
}

// mailItem is one mail on its way to the sink.
type mailItem struct {
	uid    imap.UID
	in     connectors.Inbound
	report *Report              // what it says of an outgoing message
	proof  *connectors.Delivery // what its being there says of one
}

// fetch gets mails that may come in, in their order; what is too old or has vanished meanwhile is missing.
func (m *mailbox) fetch(s *session, mails []meta) ([]mailItem, error) {
	from, news := m.limits()
	var whole, large []imap.UID
	for _, mail := range mails {
		switch {
		case tooOld(mail, from):
		case mail.size > MaxSize:
			large = append(large, mail.uid)
		default:
			whole = append(whole, mail.uid)
		}
	}
	raws, err := s.fetch(whole, wholeMail)
	if err != nil {
		return nil, err
	}
	headers, err := s.fetch(large, headerOnly)
	if err != nil {
		return nil, err
	}
	items := make([]mailItem, 0, len(mails))
	for _, mail := range mails {
		raw, isWhole := raws[mail.uid]
		header, isLarge := headers[mail.uid]
		it := mailItem{uid: mail.uid}
		switch {
		case isWhole:
			it.in, it.report = m.c.envelope(raw)
		case isLarge:
			it.in = m.c.largeMail(header, mail.size)
		default:
			continue
		}
		if m.sent {
			it.report = nil
			it.in, it.proof = m.c.fromSent(it.in)
			it.in.Recovered = !mail.at.IsZero() && m.c.host.Now().Sub(mail.at) > lateAnswer
		}
		it.in.Key = m.key(mail.uid)
		it.in.At = mail.at // not the Date field: that is the sender's clock, or his wish
		it.in.Muted = !mail.at.IsZero() && mail.at.Before(news)
		items = append(items, it)
	}
	return items, nil
}

func tooOld(mail meta, from time.Time) bool { return !mail.at.IsZero() && mail.at.Before(from) }

// store hands one mail over. compare says that its bytes may be here under another key.
func (m *mailbox) store(ctx context.Context, it mailItem, compare bool) error {
	if compare {
		known, err := m.sink.Known(ctx, sha256.Sum256(it.in.Raw))
		if err != nil {
			return fmt.Errorf("look a mail up: %w", err)
		}
		if known {
			_, err := m.sink.Accept(ctx, connectors.Inbound{Key: it.in.Key, RawType: rawType, At: it.in.At, Cursor: it.in.Cursor, Repeat: true})
			return err
		}
	}
	if it.proof != nil {
		if err := m.sink.Delivered(ctx, *it.proof); err != nil {
			return fmt.Errorf("note a sent message: %w", err)
		}
	}
	return m.c.accept(ctx, m.sink, it.in, it.report)
}

func (m *mailbox) advance(ctx context.Context, next imap.UID) error {
	if err := m.sink.Advance(ctx, m.cursor(next)); err != nil {
		return fmt.Errorf("move position: %w", err)
	}
	m.moved(next)
	return nil
}

func (m *mailbox) moved(next imap.UID) {
	m.at.NextUID = next
	if next >= m.at.RescanBelow {
		m.at.RescanBelow = 0
	}
}

// largeMail is a mail over the limit: its header is kept, and its sender is seen by the admin who looks at the quarantine.
func (c *Connector) largeMail(header []byte, size int64) connectors.Inbound {
	in := connectors.Inbound{Raw: header[:min(len(header), MaxSize)], RawType: rawType, Kind: connectors.KindMail}
	return c.quarantined(in, ParseHeader(header), fmt.Sprintf("this mail has %d MB, more than the 25 MB that are taken; only its header was fetched", size>>20))
}
