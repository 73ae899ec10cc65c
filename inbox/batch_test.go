package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"parley/connectors"
	"parley/crm"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/internal/page"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// entryOf is an item of a channel on its way into a commit.
func (r *rig) entryOf(channelID string, in connectors.Inbound) *entry {
	r.t.Helper()
	ch, err := r.cachedChannel(context.Background(), channelID)
	if err != nil {
		r.t.Fatal(err)
	}
	if in.Key == "" {
		in.Key = ids.New()
	}
	return &entry{item: r.prepare(ch, in), accept: guarded(r.acceptTx), done: make(chan error, 1)}
}

func said(id, text string) connectors.Inbound {
	return connectors.Inbound{Text: text, ProviderID: text, Thread: connectors.Thread{Key: id},
		Sender: connectors.Sender{Name: "Anna", Claims: []connectors.Claim{{Kind: connectors.KindTelegram, Value: id, Trust: connectors.TrustChannel}}}}
}

// placesHold compares what conversations and messages say of their places with the event log.
func (r *rig) placesHold() {
	r.t.Helper()
	var wrong int64
	q := r.db.Read(context.Background())
	err := q.Raw(`SELECT COUNT(*) FROM messages m WHERE m.direction IN ('inbound', 'outbound')
		AND NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = m.seq AND e.type = 'message.created' AND e.frame LIKE '%' || m.id || '%')`).Scan(&wrong).Error
	if err != nil || wrong != 0 {
		r.t.Errorf("%d messages are not at their place in the log: %v", wrong, err)
	}
	err = q.Raw(`SELECT COUNT(*) FROM conversations c WHERE c.last_seq <> (SELECT MAX(m.seq) FROM messages m WHERE m.conversation_id = c.id AND m.direction IN ('inbound', 'outbound'))`).Scan(&wrong).Error
	if err != nil || wrong != 0 {
		r.t.Errorf("%d conversations do not know their last place: %v", wrong, err)
	}
}

func TestOneCommitTakesManyWordsOfOnePerson(t *testing.T) {
	each(t, func(r *rig) {
		chat := r.channel(connectors.Telegram, nil)
		var all []*entry
		for i := range 40 { // more rows than SQLite is given at once
			all = append(all, r.entryOf(chat, said("77", fmt.Sprint("word ", i))))
		}
		again := *all[0].item
		all = append(all, &entry{item: &again, accept: guarded(r.acceptTx), done: make(chan error, 1)})
		r.batch.commit(slices.Clone(all))
		for i, e := range all {
			if err := <-e.done; err != nil || e.out.ConversationID != all[0].out.ConversationID || e.out.Duplicate != (i == 40) {
				r.t.Fatalf("item %d: %+v %v", i, e.out, err)
			}
		}
		c, err := r.Conversation(context.Background(), boss, all[0].out.ConversationID)
		if err != nil || c.UnreadCount != 40 || c.Number != 1 || c.LeadID == nil || c.LastMessage.Preview != "word 39" {
			t := c.LastMessage
			r.t.Errorf("%+v %+v %v", c, t, err)
		}
		p, err := r.Messages(context.Background(), boss, c.ID, page.Ask{})
		for i, m := range p.Data {
			if m.BodyText != fmt.Sprint("word ", i) {
				r.t.Fatalf("message %d is %q: %v", i, m.BodyText, err)
			}
		}
		var people, leads int64
		r.db.Read(context.Background()).Model(&crm.Contact{}).Count(&people)
		r.db.Read(context.Background()).Model(&crm.Lead{}).Where("number = 1").Count(&leads)
		if people != 1 || leads != 1 || len(p.Data) != 40 {
			r.t.Errorf("%d contacts, %d leads, %d messages", people, leads, len(p.Data))
		}
		r.placesHold()
	})
}

// An edit, a call and a mail's answer read what items before them in the same commit have only just said.
func TestItemsOfOneCommitFindEachOther(t *testing.T) {
	each(t, func(r *rig) {
		chat, mail := r.channel(connectors.Telegram, nil), r.channel(connectors.Email, nil)
		edit := said("77", "corrected")
		edit.ProviderID, edit.Edit = "", &connectors.Edit{ProviderID: "first"}
		anna := []connectors.Claim{{Kind: connectors.KindEmail, Value: "anna@example.test", Trust: connectors.TrustDomain}}
		letter := connectors.Inbound{Text: "letter", ProviderID: "<1@example.test>", Kind: connectors.KindMail, Sender: connectors.Sender{Claims: anna}}
		answer := connectors.Inbound{Text: "and more", ProviderID: "<2@example.test>", Kind: connectors.KindMail, Sender: connectors.Sender{Claims: anna}, Thread: connectors.Thread{ReplyTo: []string{"<1@example.test>"}}}
		all := []*entry{r.entryOf(chat, said("77", "first")), r.entryOf(mail, letter), r.entryOf(chat, edit), r.entryOf(mail, answer), r.entryOf(chat, said("77", "last"))}
		r.batch.commit(slices.Clone(all))
		for i, e := range all {
			if err := <-e.done; err != nil {
				r.t.Fatalf("item %d: %v", i, err)
			}
		}
		if all[3].out.ConversationID != all[1].out.ConversationID || all[4].out.ConversationID != all[0].out.ConversationID || all[2].out.MessageID != all[0].out.MessageID {
			r.t.Error("they are not together")
		}
		m, err := r.Message(context.Background(), boss, all[0].out.MessageID)
		if err != nil || m.BodyText != "corrected" || len(m.Edits) != 1 {
			r.t.Errorf("%+v %v", m, err)
		}
		c, err := r.Conversation(context.Background(), boss, all[0].out.ConversationID)
		if err != nil || c.UnreadCount != 2 || c.LastMessage.Preview != "last" {
			r.t.Errorf("%+v %v", c, err)
		}
		r.placesHold()
	})
}

func TestOneThatFailsKeepsNobodyOut(t *testing.T) {
	each(t, func(r *rig) {
		chat := r.channel(connectors.Telegram, nil)
		var all []*entry
		for i := range 6 {
			all = append(all, r.entryOf(chat, said(fmt.Sprint(i), fmt.Sprint("word ", i))))
		}
		all[1].accept = func(*gorm.DB, *sight, *item) (connectors.Accepted, error) {
			return connectors.Accepted{}, fault.Conflict("no")
		}
		all[3].accept = guarded(func(*gorm.DB, *sight, *item) (connectors.Accepted, error) { panic("what is this") })
		all[4].item.ch = &Channel{ID: "nobody's", Type: connectors.Telegram} // refused by a foreign key, with the rows of all
		r.batch.commit(slices.Clone(all))
		for i, e := range all {
			err := <-e.done
			if bad := i == 1 || i == 3 || i == 4; bad != (err != nil) {
				r.t.Errorf("item %d: %v", i, err)
			}
			if i == 3 && !errors.Is(err, errPanic) {
				r.t.Errorf("item %d: %v", i, err)
			}
		}
		var n int64
		r.db.Read(context.Background()).Model(&Message{}).Count(&n)
		if n != 3 {
			r.t.Errorf("%d messages are stored", n)
		}
		r.placesHold()
	})
}

func TestTheTabsNumbersAreThoseOfTheList(t *testing.T) {
	each(t, func(r *rig) {
		ctx := context.Background()
		chat := r.channel(connectors.Telegram, nil)
		north, south := "team-north", "team-south"
		for i := range 12 {
			id := r.took(chat, said(fmt.Sprint(i), fmt.Sprint("word ", i))).ConversationID
			err := r.log.Transaction(ctx, func(tx *gorm.DB) error {
				c, err := lockTx(tx.Where("id = ?", id))
				if err != nil {
					return err
				}
				before := c.snapshot()
				c.AssigneeID = []string{"", "anna", "boris"}[i%3]
				c.TeamID = []string{"", north, south, ""}[i%4]
				c.Status = []string{Open, Open, Snoozed, Open, Resolved}[i%5]
				return r.saveTx(tx, c, before)
			})
			if err != nil {
				r.t.Fatal(err)
			}
		}
		for _, v := range []eventlog.Viewer{boss, {UserID: "anna", Teams: []string{north}}, {UserID: "boris", Teams: []string{north, south}}, {UserID: "nobody"}} {
			got, err := r.Count(ctx, v)
			if err != nil {
				r.t.Fatal(err)
			}
			length := func(f Filter) int64 {
				p, err := r.Conversations(ctx, v, f)
				if err != nil {
					r.t.Fatal(err)
				}
				for _, c := range p.Data {
					if _, ok := r.Sees(ctx, v, c.ID); !ok {
						r.t.Errorf("%s is shown what they may not see", v.UserID)
					}
				}
				return int64(len(p.Data))
			}
			want := Counts{Mine: length(Filter{Status: Open, Assignee: "me"}), Unassigned: length(Filter{Status: Open, Assignee: "none"}), All: length(Filter{Status: Open}), Snoozed: length(Filter{Status: Snoozed})}
			if got != want {
				r.t.Errorf("%s: counted %+v, listed %+v", v.UserID, got, want)
			}
			seen := 0
			for ask := (page.Ask{Limit: 2}); ; {
				p, err := r.Conversations(ctx, v, Filter{Ask: ask})
				if err != nil {
					r.t.Fatal(err)
				}
				seen += len(p.Data)
				if p.Next == nil {
					break
				}
				ask.Cursor = *p.Next
			}
			if all := length(Filter{}); int64(seen) != all {
				r.t.Errorf("%s: page by page there are %d, at once %d", v.UserID, seen, all)
			}
		}
	})
}
