package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/connectors"
	"parley/crm"
	"parley/internal/db"
	"parley/internal/db/dbtest"

	"gorm.io/gorm"
)

// busyHour is items of all kinds that have to do with each other, in the order in which they come. channels are by type.
func busyHour(channels map[string]string) (items []struct {
	channel string
	in      connectors.Inbound
}) {
	add := func(typ, key string, in connectors.Inbound) {
		in.Key, in.Raw = key, []byte(key)
		items = append(items, struct {
			channel string
			in      connectors.Inbound
		}{channels[typ], in})
	}
	named := func(in connectors.Inbound, name string) connectors.Inbound { in.Sender.Name = name; return in }
	ada, bob := "+79161230001", "+79161230002"
	add("sms", "s1", text(ada, "Hello"))
	add("sms", "s2", text(ada, "Anybody?"))
	add("sms", "s1", text(ada, "Hello")) // again
	for i, e := range wholeCall("c1", ada) {
		add("telephony", fmt.Sprint("c1-", i), e)
	}
	late := wholeCall("c2", bob)
	add("telephony", "c2-rec", late[3])
	add("telephony", "c2-end", late[2])
	add("telephony", "c2-ring", late[0])
	add("telephony", "c2-ring-again", late[0])
	add("sms", "s3", named(text(ada, "It is Ada"), "Ada"))
	add("sms", "s4", named(text(bob, "It is Bob, by SMS"), "Bob"))
	first := text("5001", "I want tow")
	first.Sender.Claims = []connectors.Claim{{Kind: connectors.KindTelegram, Value: "5001", Trust: connectors.TrustChannel}, {Kind: connectors.KindPhone, Value: bob, Trust: connectors.TrustChannel}}
	first.ProviderID = "tg-1"
	edit := first
	edit.Text, edit.Edit, edit.ProviderID = "I want two", &connectors.Edit{ProviderID: "tg-1"}, ""
	gone := edit
	gone.Edit = &connectors.Edit{ProviderID: "tg-2", Deleted: true}
	second := first
	second.Text, second.ProviderID = "Never mind", "tg-2"
	add("telegram", "t1", first)
	add("telegram", "t1e", edit)
	add("telegram", "t2", second)
	add("telegram", "t2d", gone)
	add("email", "m1", mail("vera@x.example", "one@x", "A question"))
	add("email", "m2", mail("vera@x.example", "two@x", "One more", "one@x"))
	add("email", "m3", mail("mallory@y.example", "three@x", "Me too", "one@x"))
	add("email", "m4", mail("vera@x.example", "four@x", "A new matter"))
	away := mail("vera@x.example", "away@x", "Away", "two@x")
	away.Auto = connectors.AutoReply
	add("email", "m5", away)
	bounce := mail("daemon@x.example", "b@x", "No such user", "four@x")
	bounce.Auto = connectors.AutoBounce
	add("email", "m6", bounce)
	ours := mail("help@hub.test", "ours@x", "Answered from my phone", "one@x")
	ours.Outgoing = true
	add("email", "m7", ours)
	add("email", "m8", mail("vera@x.example", "eight@x", "Thanks", "ours@x"))
	old := mail("old@x.example", "old@x", "From last year")
	old.Muted, old.At = true, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	add("email", "m9", old)
	add("sms", "q", connectors.Inbound{Quarantine: "not understood"})
	add("sms", "r", connectors.Inbound{Reject: "a robot"})
	add("sms", "i", connectors.Inbound{Ignore: "a reaction"})
	add("sms", "h1", connectors.Inbound{Text: "psst"})
	add("sms", "h2", connectors.Inbound{Text: "psst"})
	filled := mail("carol@x.example", "", "Call me")
	filled.Thread.Key = "carol"
	filled.Sender.Claims = append(filled.Sender.Claims, connectors.Claim{Kind: connectors.KindPhone, Value: ada, Trust: connectors.TrustAsserted})
	filled.Parts = []connectors.Attachment{{Name: "plan.png", MIME: "image/png", Data: []byte("png")}}
	add("form", "f1", filled)
	add("form", "f2", filled)
	always := text(ada, "On your other number")
	add("webchat", "w1", always)
	add("webchat", "w2", always)
	return items
}

// shape is all that a rig has, without ids and times.
func (r *rig) shape() string {
	r.t.Helper()
	q := r.db.Read(context.Background())
	var out strings.Builder
	say := func(format string, a ...any) { fmt.Fprintf(&out, format+"\n", a...) }
	var convs []*Conversation
	var contacts []*crm.Contact
	var leads []*crm.Lead
	var calls []*Call
	var journal []*Journal
	for _, err := range []error{q.Order("number").Find(&convs).Error, q.Find(&contacts).Error, q.Order("number").Find(&leads).Error, q.Order("provider_call").Find(&calls).Error,
		q.Order("item_key").Find(&journal).Error, crm.LoadIdentities(q, contacts)} {
		if err != nil {
			r.t.Fatal(err)
		}
	}
	people, threads := map[string]string{}, map[string]int64{}
	var cards []string
	for _, c := range contacts {
		var addresses []string
		for _, i := range c.Identities {
			addresses = append(addresses, fmt.Sprint(i.Kind, ":", i.Value, ":", i.Trust, ":", i.Scope == ""))
		}
		sort.Strings(addresses)
		people[c.ID] = fmt.Sprint(c.Name, " ", addresses)
		cards = append(cards, people[c.ID])
	}
	sort.Strings(cards)
	say("contacts %q", cards)
	for _, c := range convs {
		threads[c.ID] = c.Number
		say("conversation %d %s %q key %q with %s: %s, %d unread, waits %t, peer %s, last %q %s, how %s, lead %t", c.Number, c.ChannelType, c.Subject, c.ThreadKey, people[c.ContactID], c.Status,
			c.UnreadCount, c.WaitingSince > 0, c.Peer, c.LastPreview, c.LastDirection, c.MatchHow, c.LeadID != "")
		for _, m := range r.thread(c.ID) {
			say("  %s %s %q by %s, %s, auto %q, %d edits, deleted %t, %d files, seq %t", m.Direction, m.Kind, m.BodyText, m.Author.Name, m.Status, m.Auto, len(m.Edits), m.DeletedAt != nil, len(m.Attachments), c.LastSeq > 0)
		}
	}
	for _, l := range leads {
		say("lead %d %q of %s in %d", l.Number, l.Title, people[l.ContactID], threads[l.ConversationID])
	}
	for _, c := range calls {
		say("call %s %s %s %d s from %s, recording %s, with %s in %d", c.ProviderCall, c.State, c.Direction, c.TalkSeconds, c.FromNumber, c.RecState, people[c.ContactID], threads[c.ConversationID])
	}
	for _, j := range journal {
		say("item %s %s %q message %t in %d", j.ItemKey, j.State, j.Reason, j.MessageID != "", threads[j.ConversationID])
	}
	say("told %v", r.kindsTold())
	return out.String()
}

// kindsTold counts what the log tells of; updates may be gathered, so they are left out.
func (r *rig) kindsTold() map[string]int {
	var rows []struct {
		Type string
		N    int
	}
	if err := r.db.Read(context.Background()).Raw("SELECT type, COUNT(*) AS n FROM events WHERE type LIKE '%.created' OR type LIKE 'call.%' GROUP BY type").Scan(&rows).Error; err != nil {
		r.t.Fatal(err)
	}
	out := map[string]int{}
	for _, x := range rows {
		out[x.Type] = x.N
	}
	return out
}

func (r *rig) everyChannel() map[string]string {
	out := map[string]string{}
	for _, typ := range []string{connectors.SMS, connectors.Email, connectors.Telegram, connectors.Telephony, connectors.Form} {
		out[typ] = r.channel(typ, nil)
	}
	out[connectors.Webchat] = r.channel(connectors.Webchat, rule("always"))
	return out
}

// atOnce has items accepted in one commit, in their order. With trouble, one in their midst fails.
func (r *rig) atOnce(trouble bool) {
	r.t.Helper()
	items := busyHour(r.everyChannel())
	held, goOn := make(chan struct{}), make(chan struct{})
	var posting sync.WaitGroup
	posting.Go(func() {
		_, _ = r.batch.do(&item{ch: &Channel{}}, func(*gorm.DB, *sight, *item) (connectors.Accepted, error) {
			close(held)
			<-goOn
			return connectors.Accepted{}, nil
		})
	})
	<-held
	fail := func() {
		_, err := r.batch.do(&item{ch: &Channel{}}, func(*gorm.DB, *sight, *item) (connectors.Accepted, error) {
			return connectors.Accepted{}, errors.New("trouble")
		})
		if err == nil {
			r.t.Error("trouble was taken for success")
		}
	}
	waiting := 0
	line := func(do func()) {
		posting.Go(do)
		for waiting++; len(r.batch.queue) < waiting; {
			time.Sleep(100 * time.Microsecond)
		}
	}
	for i, x := range items {
		if trouble && i == len(items)/2 {
			line(fail)
		}
		line(func() {
			if _, err := r.Accept(context.Background(), x.channel, x.in); err != nil {
				r.t.Errorf("%s: %v", x.in.Key, err)
			}
		})
	}
	if waiting > batchMost {
		r.t.Fatalf("%d items do not fit into one commit", waiting)
	}
	close(goOn)
	posting.Wait()
}

// Items that share a commit have the same effect as one after another: what one makes the next one must see.
func TestItemsTogetherAreAsOneAfterAnother(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		alone := newRig(t, d)
		for _, x := range busyHour(alone.everyChannel()) {
			alone.took(x.channel, x.in)
		}
		want := alone.shape()
		for name, trouble := range map[string]bool{"together": false, "with one in their midst that fails": true} {
			url := dbtest.SQLiteURL(t)
			if d.Dialect == db.Postgres {
				url = dbtest.PostgresURL(t)
			}
			r := newRig(t, dbtest.Open(t, url))
			r.atOnce(trouble)
			if got := r.shape(); got != want {
				t.Errorf("%s it comes to something else:\n%s", name, difference(want, got))
			}
		}
	})
}

// difference lists the lines of which only one text has them.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out []string
	for _, l := range w {
		if !slices.Contains(g, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range g {
		if !slices.Contains(w, l) {
			out = append(out, "+ "+l)
		}
	}
	return strings.Join(out, "\n")
}
