// Package form takes what people send through forms on websites: any form that can post JSON, urlencoded or multipart fields
// to the channel's address, whatever its builder calls them (CONTRACT §3).
package form

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"parley/connectors"
	"parley/internal/origin"
)

// Config is a form's config as the API takes it.
type Config struct {
	// Fields says what the form's own fields mean: posted name → one of the meanings ("email", "phone", "name", "message" …),
	// "text" for a line of the message, "ignore" for nothing. What is not named here is recognised by its name.
	Fields         map[string]string `json:"fields"`
	AllowedOrigins []string          `json:"allowed_origins"` // scheme://host[:port] each, or "*"
	Honeypot       string            `json:"honeypot"`        // the field that people never see; "_hp" when empty
	RedirectURL    string            `json:"redirect_url"`    // where a browser goes afterwards
	Region         string            `json:"default_region"`
}

// Factory makes forms.
var Factory = connectors.Factory{
	Type:  connectors.Form,
	Check: check,
	New: func(ch connectors.Channel, host connectors.Host) (connectors.Connector, error) {
		return New(ch, host)
	},
}

func check(raw json.RawMessage) []connectors.FieldError {
	var c Config
	if err := json.Unmarshal(raw, &c); err != nil {
		return []connectors.FieldError{{Field: "config", Code: "malformed", Message: "the config of a form is an object with texts, a list of origins and a map of fields"}}
	}
	var bad []connectors.FieldError
	for i, o := range c.AllowedOrigins {
		if o == origin.Any {
			continue
		}
		if _, err := origin.Parse(o); err != nil {
			bad = append(bad, connectors.FieldError{Field: fmt.Sprintf("allowed_origins.%d", i), Code: "invalid", Message: err.Error()})
		}
	}
	for name, m := range c.Fields {
		if !slices.Contains(meanings, meaning(m)) {
			bad = append(bad, connectors.FieldError{Field: "fields." + name, Code: "unknown", Message: "a field means one of: " + meaningList()})
		}
	}
	if u, err := url.Parse(c.RedirectURL); c.RedirectURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		bad = append(bad, connectors.FieldError{Field: "redirect_url", Code: "invalid", Message: "this needs a whole address, https://…"})
	}
	return bad
}

func meaningList() string {
	all := make([]string, len(meanings))
	for i, m := range meanings {
		all[i] = string(m)
	}
	return strings.Join(all, ", ")
}

// Connector is one website form.
type Connector struct {
	channel connectors.Channel
	host    connectors.Host
	config  Config
	hub     string // public URL, whose pages may always post
	turns   [slots]chan struct{}
}

// New makes a form.
func New(ch connectors.Channel, host connectors.Host) (*Connector, error) {
	c := &Connector{channel: ch, host: host, hub: origin.Of(ch.HookURL)}
	if err := json.Unmarshal(ch.Config, &c.config); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if ch.Region != "" {
		c.config.Region = ch.Region
	}
	for i := range c.turns {
		c.turns[i] = make(chan struct{}, 1)
	}
	return c, nil
}

// Run waits for ctx: a form only takes posts.
func (c *Connector) Run(ctx context.Context, sink connectors.Sink) error {
	sink.Report(ctx, connectors.Health{State: connectors.StateConnected, Detail: "ready for posts"})
	<-ctx.Done()
	return nil
}

// Send fails for good: a form has no way back. Answers go to the person's email or phone, through another channel.
func (c *Connector) Send(context.Context, connectors.Outbound) (connectors.Receipt, error) {
	return connectors.Receipt{}, connectors.Permanent(fmt.Errorf("a form can't be answered: write to the person's email or phone instead"))
}
