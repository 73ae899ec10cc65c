package form

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"parley/connectors"
	"parley/internal/origin"
)

// Webhook takes one post, or the browser's question whether it may (preflight).
func (c *Connector) Webhook(ctx context.Context, req connectors.WebhookRequest, sink connectors.Sink) connectors.WebhookAnswer {
	if req.Path != "" && req.Path != "/" {
		return refuse(http.StatusNotFound, "there is nothing at this address")
	}
	from := req.Header.Get("Origin")
	if from != "" && !origin.Allowed(c.config.AllowedOrigins, from, c.hub) {
		return refuse(http.StatusForbidden, "this website may not post here: add "+from+" to the form's allowed origins")
	}
	var answer connectors.WebhookAnswer
	switch req.Method {
	case http.MethodOptions:
		answer = connectors.WebhookAnswer{Status: http.StatusNoContent, Header: map[string]string{
			"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key", "Access-Control-Max-Age": "86400"}}
	case http.MethodPost:
		answer = c.post(ctx, req, sink)
	default:
		answer = refuse(http.StatusMethodNotAllowed, "forms are posted here")
		answer.Header["Allow"] = "POST, OPTIONS"
	}
	c.letRead(&answer, from)
	return answer
}

// letRead allows the page that asked to read the answer (Fetch standard, CORS protocol).
func (c *Connector) letRead(a *connectors.WebhookAnswer, from string) {
	switch {
	case slices.Contains(c.config.AllowedOrigins, origin.Any):
		a.Header["Access-Control-Allow-Origin"] = "*"
	case from != "":
		a.Header["Access-Control-Allow-Origin"] = from
		a.Header["Vary"] = "Origin"
	}
}

func (c *Connector) post(ctx context.Context, req connectors.WebhookRequest, sink connectors.Sink) connectors.WebhookAnswer {
	p, err := parse(req.Header.Get("Content-Type"), req.Body, c.config.Region)
	switch {
	case errors.Is(err, errUnsupported):
		return refuse(http.StatusUnsupportedMediaType, "a form is posted as JSON, urlencoded or multipart")
	case errors.Is(err, errMalformed):
		return refuse(http.StatusBadRequest, "the body is not what its content type says")
	}
	in := c.inbound(p, req)
	if err != nil {
		in.Quarantine, in.Ignore, p = err.Error(), "", post{}
	}
	if err := c.acceptOnce(ctx, in, p, req, sink); err != nil {
		c.host.Log.ErrorContext(ctx, "a form's post was not stored", "channel", c.channel.ID, "error", err)
		a := refuse(http.StatusServiceUnavailable, "the form could not be stored just now, please send it again")
		a.Header["Retry-After"] = "5"
		return a
	}
	return c.thank(req)
}

// thank is the same for everybody, also for a bot in the trap.
func (c *Connector) thank(req connectors.WebhookRequest) connectors.WebhookAnswer {
	if c.config.RedirectURL != "" && fromBrowserForm(req) {
		return connectors.WebhookAnswer{Status: http.StatusSeeOther, Header: map[string]string{"Location": c.config.RedirectURL}}
	}
	return say(http.StatusOK, map[string]any{"ok": true})
}

// fromBrowserForm tells a form that the browser submits, to show the answer as a page, from a script's request.
func fromBrowserForm(req connectors.WebhookRequest) bool {
	if mode := req.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(req.Header.Get("Accept"), "text/html")
}

func refuse(status int, why string) connectors.WebhookAnswer {
	return say(status, map[string]any{"ok": false, "error": why})
}

func say(status int, v any) connectors.WebhookAnswer {
	b, _ := json.Marshal(v) // maps of strings and booleans only
	return connectors.WebhookAnswer{Status: status, Type: "application/json", Body: b, Header: map[string]string{}}
}

// Replay reads a post of the journal again: its content type was kept with it.
func (c *Connector) Replay(raw []byte, rawType, _ string) (connectors.Inbound, error) {
	p, err := parse(rawType, raw, c.config.Region)
	if err != nil {
		return connectors.Inbound{}, err
	}
	return c.inbound(p, connectors.WebhookRequest{Method: http.MethodPost, Header: http.Header{"Content-Type": {rawType}}, Body: raw}), nil
}
