package sms

import (
	"bytes"
	"os"
	"reflect"
	"testing"

	"parley/connectors"
)

// forms are the lines of testdata/inbound.txt.
func forms(t testing.TB) [][]byte {
	t.Helper()
	b, err := os.ReadFile("testdata/inbound.txt")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(b), []byte("\n"))
}

func TestParse(t *testing.T) {
	phone := func(v string) connectors.Claim {
		return connectors.Claim{Kind: connectors.KindPhone, Value: v, Trust: connectors.TrustChannel}
	}
	external := func(v string) connectors.Claim {
		return connectors.Claim{Kind: connectors.KindExternal, Value: v, Trust: connectors.TrustChannel}
	}
	cases := []struct {
		name   string
		line   int
		claim  connectors.Claim
		thread string
		kind   string
		text   string
		parts  int
	}{
		{"a text", 0, phone("+14155550101"), "+14155550101|+14155550199", "", "Hello 👋", 0},
		{"media with a gap", 1, phone("+14155550101"), "+14155550101|+14155550199", "", "", 2},
		{"a place by WhatsApp", 2, phone("+4915155501234"), "whatsapp:+4915155501234|whatsapp:+1999", "location", "The shop\n📍 51.5, -0.12", 0},
		{"a short code is no telephone", 3, external("sms:72975"), "72975|+14155550199", "", "code", 0},
		{"a name is no telephone, a service is one thread", 4, external("sms:MYBANK"), "MYBANK|MG7", "", "x", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in, err := Parse(forms(t)[c.line])
			if err != nil || in.Quarantine != "" {
				t.Fatalf("%v, quarantine %q", err, in.Quarantine)
			}
			if !reflect.DeepEqual(in.Sender.Claims, []connectors.Claim{c.claim}) || in.Thread.Key != c.thread || in.Kind != c.kind || in.Text != c.text || len(in.Parts) != c.parts {
				t.Errorf("got %+v", in)
			}
		})
	}
}

func TestWhatNamesNoMessageGoesToQuarantine(t *testing.T) {
	for _, body := range forms(t)[5:8] {
		in, err := Parse(body)
		if err != nil || in.Quarantine == "" || in.Key == "" {
			t.Errorf("%s: %+v, %v", body, in, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, body := range forms(f) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := Parse(body)
		if err != nil {
			return
		}
		if in.Key == "" || !bytes.Equal(in.Raw, body) || len(in.Parts) > mediaLimit {
			t.Errorf("key %q, raw %q, %d parts", in.Key, in.Raw, len(in.Parts))
		}
		if in.Quarantine == "" && (len(in.Sender.Claims) != 1 || in.Sender.Claims[0].Value == "" || in.Thread.Key == "|") {
			t.Errorf("an item of nobody: %+v", in)
		}
	})
}
