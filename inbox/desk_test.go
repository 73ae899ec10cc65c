package inbox

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"parley/connectors"
	"parley/internal/fault"
	"parley/internal/page"
	"parley/realtime/eventlog"
)

func ptr[T any](v T) *T { return &v }

// sees tells whether somebody finds a conversation in every place where they could.
func (r *rig) sees(v eventlog.Viewer, id, contact, words string) (places []string) {
	r.t.Helper()
	ctx := context.Background()
	note := func(place string, found bool) {
		if found {
			places = append(places, place)
		}
	}
	_, err := r.Conversation(ctx, v, id)
	note("show", err == nil)
	list, err := r.Conversations(ctx, v, Filter{})
	note("list", err == nil && len(list.Data) > 0)
	_, err = r.Messages(ctx, v, id, page.Ask{})
	note("thread", err == nil)
	_, err = r.Contact(ctx, v, contact)
	note("contact", err == nil)
	contacts, err := r.Contacts(ctx, v, "", page.Ask{})
	note("contacts", err == nil && len(contacts.Data) > 0)
	leads, err := r.Leads(ctx, v, LeadFilter{})
	note("leads", err == nil && len(leads.Data) > 0)
	hits, err := r.Search(ctx, v, words, "")
	note("search", err == nil && len(hits) > 0)
	counts, err := r.Count(ctx, v)
	note("counts", err == nil && counts.All > 0)
	_, told := r.Sees(ctx, v, id)
	note("events", told)
	_, err = r.Reply(ctx, v, id, Draft{Body: "seen", Note: true})
	note("answer", err == nil)
	return places
}

func TestAnAgentFindsOnlyWhatIsTheirs(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		anna, bob := r.person("anna"), r.person("bob")
		sales := r.team("sales")
		got := r.took(sms, text("+14155550040", "Lanterns please"))
		as := map[string]eventlog.Viewer{"anna": {UserID: anna}, "bob": {UserID: bob}, "a colleague in sales": {UserID: "carl", Teams: []string{sales}}, "the boss": boss}
		for _, c := range []struct {
			what           string
			assignee, team string
			who            []string
		}{
			{"nobody's", "", "", []string{"anna", "bob", "a colleague in sales", "the boss"}},
			{"anna's", anna, "", []string{"anna", "the boss"}},
			{"anna's and of sales", anna, sales, []string{"anna", "a colleague in sales", "the boss"}},
			{"of sales", "", sales, []string{"a colleague in sales", "the boss"}},
		} {
			r.patch(got.ConversationID, Patch{AssigneeID: &c.assignee, TeamID: &c.team})
			want := map[string]bool{}
			for _, w := range c.who {
				want[w] = true
			}
			for name, v := range as {
				places := r.sees(v, got.ConversationID, got.ContactID, "lanterns")
				if want[name] && len(places) != 10 || !want[name] && len(places) != 0 {
					t.Errorf("what is %s, %s finds in %v", c.what, name, places)
				}
			}
		}
	})
}

func TestWhoLosesSightOfAConversationIsToldSo(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		anna, bob := r.person("anna"), r.person("bob")
		got := r.took(sms, text("+14155550041", "Secret of Anna's"))
		before := r.head()
		r.patch(got.ConversationID, Patch{AssigneeID: &anna})
		r.took(sms, text("+14155550041", "More secrets"))
		kinds := func(v eventlog.Viewer) (types []string) {
			for _, f := range r.told(v, before) {
				var e struct {
					Type string
					Data map[string]any
				}
				if err := json.Unmarshal([]byte(f), &e); err != nil {
					t.Fatal(err)
				}
				types = append(types, e.Type)
				if e.Type == "conversation.removed" && (len(e.Data) != 1 || e.Data["id"] != got.ConversationID) {
					t.Errorf("conversation.removed carries %v, want the id alone", e.Data)
				}
			}
			return types
		}
		if was := kinds(eventlog.Viewer{UserID: bob}); len(was) != 1 || was[0] != "conversation.removed" {
			t.Errorf("bob, who loses it, is told %v", was)
		}
		if is := kinds(eventlog.Viewer{UserID: anna}); len(is) < 4 {
			t.Errorf("anna, who has it, is told %v", is)
		}
	})
}

func TestASnoozedConversationComesBack(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		id := r.took(sms, text("+14155550042", "Ask me tomorrow")).ConversationID
		c := r.patch(id, Patch{SnoozedUntil: ptr(r.clock().Add(time.Hour))})
		if c.Status != Snoozed || c.SnoozedUntil == nil {
			t.Fatalf("it is %s until %v", c.Status, c.SnoozedUntil)
		}
		r.patch(id, Patch{SnoozedUntil: ptr(r.clock().Add(3 * time.Hour))})
		r.later(2 * time.Hour)
		r.runner.Wake()
		time.Sleep(600 * time.Millisecond) // two rounds of the runner, in which nothing may happen
		if c := r.conversation(id); c.Status != Snoozed {
			t.Errorf("it came back with the first time, which was put off: %s", c.Status)
		}
		r.later(2 * time.Hour)
		r.until("it comes back", func() bool { return r.conversation(id).Status == Open })
		r.patch(id, Patch{SnoozedUntil: ptr(r.clock().Add(time.Hour))})
		if r.took(sms, text("+14155550042", "I could not wait")); r.conversation(id).Status != Open {
			t.Error("a customer's word does not wake it")
		}
		r.patch(id, Patch{SnoozedUntil: ptr(r.clock().Add(time.Hour))})
		if c := r.patch(id, Patch{SnoozedUntil: &time.Time{}}); c.Status != Open || c.SnoozedUntil != nil {
			t.Errorf("with its time taken away it is %s until %v", c.Status, c.SnoozedUntil)
		}
		for _, p := range []Patch{{Status: ptr(Snoozed)}, {SnoozedUntil: ptr(r.clock().Add(-time.Hour))}} {
			if _, err := r.PatchConversation(context.Background(), boss, id, p); !fault.Is(err, fault.KindInvalid) {
				t.Errorf("snoozing without a time to come is answered %v", err)
			}
		}
	})
}

func TestAChangeIsCheckedGuardedAndTold(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		id := r.took(sms, text("+14155550043", "Hello")).ConversationID
		version := r.conversation(id).Version
		for name, p := range map[string]Patch{
			"status": {Status: ptr("closed")}, "priority": {Priority: ptr("huge")}, "assignee_id": {AssigneeID: ptr("nobody")}, "team_id": {TeamID: ptr("none")}, "labels": {Labels: &[]string{""}},
		} {
			if _, err := r.PatchConversation(context.Background(), boss, id, p); !fault.Is(err, fault.KindInvalid) {
				t.Errorf("a wrong %s is answered %v", name, err)
			}
		}
		anna := r.person("anna")
		before := r.head()
		ctx := eventlog.WithActor(context.Background(), eventlog.Actor{Type: "user", ID: "boss", Name: "The Boss"})
		if _, err := r.PatchConversation(ctx, boss, id, Patch{Priority: ptr("high"), AssigneeID: &anna, Labels: &[]string{"vip", "vip", "später"}, IfVersion: version}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.PatchConversation(ctx, boss, id, Patch{Priority: ptr("low"), IfVersion: version}); !fault.Is(err, fault.KindStale) {
			t.Errorf("a change to an older version is answered %v", err)
		}
		thread := r.thread(id)
		if line := thread[len(thread)-1]; line.Direction != DirActivity || line.Author.Name != "The Boss" || line.BodyText != "assignee: anna\npriority: normal → high" {
			t.Errorf("the thread says %q by %+v", line.BodyText, line.Author)
		}
		var changes map[string]eventlog.Change
		for _, f := range r.told(boss, before) {
			var e struct {
				Type    string
				Changes map[string]eventlog.Change
			}
			if err := json.Unmarshal([]byte(f), &e); err == nil && e.Type == "conversation.updated" {
				changes = e.Changes
			}
		}
		if changes["priority"].From != "normal" || changes["priority"].To != "high" || changes["assignee_id"].To != "anna" {
			t.Errorf("the log tells of the changes %v", changes)
		}
		head := r.head()
		r.patch(id, Patch{Priority: ptr("high")})
		if r.head() != head {
			t.Error("a change to what it is already is told")
		}
		if p, err := r.Conversations(context.Background(), boss, Filter{Label: "später"}); err != nil || len(p.Data) != 1 {
			t.Errorf("by its label it is found %d times, %v", len(p.Data), err)
		}
	})
}

// Times are kept in milliseconds, in the order in which things happened.
func TestTimesAreKeptInMilliseconds(t *testing.T) {
	each(t, func(r *rig) {
		before := r.clock().UnixMilli()
		got := r.took(r.channel(connectors.SMS, nil), text("+14155550044", "Now"))
		after := r.clock().UnixMilli()
		c, m := r.row(got.ConversationID), &Message{}
		if err := r.db.Read(context.Background()).Where("id = ?", got.MessageID).Take(m).Error; err != nil {
			t.Fatal(err)
		}
		for what, at := range map[string]int64{"the message": m.CreatedAt, "the conversation": c.CreatedAt, "its activity": c.ActivityAt, "its update": c.UpdatedAt, "its wait": c.WaitingSince} {
			if at < before || at > after {
				t.Errorf("%s is of %d, want between %d and %d", what, at, before, after)
			}
		}
	})
}
