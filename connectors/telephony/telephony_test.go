package telephony_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest"
	"parley/connectors/connectortest/fakepbx"
	"parley/connectors/telephony"
)

const hookURL = "https://crm.example.test/hooks/telephony/c1"

type object = map[string]any

// phone is a channel under test with the house around it.
type phone struct {
	t    *testing.T
	host *connectortest.Host
	sink *connectortest.Sink
	line connectors.Connector
}

func newPhone(t *testing.T, config any) *phone {
	t.Helper()
	p := &phone{t: t, host: connectortest.NewHost(), sink: connectortest.NewSink()}
	t.Cleanup(p.host.Close)
	p.line = newPhoneIn(t, p, config)
	return p
}

// newPhoneIn makes a connector in the house of p.
func newPhoneIn(t *testing.T, p *phone, config any) connectors.Connector {
	t.Helper()
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	line, err := telephony.Factory().New(connectors.Channel{ID: "c1", Type: connectors.Telephony, Config: raw, Region: "RU", HookURL: hookURL}, p.host.Host)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func (p *phone) post(path string, header http.Header, body []byte) connectors.WebhookAnswer {
	p.t.Helper()
	return p.line.(connectors.WebhookReceiver).Webhook(p.t.Context(), connectors.WebhookRequest{
		Method: http.MethodPost, Path: path, URL: hookURL + path, Header: header, Body: body, RemoteIP: "192.0.2.1",
	}, p.sink)
}

// one is the only item that was stored.
func (p *phone) one() connectors.Inbound {
	p.t.Helper()
	items := p.sink.Items()
	if len(items) != 1 {
		p.t.Fatalf("%d items are stored, want one", len(items))
	}
	return items[0]
}

// exercised has every secret a telephone channel can have, also the one that its provider does not use.
type exercised struct{ *fakepbx.PBX }

func (e exercised) Config() any {
	config := e.PBX.Config().(map[string]any)
	config["auth_token"] = "left over from another provider"
	return config
}

func TestEveryPromiseOfThePort(t *testing.T) {
	clock := connectortest.NewHost().Clock // stands still at the same time as every other
	connectortest.Exercise(t, connectortest.Channel[exercised]{
		Factory: telephony.Factory(),
		New: func() (exercised, error) {
			pbx, err := fakepbx.New(clock.Now)
			return exercised{pbx}, err
		},
		Sends: []connectortest.Send[exercised]{
			{Name: "nobody can be written to", Out: connectors.Outbound{To: "+79161234567", Text: "Hello"}, Want: connectortest.Permanent},
		},
		Local: true,
	})
}

func TestOtherMethodsAndPathsAreNotTaken(t *testing.T) {
	p := newPhone(t, object{"provider": "generic", "secret": secret})
	a := p.line.(connectors.WebhookReceiver).Webhook(t.Context(), connectors.WebhookRequest{Method: http.MethodGet}, p.sink)
	if a.Status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", a.Status)
	}
	body := ringing(nil)
	if a := p.post("/status", fakepbx.Sign(secret, "m1", p.host.Now(), body), body); a.Status != http.StatusNotFound {
		t.Errorf("/status: %d", a.Status)
	}
	if n := len(p.sink.Offered()); n != 0 {
		t.Errorf("%d items offered", n)
	}
}

func TestNothingIsAcknowledgedThatIsNotStored(t *testing.T) {
	p := newPhone(t, object{"provider": "generic", "secret": secret})
	p.sink.Fail(connectortest.OpAccept, 1)
	body := ringing(nil)
	header := fakepbx.Sign(secret, "m1", p.host.Now(), body)
	if a := p.post("", header, body); a.Status != http.StatusServiceUnavailable {
		t.Errorf("not stored: %d", a.Status)
	}
	if a := p.post("", header, body); a.Status != http.StatusNoContent {
		t.Errorf("again: %d", a.Status)
	}
	p.one()
}

func TestConfig(t *testing.T) {
	twilio := func(more object) object {
		o := object{"provider": "twilio", "account_sid": "AC0", "auth_token": "t"}
		for k, v := range more {
			o[k] = v
		}
		return o
	}
	cases := []struct {
		name   string
		config any
		field  string // complained about; "-" for none
	}{
		{"generic", object{"provider": "generic", "secret": secret}, "-"},
		{"generic, secret as it is", object{"provider": "generic", "secret": "0123456789abcdef"}, "-"},
		{"with what all channels have", object{"provider": "generic", "secret": secret, "default_region": "RU", "lead": object{"create": "never"}}, "-"},
		{"twilio", twilio(nil), "-"},
		{"twilio with all", twilio(object{"ring": []string{"+14155550100", "sip:anna@pbx.example", "client:boris_1"}, "ring_seconds": 40, "greeting": "Hi", "consent": "We record", "recording": object{"fetch": true}, "api_url": "http://127.0.0.1:4010/"}), "-"},
		{"no provider", object{"secret": secret}, "provider"},
		{"another provider", object{"provider": "carrier pigeon"}, "provider"},
		{"no secret", object{"provider": "generic"}, "secret"},
		{"short secret", object{"provider": "generic", "secret": "whsec_YWJj"}, "secret"},
		{"secret that is no base64", object{"provider": "generic", "secret": "whsec_!!!!!!!!!!!!!!!!!!!!"}, "secret"},
		{"no account", object{"provider": "twilio", "auth_token": "t"}, "account_sid"},
		{"no token", object{"provider": "twilio", "account_sid": "AC0"}, "auth_token"},
		{"rings nobody's number", twilio(object{"ring": []string{"+14155550100", "reception"}}), "ring"},
		{"rings too long", twilio(object{"ring_seconds": 3601}), "ring_seconds"},
		{"api_url is no URL", twilio(object{"api_url": "ftp://x"}), "api_url"},
		{"wrong type", object{"provider": "generic", "secret": 5}, "secret"},
		{"wrong type below", object{"provider": "generic", "secret": secret, "recording": object{"fetch": "yes"}}, "recording.fetch"},
		{"no object", []string{"generic"}, ""},
	}
	for _, c := range cases {
		raw, err := json.Marshal(c.config)
		if err != nil {
			t.Fatal(err)
		}
		got := telephony.Factory().Check(raw)
		switch {
		case c.field == "-" && len(got) > 0:
			t.Errorf("%s: %v", c.name, got)
		case c.field != "-" && (len(got) != 1 || got[0].Field != c.field || got[0].Message == ""):
			t.Errorf("%s: %v, want one complaint about %q", c.name, got, c.field)
		}
	}
}

func TestTwilioCredentialsAreTried(t *testing.T) {
	for status, want := range map[int]string{http.StatusOK: "connected", http.StatusUnauthorized: "unauthorized", http.StatusInternalServerError: "error"} {
		account := serve(t, func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			if r.URL.Path != "/2010-04-01/Accounts/AC0.json" || user != "AC0" || password != "canary-token" {
				t.Errorf("%s by %s", r.URL.Path, user)
			}
			w.WriteHeader(status)
		})
		p := newPhone(t, object{"provider": "twilio", "account_sid": "AC0", "auth_token": "canary-token", "api_url": account})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.line.Run(ctx, p.sink) }()
		if want == "unauthorized" {
			if err := <-ended; !connectors.IsUnauthorized(err) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%d: %v", status, err)
			}
			cancel()
			continue
		}
		if err := p.sink.Await(5*time.Second, want, func(s *connectortest.Sink) bool { r := s.Reports(); return len(r) == 1 && r[0].State == want }); err != nil {
			t.Errorf("%d: %v, %v", status, err, p.sink.Reports())
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%d: Run ended with %v", status, err)
		}
	}
}

func corpora(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("PARLEY_CORPORA"); dir != "" {
		return dir
	}
	gomod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(string(bytes.TrimSpace(gomod))), "..", "shared", "corpora")
}
