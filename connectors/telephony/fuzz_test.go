package telephony

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/connectors"
)

func FuzzGenericEvent(f *testing.F) {
	for _, seed := range []string{
		`{"event":"ringing","call_id":"c1","direction":"inbound","from":"+79161234567","to":"+74951234567","extension":"101","at":"2026-01-06T12:00:00Z"}`,
		`{"event":"ended","call_id":"c1","direction":"outbound","from":"sip:101@pbx","to":"+1 (415) 555-01-01","at":"2026-01-06T12:00:00.5+03:00","talk_seconds":42.0,"hangup_cause":16}`,
		`{"event":"recording","call_id":7,"at":"2026-01-06T12:00:00Z","recording_url":"https://x/1"}`,
		`{"event":"answered","call_id":"\u0000","direction":"inbound","from":null,"to":"","at":"0000-01-01T00:00:00Z","talk_seconds":1e400}`,
		`[]`, `null`, `{`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	g := &generic{who: newParties([]string{"+74951234567"}, "RU")}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := g.read(body)
		if err != nil {
			return
		}
		wellFormed(t, in)
	})
}

func FuzzTwilioForm(f *testing.F) {
	for _, seed := range []string{
		"CallSid=CA1&From=%2B14155550101&To=%2B14155550199&CallStatus=ringing&Direction=inbound&CallerName=SMITH+JOHN",
		"CallSid=CA1&From=%2B266696687&To=%2B14155550199&CallStatus=completed&CallDuration=42&Direction=inbound&Timestamp=Wed%2C+15+May+2019+01%3A18%3A27+%2B0000",
		"CallSid=CAleg&ParentCallSid=CA1&CallStatus=in-progress&Direction=outbound-dial",
		"CallSid=CA1&DialCallStatus=completed&DialCallDuration=-5&DialCallSid=CA2",
		"CallSid=CA1&RecordingSid=RE1&RecordingUrl=https%3A%2F%2Fapi.twilio.com%2FRE1&RecordingStatus=completed",
		"CallSid=%00&From=client%3A", "=", "CallSid=CA1&CallStatus=%ff",
	} {
		f.Add(seed)
	}
	tw := &twilio{cfg: config{Unavailable: "No."}, who: newParties(nil, ""), hookURL: "https://x.test/hooks/telephony/1"}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		for _, path := range []string{"", "dial", "status", "recording"} {
			read, answer := tw.reader(path)
			in, err := tw.understand(read, form, time.Unix(1767700800, 0))
			if err == nil && in.Ignore == "" {
				wellFormed(t, in)
			}
			if twilioKey(path, form, []byte(body)) == "" {
				t.Error("no key")
			}
			if a := answer(form); a.Status/100 != 2 {
				t.Errorf("answered %d", a.Status)
			}
		}
	})
}

func wellFormed(t *testing.T, in connectors.Inbound) {
	t.Helper()
	if in.Quarantine != "" {
		return
	}
	c := in.Call
	if c == nil || c.CallID == "" || c.At.IsZero() || !slices.Contains(eventTypes, c.Type) || in.Thread.Key == "" {
		t.Errorf("%+v %+v", in, c)
	}
	for _, s := range []string{c.CallID, c.Direction, c.From, c.To, c.Extension, c.HangupCause, c.RecordingRef, c.RecordingKey} {
		if strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
			t.Errorf("%q", s)
		}
	}
	for _, claim := range in.Sender.Claims {
		if claim.Value == "" || isHidden(claim.Value) && claim.Kind == connectors.KindPhone {
			t.Errorf("claim %+v", claim)
		}
	}
}
