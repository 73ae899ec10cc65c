package inbox

import (
	"testing"

	"parley/connectors"
)

// Found in the demo: a form was answered by mail, and the answer to that made its writer a second card, because a form's address and a
// mailbox' address are asserted in two channels. Whoever answers from the address that we wrote to is the one we wrote to.
func TestWhoAnswersAMailOfOursIsWhoWeWroteTo(t *testing.T) {
	each(t, func(r *rig) {
		box := r.channel(connectors.Email, nil)
		r.live.run(box, &fakeProvider{send: func(out connectors.Outbound) (connectors.Receipt, error) {
			return connectors.Receipt{ProviderID: "out-" + out.MessageID}, nil
		}})
		form := r.channel(connectors.Form, nil)
		asked := r.took(form, connectors.Inbound{Kind: connectors.KindForm, Text: "Four plants, please", Thread: connectors.Thread{Key: "grace"},
			Sender: connectors.Sender{Name: "Grace", Claims: []connectors.Claim{{Kind: connectors.KindEmail, Value: "grace@customer.example", Trust: connectors.TrustAsserted}}}})
		m := r.becomes(r.reply(asked.ConversationID, Draft{Body: "Which ones?", ChannelID: box}).ID, Sent)
		answer := r.took(box, mail("grace@customer.example", "g1@x", "The big ones", *m.ProviderID))
		if answer.ConversationID != asked.ConversationID || answer.ContactID != asked.ContactID {
			t.Fatalf("her answer is in %s of %s, want %s of %s", answer.ConversationID, answer.ContactID, asked.ConversationID, asked.ContactID)
		}
		later := r.took(box, mail("grace@customer.example", "g2@x", "Another matter"))
		if later.ContactID != asked.ContactID || later.ConversationID == asked.ConversationID {
			t.Error("a new mail of hers is hers, in a conversation of its own")
		}
		if n := r.rows("contacts"); n != 1 {
			t.Errorf("%d contacts", n)
		}
		if n := r.rows("leads"); n != 1 {
			t.Errorf("%d leads", n)
		}
	})
}

// A mail that was forwarded to a third person is no proof that the third person is the customer.
func TestAForwardedMailMakesNobodyTheCustomer(t *testing.T) {
	each(t, func(r *rig) {
		box := r.channel(connectors.Email, nil)
		r.live.run(box, &fakeProvider{send: func(out connectors.Outbound) (connectors.Receipt, error) {
			return connectors.Receipt{ProviderID: "out-" + out.MessageID}, nil
		}})
		first := r.took(box, mail("vera@customer.example", "one@x", "It is broken"))
		m := r.becomes(r.reply(first.ConversationID, Draft{Body: "Can you look at it?", Mail: MailFields{To: "workshop@partner.example"}}).ID, Sent)
		answer := r.took(box, mail("workshop@partner.example", "w@x", "We can", *m.ProviderID))
		if answer.ConversationID != first.ConversationID {
			t.Error("who was asked in a conversation answers in it")
		}
		if answer.ContactID == first.ContactID {
			t.Error("the workshop became the customer")
		}
		if c := r.conversation(first.ConversationID); c.Peer != "vera@customer.example" || c.ContactID != first.ContactID {
			t.Errorf("the next answer would go to %s", c.Peer)
		}
		if n := r.rows("leads"); n != 1 {
			t.Errorf("%d leads", n)
		}
	})
}

// Found in the demo: a missed call was answered by SMS, and what the caller texted back opened a conversation of its own.
func TestWhatIsAnsweredOnAnotherChannelStaysTogether(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		r.live.run(sms, &fakeProvider{send: taken})
		line := r.channel(connectors.Telephony, nil)
		rang := text("+14155550042", "")
		rang.Call = &connectors.CallEvent{CallID: "c1", Type: connectors.CallRinging, Direction: "inbound", From: "+14155550042", To: "+14155550100", At: r.clock()}
		call := r.took(line, rang)
		r.becomes(r.reply(call.ConversationID, Draft{Body: "Sorry, we missed you", ChannelID: sms}).ID, Sent)
		back := r.took(sms, text("+14155550042", "Call me at five"))
		again := r.took(sms, text("+14155550042", "Or six"))
		if back.ConversationID != call.ConversationID || again.ConversationID != call.ConversationID {
			t.Fatalf("the call is in %s, the texts in %s and %s", call.ConversationID, back.ConversationID, again.ConversationID)
		}
		resolved := Resolved
		r.patch(call.ConversationID, Patch{Status: &resolved})
		if next := r.took(sms, text("+14155550042", "Months later")); next.ConversationID == call.ConversationID {
			t.Error("a resolved detour is over: the next text begins the SMS conversation")
		}
	})
}
