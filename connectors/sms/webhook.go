package sms

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/twilio/twilio-go/client"

	"parley/connectors"
)

// The paths that Twilio calls, below the channel's hook URL.
const (
	inboundPath = ""
	statusPath  = "/status"
)

// Webhook takes a message or a delivery status.
func (t *twilio) Webhook(ctx context.Context, req connectors.WebhookRequest, sink connectors.Sink) connectors.WebhookAnswer {
	if req.Path != inboundPath && req.Path != statusPath {
		return connectors.WebhookAnswer{Status: http.StatusNotFound}
	}
	if req.Method != http.MethodPost {
		return connectors.WebhookAnswer{Status: http.StatusMethodNotAllowed, Header: map[string]string{"Allow": http.MethodPost}}
	}
	form, ok := formOf(req)
	if !ok {
		return connectors.WebhookAnswer{Status: http.StatusBadRequest}
	}
	if !t.signed(req, form) || form.Get("AccountSid") != t.config.AccountSID {
		return connectors.WebhookAnswer{Status: http.StatusForbidden}
	}
	if err := t.take(ctx, req, form, sink); err != nil {
		return connectors.WebhookAnswer{Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": "1"}}
	}
	return connectors.WebhookAnswer{Status: http.StatusOK, Type: "text/xml", Body: []byte("<Response/>")} // TwiML: nothing to answer
}

func (t *twilio) take(ctx context.Context, req connectors.WebhookRequest, form url.Values, sink connectors.Sink) error {
	if isStatus(req.Path, form) {
		if d, known := deliveryOf(form, req.Query.Get("mid"), t.host.Now()); known {
			return sink.Delivered(ctx, d)
		}
	}
	_, err := sink.Accept(ctx, parse(form, req.Body))
	return err
}

func formOf(req connectors.WebhookRequest) (url.Values, bool) {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, false
	}
	form, err := url.ParseQuery(string(req.Body))
	return form, err == nil && len(form) > 0
}

// signed checks X-Twilio-Signature over the public URL as it was called. The validator tries it with and without the
// default port. It knows one value per name, and Twilio's own libraries differ in how they sign a repeated name, so
// each way is tried; all need the auth token.
func (t *twilio) signed(req connectors.WebhookRequest, form url.Values) bool {
	shown := req.Header.Get("X-Twilio-Signature")
	if t.config.AuthToken == "" || shown == "" { // an empty token would accept anybody's signature
		return false
	}
	v := client.NewRequestValidator(t.config.AuthToken)
	for _, values := range []func([]string) []string{asSent, firstOnly, sortedOnce} {
		if v.Validate(req.URL, joined(form, values), shown) {
			return true
		}
	}
	return false
}

func asSent(v []string) []string    { return v }
func firstOnly(v []string) []string { return v[:1] }
func sortedOnce(v []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(v)))
}

// joined writes name and value of a repeated name one after another, as they are signed.
func joined(form url.Values, values func([]string) []string) map[string]string {
	fields := make(map[string]string, len(form))
	for name, all := range form {
		fields[name] = strings.Join(values(all), name)
	}
	return fields
}

// Replay reads a post of the journal again.
func (t *twilio) Replay(raw []byte, _, _ string) (connectors.Inbound, error) { return Parse(raw) }
