package inbox

import (
	"context"
	"testing"

	"parley/connectors"
	"parley/realtime/eventlog"
)

func TestSearchFindsWhatPeopleRemember(t *testing.T) {
	each(t, func(r *rig) {
		sms, box := r.channel(connectors.SMS, nil), r.channel(connectors.Email, nil)
		in := text("+79161234567", "Мне нужна красная лампа, заказ AB-1234/7")
		in.Sender.Name = "Пётр Иванов"
		petr := r.took(sms, in)
		hebrew := r.took(sms, text("+972502345678", "שלום, איפה המנורה שלי?"))
		letter := mail("vera.long@customer.example", "one@x", "The café's lantern does not glow 100%_sure")
		letter.Subject = "Über den Leuchter"
		vera := r.took(box, letter)
		for _, c := range []struct {
			q, typ string
			want   connectors.Accepted // whose contact or conversation is among the hits
		}{
			{"лампа", "message", petr}, {"КРАСНАЯ", "message", petr}, {"красн", "message", petr}, {"лампа красная", "message", petr}, {"AB-1234", "message", petr},
			{"המנורה", "message", hebrew}, {"שלום", "message", hebrew},
			{"lantern glow", "message", vera}, {"lant", "message", vera}, {"leuchter", "message", vera}, {"café", "message", vera},
			{"Иванов", "contact", petr}, {"иванов", "contact", petr}, {"Пётр Ив", "contact", petr}, {"vera.long", "contact", vera}, {"VERA.LONG@customer.example", "contact", vera},
			{"+7 916 123-45-67", "contact", petr}, {"8 (916) 123-45-67", "contact", petr}, {"9161234567", "contact", petr}, {"123-45-67", "contact", petr}, {"050-234-5678", "contact", hebrew},
			{"Пётр", "lead", petr},
		} {
			region := "RU"
			if c.q == "050-234-5678" {
				region = "IL"
			}
			hits, err := r.Search(context.Background(), boss, c.q, region)
			if err != nil {
				t.Errorf("%s: %v", c.q, err)
			}
			found := false
			for _, h := range hits {
				found = found || h.Type == c.typ && deref(h.ContactID) == c.want.ContactID
			}
			if !found {
				t.Errorf("%q finds no such %s among %d hits: %+v", c.q, c.typ, len(hits), hits)
			}
		}
		for _, q := range []string{"", "  ", "%", "_", "100%x", "лампочка", "лампа зелёная", `"`, "'", "'; DROP TABLE messages; --", "a OR b", "NEAR(", "*", "-", ":*", "& |", "\\", "\x00", "\xff"} {
			hits, err := r.Search(context.Background(), boss, q, "RU")
			if err != nil || len(hits) != 0 {
				t.Errorf("%q finds %d, %v: %+v", q, len(hits), err, hits)
			}
		}
		if p, err := r.Conversations(context.Background(), boss, Filter{Q: "красн"}); err != nil || len(p.Data) != 1 || p.Data[0].ID != petr.ConversationID {
			t.Errorf("the list narrowed by words has %d, %v", len(p.Data), err)
		}
		if p, err := r.Conversations(context.Background(), boss, Filter{Q: "über den"}); err != nil || len(p.Data) != 1 || p.Data[0].ID != vera.ConversationID {
			t.Errorf("the list narrowed by subject has %d, %v", len(p.Data), err)
		}
	})
}

func TestSearchFindsNothingOfAnotherTeam(t *testing.T) {
	each(t, func(r *rig) {
		in := text("+14155550050", "Chandelier for the opera")
		in.Sender.Name = "Christine Daae"
		got := r.took(r.channel(connectors.SMS, nil), in)
		r.patch(got.ConversationID, Patch{TeamID: ptr(r.team("sales"))})
		support := eventlog.Viewer{UserID: "bob", Teams: []string{"support"}}
		for _, q := range []string{"chandelier", "christine", "+14155550050", "4155550050"} {
			if hits, err := r.Search(context.Background(), support, q, "US"); err != nil || len(hits) != 0 {
				t.Errorf("%q finds %+v for another team, %v", q, hits, err)
			}
			if hits, err := r.Search(context.Background(), eventlog.Viewer{UserID: "anna", Teams: []string{"sales"}}, q, "US"); err != nil || len(hits) == 0 {
				t.Errorf("%q finds nothing for the team whose it is, %v", q, err)
			}
		}
	})
}
