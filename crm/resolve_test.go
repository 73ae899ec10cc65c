package crm_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"parley/connectors"
	"parley/crm"
	"parley/internal/db"
	"parley/internal/db/dbtest"

	"gorm.io/gorm"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func claim(kind, value string, trust connectors.Trust) connectors.Claim {
	return connectors.Claim{Kind: kind, Value: value, Trust: trust}
}

func resolve(t testing.TB, d *db.DB, channel, name string, claims ...connectors.Claim) crm.Resolved {
	t.Helper()
	var r crm.Resolved
	err := d.Tx(context.Background(), func(tx *gorm.DB) (err error) {
		r, err = resolveTx(tx, crm.Who{Name: name, Claims: claims, ChannelID: channel, Region: "RU", At: time.Now()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func resolveTx(tx *gorm.DB, w crm.Who) (crm.Resolved, error) {
	known, err := crm.KnownTx(tx, []crm.Who{w})
	if err != nil {
		return crm.Resolved{}, err
	}
	return known.ResolveTx(tx, w)
}

func TestWhoIsWho(t *testing.T) {
	const sms, phone, mailA, mailB = "sms", "phone", "mail-a", "mail-b"
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		texted := resolve(t, d, sms, "", claim("phone", "+79165550101", connectors.TrustChannel))
		if !texted.Created || texted.Contact.Name != "+79165550101" {
			t.Fatalf("%+v", texted)
		}
		called := resolve(t, d, phone, "Anna", claim("phone", "8 (916) 555-01-01", connectors.TrustChannel))
		if called.Created || called.Contact.ID != texted.Contact.ID {
			t.Error("a phone is the same person on SMS and telephony")
		}
		if called.Contact.Name != "Anna" {
			t.Errorf("a name is better than a number: %q", called.Contact.Name)
		}

		wrote := resolve(t, d, mailA, "Boris", claim("email", "Boris@Example.test", connectors.TrustAsserted))
		again := resolve(t, d, mailA, "", claim("email", "boris@example.test", connectors.TrustAsserted))
		if again.Contact.ID != wrote.Contact.ID || again.Created {
			t.Error("within one channel an asserted address is who it was")
		}
		other := resolve(t, d, mailB, "Boris", claim("email", "boris@example.test", connectors.TrustAsserted))
		if other.Contact.ID == wrote.Contact.ID {
			t.Error("an asserted address of another channel joins nobody's card")
		}
		proven := resolve(t, d, mailA, "Boris", claim("email", "boris@example.test", connectors.TrustDomain))
		if proven.Contact.ID == wrote.Contact.ID || proven.Contact.ID == other.Contact.ID {
			t.Error("an asserted card is not shown to one who is proven, nor the other way round")
		}
		forged := resolve(t, d, mailB, "Boris", claim("email", "boris@example.test", connectors.TrustAsserted))
		if forged.Contact.ID != other.Contact.ID {
			t.Error("a forged From does not get into the proven card")
		}

		posted := resolve(t, d, "form", "Clara", claim("email", "clara@example.test", connectors.TrustAsserted), claim("phone", "+79165550102", connectors.TrustAsserted))
		if got := resolve(t, d, "form", "", claim("phone", "+79165550102", connectors.TrustAsserted)); got.Contact.ID != posted.Contact.ID {
			t.Error("both addresses of a form are hers, in that form")
		}
		if got := resolve(t, d, sms, "", claim("phone", "+79165550102", connectors.TrustChannel)); got.Contact.ID == posted.Contact.ID {
			t.Error("a number that somebody typed is not the one that calls")
		}

		hidden, more := resolve(t, d, phone, ""), resolve(t, d, phone, "")
		if hidden.Contact.ID == more.Contact.ID || hidden.Contact.Name != "Hidden number" {
			t.Error("two hidden callers are not one person")
		}
		masked := resolve(t, d, "form", "X", claim("phone", "+7 (000) 000-00-00", connectors.TrustAsserted))
		if got := resolve(t, d, "form", "Y", claim("phone", "+7 (000) 000-00-00", connectors.TrustAsserted)); got.Contact.ID == masked.Contact.ID {
			t.Error("a placeholder glues nobody together")
		}
	})
}

// On PostgreSQL two nodes resolve side by side: the unique index lets one of them open the card, the other's transaction fails as a
// duplicate and finds it the second time.
func TestTwentyAtOnceAreOnePerson(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for round := range 5 {
			number := fmt.Sprintf("+7916555%04d", 200+round)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					for {
						err := d.Tx(context.Background(), func(tx *gorm.DB) error {
							_, err := resolveTx(tx, crm.Who{Claims: []connectors.Claim{claim("phone", number, connectors.TrustChannel)}, ChannelID: "sms", At: time.Now()})
							return err
						})
						if err == nil {
							return
						}
						if !db.IsDuplicate(err) {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			var people int64
			d.Read(context.Background()).Model(&crm.Contact{}).Where("name = ?", number).Count(&people)
			if people != 1 {
				t.Fatalf("%s is %d people", number, people)
			}
		}
	})
}
