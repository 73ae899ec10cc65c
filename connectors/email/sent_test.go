package email

import (
	"strings"
	"testing"

	"parley/connectors"
)

// put writes a mail into a mailbox as a mail program does.
func (d *dovecot) put(mailbox, raw string) {
	d.t.Helper()
	s, err := newChannel(d.t, map[string]any{"imap": d.imapConfig()}).dialIMAP(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	defer s.close()
	raw = strings.ReplaceAll(raw, "\n", "\r\n")
	cmd := s.client.Append(mailbox, int64(len(raw)), nil)
	if _, err := cmd.Write([]byte(raw)); err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Close(); err != nil {
		d.t.Fatal(err)
	}
	if _, err := cmd.Wait(); err != nil {
		d.t.Fatal(err)
	}
}

// holds is how many mails a mailbox holds.
func (d *dovecot) holds(mailbox string) int {
	d.t.Helper()
	s, err := newChannel(d.t, map[string]any{"imap": d.imapConfig()}).dialIMAP(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	defer s.close()
	selected, err := s.examine(mailbox)
	if err != nil {
		d.t.Fatal(err)
	}
	return int(selected.NumMessages)
}

func TestDovecotSentFolder(t *testing.T) {
	d := startDovecot(t)
	smtp, sink := newSMTP(t), newSink()
	submission := smtp.Config()
	c := newChannel(t, map[string]any{"imap": d.imapConfig(), "smtp": submission})
	if err := c.Test(t.Context()); err != nil {
		t.Fatal(err)
	}
	running(t, c, sink)
	sink.awaitState(t, connectors.StateConnected)

	d.put(sentBox, "From: Otto <support@hub.test>\nTo: anna@customer.test\nSubject: from my phone\nIn-Reply-To: <a@customer.test>\nMessage-ID: <phone@hub.test>\n\nyes\n")
	d.put(sentBox, "From: Otto <otto@elsewhere.test>\nTo: anna@customer.test\nSubject: by another name\nMessage-ID: <alias@hub.test>\n\nyes\n")
	items := sink.awaitItems(t, 2)
	for _, in := range items {
		if !in.Outgoing || len(in.Sender.Claims) != 0 || in.Recipients[0] != "anna@customer.test" || !strings.HasPrefix(in.Key, sentBox+"/") {
			t.Errorf("an answer written elsewhere: %+v", in)
		}
	}

	own := reply(c)
	raw, err := c.compose(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	if _, found, err := c.Find(t.Context(), own); found || err == nil || !strings.Contains(err.Error(), "cannot be said") {
		t.Errorf("not in the folder: found %v, %v", found, err)
	}
	d.put(sentBox, strings.ReplaceAll(string(raw), "\r\n", "\n"))
	if in := sink.awaitItems(t, 3)[2]; in.Ignore == "" || in.Outgoing {
		t.Errorf("our own answer: %+v", in)
	}
	if len(sink.delivered) != 1 || sink.delivered[0].ProviderID != own.ProviderID || sink.delivered[0].State != connectors.DeliverySent || !sink.delivered[0].Found {
		t.Errorf("delivered %+v", sink.delivered)
	}
	if r, found, err := c.Find(t.Context(), own); !found || err != nil || r.ProviderID != own.ProviderID {
		t.Errorf("in the folder: found %v, %v", found, err)
	}

	submission["save_to_sent"] = true
	saving := newChannel(t, map[string]any{"imap": d.imapConfig(), "smtp": submission})
	second := reply(saving)
	second.ProviderID = saving.NameMessage("c1", "m2")
	for range 2 {
		if _, err := saving.Send(t.Context(), second); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.holds(sentBox); n != 4 {
		t.Errorf("the folder holds %d mails: the copy must be there once", n)
	}
}

// Where the server names no special uses the folder is known by its name.
func TestSentFolderIsKnownByItsName(t *testing.T) {
	box := newMailbox(t)
	s, err := newChannel(t, map[string]any{"imap": box.Config()}).dialIMAP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if name, err := s.sentFolder(); name != "Sent" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
}

func TestWhatTheSentFolderHolds(t *testing.T) {
	c := newChannel(t, map[string]any{"imap": map[string]any{"host": "h", "username": "u", "password": "p"}})
	for _, tc := range []struct {
		name, raw        string
		outgoing, ignore bool
	}{
		{"an answer", "From: support@hub.test\nTo: anna@customer.test\n\nx", true, false},
		{"a forwarded bounce", "From: support@hub.test\nTo: anna@customer.test\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nx\n--b--\n", false, true},
		{"an out-of-office answer", "From: support@hub.test\nTo: anna@customer.test\nAuto-Submitted: auto-replied\n\nx", true, false},
		{"a note to itself", "From: support@hub.test\nTo: support@hub.test\n\nx", false, true},
		{"a draft to nobody", "From: support@hub.test\n\nx", false, true},
	} {
		in, _ := c.envelope([]byte(tc.raw))
		in, proof := c.fromSent(in)
		if in.Outgoing != tc.outgoing || (in.Ignore != "") != tc.ignore || proof != nil || len(in.Sender.Claims) != 0 {
			t.Errorf("%s: outgoing %v, ignore %q, claims %v", tc.name, in.Outgoing, in.Ignore, in.Sender.Claims)
		}
	}
}

// A folder that was renamed must not keep the channel in error for ever.
func TestSentFolderThatMovedIsFoundAgain(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	c := newChannel(t, map[string]any{"imap": box.Config()})
	running(t, c, sink)
	sink.awaitState(t, connectors.StateConnected)
	if err := box.RenameSent("Sent Items"); err != nil {
		t.Fatal(err)
	}
	box.Cut()
	sink.await(t, "new choice", func(s *memorySink) bool {
		last := s.health[len(s.health)-1]
		return last.State == connectors.StateConnected && strings.Contains(last.Detail, "Sent Items:")
	})
	deliver(t, box, 1)
	sink.awaitItems(t, 1)
}
