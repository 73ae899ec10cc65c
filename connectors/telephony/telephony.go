// Package telephony brings telephone calls in: the signed generic event that any PBX can be taught to post, and Twilio Voice.
// A provider's request becomes call events; what they amount to is decided in inbox/calls.
package telephony

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"parley/connectors"
)

// Factory makes the connectors of telephone lines.
func Factory() connectors.Factory {
	return connectors.Factory{
		Type:    connectors.Telephony,
		Check:   check,
		Secrets: []string{"secret", "auth_token"},
		New:     newLine,
	}
}

func newLine(ch connectors.Channel, host connectors.Host) (connectors.Connector, error) {
	cfg, complaints := readConfig(ch.Config)
	if len(complaints) > 0 {
		return nil, fmt.Errorf("telephony: %s: %s", complaints[0].Field, complaints[0].Message)
	}
	who := newParties(cfg.Numbers, ch.Region)
	if cfg.Provider == "twilio" {
		t := &twilio{cfg: cfg, who: who, hookURL: ch.HookURL}
		return &testedLine{line{cfg: cfg, host: host, provider: t}, t}, nil
	}
	return &line{cfg: cfg, host: host, provider: &generic{key: signingKey(cfg.Secret), who: who, api: cfg.api()}}, nil
}

// provider is what one PBX or carrier does in its own way.
type provider interface {
	// take proves and reads one request and prepares the answer to it. A *refusal is answered as it says.
	take(req connectors.WebhookRequest, now time.Time) (connectors.Inbound, connectors.WebhookAnswer, error)
	// recording says where a recording lies.
	recording(ref string) (*url.URL, error)
	// authorize puts credentials into a request, if they may go where it goes.
	authorize(req *http.Request)
}

// refusal is a request that is not taken: what the caller hears.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string { return r.reason }

func forged(format string, a ...any) error {
	return &refusal{http.StatusForbidden, fmt.Sprintf(format, a...)}
}

// line is one channel of telephone calls.
type line struct {
	cfg      config
	host     connectors.Host
	provider provider
}

// Run waits: calls come in by Webhook.
func (l *line) Run(ctx context.Context, sink connectors.Sink) error {
	sink.Report(ctx, connectors.Health{State: connectors.StateConnected, Detail: "waiting for the provider's calls"})
	<-ctx.Done()
	return nil
}

// Send refuses: nobody can be written to over the telephone.
func (l *line) Send(context.Context, connectors.Outbound) (connectors.Receipt, error) {
	return connectors.Receipt{}, connectors.Permanent(errors.New("a telephone line takes no written messages; call back, or answer on another channel"))
}

// Webhook takes one call of the provider.
func (l *line) Webhook(ctx context.Context, req connectors.WebhookRequest, sink connectors.Sink) connectors.WebhookAnswer {
	if req.Method != http.MethodPost {
		return connectors.WebhookAnswer{Status: http.StatusMethodNotAllowed, Header: map[string]string{"Allow": http.MethodPost}}
	}
	in, answer, err := l.provider.take(req, l.host.Now())
	var refused *refusal
	if errors.As(err, &refused) {
		return connectors.WebhookAnswer{Status: refused.status, Type: "text/plain; charset=utf-8", Body: []byte(refused.reason + "\n")}
	}
	if err != nil {
		l.host.Log.ErrorContext(ctx, "telephony webhook", "err", err)
		return connectors.WebhookAnswer{Status: http.StatusInternalServerError}
	}
	l.withoutRecording(&in)
	if _, err := sink.Accept(ctx, in); err != nil {
		l.host.Log.ErrorContext(ctx, "telephony webhook was not stored", "key", in.Key, "err", err)
		return connectors.WebhookAnswer{Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": "5"}}
	}
	return answer
}

// withoutRecording takes out what nobody asked for: recordings are off until the channel's admin turns them on.
func (l *line) withoutRecording(in *connectors.Inbound) {
	if l.cfg.Recording.Fetch || in.Call == nil {
		return
	}
	in.Call.RecordingRef, in.Call.RecordingKey = "", ""
	if in.Call.Type == connectors.CallRecording {
		in.Ignore = "a recording, and recording.fetch is off for this channel"
	}
}

// testedLine is a line whose credentials can be tried.
type testedLine struct {
	line
	twilio *twilio
}

const testTimeout = 15 * time.Second

// Test asks Twilio for the account. Unauthorized says that it does not know us.
func (l *testedLine) Test(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.twilio.accountURL(), nil)
	if err != nil {
		return fmt.Errorf("api_url: %w", err)
	}
	req.SetBasicAuth(l.cfg.AccountSID, l.cfg.AuthToken)
	res, err := l.host.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("Twilio cannot be reached: %w", err)
	}
	_ = res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden:
		return connectors.Unauthorized(errors.New("Twilio does not accept account_sid and auth_token"))
	case http.StatusNotFound:
		return errors.New("Twilio knows no account with this account_sid")
	}
	return fmt.Errorf("Twilio answers %s", res.Status)
}

const testPause = time.Minute

// Run tries the credentials until they are found good or bad, and goes on waiting for calls meanwhile: those need no way out.
func (l *testedLine) Run(ctx context.Context, sink connectors.Sink) error {
	for {
		err := l.Test(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case connectors.IsUnauthorized(err):
			return err
		case err == nil:
			return l.line.Run(ctx, sink)
		}
		sink.Report(ctx, connectors.Health{State: connectors.StateError, Detail: err.Error()})
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(testPause):
		}
	}
}

func check(raw json.RawMessage) []connectors.FieldError {
	_, complaints := readConfig(raw)
	return complaints
}
