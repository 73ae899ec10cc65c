package sms

import (
	"fmt"
	"net/url"
	"time"

	"parley/connectors"
)

// states are Twilio's words for a message that goes out (its OpenAPI, message_enum_status).
var states = map[string]string{
	"accepted": connectors.DeliverySent, "scheduled": connectors.DeliverySent, "queued": connectors.DeliverySent,
	"sending": connectors.DeliverySent, "sent": connectors.DeliverySent, "partially_delivered": connectors.DeliverySent,
	"delivered": connectors.DeliveryDelivered, "read": connectors.DeliveryRead,
	"undelivered": connectors.DeliveryFailed, "failed": connectors.DeliveryFailed, "canceled": connectors.DeliveryFailed,
}

// isStatus tells a delivery status from a message, also when a number's settings send both to one address.
func isStatus(path string, form url.Values) bool {
	return path == statusPath || goesOut(form.Get("MessageStatus"))
}

// goesOut tells a state of a message of ours from the two of a customer's.
func goesOut(status string) bool {
	return status != "" && status != "received" && status != "receiving"
}

// deliveryOf reads a status callback; known is false when it tells no state that we know of no message.
func deliveryOf(form url.Values, messageID string, now time.Time) (d connectors.Delivery, known bool) {
	status := first(form, "MessageStatus", "SmsStatus")
	d = connectors.Delivery{MessageID: messageID, ProviderID: first(form, "MessageSid", "SmsSid"), State: states[status], At: now}
	if d.State == connectors.DeliveryFailed {
		d.Reason = reasonFor(status, form.Get("ErrorCode"), form.Get("ErrorMessage"))
	}
	return d, d.State != "" && (d.MessageID != "" || d.ProviderID != "")
}

func reasonFor(status, code, message string) string {
	switch {
	case reasons[code] != "":
		return fmt.Sprintf("%s (Twilio %s)", reasons[code], code)
	case message != "" && code != "":
		return fmt.Sprintf("%s (Twilio %s)", message, code)
	case code != "":
		return "the carrier did not deliver it (Twilio " + code + ")"
	case status == "canceled":
		return "it was cancelled at Twilio"
	}
	return "the carrier did not deliver it and gave no reason"
}

// reasons put the commonest of Twilio's error codes (twilio.com/docs/api/errors) into words.
var reasons = map[string]string{
	"21211": "this is not a valid telephone number",
	"21408": "the Twilio account may not send to this country",
	"21610": "the recipient has unsubscribed by answering STOP",
	"21612": "this number cannot be reached from the channel's number",
	"21614": "this is not a mobile number",
	"30001": "too many messages are waiting at Twilio",
	"30002": "the Twilio account is suspended",
	"30003": "the recipient's phone cannot be reached: switched off, without signal, or no longer in use",
	"30004": "the recipient or their carrier blocks messages from this number",
	"30005": "the recipient's number is unknown or no longer in use",
	"30006": "this is a landline, or its carrier cannot be reached",
	"30007": "the carrier filtered it as unwanted",
	"30008": "the carrier did not say why",
	"30010": "its price is over the limit that the account set",
	"30032": "the toll-free number is not verified yet",
	"30034": "the number is not registered for business messages in the USA (A2P 10DLC)",
	"30410": "the carrier did not answer in time",
	"30450": "the carrier's store of messages for the recipient is full",
	"63003": "this number has no WhatsApp",
	"63016": "WhatsApp allows only approved templates later than 24 hours after the customer's last message",
	"63024": "this number has no WhatsApp",
}
