package telegram

import (
	"context"
	"crypto/subtle"
	"net/http"

	"parley/connectors"
)

// Webhook takes one update that Telegram posts.
func (c *Connector) Webhook(ctx context.Context, req connectors.WebhookRequest, sink connectors.Sink) connectors.WebhookAnswer {
	shown := req.Header.Get("X-Telegram-Bot-Api-Secret-Token")
	switch {
	case req.Path != "":
		return connectors.WebhookAnswer{Status: http.StatusNotFound}
	case req.Method != http.MethodPost:
		return connectors.WebhookAnswer{Status: http.StatusMethodNotAllowed, Header: map[string]string{"Allow": http.MethodPost}}
	case subtle.ConstantTimeCompare([]byte(shown), []byte(c.secret)) != 1:
		return connectors.WebhookAnswer{Status: http.StatusForbidden}
	}
	in, err := Parse(req.Body)
	if err != nil {
		return connectors.WebhookAnswer{Status: http.StatusBadRequest}
	}
	if _, err := sink.Accept(ctx, in); err != nil {
		return connectors.WebhookAnswer{Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": "1"}}
	}
	return connectors.WebhookAnswer{Status: http.StatusOK}
}
