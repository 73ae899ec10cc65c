package telephony

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"parley/connectors"
)

// What we answer to a call, as Twilio's markup (https://www.twilio.com/docs/voice/twiml).
type (
	response struct {
		XMLName xml.Name `xml:"Response"`
		Verbs   []any
	}
	say struct {
		XMLName  xml.Name `xml:"Say"`
		Language string   `xml:"language,attr,omitempty"`
		Text     string   `xml:",chardata"`
	}
	dial struct {
		XMLName           xml.Name `xml:"Dial"`
		AnswerOnBridge    bool     `xml:"answerOnBridge,attr"`
		Timeout           int      `xml:"timeout,attr"`
		Action            string   `xml:"action,attr"`
		Record            string   `xml:"record,attr,omitempty"`
		RecordingCallback string   `xml:"recordingStatusCallback,attr,omitempty"`
		RecordingEvents   string   `xml:"recordingStatusCallbackEvent,attr,omitempty"`
		Targets           []target
	}
	target struct {
		XMLName        xml.Name
		StatusCallback string `xml:"statusCallback,attr,omitempty"`
		StatusEvents   string `xml:"statusCallbackEvent,attr,omitempty"`
		To             string `xml:",chardata"`
	}
	redirect struct {
		XMLName xml.Name `xml:"Redirect"`
		URL     string   `xml:",chardata"`
	}
	hangup struct {
		XMLName xml.Name `xml:"Hangup"`
	}
)

var (
	dialableNumber = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)
	sipAddress     = regexp.MustCompile(`^sips?:[^\s<>@]+@[^\s<>@]+$`)
	twilioClient   = regexp.MustCompile(`^client:[A-Za-z0-9_]+$`)
)

// ringTarget is how one entry of config.ring is dialled, nil when it cannot be.
func ringTarget(to string) *target {
	switch {
	case dialableNumber.MatchString(to):
		return &target{XMLName: xml.Name{Local: "Number"}, To: to}
	case sipAddress.MatchString(to):
		return &target{XMLName: xml.Name{Local: "Sip"}, To: to}
	case twilioClient.MatchString(to):
		return &target{XMLName: xml.Name{Local: "Client"}, To: strings.TrimPrefix(to, "client:")}
	}
	return nil
}

// answerCall rings the agents. With nobody to ring it goes on to /dial, which says so.
func (t *twilio) answerCall(form url.Values) connectors.WebhookAnswer {
	if form.Get("Direction") != "inbound" {
		return twiml()
	}
	var verbs []any
	if t.cfg.Greeting != "" {
		verbs = append(verbs, t.say(t.cfg.Greeting))
	}
	if len(t.cfg.Ring) == 0 {
		return twiml(append(verbs, redirect{URL: t.hookURL + "/dial"})...)
	}
	if t.records() {
		verbs = append(verbs, t.say(t.cfg.Consent))
	}
	return twiml(append(verbs, t.dial())...)
}

// records: never without having told the caller.
func (t *twilio) records() bool { return t.cfg.Recording.Fetch && t.cfg.Consent != "" }

func (t *twilio) dial() dial {
	d := dial{AnswerOnBridge: true, Timeout: t.cfg.RingSeconds, Action: t.hookURL + "/dial"}
	if t.records() {
		d.Record = "record-from-answer-dual"
		d.RecordingCallback = t.hookURL + "/recording"
		d.RecordingEvents = "completed absent"
	}
	for _, to := range t.cfg.Ring {
		leg := ringTarget(to)
		leg.StatusCallback, leg.StatusEvents = t.hookURL+"/status", "answered"
		d.Targets = append(d.Targets, *leg)
	}
	return d
}

// afterDial ends the call, with a word of regret when nobody answered.
func (t *twilio) afterDial(form url.Values) connectors.WebhookAnswer {
	switch form.Get("DialCallStatus") {
	case "completed", "answered":
		return twiml(hangup{})
	}
	return twiml(t.say(t.cfg.Unavailable), hangup{})
}

func (t *twilio) say(text string) say { return say{Language: t.cfg.Language, Text: text} }

func twiml(verbs ...any) connectors.WebhookAnswer {
	body, err := xml.Marshal(response{Verbs: verbs})
	if err != nil {
		return connectors.WebhookAnswer{Status: http.StatusInternalServerError}
	}
	return connectors.WebhookAnswer{Status: http.StatusOK, Type: "text/xml; charset=utf-8", Body: append([]byte(xml.Header), body...)}
}

func silence(url.Values) connectors.WebhookAnswer {
	return connectors.WebhookAnswer{Status: http.StatusNoContent}
}
