package inbox

import (
	"context"
	"strings"
	"testing"

	"parley/connectors"
)

// PostgreSQL takes no NUL and no bytes that are no UTF-8, and an index no name over 2,700 bytes: such an item would be refused for ever, and
// a mailbox would stand still behind it.
func TestNothingAStrangerWritesKeepsAnItemOut(t *testing.T) {
	nasty := "a\x00b\xff\xfe\u202e " + strings.Repeat("long ", 1000)
	each(t, func(r *rig) {
		for _, typ := range []string{connectors.Email, connectors.SMS, connectors.Form} {
			ch := r.channel(typ, nil)
			in := connectors.Inbound{
				Key: nasty, Raw: []byte(nasty), RawType: nasty, Kind: nasty, Subject: nasty, Text: nasty, HTML: "<p>" + nasty, ProviderID: nasty,
				Thread:     connectors.Thread{Key: nasty, ReplyToken: nasty, ReplyTo: []string{"", nasty, "\x00"}},
				Sender:     connectors.Sender{Name: nasty, Locale: nasty, Claims: []connectors.Claim{{Kind: connectors.KindExternal, Value: nasty, Trust: connectors.TrustAsserted}, {Kind: connectors.KindEmail, Value: "a\xff@b\x00.c", Trust: connectors.TrustDomain}}, Fields: map[string]string{nasty: nasty}},
				Parts:      []connectors.Attachment{{Name: nasty, MIME: "text/\xff", CID: nasty, Data: []byte(nasty)}, {Name: nasty, FetchRef: nasty}},
				Recipients: []string{nasty}, Headers: map[string]string{nasty: nasty}, Source: connectors.Source{URL: nasty, Referrer: nasty, UTM: map[string]string{nasty: nasty}},
			}
			first := r.took(ch, in)
			if again := r.took(ch, in); !again.Duplicate || again.MessageID != first.MessageID {
				t.Errorf("%s: the same item again is %+v", typ, again)
			}
			other := in
			other.Key = nasty + "!"
			if got := r.took(ch, other); got.Duplicate {
				t.Errorf("%s: two names that can't be stored are taken for one", typ)
			}
			edit := in
			edit.Key, edit.Edit = "edit", &connectors.Edit{ProviderID: nasty}
			if got := r.took(ch, edit); got.MessageID == "" {
				t.Errorf("%s: the edit of such a message made none", typ)
			}
			if err := r.Delivered(context.Background(), ch, connectors.Delivery{ProviderID: nasty, MessageID: nasty, State: connectors.DeliveryFailed, Reason: nasty}); err != nil {
				t.Errorf("%s: a report about it: %v", typ, err)
			}
		}
		pbx := r.channel(connectors.Telephony, nil)
		r.took(pbx, connectors.Inbound{Call: &connectors.CallEvent{CallID: nasty, Type: connectors.CallRinging, Direction: nasty, From: nasty, To: nasty, Extension: nasty, At: r.clock()}})
		r.took(pbx, connectors.Inbound{Quarantine: nasty})
	})
}

func TestAnItemWithoutAKeyIsRefused(t *testing.T) {
	each(t, func(r *rig) {
		if _, err := r.Accept(context.Background(), r.channel(connectors.SMS, nil), connectors.Inbound{Key: " ", Text: "Hello"}); err == nil {
			t.Error("an item that can't be told from its repetition was taken")
		}
	})
}
