package telephony_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest"
)

const (
	token    = "12345678901234567890123456789012"
	callSID  = "CA11111111111111111111111111111111"
	customer = "+14155550101"
	ourLine  = "+14155550199"
)

func twilioPhone(t *testing.T, more object) *phone {
	t.Helper()
	config := object{"provider": "twilio", "account_sid": "AC00000000000000000000000000000000", "auth_token": token, "numbers": []string{ourLine}, "recording": object{"fetch": true}}
	for k, v := range more {
		config[k] = v
	}
	return newPhone(t, config)
}

// signed signs a form as Twilio does, over the public URL and the sorted fields.
func signed(address string, form url.Values) http.Header {
	mac := hmac.New(sha1.New, []byte(token))
	_, _ = mac.Write([]byte(address))
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		_, _ = mac.Write([]byte(name + form.Get(name)))
	}
	return http.Header{"X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}, "Content-Type": {"application/x-www-form-urlencoded"}}
}

// twilio calls a hook with the call's ordinary fields and those given.
func (p *phone) twilio(path string, fields map[string]string) connectors.WebhookAnswer {
	p.t.Helper()
	form := url.Values{"CallSid": {callSID}, "From": {customer}, "To": {ourLine}, "Direction": {"inbound"}, "CallStatus": {"in-progress"}}
	for k, v := range fields {
		form.Set(k, v)
	}
	return p.post(path, signed(hookURL+path, form), []byte(form.Encode()))
}

func TestTwilioCorpus(t *testing.T) {
	f, err := os.Open(filepath.Join(corpora(t), "webhooks-authored", "twilio.jsonl"))
	if err != nil {
		t.Skip("Twilio Voice's cases of webhooks-authored were not tested: no corpora here")
	}
	defer func() { _ = f.Close() }()
	paths := map[string]string{"/hooks/twilio/voice": "", "/hooks/twilio/voice-status": "/status", "/hooks/twilio/recording": "/recording"}
	tried := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var c struct {
			Case, URL, Body string
			Token           string `json:"auth_token"`
			Signature       string `json:"x_twilio_signature"`
			Expect          struct {
				Action   string
				Phone    *string `json:"phone_e164"`
				Duration *int
				Call     string
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(c.URL)
		if err != nil {
			t.Fatal(err)
		}
		path, ours := paths[u.Path]
		if !ours {
			continue
		}
		tried++
		t.Run(c.Case, func(t *testing.T) {
			p := twilioPhone(t, object{"auth_token": c.Token})
			ask := connectors.WebhookRequest{Method: http.MethodPost, Path: path, URL: c.URL, Header: http.Header{"X-Twilio-Signature": {c.Signature}}, Body: []byte(c.Body)}
			if a := p.line.(connectors.WebhookReceiver).Webhook(t.Context(), ask, p.sink); a.Status/100 != 2 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			in := p.one()
			if in.Call == nil {
				t.Fatalf("no call: %+v", in)
			}
			unanswered := in.Call.Answered != nil && !*in.Call.Answered
			ok := map[string]bool{
				"call_started": in.Call.Type == "ringing",
				"call_ended":   in.Call.Type == "ended" && !unanswered,
				"call_missed":  in.Call.Type == "ended" && unanswered,
				"recording":    in.Call.Type == "recording" && in.Call.RecordingRef != "" && in.Call.RecordingKey != "",
			}
			if !ok[c.Expect.Action] {
				t.Errorf("want %s: %+v", c.Expect.Action, in.Call)
			}
			if c.Expect.Phone != nil && claimed(in) != *c.Expect.Phone {
				t.Errorf("claims %v, want %q", in.Sender.Claims, *c.Expect.Phone)
			}
			if c.Expect.Action == "call_ended" && (in.Call.TalkSeconds == nil || *in.Call.TalkSeconds != *c.Expect.Duration) {
				t.Errorf("%v s of talk, want %d", in.Call.TalkSeconds, *c.Expect.Duration)
			}
			if c.Expect.Call != "" && in.Call.CallID != c.Expect.Call {
				t.Errorf("call %s, want %s", in.Call.CallID, c.Expect.Call)
			}
		})
	}
	if tried != 5 {
		t.Errorf("%d cases tried, there should be 5", tried)
	}
}

func claimed(in connectors.Inbound) string {
	if len(in.Sender.Claims) == 0 {
		return ""
	}
	return in.Sender.Claims[0].Value
}

func TestTwilioEvents(t *testing.T) {
	yes, no, talk := true, false, 38
	cases := []struct {
		name, path string
		fields     map[string]string
		want       connectors.CallEvent // without call, time and numbers; no type: ignored
	}{
		{"incoming", "", map[string]string{"CallStatus": "ringing"}, connectors.CallEvent{Type: "ringing", Direction: "inbound", Answered: &no}},
		{"our own call", "", map[string]string{"CallStatus": "ringing", "Direction": "outbound-api"}, connectors.CallEvent{Type: "ringing", Direction: "outbound"}},
		{"the caller's leg is up", "/status", map[string]string{"CallStatus": "in-progress"}, connectors.CallEvent{}},
		{"an agent's leg rings", "/status", map[string]string{"CallSid": "CAleg", "ParentCallSid": callSID, "CallStatus": "ringing"}, connectors.CallEvent{}},
		{"an agent's leg is up", "/status", map[string]string{"CallSid": "CAleg", "ParentCallSid": callSID, "CallStatus": "in-progress", "Direction": "outbound-dial", "To": "client:anna"},
			connectors.CallEvent{Type: "answered", Direction: "inbound", Extension: "client:anna"}},
		{"dialled and talked", "/dial", map[string]string{"DialCallStatus": "completed", "DialCallDuration": "38"}, connectors.CallEvent{Type: "ended", Direction: "inbound", Answered: &yes, TalkSeconds: &talk}},
		{"dialled in vain", "/dial", map[string]string{"DialCallStatus": "busy"}, connectors.CallEvent{Type: "ended", Direction: "inbound", Answered: &no, HangupCause: "busy"}},
		{"nobody dialled", "/dial", nil, connectors.CallEvent{Type: "ended", Direction: "inbound", Answered: &no}},
		{"over", "/status", map[string]string{"CallStatus": "completed", "CallDuration": "38"}, connectors.CallEvent{Type: "ended", Direction: "inbound", TalkSeconds: &talk}},
		{"over before it began", "/status", map[string]string{"CallStatus": "canceled", "CallDuration": "0"}, connectors.CallEvent{Type: "ended", Direction: "inbound", Answered: &no, HangupCause: "canceled"}},
		{"recorded", "/recording", map[string]string{"RecordingStatus": "completed", "RecordingSid": "RE1", "RecordingUrl": "https://api.twilio.com/RE1"},
			connectors.CallEvent{Type: "recording", Direction: "inbound", RecordingKey: "RE1", RecordingRef: "https://api.twilio.com/RE1"}},
		{"too short to be recorded", "/recording", map[string]string{"RecordingStatus": "absent", "RecordingSid": "RE1"}, connectors.CallEvent{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := twilioPhone(t, nil)
			if a := p.twilio(c.path, c.fields); a.Status/100 != 2 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			in := p.one()
			if c.want.Type == "" {
				if in.Ignore == "" || in.Call != nil {
					t.Errorf("%+v %+v", in, in.Call)
				}
				return
			}
			got := *in.Call
			if got.CallID != callSID || got.From != customer || !got.At.Equal(p.host.Now()) {
				t.Errorf("%+v", got)
			}
			got.CallID, got.From, got.To, got.At = "", "", "", time.Time{}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestStatusCallbackHasItsOwnTime(t *testing.T) {
	p := twilioPhone(t, nil)
	p.twilio("/status", map[string]string{"CallStatus": "completed", "Timestamp": "Wed, 15 May 2019 01:18:27 +0000"})
	if in := p.one(); !in.At.Equal(time.Date(2019, 5, 15, 1, 18, 27, 0, time.UTC)) || !in.Call.At.Equal(in.At) {
		t.Errorf("%s, %s", in.At, in.Call.At)
	}
}

func TestTwilioKeys(t *testing.T) {
	p := twilioPhone(t, nil)
	steps := []struct {
		path   string
		fields map[string]string
	}{
		{"", map[string]string{"CallStatus": "ringing"}},
		{"/status", map[string]string{"CallStatus": "ringing", "SequenceNumber": "0"}},
		{"/status", map[string]string{"CallStatus": "in-progress", "SequenceNumber": "1"}},
		{"/dial", map[string]string{"DialCallStatus": "no-answer"}},
		{"/status", map[string]string{"CallStatus": "completed", "SequenceNumber": "2"}},
		{"/recording", map[string]string{"RecordingSid": "RE1", "RecordingStatus": "in-progress"}},
		{"/recording", map[string]string{"RecordingSid": "RE1", "RecordingStatus": "completed", "RecordingUrl": "https://api.twilio.com/RE1"}},
		{"/recording", map[string]string{"RecordingSid": "RE2", "RecordingStatus": "completed", "RecordingUrl": "https://api.twilio.com/RE2"}},
	}
	for range 2 {
		for _, s := range steps {
			if a := p.twilio(s.path, s.fields); a.Status/100 != 2 {
				t.Fatalf("%s: %d", s.path, a.Status)
			}
		}
	}
	if n := len(p.sink.Items()); n != len(steps) {
		t.Errorf("%d requests, each sent twice, made %d items", len(steps), n)
	}
}

func TestTwilioProofAndOddForms(t *testing.T) {
	p := twilioPhone(t, nil)
	good := url.Values{"CallSid": {callSID}, "CallStatus": {"ringing"}}
	for name, header := range map[string]http.Header{
		"no signature":        {},
		"signed for another":  signed(hookURL+"/status", good),
		"signed without From": signed(hookURL, url.Values{"CallSid": {callSID}}),
	} {
		if a := p.post("", header, []byte(good.Encode())); a.Status != http.StatusForbidden {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
	if a := p.post("/voicemail", signed(hookURL+"/voicemail", good), []byte(good.Encode())); a.Status != http.StatusNotFound {
		t.Errorf("unknown path: %d", a.Status)
	}
	if n := len(p.sink.Offered()); n != 0 {
		t.Errorf("%d items offered", n)
	}
	for path, fields := range map[string]map[string]string{
		"":           {"CallSid": ""},
		"/status":    {"CallStatus": "teleported"},
		"/recording": {"RecordingStatus": "completed"},
	} {
		if a := p.twilio(path, fields); a.Status/100 != 2 {
			t.Errorf("%q: %d", path, a.Status)
		}
	}
	items := p.sink.Items()
	if len(items) != 3 {
		t.Errorf("%d items", len(items))
	}
	for _, in := range items {
		if in.Quarantine == "" || in.Key == "" || len(in.Raw) == 0 {
			t.Errorf("%+v", in)
		}
	}
}

func TestTwiML(t *testing.T) {
	ring := []string{"+14155550111", "sip:anna@pbx.example", "client:boris"}
	leg := fmt.Sprintf(` statusCallback="%s/status" statusCallbackEvent="answered"`, hookURL)
	targets := `<Number` + leg + `>+14155550111</Number><Sip` + leg + `>sip:anna@pbx.example</Sip><Client` + leg + `>boris</Client>`
	cases := []struct {
		name   string
		config object
		path   string
		fields map[string]string
		want   string
	}{
		{"rings the agents", object{"ring": ring}, "", nil, `<Dial answerOnBridge="true" timeout="25" action="` + hookURL + `/dial">` + targets + `</Dial>`},
		{"greets, and takes care with markup", object{"ring": ring[:1], "ring_seconds": 40, "greeting": `Ed & <Co>`, "language": "en-GB"}, "", nil,
			`<Say language="en-GB">Ed &amp; &lt;Co&gt;</Say><Dial answerOnBridge="true" timeout="40" action="` + hookURL + `/dial"><Number` + leg + `>+14155550111</Number></Dial>`},
		{"records after telling so", object{"ring": ring[:1], "consent": "We record."}, "", nil,
			`<Say>We record.</Say><Dial answerOnBridge="true" timeout="25" action="` + hookURL + `/dial" record="record-from-answer-dual" recordingStatusCallback="` + hookURL + `/recording" recordingStatusCallbackEvent="completed absent"><Number` + leg + `>+14155550111</Number></Dial>`},
		{"does not record when it is off", object{"ring": ring[:1], "consent": "We record.", "recording": object{}}, "", nil,
			`<Dial answerOnBridge="true" timeout="25" action="` + hookURL + `/dial"><Number` + leg + `>+14155550111</Number></Dial>`},
		{"nobody to ring", object{"greeting": "Hello."}, "", nil, `<Say>Hello.</Say><Redirect>` + hookURL + `/dial</Redirect>`},
		{"our own call", object{"ring": ring}, "", map[string]string{"Direction": "outbound-api"}, ``},
		{"after an answered call", object{"ring": ring}, "/dial", map[string]string{"DialCallStatus": "completed"}, `<Hangup></Hangup>`},
		{"after nobody answered", object{"ring": ring}, "/dial", map[string]string{"DialCallStatus": "no-answer"}, `<Say>Sorry, nobody can take your call right now.</Say><Hangup></Hangup>`},
		{"words of their own", object{"unavailable": "Мы перезвоним.", "language": "ru-RU"}, "/dial", nil, `<Say language="ru-RU">Мы перезвоним.</Say><Hangup></Hangup>`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := twilioPhone(t, c.config).twilio(c.path, c.fields)
			body := strings.TrimPrefix(string(a.Body), `<?xml version="1.0" encoding="UTF-8"?>`+"\n")
			if want := "<Response>" + c.want + "</Response>"; body != want || !strings.HasPrefix(a.Type, "text/xml") || a.Status != http.StatusOK {
				t.Errorf("%d %s\n%s\nwant\n%s", a.Status, a.Type, body, want)
			}
		})
	}
}

// Twilio would drop the caller for an answer that takes long or fails, yet an unstored call must not be acknowledged.
func TestUnstoredCallGetsNoTwiML(t *testing.T) {
	p := twilioPhone(t, object{"ring": []string{"+14155550111"}})
	p.sink.Fail(connectortest.OpAccept, connectortest.Always)
	if a := p.twilio("", nil); a.Status != http.StatusServiceUnavailable || len(a.Body) > 0 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
