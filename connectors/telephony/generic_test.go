package telephony_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest/fakepbx"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // of standardwebhooks.com's examples
	us     = "+74951234567"
	who    = "+79161234567"
)

// ringing is a generic event with some members changed; nil takes one away.
func ringing(change object) []byte {
	o := object{"event": "ringing", "call_id": "call-1", "direction": "inbound", "from": who, "to": us, "extension": "101", "at": "2025-11-03T12:00:00+03:00"}
	for k, v := range change {
		o[k] = v
		if v == nil {
			delete(o, k)
		}
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}

func serve(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

func genericPhone(t *testing.T) *phone {
	t.Helper()
	return newPhone(t, object{"provider": "generic", "secret": secret, "numbers": []string{"8 (495) 123-45-67"}, "recording": object{"fetch": true}})
}

func TestGenericEvent(t *testing.T) {
	p := genericPhone(t)
	body := ringing(object{"event": "ended", "talk_seconds": 42, "hangup_cause": "NORMAL", "recording_url": "https://pbx.example/1.wav"})
	if a := p.post("", fakepbx.Sign(secret, "msg_1", p.host.Now(), body), body); a.Status != http.StatusNoContent {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	at := time.Date(2025, 11, 3, 9, 0, 0, 0, time.UTC)
	talk := 42
	want := connectors.Inbound{
		Key: "msg_1", Raw: body, RawType: "application/json", At: at, Kind: "call",
		Sender: connectors.Sender{Claims: []connectors.Claim{{Kind: "phone", Value: who, Trust: connectors.TrustChannel}}},
		Thread: connectors.Thread{Key: "79161234567"},
		Call: &connectors.CallEvent{CallID: "call-1", Type: "ended", Direction: "inbound", From: who, To: us, Extension: "101", At: at,
			TalkSeconds: &talk, HangupCause: "NORMAL", RecordingRef: "https://pbx.example/1.wav"},
	}
	if got := p.one(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.Call, want, want.Call)
	}
}

// The vector of the Standard Webhooks reference: it was computed by their library, not by ours.
func TestStandardWebhooksVector(t *testing.T) {
	p := genericPhone(t)
	p.host.Clock.Set(time.Unix(1614265330, 0))
	header := http.Header{"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"}, "Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}}
	if a := p.post("", header, []byte(`{"test": 2432232314}`)); a.Status/100 != 2 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestProof(t *testing.T) {
	body := ringing(nil)
	cases := []struct {
		name   string
		change func(h http.Header)
		late   time.Duration // how late it comes
		body   []byte
		want   int
	}{
		{name: "good", want: 204},
		{name: "just in time", late: 4*time.Minute + 59*time.Second, want: 204},
		{name: "from a clock that is fast", late: -4 * time.Minute, want: 204},
		{name: "second of several signatures", change: func(h http.Header) { h.Set("webhook-signature", "v1,AAAA v2,x "+h.Get("webhook-signature")+" v1a,b") }, want: 204},
		{name: "too late", late: 5*time.Minute + time.Second, want: 403},
		{name: "from the future", late: -6 * time.Minute, want: 403},
		{name: "another body", body: append(ringing(nil), ' '), want: 403},
		{name: "another id", change: func(h http.Header) { h.Set("webhook-id", "msg_2") }, want: 403},
		{name: "another time", change: func(h http.Header) { h.Set("webhook-timestamp", "1767700801") }, want: 403},
		{name: "another secret", change: func(h http.Header) {
			h.Set("webhook-signature", fakepbx.Sign("whsec_c29tZSBvdGhlciBzZWNyZXQ=", "msg_1", time.Date(2026, 1, 6, 12, 0, 0, 0, time.UTC), ringing(nil)).Get("webhook-signature"))
		}, want: 403},
		{name: "no version", change: func(h http.Header) {
			h.Set("webhook-signature", strings.TrimPrefix(h.Get("webhook-signature"), "v1,"))
		}, want: 403},
		{name: "no signature", change: func(h http.Header) { h.Del("webhook-signature") }, want: 403},
		{name: "no id", change: func(h http.Header) { h.Del("webhook-id") }, want: 403},
		{name: "no time", change: func(h http.Header) { h.Del("webhook-timestamp") }, want: 403},
		{name: "time in words", change: func(h http.Header) { h.Set("webhook-timestamp", "now") }, want: 403},
		{name: "time that overflows", change: func(h http.Header) { h.Set("webhook-timestamp", "9223372036854775807") }, want: 403},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := genericPhone(t)
			header := fakepbx.Sign(secret, "msg_1", p.host.Now(), body)
			if c.change != nil {
				c.change(header)
			}
			sent := body
			if c.body != nil {
				sent = c.body
			}
			p.host.Clock.Add(c.late)
			if a := p.post("", header, sent); a.Status != c.want {
				t.Errorf("%d %s, want %d", a.Status, a.Body, c.want)
			}
			if stored := len(p.sink.Items()); (c.want == 204) != (stored == 1) {
				t.Errorf("%d items stored", stored)
			}
		})
	}
}

func TestSecretWithoutPrefixIsTakenAsItIs(t *testing.T) {
	const plain = "a plain secret of the PBX"
	p := newPhone(t, object{"provider": "generic", "secret": plain})
	body := ringing(nil)
	if a := p.post("", fakepbx.Sign(plain, "m", p.host.Now(), body), body); a.Status != 204 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestProvenBodies(t *testing.T) {
	cases := []struct {
		name   string
		body   []byte
		status int
		reason string // of the quarantine; "" for none
	}{
		{"no JSON", []byte("event=ringing"), 400, ""},
		{"nothing", nil, 400, ""},
		{"half of it", ringing(nil)[:40], 400, ""},
		{"a list", []byte(`[1]`), 204, "not understood"},
		{"null", []byte(`null`), 204, "event is missing"},
		{"an empty object", []byte(`{}`), 204, "event is missing"},
		{"no event", ringing(object{"event": nil}), 204, "event is missing"},
		{"an event of its own", ringing(object{"event": "transferred"}), 204, `"transferred"`},
		{"no call_id", ringing(object{"call_id": nil}), 204, "call_id"},
		{"call_id of control characters", ringing(object{"call_id": "\x00\x01"}), 204, "call_id"},
		{"endless call_id", ringing(object{"call_id": strings.Repeat("x", 256)}), 204, "call_id"},
		{"no at", ringing(object{"at": nil}), 204, "at is missing"},
		{"at in no form we know", ringing(object{"at": "yesterday"}), 204, "not understood"},
		{"at before there were computers", ringing(object{"at": "0001-01-01T00:00:00Z"}), 204, "at is out of range"},
		{"no direction", ringing(object{"direction": nil}), 204, "direction"},
		{"a third direction", ringing(object{"direction": "internal"}), 204, "direction"},
		{"no from", ringing(object{"from": nil}), 204, "from"},
		{"no to", ringing(object{"to": nil}), 204, "to is missing"},
		{"from is an object", ringing(object{"from": object{}}), 204, "text"},
		{"negative talk", ringing(object{"talk_seconds": -1}), 204, "talk_seconds"},
		{"a recording without a link", ringing(object{"event": "recording"}), 204, "recording_url"},

		{"extension and cause as numbers", ringing(object{"extension": 101, "hangup_cause": 16}), 204, ""},
		{"members of its own", ringing(object{"queue": "sales"}), 204, ""},
		{"from hidden by nothing", ringing(object{"from": ""}), 204, ""},
		{"a recording alone", []byte(`{"event":"recording","call_id":"c","at":"2026-01-06T12:00:00Z","recording_url":"https://x.example/1"}`), 204, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := genericPhone(t)
			if a := p.post("", fakepbx.Sign(secret, "m", p.host.Now(), c.body), c.body); a.Status != c.status {
				t.Fatalf("%d %s, want %d", a.Status, a.Body, c.status)
			}
			if c.status == 400 {
				if n := len(p.sink.Offered()); n != 0 {
					t.Errorf("%d items offered", n)
				}
				return
			}
			in := p.one()
			if (c.reason == "") != (in.Quarantine == "") || !strings.Contains(in.Quarantine, c.reason) {
				t.Errorf("quarantine %q, want %q", in.Quarantine, c.reason)
			}
			if (in.Call == nil) != (c.reason != "") || in.Key != "m" || string(in.Raw) != string(c.body) {
				t.Errorf("%+v", in)
			}
		})
	}
}

func TestFromNullIsAHiddenNumber(t *testing.T) {
	p := genericPhone(t)
	body := []byte(strings.Replace(string(ringing(nil)), `"from":"`+who+`"`, `"from":null`, 1))
	p.post("", fakepbx.Sign(secret, "m", p.host.Now(), body), body)
	if in := p.one(); in.Quarantine != "" || len(in.Sender.Claims) != 0 || in.Thread.Key != "call:call-1" {
		t.Errorf("%+v", in)
	}
}

func TestWhoIsOutside(t *testing.T) {
	cases := []struct {
		name             string
		direction        string
		from, to         string
		kind, claim, key string // claim "" for none
		shown            string // of the party outside
	}{
		{"inbound", "inbound", who, us, "phone", who, "79161234567", who},
		{"outbound", "outbound", us, who, "phone", who, "79161234567", who},
		{"national spelling", "inbound", "8 (916) 123-45-67", us, "phone", "8 (916) 123-45-67", "79161234567", "8 (916) 123-45-67"},
		{"foreign", "inbound", "+1 415 555-0101", us, "phone", "+1 415 555-0101", "14155550101", "+1 415 555-0101"},
		{"SIP URI with a number", "inbound", "sip:+79161234567@pbx.example;user=phone", us, "phone", who, "79161234567", "sip:+79161234567@pbx.example;user=phone"},
		{"tel URI", "inbound", "tel:+7-916-123-45-67", us, "phone", "+7-916-123-45-67", "79161234567", "tel:+7-916-123-45-67"},
		{"SIP address", "inbound", "sip:Anna@firm.example", us, "external", "sip:Anna@firm.example", "sip:anna@firm.example", "sip:Anna@firm.example"},
		{"short code", "inbound", "72975", us, "phone", "72975", "72975", "72975"},
		{"nothing", "inbound", "", us, "", "", "call:call-1", ""},
		{"a word", "inbound", "Anonymous", us, "", "", "call:call-1", "anonymous"},
		{"another word", "inbound", "number withheld", us, "", "", "call:call-1", "anonymous"},
		{"a word in brackets", "inbound", "<unknown>", us, "", "", "call:call-1", "anonymous"},
		{"a word as a SIP address", "inbound", "sip:anonymous@anonymous.invalid", us, "", "", "call:call-1", "anonymous"},
		{"ANONYMOUS on the keys", "inbound", "+266696687", us, "", "", "call:call-1", "anonymous"},
		{"ANONYMOUS without the plus", "inbound", "266696687", us, "", "", "call:call-1", "anonymous"},
		{"RESTRICTED on the keys", "inbound", "+7378742833", us, "", "", "call:call-1", "anonymous"},
		{"UNAVAILABLE on the keys", "inbound", "+86282452253", us, "", "", "call:call-1", "anonymous"},
		{"a local number that spells a word", "inbound", "7748283", us, "phone", "7748283", "7748283", "7748283"},
		{"one of us", "inbound", "84951234567", us, "", "", "call:call-1", "84951234567"},
		{"one of us, as we are called", "outbound", who, "+7 495 123-45-67", "", "", "call:call-1", "+7 495 123-45-67"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := genericPhone(t)
			body := ringing(object{"direction": c.direction, "from": c.from, "to": c.to})
			p.post("", fakepbx.Sign(secret, "m", p.host.Now(), body), body)
			in := p.one()
			var want []connectors.Claim
			if c.claim != "" {
				want = []connectors.Claim{{Kind: c.kind, Value: c.claim, Trust: connectors.TrustChannel}}
			}
			shown := in.Call.From
			if c.direction == "outbound" {
				shown = in.Call.To
			}
			if !reflect.DeepEqual(in.Sender.Claims, want) || in.Thread.Key != c.key || shown != c.shown || in.Sender.Name != "" {
				t.Errorf("claims %v, thread %q, shown %q", in.Sender.Claims, in.Thread.Key, shown)
			}
		})
	}
}

func TestRecordingIsOffByDefault(t *testing.T) {
	p := newPhone(t, object{"provider": "generic", "secret": secret})
	for id, event := range map[string]string{"m1": "ended", "m2": "recording"} {
		body := ringing(object{"event": event, "recording_url": "https://pbx.example/1.wav"})
		p.post("", fakepbx.Sign(secret, id, p.host.Now(), body), body)
	}
	items := p.sink.Items()
	if len(items) != 2 {
		t.Fatalf("%d items", len(items))
	}
	for _, in := range items {
		if in.Call.RecordingRef != "" || (in.Ignore != "") != (in.Call.Type == "recording") {
			t.Errorf("%s: ref %q, ignored %q", in.Call.Type, in.Call.RecordingRef, in.Ignore)
		}
	}
}
