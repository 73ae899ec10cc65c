package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"parley/connectors"
)

const (
	officialTwilio = "https://api.twilio.com"
	twilioDeadline = 6 * time.Second
	retest         = 30 * time.Second // while Twilio cannot be reached
)

type twilioConfig struct {
	AccountSID          string `json:"account_sid"`
	AuthToken           string `json:"auth_token"`
	From                string `json:"from"`
	MessagingServiceSID string `json:"messaging_service_sid"`
	APIURL              string `json:"api_url"`
}

// twilio is one number, or one messaging service, of a Twilio account.
type twilio struct {
	config  twilioConfig
	base    *url.URL
	hookURL string
	host    connectors.Host
}

var (
	_ connectors.WebhookReceiver = (*twilio)(nil)
	_ connectors.MediaFetcher    = (*twilio)(nil)
	_ connectors.Finder          = (*twilio)(nil)
	_ connectors.Tester          = (*twilio)(nil)
)

var (
	accountForm = regexp.MustCompile(`^AC[0-9a-zA-Z]+$`)
	serviceForm = regexp.MustCompile(`^MG[0-9a-zA-Z]+$`)
	tokenForm   = regexp.MustCompile(`^[0-9a-zA-Z]+$`) // the SDK refuses all else
)

func checkTwilio(raw json.RawMessage) []connectors.FieldError {
	var c twilioConfig
	if err := json.Unmarshal(raw, &c); err != nil {
		return []connectors.FieldError{{Field: "config", Code: "malformed", Message: "this is not a Twilio channel's config"}}
	}
	var bad []connectors.FieldError
	must := func(ok bool, field, code, message string) {
		if !ok {
			bad = append(bad, connectors.FieldError{Field: field, Code: code, Message: message})
		}
	}
	must(accountForm.MatchString(c.AccountSID), "account_sid", "invalid", "an account SID begins with AC; the Twilio console shows it")
	must(tokenForm.MatchString(c.AuthToken), "auth_token", "invalid", "the auth token consists of letters and digits; the Twilio console shows it")
	must(c.From != "" || c.MessagingServiceSID != "", "from", "required", "give the number to send from, or a messaging service")
	must(c.MessagingServiceSID == "" || serviceForm.MatchString(c.MessagingServiceSID), "messaging_service_sid", "invalid", "a messaging service's SID begins with MG")
	_, err := twilioBase(c.APIURL)
	must(err == nil, "api_url", "invalid", "an address like https://api.twilio.com is needed")
	return bad
}

func twilioBase(apiURL string) (*url.URL, error) {
	if apiURL == "" {
		apiURL = officialTwilio
	}
	u, err := url.Parse(strings.TrimRight(apiURL, "/"))
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("not an address of an API")
	}
	return u, nil
}

func connectTwilio(ch connectors.Channel, host connectors.Host) (connectors.Connector, error) {
	var c twilioConfig
	if err := json.Unmarshal(ch.Config, &c); err != nil {
		return nil, fmt.Errorf("twilio config: %w", err)
	}
	base, err := twilioBase(c.APIURL)
	if err != nil {
		return nil, fmt.Errorf("twilio api_url: %w", err)
	}
	return &twilio{config: c, base: base, hookURL: ch.HookURL, host: host}, nil
}

// Run waits for ctx: Twilio calls in. Meanwhile it says whether the account can be used.
func (t *twilio) Run(ctx context.Context, sink connectors.Sink) error {
	sink.Report(ctx, connectors.Health{State: connectors.StateConnecting})
	for {
		err := t.Test(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case connectors.IsUnauthorized(err):
			return err
		case err == nil:
			sink.Report(ctx, connectors.Health{State: connectors.StateConnected})
			<-ctx.Done()
			return nil
		}
		sink.Report(ctx, connectors.Health{State: connectors.StateError, Detail: err.Error() + " (what customers write still comes in)"})
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retest):
		}
	}
}

// Test looks the account up.
func (t *twilio) Test(ctx context.Context) error {
	x, done := t.exchange(ctx)
	defer done()
	account, err := x.api().FetchAccount(t.config.AccountSID)
	if err != nil {
		return fmt.Errorf("look up the Twilio account: %w", x.verdict(err))
	}
	if s := value(account.Status); s != "active" {
		return fmt.Errorf("the Twilio account is not active but %q", s)
	}
	return nil
}

// Send hands one message over. Its status callback carries our id, so that a callback proves acceptance even when the
// answer to this call got lost.
func (t *twilio) Send(ctx context.Context, out connectors.Outbound) (connectors.Receipt, error) {
	params, err := t.create(out)
	if err != nil {
		return connectors.Receipt{}, connectors.Permanent(err)
	}
	x, done := t.exchange(ctx)
	defer done()
	m, err := x.api().CreateMessage(params)
	if err != nil {
		return connectors.Receipt{}, x.verdict(err)
	}
	if value(m.Sid) == "" {
		return connectors.Receipt{}, errors.New("Twilio answered without a message's SID")
	}
	return connectors.Receipt{ProviderID: *m.Sid}, nil
}

func (t *twilio) create(out connectors.Outbound) (*openapi.CreateMessageParams, error) {
	e := t.endsOf(out)
	p := &openapi.CreateMessageParams{}
	p.SetTo(e.to)
	if e.service != "" {
		p.SetMessagingServiceSid(e.service)
	} else {
		p.SetFrom(e.from)
	}
	if out.Text != "" {
		p.SetBody(out.Text)
	}
	p.SetStatusCallback(t.hookURL + "/status?mid=" + url.QueryEscape(out.MessageID))
	var links []string
	for _, part := range out.Parts {
		if part.URL == nil {
			return nil, fmt.Errorf("%q has no address from which Twilio could fetch it", part.Name)
		}
		links = append(links, part.URL(time.Hour))
	}
	if len(links) > 10 {
		return nil, errors.New("Twilio takes at most 10 files with a message")
	}
	if len(links) > 0 {
		p.SetMediaUrl(links)
	}
	return p, nil
}

// ends are the two parties of a message that goes out.
type ends struct{ to, from, service string }

// endsOf answers on the carrier that the customer used: a thread that began in WhatsApp goes on there.
func (t *twilio) endsOf(out connectors.Outbound) ends {
	e := ends{to: strings.TrimPrefix(out.To, externalPrefix), from: t.config.From, service: t.config.MessagingServiceSID}
	theirs, ours, _ := strings.Cut(out.ThreadKey, "|")
	if e.to == "" {
		e.to = theirs
	}
	carrier, _, named := strings.Cut(theirs, ":")
	if !named {
		return e
	}
	if !strings.Contains(e.to, ":") {
		e.to = carrier + ":" + e.to
	}
	if strings.HasPrefix(ours, carrier+":") {
		e.from, e.service = ours, ""
	}
	return e
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
