package calls_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest"
	"parley/connectors/telephony"
	"parley/inbox/calls"
)

const (
	token    = "12345678901234567890123456789012"
	hookURL  = "https://crm.example.test/hooks/telephony/c1"
	callSID  = "CA11111111111111111111111111111111"
	customer = "+14155550101"
)

// twilioLine is a line of Twilio's whose events are gathered in a sink.
type twilioLine struct {
	t    *testing.T
	host *connectortest.Host
	sink *connectortest.Sink
	line connectors.WebhookReceiver
}

func newTwilioLine(t *testing.T, ring string) *twilioLine {
	t.Helper()
	l := &twilioLine{t: t, host: connectortest.NewHost(), sink: connectortest.NewSink()}
	config := `{"provider": "twilio", "account_sid": "AC0", "auth_token": "` + token + `", "recording": {"fetch": true}, "ring": [` + ring + `]}`
	line, err := telephony.Factory().New(connectors.Channel{ID: "c1", Config: []byte(config), HookURL: hookURL}, l.host.Host)
	if err != nil {
		t.Fatal(err)
	}
	l.line = line.(connectors.WebhookReceiver)
	return l
}

// post calls a hook, signed, with the call's ordinary fields and those given.
func (l *twilioLine) post(path string, fields map[string]string) {
	l.t.Helper()
	form := url.Values{"CallSid": {callSID}, "From": {customer}, "To": {"+14155550199"}, "Direction": {"inbound"}}
	for k, v := range fields {
		form.Set(k, v)
	}
	mac := hmac.New(sha1.New, []byte(token))
	_, _ = mac.Write([]byte(hookURL + path))
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		_, _ = mac.Write([]byte(name + form.Get(name)))
	}
	header := http.Header{"X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}
	req := connectors.WebhookRequest{Method: http.MethodPost, Path: path, URL: hookURL + path, Header: header, Body: []byte(form.Encode())}
	if a := l.line.Webhook(l.t.Context(), req, l.sink); a.Status/100 != 2 {
		l.t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
}

// call is what the events so far amount to.
func (l *twilioLine) call() calls.Call {
	var events []connectors.CallEvent
	for _, in := range l.sink.Items() {
		if in.Quarantine != "" || in.Call != nil && in.Call.CallID != callSID {
			l.t.Errorf("%+v", in)
		}
		if in.Call != nil {
			events = append(events, *in.Call)
		}
	}
	return calls.Reduce(events)
}

func TestTwilioAnsweredCall(t *testing.T) {
	l := newTwilioLine(t, `"+14155550111", "client:anna"`)
	l.post("", map[string]string{"CallStatus": "ringing"})
	if got := l.call(); got.State != "ringing" || got.From != customer {
		t.Fatalf("%+v", got)
	}
	l.host.Clock.Add(8 * time.Second)
	l.post("/status", map[string]string{"CallSid": "CAleg", "ParentCallSid": callSID, "CallStatus": "in-progress", "Direction": "outbound-dial", "To": "+14155550111", "SequenceNumber": "0"})
	if got := l.call(); got.State != "answered" || got.Extension != "+14155550111" || got.Direction != "inbound" {
		t.Fatalf("%+v", got)
	}
	l.host.Clock.Add(40 * time.Second)
	l.post("/dial", map[string]string{"DialCallStatus": "completed", "DialCallSid": "CAleg", "DialCallDuration": "38"})
	l.post("/status", map[string]string{"CallStatus": "completed", "CallDuration": "50"})
	l.post("/recording", map[string]string{"RecordingSid": "RE1", "RecordingStatus": "completed", "RecordingUrl": "https://api.twilio.com/2010-04-01/Accounts/AC0/Recordings/RE1"})
	got := l.call()
	if got.State != "ended" || got.TalkSeconds != 38 || len(got.Recordings) != 1 || got.Recordings[0].Key != "RE1" || got.AnsweredAt.Sub(got.StartedAt) != 8*time.Second {
		t.Errorf("%+v", got)
	}
	for _, in := range l.sink.Items() {
		if in.Call.Type != "recording" && (len(in.Sender.Claims) != 1 || in.Sender.Claims[0].Value != customer) {
			t.Errorf("%s claims %v", in.Key, in.Sender.Claims)
		}
	}
}

// The caller's own leg is "completed" although nobody picked up: they heard the ringing tone and our regret.
func TestTwilioCompletedByTheCallerAloneIsMissed(t *testing.T) {
	const ring = `"+14155550111"`
	cases := []struct {
		name  string
		ring  string
		steps func(l *twilioLine)
	}{
		{"nobody picked up", ring, func(l *twilioLine) {
			l.post("/dial", map[string]string{"DialCallStatus": "no-answer", "DialCallSid": "CAleg"})
		}},
		{"hung up in the greeting", ring, func(*twilioLine) {}},
		{"nobody to ring", "", func(l *twilioLine) { l.post("/dial", nil) }},
		{"nobody to ring, hung up in the greeting", "", func(*twilioLine) {}},
	}
	for _, c := range cases {
		l := newTwilioLine(t, c.ring)
		l.post("", map[string]string{"CallStatus": "ringing"})
		c.steps(l)
		l.post("/status", map[string]string{"CallStatus": "completed", "CallDuration": "31"})
		if got := l.call(); got.State != "missed" || got.TalkSeconds != 0 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
