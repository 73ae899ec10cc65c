package telephony

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"parley/connectors"
)

// config is a telephone channel's config as the API takes it (CONTRACT §3).
type config struct {
	Provider string   `json:"provider"` // "generic" or "twilio"
	Numbers  []string `json:"numbers"`  // our own; never anybody's identity
	APIURL   string   `json:"api_url"`  // the provider's base URL, of a proxy, an emulator, or a PBX that serves recordings without TLS

	Recording struct {
		Fetch bool `json:"fetch"` // off until somebody turns it on
	} `json:"recording"`
	// Consent is what callers are told before a call is recorded. Twilio records only when it is set.
	Consent string `json:"consent"`

	Secret string `json:"secret"` // generic: whsec_…

	AccountSID  string   `json:"account_sid"` // from here on Twilio's
	AuthToken   string   `json:"auth_token"`
	Ring        []string `json:"ring"`         // whom an incoming call rings, all at once: +E.164, sip:…, client:…
	RingSeconds int      `json:"ring_seconds"` // how long, 5 to 600; default 25
	Greeting    string   `json:"greeting"`     // said to the caller first
	Unavailable string   `json:"unavailable"`  // said when nobody answered
	Language    string   `json:"language"`     // of what is said, BCP 47 as Twilio's <Say> knows it
}

const (
	defaultRingSeconds = 25
	defaultUnavailable = "Sorry, nobody can take your call right now."
	twilioAPI          = "https://api.twilio.com"
	minSecret          = 12 // bytes
)

// readConfig returns the config with its defaults, and what is wrong with it.
func readConfig(raw json.RawMessage) (config, []connectors.FieldError) {
	var cfg config
	if err := json.Unmarshal(raw, &cfg); err != nil {
		return config{}, []connectors.FieldError{typeError(err)}
	}
	if cfg.RingSeconds == 0 {
		cfg.RingSeconds = defaultRingSeconds
	}
	if cfg.Unavailable == "" {
		cfg.Unavailable = defaultUnavailable
	}
	var c complaints
	switch cfg.Provider {
	case "generic":
		c.checkGeneric(cfg)
	case "twilio":
		c.checkTwilio(cfg)
	case "":
		c.add("provider", "required", `say "generic" or "twilio"`)
	default:
		c.add("provider", "unknown", `must be "generic" or "twilio"`)
	}
	c.checkAPIURL(cfg.APIURL)
	return cfg, c
}

func typeError(err error) connectors.FieldError {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return connectors.FieldError{Field: wrong.Field, Code: "type", Message: "must not be a " + wrong.Value}
	}
	return connectors.FieldError{Code: "json", Message: "is not a JSON object"}
}

type complaints []connectors.FieldError

func (c *complaints) add(field, code, message string) {
	*c = append(*c, connectors.FieldError{Field: field, Code: code, Message: message})
}

func (c *complaints) checkGeneric(cfg config) {
	switch {
	case cfg.Secret == "":
		c.add("secret", "required", "the PBX signs its events with it: whsec_ and base64, as Standard Webhooks has it")
	case signingKey(cfg.Secret) == nil:
		c.add("secret", "invalid", "what follows whsec_ must be base64")
	case len(signingKey(cfg.Secret)) < minSecret:
		c.add("secret", "too_short", "at least 12 bytes, better 32")
	}
}

var alphanumeric = regexp.MustCompile(`^[A-Za-z0-9]+$`)

func (c *complaints) checkTwilio(cfg config) {
	if !alphanumeric.MatchString(cfg.AccountSID) {
		c.add("account_sid", "required", "the account's SID, AC and 32 characters")
	}
	if cfg.AuthToken == "" {
		c.add("auth_token", "required", "the account's auth token: Twilio signs with it, also when API keys are used elsewhere")
	}
	for _, to := range cfg.Ring {
		if ringTarget(to) == nil {
			c.add("ring", "invalid", `each must be a number like +14155550100, "sip:…" or "client:…"`)
			break
		}
	}
	if cfg.RingSeconds < 5 || cfg.RingSeconds > 600 {
		c.add("ring_seconds", "range", "5 to 600")
	}
}

func (c *complaints) checkAPIURL(raw string) {
	if raw == "" {
		return
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		c.add("api_url", "invalid", "must be like https://pbx.example.com")
	}
}

// api is the provider's base URL, nil when none is given.
func (cfg config) api() *url.URL {
	if cfg.APIURL == "" {
		return nil
	}
	u, err := url.Parse(strings.TrimRight(cfg.APIURL, "/"))
	if err != nil {
		return nil
	}
	return u
}

// signingKey is the key of a Standard Webhooks secret: the base64 after whsec_, or the bytes as they are. It is nil when that is no base64.
func signingKey(secret string) []byte {
	encoded, prefixed := strings.CutPrefix(secret, "whsec_")
	if !prefixed {
		return []byte(secret)
	}
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return nil
	}
	return key
}
