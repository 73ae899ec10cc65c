package inbox

import (
	"fmt"
	"testing"

	"parley/connectors"
	"parley/crm"
)

func rule(create string) map[string]any {
	return map[string]any{"lead": map[string]any{"create": create}}
}

func TestTheChannelsRuleSaysWhenALeadIsOpened(t *testing.T) {
	each(t, func(r *rig) {
		for i, c := range []struct {
			name          string
			config        map[string]any
			first, second bool // is there a lead for a new person, and for one who is known and has none
		}{
			{"by default with a new contact", nil, true, false},
			{"with a new contact", rule("new_contact"), true, false},
			{"always", rule("always"), true, true},
			{"never", rule("never"), false, false},
			{"in a pipeline that is gone", map[string]any{"lead": map[string]any{"pipeline_id": "gone"}}, true, false},
		} {
			form := r.channel(connectors.Form, c.config)
			in := mail("new-by "+c.name+"@x", "", "Hello")
			in.Sender.Claims[0].Value = "new" + form + "@customer.example"
			if got := r.conversation(r.took(form, in).ConversationID); (got.LeadID != nil) != c.first {
				t.Errorf("%s: a new person's lead is %v", c.name, got.LeadID)
			}
			known := fmt.Sprintf("+1415556%04d", i)
			r.took(r.channel(connectors.SMS, rule("never")), text(known, "I am known"))
			again := text(known, "By another channel")
			again.Thread.Key = ""
			if got := r.conversation(r.took(form, again).ConversationID); (got.LeadID != nil) != c.second {
				t.Errorf("%s: a known person's lead is %v", c.name, got.LeadID)
			}
		}
	})
}

func TestALeadTellsWhereItCameFrom(t *testing.T) {
	each(t, func(r *rig) {
		form := r.channel(connectors.Form, nil)
		in := mail("vera@customer.example", "", "Hello")
		in.Sender.Name = "Vera Customer"
		in.Source = connectors.Source{URL: "https://shop.test/lamps", UTM: map[string]string{"source": "spring"}}
		c := r.conversation(r.took(form, in).ConversationID)
		var l crm.Lead
		if err := r.db.Read(t.Context()).Where("id = ?", *c.LeadID).Take(&l).Error; err != nil {
			t.Fatal(err)
		}
		v := l.View()
		utm, _ := v.Source["utm"].(map[string]any)
		if v.Title != "Vera Customer" || *v.ConversationID != c.ID || v.Source["channel_type"] != connectors.Form || utm["source"] != "spring" || v.Source["url"] != "https://shop.test/lamps" {
			t.Errorf("the lead is %+v", v)
		}
	})
}

func TestMailThatIsFilledInMakesNoLeadAndWaitsForNobody(t *testing.T) {
	each(t, func(r *rig) {
		old := mail("vera@customer.example", "old@x", "From last year")
		old.Muted, old.At = true, r.clock().AddDate(-1, 0, 0)
		c := r.conversation(r.took(r.channel(connectors.Email, nil), old).ConversationID)
		if c.LeadID != nil || c.UnreadCount != 0 || c.Status != Resolved || c.WaitingSince != nil {
			t.Errorf("old mail made %+v", c)
		}
		if age := r.clock().Sub(c.LastMessage.CreatedAt); age < 300*24*60*60*1e9 {
			t.Errorf("old mail stands at %s", c.LastMessage.CreatedAt)
		}
	})
}

// An address that somebody merely writes into a form must not open another person's card.
func TestAnAssertedAddressJoinsNobodyElsesContact(t *testing.T) {
	each(t, func(r *rig) {
		box, form := r.channel(connectors.Email, nil), r.channel(connectors.Form, nil)
		proven := mail("vera@customer.example", "one@x", "Hello")
		proven.Sender.Claims[0].Trust = connectors.TrustDomain
		owner := r.took(box, proven)
		claimed := r.took(form, mail("vera@customer.example", "", "I say I am Vera"))
		if claimed.ContactID == owner.ContactID {
			t.Error("a form with Vera's address joined Vera's contact")
		}
		if again := r.took(form, mail("vera@customer.example", "", "Once more")); again.ContactID != claimed.ContactID {
			t.Error("the same address in the same form is another contact")
		}
		if again := r.took(box, mail("Vera@Customer.example", "two@x", "Not proven this time")); again.ContactID == owner.ContactID {
			t.Error("a mail whose sender is not proven joined the contact of one whose is")
		}
		if phone := text("+14155550009", "I say I am she"); true {
			phone.Sender.Claims[0].Trust = connectors.TrustAsserted
			had := r.took(r.channel(connectors.SMS, nil), text("+14155550009", "It is me"))
			if got := r.took(form, phone); got.ContactID == had.ContactID {
				t.Error("a phone written into a form joined the contact who has it")
			}
		}
	})
}

func TestAPhoneIsOnePersonOnEveryChannelThatVouchesForIt(t *testing.T) {
	each(t, func(r *rig) {
		sms, pbx := r.channel(connectors.SMS, nil), r.channel(connectors.Telephony, map[string]any{"default_region": "RU"})
		by := r.took(sms, text("+79161234567", "Hello"))
		call := connectors.Inbound{Thread: connectors.Thread{Key: "79161234567"}, Call: &connectors.CallEvent{CallID: "c1", Type: connectors.CallRinging, Direction: "inbound",
			From: "8 (916) 123-45-67", To: "+74951234567", At: r.clock()}, Sender: connectors.Sender{Claims: []connectors.Claim{{Kind: connectors.KindPhone, Value: "8 (916) 123-45-67", Trust: connectors.TrustChannel}}}}
		if got := r.took(pbx, call); got.ContactID != by.ContactID {
			t.Error("the same number is one contact by SMS and another by telephone")
		}
		if n := r.rows("leads"); n != 1 {
			t.Errorf("%d leads for one person", n)
		}
		if ids := r.contact(by.ContactID).Identities; len(ids) != 1 || ids[0].Value != "+79161234567" {
			t.Errorf("the contact has the identities %v", ids)
		}
	})
}

func TestAHiddenSenderIsSomebodyEachTimeAndNoLead(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		one, two := connectors.Inbound{Text: "psst"}, connectors.Inbound{Text: "psst again"}
		a, b := r.took(sms, one), r.took(sms, two)
		if a.ContactID == b.ContactID || a.ConversationID == b.ConversationID {
			t.Error("two who hide are taken for one person")
		}
		if n := r.rows("leads"); n != 0 {
			t.Errorf("%d leads for people nobody can reach", n)
		}
	})
}

func TestANameTakesThePlaceOfAnAddressAndNoOther(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		got := r.took(sms, text("+14155550010", "Hello"))
		if n := r.contact(got.ContactID).Name; n != "+14155550010" {
			t.Errorf("without a name the contact is %q", n)
		}
		for _, x := range []struct{ given, want string }{{"  Ivan   Petrov ", "Ivan Petrov"}, {"Vanya", "Ivan Petrov"}} {
			in := text("+14155550010", "It is me")
			in.Sender.Name = x.given
			r.took(sms, in)
			if n := r.contact(got.ContactID).Name; n != x.want {
				t.Errorf("after %q the contact is %q, want %q", x.given, n, x.want)
			}
		}
	})
}
