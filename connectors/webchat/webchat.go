// Package webchat is the visitor's side of website chat: who a visitor is, and the frames that go over their socket
// (CONTRACT §5). The upgrade, the frame limit and the socket's own pings belong to whoever serves HTTP.
//
// What a visitor writes goes through the sink like every channel's. What an agent answers reaches the visitor through the
// event log (Feed), so Send has nothing to hand over and every tab of the visitor, on every node, hears it.
package webchat

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"parley/connectors"
	"parley/internal/origin"
)

// Config is a web chat's config as the API takes it.
type Config struct {
	AllowedOrigins []string `json:"allowed_origins"` // scheme://host[:port] each, or "*"
	Greeting       string   `json:"greeting"`
	IdentitySecret string   `json:"identity_secret"` // signs identity tokens; "" switches them off
	Title          string   `json:"title"`
	Color          string   `json:"color"`    // #rrggbb
	Position       string   `json:"position"` // "left" or "right"
}

// Factory makes web chats.
var Factory = connectors.Factory{
	Type:    connectors.Webchat,
	Check:   check,
	Secrets: []string{"identity_secret"},
	New: func(ch connectors.Channel, host connectors.Host) (connectors.Connector, error) {
		return New(ch, host)
	},
}

var hexColor = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func check(raw json.RawMessage) []connectors.FieldError {
	var c Config
	if err := json.Unmarshal(raw, &c); err != nil {
		return []connectors.FieldError{{Field: "config", Code: "malformed", Message: "the config of a web chat is an object with texts and a list of origins"}}
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
	if c.IdentitySecret != "" && len(c.IdentitySecret) < minIdentitySecret {
		bad = append(bad, connectors.FieldError{Field: "identity_secret", Code: "too_short", Message: fmt.Sprintf("the secret needs at least %d characters", minIdentitySecret)})
	}
	if c.Color != "" && !hexColor.MatchString(c.Color) {
		bad = append(bad, connectors.FieldError{Field: "color", Code: "invalid", Message: "a colour is written #rrggbb"})
	}
	if c.Position != "" && c.Position != "left" && c.Position != "right" {
		bad = append(bad, connectors.FieldError{Field: "position", Code: "invalid", Message: `the position is "left" or "right"`})
	}
	return bad
}

// OriginAllowed tells whether a page of that origin may open the chat's socket: "*" allows all, the hub's own origin (hub is
// its public URL) always; an absent Origin never.
func OriginAllowed(config json.RawMessage, from, hub string) bool {
	var c Config
	if json.Unmarshal(config, &c) != nil || from == "" {
		return false
	}
	return origin.Allowed(c.AllowedOrigins, from, hub)
}

// FrameAncestors is the Content-Security-Policy directive for the panel's page, so that only allowed websites can frame it.
// The panel's own socket comes from the hub's origin; this is where the website's is checked.
func FrameAncestors(config json.RawMessage) string {
	var c Config
	_ = json.Unmarshal(config, &c) // a config that does not parse allows nobody but the hub
	allowed := []string{"frame-ancestors", "'self'"}
	for _, a := range c.AllowedOrigins {
		if a == origin.Any {
			return "frame-ancestors *"
		}
		if o, err := origin.Parse(a); err == nil {
			allowed = append(allowed, o)
		}
	}
	return strings.Join(allowed, " ")
}

// Connector is one website's chat.
type Connector struct {
	channel connectors.Channel
	host    connectors.Host
	config  Config

	mu     sync.Mutex // guards visits, the live sockets
	visits map[*session]struct{}
}

// New makes a web chat.
func New(ch connectors.Channel, host connectors.Host) (*Connector, error) {
	var c Config
	if err := json.Unmarshal(ch.Config, &c); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if len(ch.Secret) < 16 {
		return nil, fmt.Errorf("a web chat needs a secret of its own for visitors' tokens")
	}
	return &Connector{channel: ch, host: host, config: c, visits: map[*session]struct{}{}}, nil
}

// Run waits for the end of ctx and sends the visitors' sockets away then: they come back to the chat as it is configured by then.
func (c *Connector) Run(ctx context.Context, sink connectors.Sink) error {
	sink.Report(ctx, connectors.Health{State: connectors.StateConnected, Detail: "ready for visitors"})
	<-ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.visits {
		go s.conn.Close(closeRestart, "the chat is being restarted")
	}
	return nil
}

// Send takes the message at once: it is in the event log already, from which the visitor's sockets get it.
func (c *Connector) Send(_ context.Context, out connectors.Outbound) (connectors.Receipt, error) {
	return connectors.Receipt{ProviderID: out.MessageID}, nil
}

func (c *Connector) enter(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.visits[s] = struct{}{}
}

func (c *Connector) leave(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.visits, s)
}
