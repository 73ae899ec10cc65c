package inbox

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/connectors"
	"parley/internal/fault"
	"parley/realtime/eventlog"
)

// desk is a rig with one SMS conversation and a provider that answers as told.
type desk struct {
	*rig
	sms   string
	first connectors.Accepted

	mu   sync.Mutex
	sent []connectors.Outbound
}

func newDesk(r *rig, answer func(connectors.Outbound) (connectors.Receipt, error)) *desk {
	d := &desk{rig: r, sms: r.channel(connectors.SMS, nil)}
	r.live.run(d.sms, &fakeProvider{send: func(out connectors.Outbound) (connectors.Receipt, error) {
		d.mu.Lock()
		d.sent = append(d.sent, out)
		d.mu.Unlock()
		return answer(out)
	}})
	d.first = r.took(d.sms, text("+14155550030", "Hello"))
	return d
}

func (d *desk) out() []connectors.Outbound {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]connectors.Outbound(nil), d.sent...)
}

func taken(out connectors.Outbound) (connectors.Receipt, error) {
	return connectors.Receipt{ProviderID: "SM-" + out.MessageID}, nil
}

func TestAnAnswerGoesToTheSenderAndNobodyWaitsAnyMore(t *testing.T) {
	each(t, func(r *rig) {
		d := newDesk(r, taken)
		m := r.reply(d.first.ConversationID, Draft{Body: "Good day"})
		if m.Status != Queued {
			t.Errorf("an accepted reply is %s", m.Status)
		}
		if got := r.becomes(m.ID, Sent); *got.ProviderID != "SM-"+m.ID {
			t.Errorf("it went out as %q", *got.ProviderID)
		}
		out := d.out()
		if len(out) != 1 || out[0].To != "+14155550030" || out[0].Text != "Good day" || out[0].Attempt != 1 || out[0].ThreadKey != "+14155550030" {
			t.Errorf("the provider was given %+v", out)
		}
		if c := r.conversation(d.first.ConversationID); c.UnreadCount != 0 || c.WaitingSince != nil || c.LastMessage.Preview != "Good day" {
			t.Errorf("afterwards it has %d unread, waits since %v, last %q", c.UnreadCount, c.WaitingSince, c.LastMessage.Preview)
		}
		note := r.reply(d.first.ConversationID, Draft{Body: "He sounds nice", Note: true})
		if note.Direction != DirNote || len(d.out()) != 1 {
			t.Errorf("a note is %s and the provider was given %d messages", note.Direction, len(d.out()))
		}
	})
}

func TestWhatASendSaidIsWhatIsShown(t *testing.T) {
	each(t, func(r *rig) {
		var mu sync.Mutex
		tries := map[string]int{}
		d := newDesk(r, func(out connectors.Outbound) (connectors.Receipt, error) {
			mu.Lock()
			defer mu.Unlock()
			tries[out.Text]++
			switch {
			case out.Text == "refused":
				return connectors.Receipt{}, connectors.Permanent(errors.New("no such number"))
			case out.Text == "later" && tries[out.Text] < 3:
				return connectors.Receipt{}, connectors.Retry(errors.New("too many"), 10*time.Millisecond)
			case out.Text == "doubtful":
				return connectors.Receipt{}, errors.New("connection cut")
			case out.Text == "there already":
				return connectors.Receipt{Delivered: true}, nil
			}
			return taken(out)
		})
		for _, c := range []struct {
			text, status, reason string
			tries                int
		}{{"fine", Sent, "", 1}, {"refused", FailedMsg, "no such number", 1}, {"later", Sent, "", 3}, {"doubtful", Unknown, "connection cut", 1}, {"there already", Delivered, "", 1}} {
			m := r.becomes(r.reply(d.first.ConversationID, Draft{Body: c.text}).ID, c.status)
			if reason := deref(m.Error); !strings.Contains(reason, c.reason) || c.reason == "" && reason != "" {
				t.Errorf("%s: the reason is %q", c.text, reason)
			}
			mu.Lock()
			if tries[c.text] != c.tries {
				t.Errorf("%s: %d tries, want %d", c.text, tries[c.text], c.tries)
			}
			mu.Unlock()
		}
	})
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestAReplyThatMissedSomethingIsRefusedWithWhatItMissed(t *testing.T) {
	each(t, func(r *rig) {
		d := newDesk(r, taken)
		seen := r.conversation(d.first.ConversationID).LastSeq
		r.took(d.sms, text("+14155550030", "Wait, I found it"))
		r.reply(d.first.ConversationID, Draft{Body: "a colleague's note", Note: true})
		_, err := r.Reply(context.Background(), boss, d.first.ConversationID, Draft{Body: "We will look for it", LastSeenSeq: &seen})
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.KindConflict {
			t.Fatalf("a stale reply is answered %v", err)
		}
		missed, _ := f.Extra["messages"].([]MessageView)
		if len(missed) != 1 || missed[0].BodyText != "Wait, I found it" {
			t.Errorf("it is told of %v", missed)
		}
		if n := len(r.thread(d.first.ConversationID)); n != 3 {
			t.Errorf("the thread has %d items; the refused reply is none", n)
		}
		now := r.conversation(d.first.ConversationID).LastSeq
		r.reply(d.first.ConversationID, Draft{Body: "Good!", LastSeenSeq: &now})
		r.reply(d.first.ConversationID, Draft{Body: "a note may be written always", Note: true, LastSeenSeq: &seen})
	})
}

func TestAMessageCanBeTakenBackWhileItIsHeldAndNotLater(t *testing.T) {
	each(t, func(r *rig) {
		d := newDesk(r, taken)
		m := r.reply(d.first.ConversationID, Draft{Body: "Oh no", Hold: 20 * time.Second})
		if m.SendAt == nil {
			t.Error("a held message does not say when it will leave")
		}
		if got, err := r.Cancel(context.Background(), boss, d.first.ConversationID, m.ID); err != nil || got.Status != Cancelled {
			t.Fatalf("cancel answers %s, %v", got.Status, err)
		}
		if _, err := r.Cancel(context.Background(), boss, d.first.ConversationID, m.ID); !fault.Is(err, fault.KindConflict) {
			t.Errorf("a second cancel answers %v", err)
		}
		gone := r.becomes(r.reply(d.first.ConversationID, Draft{Body: "Gone"}).ID, Sent)
		if _, err := r.Cancel(context.Background(), boss, d.first.ConversationID, gone.ID); !fault.Is(err, fault.KindConflict) {
			t.Errorf("taking back what was sent answers %v", err)
		}
		held := r.reply(d.first.ConversationID, Draft{Body: "Held", Hold: 20 * time.Second})
		next := r.reply(d.first.ConversationID, Draft{Body: "Not held"})
		r.becomes(next.ID, Sent)
		if s := r.message(held.ID).Status; s != Queued {
			t.Errorf("a held message is %s", s)
		}
		r.later(21 * time.Second)
		r.becomes(held.ID, Sent)
		for _, o := range d.out() {
			if o.Text == "Oh no" {
				t.Error("the cancelled message went out")
			}
		}
		if got, err := r.Retry(context.Background(), boss, d.first.ConversationID, m.ID); err != nil || got.Status != Queued {
			t.Errorf("sending a cancelled message after all answers %s, %v", got.Status, err)
		}
		r.becomes(m.ID, Sent)
	})
}

func TestWhatFailedCanBeSentOnceMoreAndWhatWasSentNot(t *testing.T) {
	each(t, func(r *rig) {
		fails := true
		d := newDesk(r, func(out connectors.Outbound) (connectors.Receipt, error) {
			if fails {
				return connectors.Receipt{}, connectors.Permanent(errors.New("no credit"))
			}
			return taken(out)
		})
		m := r.becomes(r.reply(d.first.ConversationID, Draft{Body: "Hello"}).ID, FailedMsg)
		fails = false
		if _, err := r.Retry(context.Background(), boss, d.first.ConversationID, m.ID); err != nil {
			t.Fatal(err)
		}
		if got := r.becomes(m.ID, Sent); got.Error != nil {
			t.Errorf("a message that was sent after all still says %q", *got.Error)
		}
		for _, id := range []string{m.ID, d.first.MessageID} {
			if _, err := r.Retry(context.Background(), boss, d.first.ConversationID, id); !fault.Is(err, fault.KindConflict) {
				t.Errorf("sending %s again answers %v", id, err)
			}
		}
		if n := len(d.out()); n != 2 {
			t.Errorf("the provider was given %d messages, want 2", n)
		}
	})
}

func TestADraftIsChecked(t *testing.T) {
	each(t, func(r *rig) {
		d := newDesk(r, taken)
		form := r.channel(connectors.Form, nil)
		disabled := r.channel(connectors.SMS, nil)
		if _, err := r.EnableChannel(context.Background(), disabled, false); err != nil {
			t.Fatal(err)
		}
		elsewhere := r.took(d.sms, text("+14155550031", "Me too"))
		for _, c := range []struct {
			name, field string
			draft       Draft
		}{
			{"nothing", "body", Draft{}},
			{"white space", "body", Draft{Body: " \n\t\u00a0\x00"}},
			{"too long", "body", Draft{Body: strings.Repeat("я", bodyMost+1)}},
			{"an unknown format", "format", Draft{Body: "x", Format: "rtf"}},
			{"a long hold", "hold_s", Draft{Body: "x", Hold: 31 * time.Second}},
			{"an unknown channel", "channel_id", Draft{Body: "x", ChannelID: "nowhere"}},
			{"a form", "channel_id", Draft{Body: "x", ChannelID: form}},
			{"a disabled channel", "channel_id", Draft{Body: "x", ChannelID: disabled}},
			{"a channel where nobody knows them", "channel_id", Draft{Body: "x", ChannelID: r.channel(connectors.Email, nil)}},
			{"an answer to another conversation's message", "reply_to", Draft{Body: "x", ReplyTo: elsewhere.MessageID}},
			{"a file that is nobody's", "attachments", Draft{Body: "x", Attachments: []string{"nothing"}}},
			{"too many files", "attachments", Draft{Body: "x", Attachments: make([]string, attachmentsMost+1)}},
		} {
			_, err := r.Reply(context.Background(), boss, d.first.ConversationID, c.draft)
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.KindInvalid || len(f.Fields) != 1 || f.Fields[0].Field != c.field {
				t.Errorf("%s is answered %v", c.name, err)
			}
		}
		if n := len(r.thread(d.first.ConversationID)); n != 1 {
			t.Errorf("refused drafts left %d items in the thread", n-1)
		}
		if _, err := r.Reply(context.Background(), eventlog.Viewer{UserID: "x"}, "nothing", Draft{Body: "x"}); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("an answer to nothing is answered %v", err)
		}
	})
}

// Seen once: a message failed, was sent again within the same millisecond, and stayed "queued" for ever. The job that had failed was still marked
// as running, and its key kept the new one out.
func TestSendingAgainIsNotLostWhileTheFirstJobIsEnding(t *testing.T) {
	each(t, func(r *rig) {
		fails := true
		d := newDesk(r, func(out connectors.Outbound) (connectors.Receipt, error) {
			if fails {
				return connectors.Receipt{}, connectors.Permanent(errors.New("no credit"))
			}
			return taken(out)
		})
		m := r.becomes(r.reply(d.first.ConversationID, Draft{Body: "Hello"}).ID, FailedMsg)
		fails = false
		if err := r.db.Write(context.Background()).Exec("UPDATE jobs SET state = 'running' WHERE kind = ?", jobDeliver).Error; err != nil {
			t.Fatal(err)
		}
		if _, err := r.Retry(context.Background(), boss, d.first.ConversationID, m.ID); err != nil {
			t.Fatal(err)
		}
		var ready int64
		r.db.Read(context.Background()).Table("jobs").Where("kind = ? AND state = 'ready'", jobDeliver).Count(&ready)
		if ready == 0 {
			if got := r.becomes(m.ID, Sent); got.Status != Sent {
				t.Error("there is no job that would send it")
			}
		}
	})
}
