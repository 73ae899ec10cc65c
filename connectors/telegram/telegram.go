// Package telegram connects a Telegram bot: what people write to it by long polling or webhook, answers, files.
// Everything goes through raw calls of the Bot API (core.telegram.org/bots/api), since the library's types end at version
// 5.5 and its own update loop confirms updates before they are stored.
package telegram

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"parley/connectors"
)

// The modes of a channel.
const (
	modePolling = "polling"
	modeWebhook = "webhook"
)

const officialAPI = "https://api.telegram.org"

type config struct {
	Token         string `json:"token"`
	Mode          string `json:"mode"`
	WebhookSecret string `json:"webhook_secret"`
	APIURL        string `json:"api_url"`
}

// Factory makes Telegram bots.
func Factory() connectors.Factory {
	return connectors.Factory{
		Type:    connectors.Telegram,
		Check:   check,
		Secrets: []string{"token", "webhook_secret"},
		New: func(ch connectors.Channel, host connectors.Host) (connectors.Connector, error) {
			return New(ch, host)
		},
	}
}

var (
	tokenForm  = regexp.MustCompile(`^[0-9]+:[A-Za-z0-9_-]+$`)
	secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
)

func check(raw json.RawMessage) []connectors.FieldError {
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return []connectors.FieldError{{Field: "config", Code: "malformed", Message: "this is not a Telegram channel's config"}}
	}
	var bad []connectors.FieldError
	complain := func(field, code, message string) {
		bad = append(bad, connectors.FieldError{Field: field, Code: code, Message: message})
	}
	switch {
	case c.Token == "":
		complain("token", "required", "the bot's token, as @BotFather gave it, is missing")
	case !tokenForm.MatchString(c.Token):
		complain("token", "invalid", "a bot's token looks like 123456789:AAE…; copy it whole from @BotFather")
	}
	if c.Mode != "" && c.Mode != modePolling && c.Mode != modeWebhook {
		complain("mode", "invalid", `mode is "polling" or "webhook"`)
	}
	if c.WebhookSecret != "" && !secretForm.MatchString(c.WebhookSecret) {
		complain("webhook_secret", "invalid", "1 to 256 letters, digits, _ and - are allowed")
	}
	if c.APIURL != "" && !isBaseURL(c.APIURL) {
		complain("api_url", "invalid", "an address like https://api.telegram.org is needed")
	}
	return bad
}

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// Connector is one bot.
type Connector struct {
	api     *api
	pace    *pace
	mode    string
	secret  string // that Telegram shows when it calls our webhook
	hookURL string

	pollFor       time.Duration // how long getUpdates may wait for news
	conflictPause time.Duration // before asking again after another reader was there
}

var (
	_ connectors.WebhookReceiver = (*Connector)(nil)
	_ connectors.MediaFetcher    = (*Connector)(nil)
	_ connectors.Tester          = (*Connector)(nil)
	_ connectors.Typer           = (*Connector)(nil)
)

// New makes the connector of a channel whose config passed the factory's Check.
func New(ch connectors.Channel, host connectors.Host) (*Connector, error) {
	var c config
	if err := json.Unmarshal(ch.Config, &c); err != nil {
		return nil, fmt.Errorf("telegram config: %w", err)
	}
	if c.Mode == "" {
		c.Mode = modePolling
	}
	if c.APIURL == "" {
		c.APIURL = officialAPI
	}
	if c.WebhookSecret == "" {
		c.WebhookSecret = derivedSecret(ch.Secret)
	}
	return &Connector{
		api:     &api{base: strings.TrimRight(c.APIURL, "/"), token: c.Token, http: host.HTTP},
		pace:    newPace(host.Now),
		mode:    c.Mode,
		secret:  c.WebhookSecret,
		hookURL: ch.HookURL,
		pollFor: 50 * time.Second, conflictPause: 10 * time.Second,
	}, nil
}

func derivedSecret(channel []byte) string {
	mac := hmac.New(sha256.New, channel)
	mac.Write([]byte("telegram webhook secret"))
	return hex.EncodeToString(mac.Sum(nil))
}

// Test asks Telegram who the bot is.
func (c *Connector) Test(ctx context.Context) error {
	_, err := c.whoAmI(ctx)
	return err
}

func (c *Connector) whoAmI(ctx context.Context) (username string, err error) {
	result, err := c.api.call(ctx, "getMe", nil)
	if err != nil {
		return "", fmt.Errorf("ask Telegram who the bot is: %w", err)
	}
	var me user
	if err := json.Unmarshal(result, &me); err != nil {
		return "", fmt.Errorf("Telegram's answer about the bot: %w", err)
	}
	return me.Username, nil
}

// Typing shows the person that somebody is writing, for about five seconds.
func (c *Connector) Typing(ctx context.Context, threadKey string) error {
	to, err := parsePlace(threadKey)
	if err != nil {
		return err
	}
	p := to.params()
	p["action"] = "typing"
	_, err = c.api.call(ctx, "sendChatAction", p)
	return err
}
