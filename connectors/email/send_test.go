package email

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/mail"
	"strings"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/email/mailtest"
)

func newSMTP(t testing.TB) *mailtest.Sink {
	t.Helper()
	sink, err := mailtest.NewSink()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	return sink
}

func sender(t testing.TB, sink *mailtest.Sink, more ...string) *Connector {
	t.Helper()
	smtp := sink.Config()
	for i := 0; i+1 < len(more); i += 2 {
		smtp[more[i]] = more[i+1]
	}
	return newChannel(t, map[string]any{"name": "Support", "smtp": smtp, "plus_addressing": true})
}

func reply(c *Connector) connectors.Outbound {
	return connectors.Outbound{
		MessageID: "m1", ConversationID: "c1", To: "anna@customer.test", ToName: "Anna Berg", Subject: "Re: Parcel",
		Text: "Good day,\nit is on its way.\n.\nAnd: Grüße", ReplyTo: "b@customer.test", References: []string{"a@customer.test", "b@customer.test"},
		ProviderID: c.NameMessage("c1", "m1"), CreatedAt: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC),
	}
}

func TestAnswerArrivesAsWritten(t *testing.T) {
	sink := newSMTP(t)
	c := sender(t, sink, "username", "support@hub.test", "password", "pw")
	out := reply(c)
	out.HTML = "<p>Good day,<br>it is on its way.</p><p>Grüße</p>"
	out.AuthorName = `Zoë "Z" Müller`
	out.Cc, out.Bcc = []string{"boss@customer.test", "anna@customer.test"}, []string{"quiet@customer.test"}
	out.ReplyToken = "tok3n"
	file := bytes.Repeat([]byte{0, 1, 2, 250}, 5000)
	out.Parts = []connectors.OutAttachment{{Name: "Rechnung für März.pdf", MIME: "application/pdf", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(file)), nil
	}}}
	receipt, err := c.Send(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.ProviderID != out.ProviderID || !OwnMessageID(receipt.ProviderID, testSecret) {
		t.Errorf("receipt %+v", receipt)
	}
	got := sink.Mails()[0]
	if got.From != "support@hub.test" || strings.Join(got.To, " ") != "anna@customer.test boss@customer.test quiet@customer.test" {
		t.Errorf("envelope %s → %v", got.From, got.To)
	}
	if bytes.Contains(got.Raw, []byte("quiet@")) {
		t.Error("a blind copy is named in the mail")
	}
	m := Parse(got.Raw)
	if m.Text != lineFeeds(out.Text)+"\n" || strings.TrimSpace(m.HTML) != out.HTML {
		t.Errorf("text %q, html %q", m.Text, m.HTML)
	}
	if len(m.Parts) != 1 || m.Parts[0].Name != "Rechnung für März.pdf" || m.Parts[0].MIME != "application/pdf" || !bytes.Equal(m.Parts[0].Data, file) {
		t.Errorf("parts %v", len(m.Parts))
	}
	if m.From[0] != (Address{`Zoë "Z" Müller`, "support@hub.test"}) || m.To[0] != (Address{"Anna Berg", "anna@customer.test"}) || m.ReplyTo[0].Addr != "support+tok3n@hub.test" {
		t.Errorf("from %v, to %v, reply to %v", m.From, m.To, m.ReplyTo)
	}
	if m.MessageID != out.ProviderID || m.InReplyTo[0] != "b@customer.test" || strings.Join(m.References, " ") != "a@customer.test b@customer.test" || !m.Date.Equal(out.CreatedAt) {
		t.Errorf("id %s, in reply to %v, references %v, date %s", m.MessageID, m.InReplyTo, m.References, m.Date)
	}
	for line := range strings.Lines(string(got.Raw)) {
		if len(line) > 998 || !strings.HasSuffix(line, "\r\n") {
			t.Errorf("line of %d bytes", len(line))
		}
	}
}

func file(name, mime, cid, content string) connectors.OutAttachment {
	return connectors.OutAttachment{Name: name, MIME: mime, CID: cid, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

func TestPicturesStandInTheWords(t *testing.T) {
	c := newChannel(t, map[string]any{"smtp": map[string]any{"host": "h"}})
	out := reply(c)
	out.HTML = `<p>look</p><img src="cid:logo@hub.test">`
	out.Parts = []connectors.OutAttachment{file("logo.png", "image/png", "logo@hub.test", "PNG"), file("offer.pdf", "application/pdf", "", "PDF"), file("unused.png", "image/png", "unused@hub.test", "PNG2")}
	raw, err := c.compose(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	m := Parse(raw)
	if len(m.Parts) != 3 || m.Type != "multipart/mixed" {
		t.Fatalf("%s, %d parts", m.Type, len(m.Parts))
	}
	logo := m.Parts[0]
	if !logo.Inline || logo.CID != "logo@hub.test" || logo.Name != "logo.png" || string(logo.Data) != "PNG" || m.Parts[1].Inline || m.Parts[2].CID != "" {
		t.Errorf("%+v", m.Parts)
	}
	shape := []string{"multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "application/pdf", "image/png"}
	var got []string
	for line := range strings.Lines(string(raw)) {
		if v, ok := strings.CutPrefix(line, "Content-Type: "); ok {
			kind, _, _ := strings.Cut(strings.TrimSpace(v), ";")
			got = append(got, kind)
		}
	}
	if strings.Join(got, " ") != strings.Join(shape, " ") {
		t.Errorf("shape %v", got)
	}
	out.HTML = ""
	if raw, err = c.compose(t.Context(), out); err != nil || bytes.Contains(raw, []byte("related")) || len(Parse(raw).Parts) != 3 {
		t.Errorf("without HTML the pictures are files: %v\n%s", err, raw)
	}
}

func TestFilesAlone(t *testing.T) {
	c := newChannel(t, map[string]any{"smtp": map[string]any{"host": "h"}})
	out := reply(c)
	out.Text, out.Parts = "", []connectors.OutAttachment{file("offer.pdf", "application/pdf", "", "PDF")}
	raw, err := c.compose(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	if m := Parse(raw); len(m.Parts) != 1 || m.Parts[0].Name != "offer.pdf" || strings.TrimSpace(m.Text) != "" || bytes.Contains(raw, []byte("text/plain")) {
		t.Errorf("%q\n%s", m.Text, raw)
	}
}

func TestNothingCanAddAHeader(t *testing.T) {
	sink := newSMTP(t)
	c := sender(t, sink)
	evil := "x\r\nBcc: victim@customer.test\r\n\r\nhello"
	out := reply(c)
	out.Subject, out.ToName, out.AuthorName = evil, evil, evil
	out.ReplyTo, out.References, out.ProviderID, out.ReplyToken = evil, []string{evil, "<" + evil + ">"}, evil, evil
	out.Parts = []connectors.OutAttachment{{Name: evil + `".exe`, MIME: evil, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("x")), nil
	}}}
	if _, err := c.Send(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(bytes.NewReader(sink.Mails()[0].Raw))
	if err != nil {
		t.Fatal(err)
	}
	for name := range m.Header {
		switch name {
		case "From", "To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Reply-To", "X-Parley-Loop", "Mime-Version", "Content-Type":
		default:
			t.Errorf("header %s: %q", name, m.Header[name])
		}
	}
	for _, to := range []string{"a@b.test\r\nRCPT TO:<victim@customer.test>", "a@b.test>", "", "no address", "a@b@c"} {
		out := reply(c)
		out.To = to
		if _, err := c.Send(t.Context(), out); !connectors.IsPermanent(err) {
			t.Errorf("recipient %q: %v", to, err)
		}
	}
	if len(sink.Mails()) != 1 {
		t.Errorf("%d mails", len(sink.Mails()))
	}
}

func TestLongAndForeignSubjectsSurvive(t *testing.T) {
	c := newChannel(t, map[string]any{"smtp": map[string]any{"host": "h"}})
	for _, subject := range []string{"", "Ответ на ваш вопрос о доставке посылки номер 12345 в город Санкт-Петербург", strings.Repeat("x", 3000), strings.Repeat("word ", 400) + "end",
		"日本語の件名がここにあります、とても長いのでおりたたまれます", "=?utf-8?Q?not_encoded?=", "tab\tand  two blanks"} {
		out := reply(c)
		out.Subject = subject
		raw, err := c.compose(t.Context(), out)
		if err != nil {
			t.Fatal(err)
		}
		if got := Parse(raw).Subject; got != oneLine(subject) {
			t.Errorf("got %q, want %q", got, subject)
		}
		for line := range strings.Lines(string(raw)) {
			if len(line) > 998 {
				t.Errorf("line of %d bytes for %q", len(line), subject)
			}
		}
	}
}

// What is known after a failure decides whether the message may be sent again.
func TestFailuresSayWhatIsKnown(t *testing.T) {
	const (
		retry     = "retry"
		permanent = "permanent"
		unknown   = "unknown"
	)
	for _, tc := range []struct {
		name  string
		fault func(*mailtest.Sink)
		want  string
		kept  int
	}{
		{"greeting 421", func(s *mailtest.Sink) { s.Refuse(mailtest.Connect, 421, "busy") }, retry, 0},
		{"greeting 554", func(s *mailtest.Sink) { s.Refuse(mailtest.Connect, 554, "go away") }, retry, 0},
		{"cut at once", func(s *mailtest.Sink) { s.Cut(mailtest.Connect, -1) }, retry, 0},
		{"sign-in refused", func(s *mailtest.Sink) { s.Refuse(mailtest.Auth, 535, "no") }, "unauthorized", 0},
		{"sign-in not now", func(s *mailtest.Sink) { s.Refuse(mailtest.Auth, 454, "later") }, retry, 0},
		{"sender later", func(s *mailtest.Sink) { s.Refuse(mailtest.From, 451, "later") }, retry, 0},
		{"sender refused", func(s *mailtest.Sink) { s.Refuse(mailtest.From, 550, "not you") }, permanent, 0},
		{"recipient greylisted", func(s *mailtest.Sink) { s.Refuse(mailtest.Rcpt, 450, "later") }, retry, 0},
		{"recipient unknown", func(s *mailtest.Sink) { s.Refuse(mailtest.Rcpt, 550, "no such user here") }, permanent, 0},
		{"cut at the recipient", func(s *mailtest.Sink) { s.Cut(mailtest.Rcpt, -1) }, retry, 0},
		{"recipient without answer", func(s *mailtest.Sink) { s.Stall(mailtest.Rcpt) }, retry, 0},
		{"mail refused", func(s *mailtest.Sink) { s.Refuse(mailtest.Data, 554, "spam") }, permanent, 0},
		{"mail later", func(s *mailtest.Sink) { s.Refuse(mailtest.Data, 452, "full") }, retry, 0},
		{"cut before it was kept", func(s *mailtest.Sink) { s.Cut(mailtest.Data, -1) }, unknown, 0},
		{"cut after it was kept", func(s *mailtest.Sink) { s.Cut(mailtest.Accepted, -1) }, unknown, 1},
		{"kept without answer", func(s *mailtest.Sink) { s.Stall(mailtest.Accepted) }, unknown, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			sink := newSMTP(t)
			tc.fault(sink)
			c := sender(t, sink, "username", "u", "password", "hidden")
			_, err := c.Send(t.Context(), reply(c))
			got := unknown
			switch _, again := connectors.IsRetry(err); {
			case err == nil:
				got = "sent"
			case connectors.IsUnauthorized(err):
				got = "unauthorized"
			case connectors.IsPermanent(err):
				got = permanent
			case again:
				got = retry
			}
			if got != tc.want || len(sink.Mails()) != tc.kept {
				t.Errorf("%s (%v), %d kept; want %s, %d", got, err, len(sink.Mails()), tc.want, tc.kept)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Error("the password is in the error")
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		sink := newSMTP(t)
		c := sender(t, sink)
		sink.Close()
		if _, err := c.Send(t.Context(), reply(c)); !isRetry(err) {
			t.Errorf("%v", err)
		}
	})
}

func isRetry(err error) bool { _, ok := connectors.IsRetry(err); return ok }

func TestRefusalCarriesTheServersWords(t *testing.T) {
	sink := newSMTP(t)
	sink.Refuse(mailtest.Rcpt, 550, "no such user here")
	c := sender(t, sink)
	if _, err := c.Send(t.Context(), reply(c)); err == nil || !strings.Contains(err.Error(), "no such user here") || !strings.Contains(err.Error(), "anna@customer.test") {
		t.Errorf("%v", err)
	}
}

func TestCancelledSendEndsAtOnce(t *testing.T) {
	sink := newSMTP(t)
	sink.Stall(mailtest.Rcpt)
	c := sender(t, sink)
	c.pace.answer = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := c.Send(ctx, reply(c)); !isRetry(err) || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestAttachmentThatCannotBeReadIsTriedAgain(t *testing.T) {
	sink := newSMTP(t)
	c := sender(t, sink)
	out := reply(c)
	out.Parts = []connectors.OutAttachment{{Name: "a", Open: func(context.Context) (io.ReadCloser, error) { return nil, errors.New("disk") }}}
	if _, err := c.Send(t.Context(), out); !isRetry(err) {
		t.Errorf("%v", err)
	}
	out.Parts[0].Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, MaxSize+5)), nil
	}
	if _, err := c.Send(t.Context(), out); !connectors.IsPermanent(err) {
		t.Errorf("too large: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestOurOwnWordsComeBack(t *testing.T) {
	sink := newSMTP(t)
	c := sender(t, sink)
	if _, err := c.Send(t.Context(), reply(c)); err != nil {
		t.Fatal(err)
	}
	raw := sink.Mails()[0].Raw
	if in, _ := c.envelope(raw); in.Auto != connectors.AutoLoop || in.Ignore == "" {
		t.Errorf("our mail as it was: auto %q, ignore %q", in.Auto, in.Ignore)
	}
	forwarded := strings.Replace(string(raw), "From: \"Support\" <support@hub.test>", "From: robot@customer.test", 1)
	if in, _ := c.envelope([]byte(forwarded)); in.Auto != connectors.AutoLoop {
		t.Errorf("forwarded by a robot: auto %q", in.Auto)
	}
}

func TestConfigIsChecked(t *testing.T) {
	imap := `"imap":{"host":"h","port":993,"security":"tls","username":"u","password":"p"}`
	for _, tc := range []struct{ config, field string }{
		{`{"address":"a@b.test",` + imap + `}`, ""},
		{`{"address":"a@b.test","smtp":{"host":"h"}}`, ""},
		{`{"address":"a@b.test","receiver":{"enabled":true}}`, ""},
		{`{"address":"a@b.test"}`, "imap"},
		{`{"address":"nobody",` + imap + `}`, "address"},
		{`{"address":"a@b.test","imap":{"host":"h","username":"u"}}`, "imap.password"},
		{`{"address":"a@b.test","imap":{"host":"h","username":"u","password":"p","security":"ssl"}}`, "imap.security"},
		{`{"address":"a@b.test","imap":{"host":"h","username":"u","password":"p","port":70000}}`, "imap.port"},
		{`{"address":"a@b.test","imap":{"host":"h","username":"u","password":"p","backfill_from":"yesterday"}}`, "imap.backfill_from"},
		{`{"address":"a@b.test","imap":{"host":"h","port":"x"}}`, "imap.port"},
		{`{"address":"a@b.test","smtp":{"host":"h\r\nx"}}`, "smtp.host"},
		{`[]`, ""},
	} {
		bad := check([]byte(tc.config))
		switch {
		case tc.config == "[]":
			if len(bad) == 0 {
				t.Error("a list passes")
			}
		case tc.field == "" && len(bad) > 0 || tc.field != "" && (len(bad) == 0 || bad[0].Field != tc.field):
			t.Errorf("%s: %v, want %q", tc.config, bad, tc.field)
		}
	}
}
