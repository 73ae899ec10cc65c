package telephony

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/connectors"
	"parley/connectors/internal/twiliosig"
)

// twilio is Twilio Voice (https://www.twilio.com/docs/voice/twiml). Below the hook's URL it calls
//
//	""          an incoming call; the answer tells it whom to ring
//	/dial       when the agents' legs are over, or nobody was rung
//	/status     what becomes of a call (to be set at the number), and of an agent's leg (which we ask for)
//	/recording  when a recording is there
type twilio struct {
	cfg     config
	who     parties
	hookURL string
}

func (t *twilio) take(req connectors.WebhookRequest, now time.Time) (connectors.Inbound, connectors.WebhookAnswer, error) {
	path := strings.Trim(req.Path, "/")
	read, answer := t.reader(path)
	if read == nil {
		return connectors.Inbound{}, connectors.WebhookAnswer{}, &refusal{http.StatusNotFound, "Twilio Voice has no such hook"}
	}
	if !twiliosig.Valid(t.cfg.AuthToken, req.URL, req.Header, req.Body) {
		return connectors.Inbound{}, connectors.WebhookAnswer{}, forged("X-Twilio-Signature is missing or not made with this account's auth token over the public URL")
	}
	form, err := url.ParseQuery(string(req.Body))
	if err != nil {
		return connectors.Inbound{}, connectors.WebhookAnswer{}, &refusal{http.StatusBadRequest, "the body is not a form"}
	}
	in, err := t.understand(read, form, now)
	if err != nil {
		in = connectors.Inbound{Quarantine: err.Error()}
	}
	in.Key, in.Raw, in.RawType = twilioKey(path, form, req.Body), req.Body, "application/x-www-form-urlencoded"
	return in, answer(form), nil
}

// reading turns a form into a call event. An event without a type is nothing for a call, for the reason given.
type reading func(form url.Values) (call connectors.CallEvent, nothing string, err error)

func (t *twilio) reader(path string) (reading, func(url.Values) connectors.WebhookAnswer) {
	switch path {
	case "":
		return t.incoming, t.answerCall
	case "dial":
		return dialled, t.afterDial
	case "status":
		return status, silence
	case "recording":
		return recorded, silence
	}
	return nil, nil
}

func (t *twilio) understand(read reading, form url.Values, now time.Time) (connectors.Inbound, error) {
	call, nothing, err := read(form)
	if err != nil {
		return connectors.Inbound{}, err
	}
	call.At = timestamp(form, now)
	switch {
	case nothing != "":
		return connectors.Inbound{At: call.At, Kind: connectors.KindCall, Ignore: nothing}, nil
	case call.CallID == "":
		return connectors.Inbound{}, errors.New("CallSid is missing")
	case len(call.CallID) > 255:
		return connectors.Inbound{}, errors.New("CallSid is longer than 255 bytes")
	}
	return t.who.about(call), nil
}

// twilioKey is the same for the same request sent again: Twilio numbers the status callbacks of a call, and everything else happens once.
func twilioKey(path string, form url.Values, body []byte) string {
	call := printable(form.Get("CallSid"))
	if call == "" || len(call) > 255 {
		return fmt.Sprintf("%s:%x", path, sha256.Sum256(body))
	}
	parts := []string{path, call}
	for _, name := range []string{"CallStatus", "SequenceNumber", "DialCallSid", "DialCallStatus", "RecordingSid", "RecordingStatus"} {
		if v := printable(form.Get(name)); v != "" {
			parts = append(parts, fmt.Sprintf("%.64s", v))
		}
	}
	return strings.Join(parts, ":")
}

// timestamp is RFC 2822 in status callbacks; the others have none.
func timestamp(form url.Values, now time.Time) time.Time {
	if at, err := time.Parse(time.RFC1123Z, form.Get("Timestamp")); err == nil {
		return at.UTC()
	}
	return now.UTC()
}

// about is what every form says of its call.
func about(form url.Values, typ string) connectors.CallEvent {
	call := connectors.CallEvent{CallID: printable(form.Get("CallSid")), Type: typ, From: printable(form.Get("From")), To: printable(form.Get("To"))}
	switch d := form.Get("Direction"); {
	case d == "inbound":
		call.Direction = "inbound"
	case strings.HasPrefix(d, "outbound"): // outbound-api, outbound-dial
		call.Direction = "outbound"
	}
	return call
}

func (t *twilio) incoming(form url.Values) (connectors.CallEvent, string, error) {
	call := about(form, connectors.CallRinging)
	if call.Direction == "inbound" {
		// Our TwiML has Twilio tell of the agents' legs; that the caller heard a greeting is no answer.
		call.Answered = new(bool)
	}
	return call, "", nil
}

// dialled reads the end of <Dial>. The caller's own leg is "completed" also when nobody picked up, so this alone tells missed from answered.
func dialled(form url.Values) (connectors.CallEvent, string, error) {
	call := about(form, connectors.CallEnded)
	outcome := form.Get("DialCallStatus")
	answered := outcome == "completed" || outcome == "answered"
	call.Answered = &answered
	if answered {
		call.TalkSeconds = seconds(form.Get("DialCallDuration"))
	} else {
		call.HangupCause = printable(outcome)
	}
	return call, "", nil
}

func status(form url.Values) (connectors.CallEvent, string, error) {
	if form.Get("ParentCallSid") != "" {
		return legStatus(form)
	}
	state := form.Get("CallStatus")
	switch state {
	case "queued", "initiated", "ringing":
		return about(form, connectors.CallRinging), "", nil
	case "in-progress", "answered":
		return connectors.CallEvent{}, "the caller's leg is up, which says nothing of an agent", nil
	case "completed":
		call := about(form, connectors.CallEnded)
		call.TalkSeconds = seconds(form.Get("CallDuration"))
		return call, "", nil
	case "busy", "failed", "no-answer", "canceled":
		call := about(form, connectors.CallEnded)
		call.Answered, call.HangupCause = new(bool), state
		return call, "", nil
	}
	return connectors.CallEvent{}, "", fmt.Errorf("CallStatus %.40q is not known", state)
}

// legStatus reads an agent's leg, which our <Number> asked to hear of. It belongs to the caller's call, and carries the caller's number.
func legStatus(form url.Values) (connectors.CallEvent, string, error) {
	switch state := form.Get("CallStatus"); state {
	case "in-progress", "answered":
		call := about(form, connectors.CallAnswered)
		call.CallID, call.Direction = printable(form.Get("ParentCallSid")), "inbound"
		call.Extension, call.To = call.To, ""
		return call, "", nil
	case "queued", "initiated", "ringing", "completed", "busy", "failed", "no-answer", "canceled":
		return connectors.CallEvent{}, "an agent's leg; what became of the call comes with the end of the dialling", nil
	default:
		return connectors.CallEvent{}, "", fmt.Errorf("CallStatus %.40q of a leg is not known", state)
	}
}

func recorded(form url.Values) (connectors.CallEvent, string, error) {
	state := form.Get("RecordingStatus")
	switch {
	case slices.Contains([]string{"in-progress", "paused", "stopped", "processing", "absent", "failed", "deleted"}, state):
		return connectors.CallEvent{}, "no recording to fetch: " + state, nil
	case state != "completed":
		return connectors.CallEvent{}, "", fmt.Errorf("RecordingStatus %.40q is not known", state)
	case form.Get("RecordingUrl") == "" || form.Get("RecordingSid") == "":
		return connectors.CallEvent{}, "", errors.New("RecordingUrl or RecordingSid is missing")
	}
	call := about(form, connectors.CallRecording)
	call.RecordingRef, call.RecordingKey = printable(form.Get("RecordingUrl")), printable(form.Get("RecordingSid"))
	return call, "", nil
}

func seconds(s string) *int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return nil
	}
	return &n
}

func (t *twilio) accountURL() string {
	base := twilioAPI
	if api := t.cfg.api(); api != nil {
		base = api.String()
	}
	return base + "/2010-04-01/Accounts/" + url.PathEscape(t.cfg.AccountSID) + ".json"
}

// recording is Twilio's link with the format we want: mp3 has both channels in a tenth of wav's size. Where api_url is given,
// links to twilio.com go there.
func (t *twilio) recording(ref string) (*url.URL, error) {
	u, err := url.Parse(ref)
	api := t.cfg.api()
	if err != nil || !mayCarry(u, api) {
		return nil, errors.New("Twilio's link to the recording is not https")
	}
	if api != nil && isTwilio(u) {
		u.Scheme, u.Host, u.Path = api.Scheme, api.Host, api.Path+u.Path
		u.RawPath = ""
	}
	if !strings.HasSuffix(u.Path, ".mp3") && !strings.HasSuffix(u.Path, ".wav") {
		u.Path += ".mp3"
		u.RawPath = ""
	}
	return u, nil
}

// authorize gives the account's credentials to Twilio, or to whom api_url names, and to nobody else.
func (t *twilio) authorize(req *http.Request) {
	api := t.cfg.api()
	mine := api != nil && strings.EqualFold(req.URL.Host, api.Host) && req.URL.Scheme == api.Scheme
	if mine || isTwilio(req.URL) {
		req.SetBasicAuth(t.cfg.AccountSID, t.cfg.AuthToken)
	}
}

func isTwilio(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && (host == "api.twilio.com" || strings.HasSuffix(host, ".twilio.com"))
}
