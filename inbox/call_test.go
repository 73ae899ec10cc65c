package inbox

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/connectors"
	"parley/internal/page"
)

// ringing is the first of a call's events; the others are made of it.
func callOf(id, from string) connectors.Inbound {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	in := connectors.Inbound{Thread: connectors.Thread{Key: "call:" + id}, Call: &connectors.CallEvent{CallID: id, Type: connectors.CallRinging, Direction: "inbound", From: from, To: "+74951234567", At: at}}
	if from != "" {
		in.Thread.Key = strings.TrimPrefix(from, "+")
		in.Sender.Claims = []connectors.Claim{{Kind: connectors.KindPhone, Value: from, Trust: connectors.TrustChannel}}
	}
	return in
}

func step(of connectors.Inbound, typ string, after time.Duration) connectors.Inbound {
	c := *of.Call
	c.Type, c.At = typ, c.At.Add(after)
	of.Call = &c
	return of
}

// wholeCall is an answered call of 42 s with its recording.
func wholeCall(id, from string) []connectors.Inbound {
	ring, talk := callOf(id, from), 42
	end := step(ring, connectors.CallEnded, 47*time.Second)
	end.Call.TalkSeconds = &talk
	rec := step(ring, connectors.CallRecording, 50*time.Second)
	rec.Call.RecordingRef = "https://pbx.test/" + id + ".wav"
	rec.Call.From, rec.Call.To, rec.Call.Direction = "", "", "" // a recording may tell of its call by its id alone
	rec.Thread.Key, rec.Sender = "call:"+id, connectors.Sender{}
	return []connectors.Inbound{ring, step(ring, connectors.CallAnswered, 5*time.Second), end, rec}
}

func (r *rig) calls() []CallView {
	r.t.Helper()
	p, err := r.Calls(context.Background(), boss, CallFilter{Ask: page.Ask{Limit: 200}})
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Data
}

// The events of a call come in any order and some twice; what is shown is always the same: one call, one line in one thread, one person.
func TestACallIsTheSameInWhateverOrderItIsTold(t *testing.T) {
	each(t, func(r *rig) {
		pbx := r.channel(connectors.Telephony, map[string]any{"recording": map[string]any{"fetch": false}})
		orders := [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {3, 0, 1, 2}, {2, 0, 3, 1}, {1, 3, 2, 0}}
		for range 3 {
			orders = append(orders, rand.Perm(4))
		}
		for n, order := range orders {
			id, from := string(rune('a'+n)), "+7916123450"+string(rune('0'+n))
			events := wholeCall(id, from)
			for _, i := range order {
				r.took(pbx, events[i])
				again := events[i]
				again.Key = "" // an event repeated under another id changes nothing
				r.took(pbx, again)
			}
			calls := r.calls()
			at := slices.IndexFunc(calls, func(c CallView) bool { return c.From == from })
			if len(calls) != n+1 || at < 0 {
				t.Fatalf("told as %v the call is one of %d, want %d: %+v", order, len(calls), n+1, calls)
			}
			c := calls[at]
			if c.State != "ended" || c.TalkSeconds != 42 || c.StartedAt.Second() != 0 || c.AnsweredAt.Second() != 5 || c.EndedAt.Second() != 47 {
				t.Errorf("told as %v it is %s, %d s, %v, %v, %v", order, c.State, c.TalkSeconds, c.StartedAt, c.AnsweredAt, c.EndedAt)
			}
			thread := r.thread(*c.ConversationID)
			if len(thread) != 1 || thread[0].BodyText != "Incoming call, 0:42" || thread[0].Kind != connectors.KindCall || deref(thread[0].CallID) != c.ID {
				t.Errorf("told as %v it stands in its thread as %+v", order, thread)
			}
			if person := r.contact(*c.ContactID); len(person.Identities) != 1 || person.Identities[0].Value != from || c.LeadID == nil {
				t.Errorf("told as %v it is with %+v, lead %v", order, person, c.LeadID)
			}
		}
		if n := int64(len(orders)); r.rows("conversations") != n || r.rows("contacts") != n || r.rows("leads") != n {
			t.Errorf("%d callers are %d contacts with %d conversations and %d leads", n, r.rows("contacts"), r.rows("conversations"), r.rows("leads"))
		}
	})
}

func TestACallTellsEachOfItsStepsOnce(t *testing.T) {
	each(t, func(r *rig) {
		pbx := r.channel(connectors.Telephony, nil)
		before := r.head()
		for _, e := range wholeCall("one", "+79161234567")[:3] {
			r.took(pbx, e)
			again := e
			r.took(pbx, again)
		}
		missed := callOf("two", "+79161234567")
		r.took(pbx, missed)
		r.took(pbx, step(missed, connectors.CallEnded, 30*time.Second))
		var steps []string
		for _, f := range r.told(boss, before) {
			var e struct{ Type string }
			if err := json.Unmarshal([]byte(f), &e); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(e.Type, "call.") {
				steps = append(steps, e.Type)
			}
		}
		if want := []string{"call.ringing", "call.answered", "call.ended", "call.ringing", "call.missed"}; !slices.Equal(steps, want) {
			t.Errorf("the log tells of %v, want %v", steps, want)
		}
		c := r.conversation(*r.calls()[0].ConversationID)
		if c.UnreadCount != 1 || c.WaitingSince == nil || c.LastMessage.Preview != "Missed call" {
			t.Errorf("after a missed call: %d unread, waiting since %v, last %q", c.UnreadCount, c.WaitingSince, c.LastMessage.Preview)
		}
	})
}

func TestACallOfAHiddenNumberIsACallAll(t *testing.T) {
	each(t, func(r *rig) {
		pbx := r.channel(connectors.Telephony, nil)
		ring := callOf("hidden", "")
		r.took(pbx, ring)
		r.took(pbx, step(ring, connectors.CallEnded, 30*time.Second))
		calls := r.calls()
		if len(calls) != 1 || calls[0].State != "missed" || calls[0].LeadID != nil || calls[0].ContactName != "Hidden number" {
			t.Errorf("a hidden caller's call is %+v", calls)
		}
	})
}

// A recording whose call nobody told of is kept in the journal and belongs to the call once that is told of.
func TestARecordingWaitsForItsCall(t *testing.T) {
	each(t, func(r *rig) {
		pbx := r.channel(connectors.Telephony, map[string]any{"recording": map[string]any{"fetch": true}})
		events := wholeCall("late", "+79161234567")
		events[3].Key = "recording"
		r.took(pbx, events[3])
		if j := r.journal("recording"); j.State != Processed || j.Reason == "" || r.rows("conversations") != 0 || len(r.calls()) != 0 {
			t.Errorf("alone it is %s (%s) and made %d conversations", j.State, j.Reason, r.rows("conversations"))
		}
		r.took(pbx, events[2])
		if calls := r.calls(); len(calls) != 1 || calls[0].Recording.State != "pending" || calls[0].From != "+79161234567" {
			t.Errorf("with its call it is %+v", calls)
		}
	})
}
