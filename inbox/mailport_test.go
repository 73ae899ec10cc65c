package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/connectors"
)

func TestAConnectorLearnsWhatIsHere(t *testing.T) {
	each(t, func(r *rig) {
		ch, other := r.channel(connectors.Email, nil), r.channel(connectors.Email, nil)
		keys := []string{"nobody"}
		want := []connectors.Standing{connectors.Absent}
		for n := range 900 { // more than one query's worth
			keys, want = append(keys, fmt.Sprintf("INBOX/1/%d", n)), append(want, connectors.Absent)
		}
		in := mail("anna@customer.test", "a@x", "hello")
		in.Key = "INBOX/1/7"
		r.took(ch, in)
		bad := connectors.Inbound{Key: "INBOX/1/800", Quarantine: "no sender"}
		r.took(ch, bad)
		in.Key = "INBOX/1/9"
		r.took(other, in)
		want[8], want[801] = connectors.Here, connectors.Quarantined
		got, err := r.Sink(ch).Seen(context.Background(), keys)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// After a mail server gave new numbers, mail that is here is noted under its new one and shown once.
func TestARepetitionUnderAnotherKeyIsOnlyNoted(t *testing.T) {
	each(t, func(r *rig) {
		ch := r.channel(connectors.Email, nil)
		in := mail("anna@customer.test", "a@x", "hello")
		in.Key = "INBOX/1/1"
		first := r.took(ch, in)
		again := connectors.Inbound{Key: "INBOX/2/1", Repeat: true, Cursor: &connectors.Cursor{Name: "imap/INBOX", Value: "2"}}
		r.took(ch, again)
		if n := len(r.thread(first.ConversationID)); n != 1 || r.rows("journal") != 2 {
			t.Errorf("%d messages, %d rows in the journal", n, r.rows("journal"))
		}
		sink := r.Sink(ch)
		if at, err := sink.Cursor(context.Background(), "imap/INBOX"); at != "2" || err != nil {
			t.Errorf("cursor %q, %v", at, err)
		}
		if seen, err := sink.Seen(context.Background(), []string{"INBOX/2/1"}); err != nil || seen[0] != connectors.Here {
			t.Errorf("%v, %v", seen, err)
		}
	})
}

func TestATraceSettlesOnlyWhatIsOpen(t *testing.T) {
	each(t, func(r *rig) {
		broken := false
		d := newDesk(r, func(out connectors.Outbound) (connectors.Receipt, error) {
			if broken {
				return connectors.Receipt{}, errors.New("cut")
			}
			return taken(out)
		})
		report := func(m MessageView, x connectors.Delivery) MessageView {
			x.MessageID = m.ID
			if err := r.Delivered(context.Background(), d.sms, x); err != nil {
				t.Fatal(err)
			}
			return r.message(m.ID)
		}
		found := connectors.Delivery{State: connectors.DeliverySent, Found: true}
		m := r.becomes(r.reply(d.first.ConversationID, Draft{Body: "Hello"}).ID, Sent)
		late := report(m, connectors.Delivery{State: connectors.DeliveryDelayed, Reason: "mailbox full"})
		if late.Status != Sent || late.Error == nil || !strings.Contains(*late.Error, "mailbox full") {
			t.Errorf("a delay: %s, %v", late.Status, late.Error)
		}
		if got := report(m, connectors.Delivery{State: connectors.DeliveryFailed, Reason: "no such user"}); got.Status != FailedMsg {
			t.Errorf("a bounce: %s", got.Status)
		}
		if got := report(m, found); got.Status != FailedMsg {
			t.Errorf("the copy in the Sent folder took the bounce back: %s", got.Status)
		}
		broken = true
		open := r.becomes(r.reply(d.first.ConversationID, Draft{Body: "Hello"}).ID, Unknown)
		if got := report(open, found); got.Status != Sent {
			t.Errorf("the copy of an open one: %s", got.Status)
		}
	})
}

func TestASecretThatTheProviderChangedIsKept(t *testing.T) {
	each(t, func(r *rig) {
		r.factories[connectors.Email] = connectors.Factory{Type: connectors.Email, Secrets: []string{"oauth.refresh_token"}, Check: func(json.RawMessage) []connectors.FieldError { return nil }}
		ch := r.channel(connectors.Email, map[string]any{"address": "a@b.test", "oauth": map[string]any{"client_id": "id", "refresh_token": "old"}})
		before, err := r.ShowChannel(context.Background(), ch)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.KeepSecret(context.Background(), ch, "oauth.refresh_token", "new"); err != nil {
			t.Fatal(err)
		}
		row, err := r.Channel(context.Background(), ch)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := r.fullConfig(row)
		if err != nil || !strings.Contains(string(whole), `"refresh_token":"new"`) || strings.Contains(row.Config, "new") {
			t.Errorf("%s, %v", whole, err)
		}
		if row.Version != before.Version {
			t.Error("the connector is started anew")
		}
	})
}

// An answer that is seen in the Sent folder only after the customer wrote again is no answer to that.
func TestALateAnswerFromElsewhereLeavesTheCustomerWaiting(t *testing.T) {
	each(t, func(r *rig) {
		ch := r.channel(connectors.Email, nil)
		first := r.took(ch, mail("anna@customer.test", "a@x", "hello"))
		written := r.clock().Add(time.Second)
		r.later(time.Hour)
		r.took(ch, mail("anna@customer.test", "b@x", "are you there?", "a@x"))
		answer := mail("", "c@hub", "yes", "a@x")
		answer.Sender, answer.Outgoing, answer.Recovered, answer.At = connectors.Sender{}, true, true, written
		r.took(ch, answer)
		c := r.conversation(first.ConversationID)
		if c.WaitingSince == nil || c.UnreadCount == 0 || c.LastMessage == nil || c.LastMessage.Preview != "are you there?" {
			t.Errorf("waiting since %v, %d unread, last %+v", c.WaitingSince, c.UnreadCount, c.LastMessage)
		}
		thread := r.thread(first.ConversationID)
		if len(thread) != 3 || thread[1].Direction != DirOutbound {
			t.Errorf("%d messages", len(thread))
		}
		now := mail("", "d@hub", "yes, here", "b@x")
		now.Sender, now.Outgoing = connectors.Sender{}, true
		r.took(ch, now)
		if c := r.conversation(first.ConversationID); c.WaitingSince != nil || c.UnreadCount != 0 {
			t.Error("an answer in time leaves the customer waiting")
		}
	})
}
