package telephony

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"parley/connectors"
)

// generic is any PBX that posts the event of CONTRACT §3, signed the way of Standard Webhooks (https://www.standardwebhooks.com).
type generic struct {
	key []byte
	who parties
	api *url.URL // nil when not given
}

const freshness = 5 * time.Minute

func (g *generic) take(req connectors.WebhookRequest, now time.Time) (connectors.Inbound, connectors.WebhookAnswer, error) {
	if strings.Trim(req.Path, "/") != "" {
		return connectors.Inbound{}, connectors.WebhookAnswer{}, &refusal{http.StatusNotFound, "events go to the hook's URL itself"}
	}
	if err := g.prove(req, now); err != nil {
		return connectors.Inbound{}, connectors.WebhookAnswer{}, err
	}
	in, err := g.read(req.Body)
	if err != nil {
		return connectors.Inbound{}, connectors.WebhookAnswer{}, err
	}
	in.Key, in.Raw, in.RawType = req.Header.Get("webhook-id"), req.Body, "application/json"
	return in, connectors.WebhookAnswer{Status: http.StatusNoContent}, nil
}

// prove accepts a request one of whose signatures is ours over id.timestamp.body and not older, or newer, than five minutes.
func (g *generic) prove(req connectors.WebhookRequest, now time.Time) error {
	id, stamp := req.Header.Get("webhook-id"), req.Header.Get("webhook-timestamp")
	switch {
	case id == "" || len(id) > 256 || printable(id) != id:
		return forged("webhook-id is missing, longer than 256 bytes or not text")
	case stamp == "":
		return forged("webhook-timestamp is missing")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return forged("webhook-timestamp is not a number of seconds since 1970")
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > freshness {
		return forged("webhook-timestamp is more than five minutes off our clock")
	}
	mac := hmac.New(sha256.New, g.key)
	_, _ = fmt.Fprintf(mac, "%s.%s.", id, stamp)
	_, _ = mac.Write(req.Body)
	want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, given := range strings.Fields(req.Header.Get("webhook-signature")) {
		if hmac.Equal([]byte(given), want) {
			return nil
		}
	}
	return forged("webhook-signature is missing or not made with this channel's secret")
}

// read understands a proven body. What is JSON and not an event of ours is quarantined with the reason.
func (g *generic) read(body []byte) (connectors.Inbound, error) {
	if !json.Valid(body) {
		return connectors.Inbound{}, &refusal{http.StatusBadRequest, "the body is not JSON"}
	}
	call, err := parseEvent(body)
	if err != nil {
		return connectors.Inbound{Quarantine: err.Error()}, nil
	}
	return g.who.about(call), nil
}

// event is the generic event as it is posted.
type event struct {
	Event        member     `json:"event"`
	CallID       member     `json:"call_id"`
	Direction    member     `json:"direction"`
	From         member     `json:"from"`
	To           member     `json:"to"`
	Extension    member     `json:"extension"`
	At           *time.Time `json:"at"`
	TalkSeconds  *float64   `json:"talk_seconds"`
	HangupCause  member     `json:"hangup_cause"`
	RecordingURL member     `json:"recording_url"`
}

// member is text, null for "", or a number that should have been text: many a PBX writes extensions and Q.850 causes so.
// Control characters are left out.
type member struct {
	given bool
	text  string
}

func (m *member) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		var n json.Number
		if json.Unmarshal(b, &n) != nil {
			return errors.New("a member that must be text is not")
		}
		s = n.String()
	}
	*m = member{true, printable(s)}
	return nil
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

func parseEvent(body []byte) (connectors.CallEvent, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return connectors.CallEvent{}, fmt.Errorf("not understood: %w", err)
	}
	if err := e.check(); err != nil {
		return connectors.CallEvent{}, err
	}
	call := connectors.CallEvent{
		CallID: e.CallID.text, Type: e.Event.text, Direction: e.Direction.text, From: e.From.text, To: e.To.text,
		Extension: e.Extension.text, At: e.At.UTC(), HangupCause: e.HangupCause.text, RecordingRef: e.RecordingURL.text,
	}
	if e.TalkSeconds != nil {
		whole := int(*e.TalkSeconds)
		call.TalkSeconds = &whole
	}
	return call, nil
}

var eventTypes = []string{connectors.CallRinging, connectors.CallAnswered, connectors.CallEnded, connectors.CallRecording}

func (e event) check() error {
	switch {
	case e.Event.text == "":
		return errors.New("event is missing")
	case !slices.Contains(eventTypes, e.Event.text):
		return fmt.Errorf("event %.40q is not known", e.Event.text)
	case e.CallID.text == "":
		return errors.New("call_id is missing")
	case len(e.CallID.text) > 255:
		return errors.New("call_id is longer than 255 bytes")
	case e.At == nil:
		return errors.New("at is missing")
	case e.At.Year() < 1970 || e.At.Year() > 2200:
		return errors.New("at is out of range")
	case !slices.Contains([]string{"", "inbound", "outbound"}, e.Direction.text):
		return fmt.Errorf("direction %.40q is neither inbound nor outbound", e.Direction.text)
	case e.TalkSeconds != nil && (*e.TalkSeconds < 0 || *e.TalkSeconds > 1e7):
		return errors.New("talk_seconds is out of range")
	case e.Event.text == connectors.CallRecording:
		return e.checkRecording()
	case e.Direction.text == "":
		return errors.New("direction is missing")
	case !e.From.given:
		return errors.New(`from is missing ("" when the number is hidden)`)
	case !e.To.given:
		return errors.New("to is missing")
	}
	return nil
}

// checkRecording asks for less: a recording finds its call by call_id alone.
func (e event) checkRecording() error {
	if e.RecordingURL.text == "" {
		return errors.New("recording_url is missing")
	}
	return nil
}

// recording takes https, and plain http only to the PBX named by api_url or inside our own network: an address there is dialled
// only if the installation's admin allowed it (server.allow_private_hosts).
func (g *generic) recording(ref string) (*url.URL, error) {
	u, err := url.Parse(ref)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("the recording's link is not a URL")
	case !mayCarry(u, g.api):
		return nil, errors.New("the recording's link is not https, nor on the PBX that api_url names")
	}
	return u, nil
}

func (g *generic) authorize(*http.Request) {}
