package email

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/connectors"
	"parley/connectors/email/mailtest"
)

func TestMailArrivesWhileIdle(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	running(t, newChannel(t, map[string]any{"imap": box.Config()}), sink)
	sink.awaitState(t, connectors.StateConnected)
	began := time.Now()
	if _, err := box.Deliver(letter("Where is my parcel", "In-Reply-To: <b@hub.test>", "References: <a@hub.test> <b@hub.test>")); err != nil {
		t.Fatal(err)
	}
	in := sink.awaitItems(t, 1)[0]
	t.Logf("in the sink %s after delivery", time.Since(began))
	if time.Since(began) > 250*time.Millisecond {
		t.Error("IDLE did not wake us within 250 ms")
	}
	steadyLatency(t, box, sink)
	if in.Text != "Hello, Where is my parcel\n" || in.Subject != "Where is my parcel" || in.Sender.Name != "Anna Berg" || in.ProviderID != "Where.is.my.parcel@customer.test" {
		t.Errorf("got %+v", in)
	}
	if want := (connectors.Claim{Kind: connectors.KindEmail, Value: "anna@customer.test", Trust: connectors.TrustAsserted}); in.Sender.Claims[0] != want {
		t.Errorf("claim %v", in.Sender.Claims)
	}
	if !slices.Equal(in.Thread.ReplyTo, []string{"b@hub.test", "a@hub.test"}) {
		t.Errorf("thread %v", in.Thread)
	}
	if in.Key == "" || in.Cursor == nil || !strings.HasSuffix(in.Key, "/1") {
		t.Errorf("key %q, cursor %v", in.Key, in.Cursor)
	}
}

// steadyLatency is measured on a connection that has settled into IDLE.
func steadyLatency(t *testing.T, box *mailtest.Mailbox, sink *memorySink) {
	t.Helper()
	for range 5 {
		time.Sleep(200 * time.Millisecond) // customers do not write in the instant after the last one
		have := len(sink.items())
		began := time.Now()
		deliver(t, box, 1)
		sink.awaitItems(t, have+1)
		if took := time.Since(began); took > 250*time.Millisecond {
			t.Errorf("the sink had it after %s", took)
		} else {
			t.Logf("the sink had it after %s", took)
		}
	}
}

func TestRestartGoesOnWhereItStopped(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	c := newChannel(t, map[string]any{"imap": box.Config()})
	deliver(t, box, 3)
	stop := running(t, c, sink)
	sink.awaitItems(t, 3)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	deliver(t, box, 2)
	running(t, c, sink)
	sink.awaitItems(t, 5)
	sink.awaitState(t, connectors.StateConnected)
	if sink.doubles != 0 || len(sink.items()) != 5 {
		t.Errorf("%d items, %d offered twice", len(sink.items()), sink.doubles)
	}
}

func deliver(t testing.TB, box interface{ Deliver(string) (uint32, error) }, n int) {
	t.Helper()
	for i := range n {
		if _, err := box.Deliver(letter(fmt.Sprintf("Letter %d of %d", i, time.Now().UnixNano()))); err != nil {
			t.Fatal(err)
		}
	}
}

// A failing database must not lose the mail whose storing failed, nor the one after it.
func TestFailedStoreIsTriedAgain(t *testing.T) {
	for _, call := range []string{"accept", "cursor", "advance"} {
		t.Run(call, func(t *testing.T) {
			box, sink := newMailbox(t), newSink()
			left := 3
			sink.failing(func(c string) error {
				if c == call && left > 0 {
					left--
					return errSink
				}
				return nil
			})
			running(t, newChannel(t, map[string]any{"imap": box.Config()}), sink)
			deliver(t, box, 3)
			items := sink.awaitItems(t, 3)
			if len(items) != 3 || sink.doubles != 0 {
				t.Errorf("%d items, %d doubles", len(items), sink.doubles)
			}
		})
	}
}

func TestNewUIDValidityNeitherLosesNorRepeats(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	running(t, newChannel(t, map[string]any{"imap": box.Config()}), sink)
	deliver(t, box, 5)
	sink.awaitItems(t, 5)
	box.Down()
	if err := box.NewUIDValidity(); err != nil {
		t.Fatal(err)
	}
	deliver(t, box, 2)
	items := sink.awaitItems(t, 7)
	seen := map[string]bool{}
	for _, in := range items {
		if seen[in.Subject] {
			t.Errorf("%q came twice", in.Subject)
		}
		seen[in.Subject] = true
	}
	if len(items) != 7 {
		t.Errorf("%d items", len(items))
	}
}

func TestOnlyMailSinceTheChannelBeganComesIn(t *testing.T) {
	for _, tc := range []struct {
		name     string
		backfill string
		want     []string
		muted    []bool
	}{
		{"by default", "", []string{"half a minute before", "now"}, []bool{false, false}},
		{"with a backfill", time.Now().Add(-72 * time.Hour).Format(time.RFC3339), []string{"yesterday", "half a minute before", "now"}, []bool{true, false, false}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			box, sink := newMailbox(t), newSink()
			for name, age := range map[string]time.Duration{"last year": 365 * 24 * time.Hour} {
				mustDeliverAt(t, box, name, age)
			}
			mustDeliverAt(t, box, "yesterday", 24*time.Hour)
			mustDeliverAt(t, box, "half a minute before", 30*time.Second)
			mustDeliverAt(t, box, "now", 0)
			config := box.Config()
			if tc.backfill != "" {
				config["backfill_from"] = tc.backfill
			}
			running(t, newChannel(t, map[string]any{"imap": config}), sink)
			sink.awaitState(t, connectors.StateConnected)
			var got []string
			var muted []bool
			for _, in := range sink.items() {
				got, muted = append(got, in.Subject), append(muted, in.Muted)
			}
			if !slices.Equal(got, tc.want) || !slices.Equal(muted, tc.muted) {
				t.Errorf("got %q muted %v, want %q %v", got, muted, tc.want, tc.muted)
			}
		})
	}
}

func mustDeliverAt(t testing.TB, box interface {
	DeliverRaw([]byte, time.Time) (uint32, error)
}, subject string, age time.Duration) {
	t.Helper()
	raw := strings.ReplaceAll(letter(subject), "\n", "\r\n")
	if _, err := box.DeliverRaw([]byte(raw), time.Now().Add(-age)); err != nil {
		t.Fatal(err)
	}
}

func TestPoisonDoesNotStopTheMailbox(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	running(t, newChannel(t, map[string]any{"imap": box.Config()}), sink)
	huge := []byte("From: anna@customer.test\r\nSubject: huge\r\n\r\n" + strings.Repeat("0123456789abcde\r\n", MaxSize/17+10))
	var parts strings.Builder
	parts.WriteString("From: anna@customer.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
	for range 1100 {
		parts.WriteString("--b\r\n\r\nx\r\n")
	}
	for _, raw := range [][]byte{[]byte("\x00\xff\xfe garbage"), {}, huge, []byte(parts.String()), []byte(strings.ReplaceAll(letter("the next one"), "\n", "\r\n"))} {
		if _, err := box.DeliverRaw(raw, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	items := sink.awaitItems(t, 5)
	for i, in := range items[:4] {
		if in.Quarantine == "" {
			t.Errorf("item %d is not quarantined: %+v", i, in)
		}
		t.Log(in.Quarantine)
	}
	if len(items[2].Raw) > 1000 || items[2].Subject != "huge" || items[2].Sender.Claims[0].Value != "anna@customer.test" {
		t.Errorf("of the huge one %d bytes are kept, subject %q", len(items[2].Raw), items[2].Subject)
	}
	if last := items[4]; last.Subject != "the next one" || last.Quarantine != "" {
		t.Errorf("the next one: %+v", last)
	}
}

func TestRefusedPasswordEndsRun(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	config := box.Config()
	config["password"] = "wrong horse"
	c := newChannel(t, map[string]any{"imap": config})
	if err := c.Run(t.Context(), sink); !connectors.IsUnauthorized(err) || strings.Contains(err.Error(), "wrong horse") {
		t.Errorf("Run: %v", err)
	}
	if err := c.Test(t.Context()); !connectors.IsUnauthorized(err) {
		t.Errorf("Test: %v", err)
	}
	if err := newChannel(t, map[string]any{"imap": box.Config()}).Test(t.Context()); err != nil {
		t.Errorf("Test with the right password: %v", err)
	}
}

func TestSeveralMailboxes(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	config := box.Config()
	config["mailboxes"] = []string{"INBOX", "Sent"}
	running(t, newChannel(t, map[string]any{"imap": config}), sink)
	sink.awaitState(t, connectors.StateConnected)
	deliver(t, box, 1)
	sink.awaitItems(t, 1)
}

// On a line that swallows everything go-imap alone waits for ever.
func TestSwallowedConnectionIsNoticed(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	c := newChannel(t, map[string]any{"imap": box.Config()})
	c.pace.idle, c.pace.done, c.pace.silence = 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	running(t, c, sink)
	sink.awaitState(t, connectors.StateConnected)
	box.Stall(true)
	sink.awaitState(t, connectors.StateError)
	deliver(t, box, 1)
	box.Stall(false)
	sink.awaitItems(t, 1)
	sink.awaitState(t, connectors.StateConnected)
}

// Every byte of the dialogue may be the last one. The four traps of go-imap (a hang, a deadlock, a race) show up here.
func TestConnectionCutAnywhere(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	box, sink := newMailbox(t), newSink()
	defer box.Close()
	deliver(t, box, 8)
	stop := running(t, newChannel(t, map[string]any{"imap": box.Config()}), sink)
	defer stop()
	step := 97
	if testing.Short() {
		step = 397
	}
	for n := 1; n < 3500; n += step {
		box.CutAfter(int64(n))
		connections := box.Connections()
		deliver(t, box, 1)
		box.Cut()
		sink.await(t, "reconnect", func(*memorySink) bool { return box.Connections() > connections+1 })
	}
	box.CutAfter(-1)
	box.Cut()
	want := len(box.UIDs())
	sink.awaitItems(t, want)
	if len(sink.items()) != want {
		t.Errorf("%d items of %d mails", len(sink.items()), want)
	}
}

func TestOwnMailIsNoCustomer(t *testing.T) {
	c := newChannel(t, map[string]any{"imap": map[string]any{"host": "h", "username": "u", "password": "p"}})
	own := MessageID("conv", "msg", "hub.test", testSecret)
	for _, tc := range []struct {
		name     string
		raw      string
		outgoing bool
		ignore   bool
		sender   string
	}{
		{"our own message comes back", "From: support@hub.test\nTo: anna@customer.test\nMessage-ID: <" + own + ">\n\nx", false, true, ""},
		{"an agent answered from another program", "From: Support <Support@Hub.test>\nTo: anna@customer.test\nCc: support@hub.test\nMessage-ID: <x@y>\n\nx", true, false, ""},
		{"a note to itself", "From: support@hub.test\nTo: support+note@hub.test\n\nx", false, true, ""},
		{"a form on the own site", "From: support@hub.test\nTo: support@hub.test\nReply-To: Anna <anna@customer.test>\n\nx", false, false, "anna@customer.test"},
		{"a list that rewrites From", "From: 'Anna' via Support <support@hub.test>\nTo: support@hub.test\nX-Original-From: Anna <anna@customer.test>\n\nx", false, false, "anna@customer.test"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in, _ := c.envelope([]byte(tc.raw))
			sender := ""
			if len(in.Sender.Claims) > 0 {
				sender = in.Sender.Claims[0].Value
			}
			if in.Outgoing != tc.outgoing || (in.Ignore != "") != tc.ignore || sender != tc.sender {
				t.Errorf("outgoing %v, ignore %q, sender %q", in.Outgoing, in.Ignore, sender)
			}
		})
	}
}

func TestMailWithoutSenderIsQuarantined(t *testing.T) {
	c := newChannel(t, map[string]any{"receiver": map[string]any{"enabled": true}})
	in, _ := c.envelope([]byte("Subject: who am I\n\nx"))
	if in.Quarantine == "" {
		t.Error("not quarantined")
	}
	in, _ = c.envelope([]byte("Return-Path: <anna@customer.test>\nSubject: who am I\n\nx"))
	if in.Quarantine != "" || in.Sender.Claims[0].Value != "anna@customer.test" {
		t.Errorf("%+v", in)
	}
}

func TestBounceReachesTheMessageItIsAbout(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	running(t, newChannel(t, map[string]any{"imap": box.Config()}), sink)
	own := MessageID("conv", "msg", "hub.test", testSecret)
	bounce := func(id string) string {
		return "From: Mail Delivery System <MAILER-DAEMON@mx.test>\nTo: support@hub.test\nSubject: Undelivered Mail Returned to Sender\nReturn-Path: <>\n" +
			"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n" +
			"Reporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822; anna@customer.test\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n\n" +
			"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <" + id + ">\nTo: anna@customer.test\n\n--b--\n"
	}
	for _, id := range []string{own, "somebody.else@elsewhere.test"} {
		if _, err := box.Deliver(bounce(id)); err != nil {
			t.Fatal(err)
		}
	}
	items := sink.awaitItems(t, 2)
	if in := items[0]; in.Auto != connectors.AutoBounce || !slices.Equal(in.Thread.ReplyTo, []string{own}) || in.Ignore != "" || len(in.Sender.Claims) != 0 {
		t.Errorf("ours: %+v", in)
	}
	if items[1].Ignore == "" {
		t.Error("a bounce of somebody else's mail is not ignored")
	}
	if len(sink.delivered) != 1 || sink.delivered[0].ProviderID != own || sink.delivered[0].State != connectors.DeliveryFailed ||
		sink.delivered[0].Reason != "anna@customer.test: 550 5.1.1 no such user" {
		t.Errorf("delivered %+v", sink.delivered)
	}
}

func TestOwnMessageID(t *testing.T) {
	id := MessageID("0190a1b2-0000-7000-8000-000000000001", "0190a1b2-0000-7000-8000-000000000002", "hub.test", testSecret)
	if !OwnMessageID(id, testSecret) || !OwnMessageID(strings.ToUpper(id), testSecret) {
		t.Errorf("%s is not known as ours", id)
	}
	for _, other := range []string{"", "@hub.test", "a.b@hub.test", strings.Replace(id, "1", "2", 1), "x" + id} {
		if OwnMessageID(other, testSecret) {
			t.Errorf("%q is taken for ours", other)
		}
	}
	if OwnMessageID(id, []byte("another")) || OwnMessageID(MessageID("a", "b", "c", nil), nil) {
		t.Error("known with another secret, or none")
	}
}
