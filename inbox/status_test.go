package inbox

import (
	"context"
	"errors"
	"testing"

	"parley/connectors"
	"parley/internal/jobs"
)

// Reports of delivery come late, twice and out of order.
func TestReportsInAnyOrderEndAtTheSame(t *testing.T) {
	sent, delivered, read, failed := connectors.DeliverySent, connectors.DeliveryDelivered, connectors.DeliveryRead, connectors.DeliveryFailed
	each(t, func(r *rig) {
		d := newDesk(r, taken)
		for _, c := range []struct {
			reports []string
			want    string
		}{
			{[]string{sent, delivered, read}, Read},
			{[]string{read, sent, delivered}, Read},
			{[]string{delivered, sent}, Delivered},
			{[]string{delivered, delivered, failed}, Delivered},
			{[]string{failed, delivered}, Delivered},
			{[]string{failed, sent}, FailedMsg}, // "sent" was on its way before the failure
			{[]string{sent, failed, failed}, FailedMsg},
			{[]string{"exploded"}, Sent},
		} {
			m := r.becomes(r.reply(d.first.ConversationID, Draft{Body: "Hello"}).ID, Sent)
			for _, state := range c.reports {
				if err := r.Delivered(context.Background(), d.sms, connectors.Delivery{MessageID: m.ID, ProviderID: *m.ProviderID, State: state, Reason: "why"}); err != nil {
					t.Fatal(err)
				}
			}
			if got := r.message(m.ID).Status; got != c.want {
				t.Errorf("after %v it is %s, want %s", c.reports, got, c.want)
			}
		}
	})
}

func TestAReportAboutSomethingElseChangesNothing(t *testing.T) {
	each(t, func(r *rig) {
		d := newDesk(r, taken)
		m := r.becomes(r.reply(d.first.ConversationID, Draft{Body: "Hello"}).ID, Sent)
		other := r.channel(connectors.SMS, nil)
		head := r.head()
		for _, x := range []struct {
			channel string
			d       connectors.Delivery
		}{
			{d.sms, connectors.Delivery{ProviderID: "SM-nobody", State: connectors.DeliveryDelivered}},
			{d.sms, connectors.Delivery{State: connectors.DeliveryDelivered}},
			{d.sms, connectors.Delivery{MessageID: d.first.MessageID, State: connectors.DeliveryDelivered}},
			{other, connectors.Delivery{MessageID: m.ID, State: connectors.DeliveryDelivered}},
		} {
			if err := r.Delivered(context.Background(), x.channel, x.d); err != nil {
				t.Error(err)
			}
		}
		if r.message(m.ID).Status != Sent || r.head() != head {
			t.Error("a report about something else changed something")
		}
	})
}

// A report may be faster than the answer to the call that it is about.
func TestAReportThatOvertakesTheAnswerWins(t *testing.T) {
	each(t, func(r *rig) {
		var d *desk
		d = newDesk(r, func(out connectors.Outbound) (connectors.Receipt, error) {
			if err := r.Delivered(context.Background(), d.sms, connectors.Delivery{MessageID: out.MessageID, ProviderID: "SM1", State: connectors.DeliveryDelivered}); err != nil {
				t.Error(err)
			}
			return connectors.Receipt{}, errors.New("the answer got lost")
		})
		m := r.reply(d.first.ConversationID, Draft{Body: "Hello"})
		r.becomes(m.ID, Delivered)
		r.until("the job is over", func() bool {
			var n int64
			r.db.Read(context.Background()).Model(&jobs.Job{}).Where("kind = ? AND state <> ?", jobDeliver, jobs.Done).Count(&n)
			return n == 0
		})
		if got := r.message(m.ID); got.Status != Delivered || *got.ProviderID != "SM1" {
			t.Errorf("it ends as %s under %s", got.Status, *got.ProviderID)
		}
	})
}

// Two equal answers to one customer: the second's outcome is unknown, and the provider's list shows one message with these words. It is the first.
func TestWhatWasFoundIsNotAnotherMessagesTwin(t *testing.T) {
	each(t, func(r *rig) {
		n := 0
		d := newDesk(r, func(out connectors.Outbound) (connectors.Receipt, error) {
			if n++; n == 1 {
				return connectors.Receipt{ProviderID: "SM1"}, nil
			}
			return connectors.Receipt{}, errors.New("cut")
		})
		conn, _ := r.live.Connector(d.sms)
		conn.(*fakeProvider).find = func(connectors.Outbound) (connectors.Receipt, bool, error) {
			return connectors.Receipt{ProviderID: "SM1"}, true, nil
		}
		r.becomes(r.reply(d.first.ConversationID, Draft{Body: "ok"}).ID, Sent)
		second := r.becomes(r.reply(d.first.ConversationID, Draft{Body: "ok"}).ID, Unknown)
		for attempt := 1; attempt <= 3; attempt++ {
			err := r.find(context.Background(), jobs.Job{Attempt: attempt, Payload: `{"message_id":"` + second.ID + `"}`})
			if got := r.message(second.ID).Status; attempt < 3 && (err == nil || got != Unknown) || attempt == 3 && (err != nil || got != FailedMsg) {
				t.Errorf("after %d questions it is %s, %v", attempt, got, err)
			}
		}
		third := r.becomes(r.reply(d.first.ConversationID, Draft{Body: "ok"}).ID, Unknown)
		conn.(*fakeProvider).find = func(connectors.Outbound) (connectors.Receipt, bool, error) {
			return connectors.Receipt{ProviderID: "SM3"}, true, nil
		}
		if err := r.find(context.Background(), jobs.Job{Attempt: 1, Payload: `{"message_id":"` + third.ID + `"}`}); err != nil {
			t.Fatal(err)
		}
		if got := r.message(third.ID); got.Status != Sent || *got.ProviderID != "SM3" {
			t.Errorf("what the provider has is %s", got.Status)
		}
		// never known to the provider, said the list; a report proves that it was
		if err := r.Delivered(context.Background(), d.sms, connectors.Delivery{MessageID: second.ID, ProviderID: "SM2", State: connectors.DeliverySent}); err != nil {
			t.Fatal(err)
		}
		if got := r.message(second.ID); got.Status != Sent {
			t.Errorf("a report that proves the opposite left it %s", got.Status)
		}
	})
}

// A process that died while it was sending leaves "sending"; whoever takes the job up must not send again.
func TestWhatWasBeingSentAtACrashIsUnknown(t *testing.T) {
	each(t, func(r *rig) {
		d := newDesk(r, taken)
		m := r.reply(d.first.ConversationID, Draft{Body: "Hello", Hold: 30e9})
		r.exec("UPDATE messages SET status = 'sending' WHERE id = ?", m.ID)
		r.later(31e9)
		if got := r.becomes(m.ID, Unknown); got.Error == nil {
			t.Error("it does not say why nobody knows")
		}
		if n := len(d.out()); n != 0 {
			t.Errorf("the provider was given it %d times more", n)
		}
	})
}
