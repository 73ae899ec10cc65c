package sms

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"parley/connectors"
)

// externalPrefix marks a sender that is no telephone: a short code, an alphanumeric name.
const externalPrefix = "sms:"

// mediaLimit is more than any carrier's message holds; a number in a form is not to be trusted further.
const mediaLimit = 100

var phoneForm = regexp.MustCompile(`^\+[0-9]{7,15}$`)

// Parse makes an item of a form that Twilio posts (twilio.com/docs/messaging/guides/webhook-request). What names no
// message or no sender becomes an item in quarantine.
func Parse(body []byte) (connectors.Inbound, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return connectors.Inbound{}, fmt.Errorf("not a form: %w", err)
	}
	return parse(form, body), nil
}

func parse(form url.Values, body []byte) connectors.Inbound {
	in := connectors.Inbound{Raw: bytes.Clone(body), RawType: "application/x-www-form-urlencoded"}
	id := first(form, "MessageSid", "SmsMessageSid", "SmsSid")
	if why := notAMessage(form, id); why != "" {
		sum := sha256.Sum256(body)
		in.Key, in.Quarantine = "sha256:"+hex.EncodeToString(sum[:]), why
		return in
	}
	from, to := form.Get("From"), form.Get("To")
	in.Key, in.ProviderID = id, id
	in.Sender = senderOf(form)
	in.Thread.Key = from + "|" + first(form, "MessagingServiceSid", "To")
	in.Text = form.Get("Body")
	in.Parts = mediaOf(form)
	in.Recipients = []string{to}
	if in.Text == "" && form.Get("Latitude") != "" {
		in.Kind, in.Text = "location", placeOf(form)
	}
	return in
}

func notAMessage(form url.Values, id string) string {
	switch {
	case form.Get("CallSid") != "":
		return "a telephone call was reported to the address for messages: set this number's voice webhook to a telephony channel"
	case goesOut(form.Get("MessageStatus")):
		return "a delivery status that is not known: " + strconv.Quote(form.Get("MessageStatus"))
	case id == "":
		return "a message without a MessageSid"
	case form.Get("From") == "":
		return "a message without a sender"
	}
	return ""
}

func senderOf(form url.Values) connectors.Sender {
	s := connectors.Sender{Name: form.Get("ProfileName"), Claims: []connectors.Claim{claimOf(form.Get("From"))}}
	for field, name := range map[string]string{"city": "FromCity", "state": "FromState", "zip": "FromZip", "country": "FromCountry"} {
		v := form.Get(name)
		if v == "" {
			continue
		}
		if s.Fields == nil {
			s.Fields = map[string]string{}
		}
		s.Fields[field] = v
	}
	return s
}

// claimOf reads a sender. Only a full international number is a telephone; no number is made up for the others.
func claimOf(from string) connectors.Claim {
	number := strings.TrimPrefix(strings.TrimPrefix(from, "whatsapp:"), "rcs:")
	if phoneForm.MatchString(number) {
		return connectors.Claim{Kind: connectors.KindPhone, Value: number, Trust: connectors.TrustChannel}
	}
	return connectors.Claim{Kind: connectors.KindExternal, Value: externalPrefix + from, Trust: connectors.TrustChannel}
}

func mediaOf(form url.Values) []connectors.Attachment {
	n, _ := strconv.Atoi(form.Get("NumMedia"))
	var parts []connectors.Attachment
	for i := range min(n, mediaLimit) {
		ref := form.Get("MediaUrl" + strconv.Itoa(i))
		if ref == "" {
			continue
		}
		parts = append(parts, connectors.Attachment{MIME: form.Get("MediaContentType" + strconv.Itoa(i)), FetchRef: ref})
	}
	return parts
}

func placeOf(form url.Values) string {
	var lines []string
	for _, l := range []string{form.Get("Label"), form.Get("Address"), "📍 " + form.Get("Latitude") + ", " + form.Get("Longitude")} {
		if l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

func first(form url.Values, names ...string) string {
	for _, n := range names {
		if v := form.Get(n); v != "" {
			return v
		}
	}
	return ""
}
