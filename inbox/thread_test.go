package inbox

import (
	"context"
	"testing"

	"parley/connectors"
	"parley/internal/ids"
)

func TestAProvidersThreadIsOneConversationAndOpensAgain(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		first := r.took(sms, text("+14155550001", "Hello"))
		resolved := Resolved
		r.patch(first.ConversationID, Patch{Status: &resolved})
		second := r.took(sms, text("+14155550001", "Still there?"))
		if second.ConversationID != first.ConversationID || second.ContactID != first.ContactID {
			t.Fatal("the same number wrote again and got another conversation or contact")
		}
		c := r.conversation(first.ConversationID)
		if c.Status != Open || c.UnreadCount != 1 || c.WaitingSince == nil || c.LastMessage.Preview != "Still there?" {
			t.Errorf("after the second message it is %s, %d unread, waiting since %v, last %q", c.Status, c.UnreadCount, c.WaitingSince, c.LastMessage.Preview)
		}
		if c.Match.How != "identity" || c.Match.Evidence == "" {
			t.Errorf("the match is explained as %+v", c.Match)
		}
		other := r.took(r.channel(connectors.SMS, nil), text("+14155550001", "On your other number"))
		if other.ConversationID == first.ConversationID || other.ContactID != first.ContactID {
			t.Error("the same person on another number is the same contact in a conversation of its own")
		}
	})
}

func TestMailJoinsTheConversationItAnswers(t *testing.T) {
	each(t, func(r *rig) {
		box := r.channel(connectors.Email, nil)
		first := r.took(box, mail("vera@customer.example", "one@x", "Is it in stock?"))
		token := r.row(first.ConversationID).ReplyToken
		strange := mail("mallory@evil.example", "m1@x", "Let me in", "one@x")
		strangeToken := mail("mallory@evil.example", "m2@x", "Let me in")
		strangeToken.Thread.ReplyToken = token
		byToken := mail("vera@customer.example", "t@x", "By the reply address")
		byToken.Thread.ReplyToken = token
		for _, c := range []struct {
			name  string
			in    connectors.Inbound
			joins bool
		}{
			{"by the nearest reference", mail("vera@customer.example", "two@x", "Hello?", "gone@x", "one@x"), true},
			{"by a message of its own that joined", mail("vera@customer.example", "three@x", "Hello!", "two@x"), true},
			{"by our reply address", byToken, true},
			{"with an address in capitals", mail("VERA@Customer.Example", "four@x", "HELLO", "one@x"), true},
			{"an answer to something else", mail("vera@customer.example", "five@x", "New matter", "elsewhere@x"), false},
			{"an answer to nothing", mail("vera@customer.example", "six@x", "New matter"), false},
			{"somebody else with our Message-ID", strange, false},
			{"somebody else with our reply address", strangeToken, false},
		} {
			if got := r.took(box, c.in); (got.ConversationID == first.ConversationID) != c.joins {
				t.Errorf("%s: joined is %t, want %t", c.name, !c.joins, c.joins)
			}
		}
	})
}

// An empty Message-ID once glued a whole mailbox of a peer into one conversation.
func TestMailWithoutMessageIDNeverMatches(t *testing.T) {
	each(t, func(r *rig) {
		box := r.channel(connectors.Email, nil)
		first := r.took(box, mail("a@customer.example", "", "One"))
		second := mail("a@customer.example", "", "Two", "", "")
		if got := r.took(box, second); got.ConversationID == first.ConversationID {
			t.Error("a mail that refers to nothing joined one that has no name")
		}
	})
}

func TestWhatNoPersonWroteNeitherOpensAgainNorMakesLeads(t *testing.T) {
	each(t, func(r *rig) {
		box := r.channel(connectors.Email, map[string]any{"lead": map[string]any{"create": "always"}})
		bulk := mail("news@shop.example", "news@x", "Ten per cent off")
		bulk.Auto = connectors.AutoBulk
		got := r.took(box, bulk)
		if c := r.conversation(got.ConversationID); c.LeadID != nil || c.WaitingSince != nil {
			t.Errorf("a newsletter has the lead %v and is waited on since %v", c.LeadID, c.WaitingSince)
		}
		first := r.took(box, mail("vera@customer.example", "one@x", "Is it in stock?"))
		resolved := Resolved
		r.patch(first.ConversationID, Patch{Status: &resolved})
		away := mail("vera@customer.example", "away@x", "I am on holiday", "one@x")
		away.Auto = connectors.AutoReply
		if got := r.took(box, away); got.ConversationID != first.ConversationID {
			t.Error("an absence note stands in the conversation it answers")
		}
		if c := r.conversation(first.ConversationID); c.Status != Resolved || c.WaitingSince != nil {
			t.Errorf("an absence note made the conversation %s, waited on since %v", c.Status, c.WaitingSince)
		}
		if n := r.rows("leads"); n != 1 {
			t.Errorf("%d leads, want the one of the person", n)
		}
	})
}

func TestAnEditKeepsWhatWasSaid(t *testing.T) {
	each(t, func(r *rig) {
		tg := r.channel(connectors.Telegram, nil)
		in := text("+14155550002", "I want tow")
		first := r.took(tg, in)
		for _, words := range []string{"I want two", "I want three"} {
			edit := text("+14155550002", words)
			edit.Edit = &connectors.Edit{ProviderID: in.ProviderID}
			if got := r.took(tg, edit); got.MessageID != first.MessageID {
				t.Fatal("an edit made a message of its own")
			}
		}
		m := r.message(first.MessageID)
		if m.BodyText != "I want three" || len(m.Edits) != 2 || m.Edits[0].BodyText != "I want tow" || m.Edits[1].BodyText != "I want two" {
			t.Errorf("the message is %q with the edits %v", m.BodyText, m.Edits)
		}
		if c := r.conversation(first.ConversationID); c.LastMessage.Preview != "I want three" || c.UnreadCount != 1 {
			t.Errorf("the list shows %q, %d unread", c.LastMessage.Preview, c.UnreadCount)
		}
		gone := text("+14155550002", "")
		gone.Edit = &connectors.Edit{ProviderID: in.ProviderID, Deleted: true}
		r.took(tg, gone)
		if m := r.message(first.MessageID); m.DeletedAt == nil || m.BodyText == "" {
			t.Error("a message that was deleted is marked and keeps its words")
		}
	})
}

func TestAnEditOfAMessageThatNeverCameIsTheMessage(t *testing.T) {
	each(t, func(r *rig) {
		tg := r.channel(connectors.Telegram, nil)
		edit := text("+14155550003", "Mended")
		original := edit.ProviderID
		edit.Edit, edit.ProviderID = &connectors.Edit{ProviderID: original}, ids.New()
		got := r.took(tg, edit)
		if m := r.message(got.MessageID); m.BodyText != "Mended" || *m.ProviderID != original {
			t.Errorf("the message is %q under %v", m.BodyText, *m.ProviderID)
		}
		gone := text("+14155550003", "")
		gone.Edit = &connectors.Edit{ProviderID: "never came", Deleted: true}
		if got := r.took(tg, gone); got.MessageID != "" {
			t.Error("the deletion of a message that never came made one")
		}
	})
}

func TestABounceStandsAtTheMailItIsAbout(t *testing.T) {
	each(t, func(r *rig) {
		box := r.channel(connectors.Email, nil)
		r.live.run(box, &fakeProvider{send: func(connectors.Outbound) (connectors.Receipt, error) {
			return connectors.Receipt{ProviderID: "answer@hub"}, nil
		}})
		first := r.took(box, mail("vera@customer.example", "one@x", "Is it in stock?"))
		answer := r.reply(first.ConversationID, Draft{Body: "It is."})
		r.becomes(answer.ID, Sent)
		bounce := mail("mailer-daemon@customer.example", "bounce@x", "No such mailbox", "answer@hub")
		bounce.Auto = connectors.AutoBounce
		got := r.took(box, bounce)
		if got.MessageID != answer.ID || got.ConversationID != first.ConversationID {
			t.Errorf("the bounce is noted at %q", got.MessageID)
		}
		if err := r.Delivered(context.Background(), box, connectors.Delivery{ProviderID: "answer@hub", State: connectors.DeliveryFailed, Reason: "no such mailbox"}); err != nil {
			t.Fatal(err)
		}
		if m := r.message(answer.ID); m.Status != FailedMsg || m.Error == nil || *m.Error != "no such mailbox" {
			t.Errorf("the answer is %s: %v", m.Status, m.Error)
		}
		if n := len(r.thread(first.ConversationID)); n != 2 {
			t.Errorf("the thread has %d messages; a bounce is nobody's message", n)
		}
		if r.rows("contacts") != 1 {
			t.Error("a mail server became a contact")
		}
	})
}
