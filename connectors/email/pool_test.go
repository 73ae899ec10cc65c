package email

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/email/mailtest"
)

func mustSend(t *testing.T, c *Connector, n int) {
	t.Helper()
	out := reply(c)
	out.ProviderID = c.NameMessage("c1", fmt.Sprintf("m%d", n))
	if _, err := c.Send(t.Context(), out); err != nil {
		t.Fatalf("mail %d: %v", n, err)
	}
}

func TestAnswersShareAConnection(t *testing.T) {
	sink := newSMTP(t)
	c := sender(t, sink, "username", "u", "password", "p")
	for n := range 10 {
		mustSend(t, c, n)
	}
	if sink.Connections() != 1 || len(sink.Mails()) != 10 {
		t.Errorf("%d connections for %d mails", sink.Connections(), len(sink.Mails()))
	}
}

func TestConnectionThatDiedWhileIdleIsReplaced(t *testing.T) {
	sink := newSMTP(t)
	c := sender(t, sink)
	mustSend(t, c, 0)
	sink.CutLine()
	mustSend(t, c, 1)
	if sink.Connections() != 2 || len(sink.Mails()) != 2 {
		t.Errorf("%d connections, %d mails", sink.Connections(), len(sink.Mails()))
	}
}

func TestConnectionThatSawAFailureIsNotUsedAgain(t *testing.T) {
	sink := newSMTP(t)
	c := sender(t, sink)
	mustSend(t, c, 0)
	sink.Refuse(mailtest.Rcpt, 550, "no such user")
	if _, err := c.Send(t.Context(), reply(c)); !connectors.IsPermanent(err) {
		t.Fatal(err)
	}
	sink.Heal()
	mustSend(t, c, 1)
	if sink.Connections() != 2 {
		t.Errorf("%d connections", sink.Connections())
	}
}

func TestIdleConnectionIsEnded(t *testing.T) {
	sink := newSMTP(t)
	c := sender(t, sink)
	c.pace.keep = 20 * time.Millisecond
	mustSend(t, c, 0)
	for end := time.Now().Add(5 * time.Second); sink.Open() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it stays open")
		}
	}
	mustSend(t, c, 1)
}

func TestAtMostFourConnections(t *testing.T) {
	sink := newSMTP(t)
	c := sender(t, sink)
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			out := reply(c)
			out.ProviderID = c.NameMessage("c1", fmt.Sprintf("m%d", n))
			if _, err := c.Send(t.Context(), out); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if sink.Connections() > poolMost || len(sink.Mails()) != 40 {
		t.Errorf("%d connections, %d mails", sink.Connections(), len(sink.Mails()))
	}
}

func TestMailsLeaveAtTheRateOfTheChannel(t *testing.T) {
	p := newPacer(60) // six at once, then one each second
	now := time.Unix(0, 0)
	for n := range 6 {
		if d := p.wait(fmt.Sprint(n), now); d != 0 {
			t.Errorf("mail %d waits %s", n, d)
		}
	}
	for n := 6; n < 10; n++ {
		if d, want := p.wait(fmt.Sprint(n), now), time.Duration(n-5)*time.Second; d != want {
			t.Errorf("mail %d waits %s, not %s", n, d, want)
		}
	}
	if d := p.wait("9", now.Add(time.Second)); d != 3*time.Second {
		t.Errorf("too early again: %s", d)
	}
	if d := p.wait("9", now.Add(4*time.Second)); d != 0 {
		t.Errorf("at its moment: %s", d)
	}
	if d := p.wait("10", now.Add(4*time.Second)); d == 0 {
		t.Error("a new one slips in before those who wait")
	}

	sink := newSMTP(t)
	smtp := sink.Config()
	smtp["per_minute"] = 10
	c := newChannel(t, map[string]any{"smtp": smtp})
	mustSend(t, c, 0)
	out := reply(c)
	_, err := c.Send(t.Context(), out)
	after, again := connectors.IsRetry(err)
	if !again || after < 5*time.Second || after > 7*time.Second || !strings.Contains(err.Error(), "10 mails a minute") || len(sink.Mails()) != 1 {
		t.Errorf("%v, after %s", err, after)
	}
}

func TestBouncesAreAskedFor(t *testing.T) {
	sink := newSMTP(t)
	c := sender(t, sink)
	out := reply(c)
	if _, err := c.Send(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	m := sink.Mails()[0]
	if !OwnMessageID(m.EnvelopeID, testSecret) || len(m.Rcpts) != 1 || fmt.Sprint(m.Rcpts[0].Notify) != "[FAILURE DELAY]" || m.Rcpts[0].OriginalRecipient != "anna@customer.test" {
		t.Errorf("ENVID %q, recipients %+v", m.EnvelopeID, m.Rcpts)
	}
}

func TestDelayIsNoFailure(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	running(t, newChannel(t, map[string]any{"imap": box.Config()}), sink)
	own := MessageID("conv", "msg", "hub.test", testSecret)
	if _, err := box.Deliver("From: Mail Delivery System <MAILER-DAEMON@mx.test>\nTo: support@hub.test\nSubject: Delayed Mail\nReturn-Path: <>\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nNot yet.\n--b\nContent-Type: message/delivery-status\n\n" +
		"Reporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822; anna@customer.test\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: smtp; 451 come later\n\n" +
		"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <" + own + ">\nTo: anna@customer.test\n\n--b--\n"); err != nil {
		t.Fatal(err)
	}
	sink.awaitItems(t, 1)
	if len(sink.delivered) != 1 || sink.delivered[0].State != connectors.DeliveryDelayed || !strings.Contains(sink.delivered[0].Reason, "451 come later") {
		t.Errorf("delivered %+v", sink.delivered)
	}
}
