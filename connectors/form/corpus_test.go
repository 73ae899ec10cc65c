package form

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"parley/connectors"
	"parley/connectors/connectortest"
)

type corpusCase struct {
	Case        string
	ContentType string `json:"content_type"`
	Body        string
	Expect      struct {
		Name             *string
		Email            *string
		Phone            *string  `json:"phone_e164"`
		PhoneUA          *string  `json:"phone_e164_region_UA"`
		Phones           []string `json:"phones_e164"`
		UTMSource        *string  `json:"utm_source"`
		EmailASCIIDomain *string  `json:"email_ascii_domain"`
		Action           string
		Attachments      int
		Suggest, Note    string
	}
}

func corpus(t *testing.T) []corpusCase {
	t.Helper()
	f, err := os.Open(connectortest.Corpus(t, "webhooks-authored/webforms.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []corpusCase
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var c corpusCase
		d := json.NewDecoder(strings.NewReader(lines.Text()))
		d.DisallowUnknownFields() // an expectation that this test does not know must not pass unseen
		if err := d.Decode(&c); err != nil {
			t.Fatalf("%v in %s", err, lines.Text())
		}
		out = append(out, c)
	}
	if len(out) < 13 {
		t.Fatalf("only %d cases", len(out))
	}
	return out
}

func TestCorpusPostsAreUnderstood(t *testing.T) {
	for _, cc := range corpus(t) {
		t.Run(cc.Case, func(t *testing.T) {
			c, _ := newForm(t, `{"allowed_origins": [], "default_region": "RU"}`)
			box := newInbox()
			a := c.Webhook(t.Context(), request(cc.ContentType, cc.Body), box)
			if a.Status != 200 {
				t.Fatalf("answered %d %s", a.Status, a.Body)
			}
			in := box.last(t)
			want := cc.Expect
			switch want.Action {
			case "ok_ignored":
				if in.Ignore == "" {
					t.Error("not ignored")
				}
				return
			case "spam":
				if in.Reject == "" {
					t.Error("not rejected")
				}
				return
			}
			if in.Ignore+in.Reject+in.Quarantine != "" {
				t.Fatalf("set aside: %q %q %q", in.Ignore, in.Reject, in.Quarantine)
			}
			if want.Name != nil && in.Sender.Name != *want.Name {
				t.Errorf("name %q", in.Sender.Name)
			}
			if want.Email != nil && !strings.EqualFold(first(in, connectors.KindEmail), *want.Email) {
				t.Errorf("email %q", first(in, connectors.KindEmail))
			}
			if want.EmailASCIIDomain != nil && first(in, connectors.KindEmail) != "Почта@Пример.рф" {
				t.Errorf("email %q", first(in, connectors.KindEmail))
			}
			if want.UTMSource != nil && in.Source.UTM["source"] != *want.UTMSource {
				t.Errorf("utm %v", in.Source.UTM)
			}
			if len(in.Parts) != want.Attachments {
				t.Errorf("%d attachments", len(in.Parts))
			}
			region := "RU"
			if in.Sender.Fields["country"] != "" {
				region = in.Sender.Fields["country"]
			}
			if want.Phone != nil {
				want.Phones = slices.DeleteFunc([]string{*want.Phone}, func(s string) bool { return s == "" })
			}
			if want.PhoneUA != nil {
				region, want.Phones = "UA", []string{*want.PhoneUA}
			}
			if got := numbers(in, region); !slices.Equal(got, want.Phones) {
				t.Errorf("phones %q of %v, want %q", got, in.Sender.Claims, want.Phones)
			}
		})
	}
}

func first(in connectors.Inbound, kind string) string {
	for _, c := range in.Sender.Claims {
		if c.Kind == kind {
			return c.Value
		}
	}
	return ""
}

// numbers is what the claimed phones are worth, as the one who normalises them sees it.
func numbers(in connectors.Inbound, region string) (out []string) {
	for _, c := range in.Sender.Claims {
		if c.Kind != connectors.KindPhone {
			continue
		}
		n, err := phonenumbers.Parse(c.Value, region)
		if err != nil || !phonenumbers.IsValidNumber(n) {
			continue
		}
		s := phonenumbers.Format(n, phonenumbers.E164)
		if n.GetExtension() != "" {
			s += ";ext=" + n.GetExtension()
		}
		out = append(out, s)
	}
	return out
}
