package email

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"parley/connectors"
)

// Config is the `config` of an email channel.
type Config struct {
	Address  string         `json:"address"`
	Name     string         `json:"name,omitempty"`
	IMAP     *IMAPConfig    `json:"imap,omitempty"`
	SMTP     *SMTPConfig    `json:"smtp,omitempty"`
	POP3     *POP3Config    `json:"pop3,omitempty"`
	OAuth    *OAuthConfig   `json:"oauth,omitempty"`
	Receiver ReceiverConfig `json:"receiver,omitzero"`
	// PlusAddressing puts the reply token into the Reply-To address (support+TOKEN@…). Off, threads go by References alone.
	PlusAddressing bool `json:"plus_addressing,omitempty"`
}

// IMAPConfig is the mailbox that is read.
type IMAPConfig struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`           // 0: 993, or 143 without security "tls"
	Security string `json:"security"`       // "tls" (default), "starttls", "none"
	Auth     string `json:"auth,omitempty"` // "password" (default) or "oauth2"
	Username string `json:"username"`
	Password string `json:"password,omitempty"`
	// Mailboxes to read; INBOX and the Sent folder when empty.
	Mailboxes []string `json:"mailboxes,omitempty"`
	// BackfillFrom lets mail in that is older than the channel: RFC 3339 or a date.
	BackfillFrom string `json:"backfill_from,omitempty"`
	// AuthservID names the receiving server whose Authentication-Results are believed (RFC 8601).
	AuthservID string `json:"authserv_id,omitempty"`
}

// POP3Config is the maildrop that is emptied or looked through where there is no IMAP.
type POP3Config struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`           // 0: 995, or 110 without security "tls"
	Security string `json:"security"`       // "tls" (default), "starttls", "none"
	Auth     string `json:"auth,omitempty"` // "password" (default) or "oauth2"
	Username string `json:"username"`
	Password string `json:"password,omitempty"`
	// BackfillFrom lets mail in that is older than the channel: RFC 3339 or a date.
	BackfillFrom string `json:"backfill_from,omitempty"`
	// DeleteAfterDays removes mail from the server so many days after it came in; 0: never.
	DeleteAfterDays int `json:"delete_after_days,omitempty"`
}

// SMTPConfig is the submission server that answers go through.
type SMTPConfig struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`           // 0: 465 with "tls", else 587
	Security string `json:"security"`       // "tls", "starttls" (default), "none"
	Auth     string `json:"auth,omitempty"` // "password" (default) or "oauth2"
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	// SaveToSent puts a copy of each sent mail into the Sent folder over IMAP. Off for providers that do it by themselves.
	SaveToSent bool `json:"save_to_sent,omitempty"`
	// PerMinute is how many mails may leave in a minute; 0: no limit.
	PerMinute int `json:"per_minute,omitempty"`
}

// ReceiverConfig is the channel's share of the built-in SMTP/LMTP receiver.
type ReceiverConfig struct {
	Enabled bool `json:"enabled"`
	// AuthservID names the mail server beside us whose Authentication-Results are believed in what it hands over by LMTP.
	AuthservID string `json:"authserv_id,omitempty"`
}

const (
	securityTLS      = "tls"
	securityStartTLS = "starttls"
	securityNone     = "none"
)

// readConfig is the config with its defaults. The config has passed check.
func readConfig(raw json.RawMessage) (Config, error) {
	var c Config
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("read the channel's config: %w", err)
	}
	if c.IMAP != nil {
		c.IMAP.Security = firstOf(c.IMAP.Security, securityTLS)
		c.IMAP.Port = portOr(c.IMAP.Port, c.IMAP.Security, 993, 143)
	}
	if c.POP3 != nil {
		c.POP3.Security = firstOf(c.POP3.Security, securityTLS)
		c.POP3.Port = portOr(c.POP3.Port, c.POP3.Security, 995, 110)
	}
	if c.SMTP != nil {
		c.SMTP.Security = firstOf(c.SMTP.Security, securityStartTLS)
		c.SMTP.Port = portOr(c.SMTP.Port, c.SMTP.Security, 465, 587)
	}
	return c, nil
}

func portOr(port int, security string, tls, other int) int {
	switch {
	case port != 0:
		return port
	case security == securityTLS:
		return tls
	}
	return other
}

// backfillFrom is the moment from which older mail comes in; zero when none is wanted.
func (c Config) backfillFrom() time.Time {
	var t time.Time
	if c.IMAP != nil {
		t, _ = parseMoment(c.IMAP.BackfillFrom) // checked
	} else if c.POP3 != nil {
		t, _ = parseMoment(c.POP3.BackfillFrom)
	}
	return t
}

// parseMoment reads a date or an RFC 3339 time; "" is the zero time.
func parseMoment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Parse(time.DateOnly, s)
}

func (c IMAPConfig) endpoint() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }
func (c POP3Config) endpoint() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }
func (c SMTPConfig) endpoint() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// check is Factory.Check.
func check(raw json.RawMessage) []connectors.FieldError {
	var c Config
	if err := json.Unmarshal(raw, &c); err != nil {
		field, te := "", &json.UnmarshalTypeError{}
		if errors.As(err, &te) {
			field = te.Field
		}
		return []connectors.FieldError{{Field: field, Code: "malformed", Message: "is not of the right type"}}
	}
	var bad complaints
	if !validAddress(c.Address) {
		bad.add("address", "invalid", "must be an email address")
	}
	if c.IMAP == nil && c.POP3 == nil && c.SMTP == nil && !c.Receiver.Enabled {
		bad.add("imap", "required", "give imap, pop3, smtp or the receiver: without one of them no mail can come or go")
	}
	if c.IMAP != nil {
		bad.imap(*c.IMAP)
	}
	if c.POP3 != nil {
		bad.pop3(*c.POP3, c.IMAP != nil)
	}
	if c.SMTP != nil {
		bad.smtp(*c.SMTP, c.IMAP != nil)
	}
	if c.usesOAuth() {
		bad.oauth(c.OAuth)
	}
	return bad
}

// usesOAuth tells whether one of the servers is signed in to with a token.
func (c Config) usesOAuth() bool {
	return c.IMAP != nil && c.IMAP.Auth == authOAuth2 || c.POP3 != nil && c.POP3.Auth == authOAuth2 || c.SMTP != nil && c.SMTP.Auth == authOAuth2
}

func (c *complaints) imap(cfg IMAPConfig) {
	c.server("imap", cfg.Host, cfg.Port, cfg.Security)
	c.signIn("imap", cfg.Auth, cfg.Username, cfg.Password)
	c.moment("imap.backfill_from", cfg.BackfillFrom)
	for _, m := range cfg.Mailboxes {
		if strings.TrimSpace(m) == "" || strings.ContainsAny(m, "\r\n\x00") {
			c.add("imap.mailboxes", "invalid", "a mailbox needs a name")
		}
	}
}

func (c *complaints) pop3(cfg POP3Config, imapToo bool) {
	if imapToo {
		c.add("pop3", "invalid", "give either imap or pop3: the same mail would come in twice")
	}
	c.server("pop3", cfg.Host, cfg.Port, cfg.Security)
	c.signIn("pop3", cfg.Auth, cfg.Username, cfg.Password)
	c.moment("pop3.backfill_from", cfg.BackfillFrom)
	if cfg.DeleteAfterDays < 0 || cfg.DeleteAfterDays > 3650 {
		c.add("pop3.delete_after_days", "invalid", "must be between 0 (never) and 3650")
	}
}

func (c *complaints) smtp(cfg SMTPConfig, imapToo bool) {
	c.server("smtp", cfg.Host, cfg.Port, cfg.Security)
	c.authKind("smtp", cfg.Auth)
	if cfg.Username == "" && (cfg.Password != "" || cfg.Auth == authOAuth2) {
		c.add("smtp.username", "required", "is needed to sign in")
	}
	if cfg.SaveToSent && !imapToo {
		c.add("smtp.save_to_sent", "invalid", "needs imap: the copy is put into its Sent folder")
	}
	if cfg.PerMinute < 0 || cfg.PerMinute > 100_000 {
		c.add("smtp.per_minute", "invalid", "must be between 0 (no limit) and 100000")
	}
}

func (c *complaints) signIn(prefix, auth, username, password string) {
	c.authKind(prefix, auth)
	c.require(prefix+".username", username)
	if auth != authOAuth2 {
		c.require(prefix+".password", password)
	}
}

func (c *complaints) moment(field, value string) {
	if _, err := parseMoment(value); err != nil {
		c.add(field, "invalid", "must be a date (2026-01-31) or a time (RFC 3339)")
	}
}

func (c *complaints) authKind(prefix, auth string) {
	if auth != "" && auth != authPassword && auth != authOAuth2 {
		c.add(prefix+".auth", "invalid", `must be "password" or "oauth2"`)
	}
}

type complaints []connectors.FieldError

func (c *complaints) add(field, code, message string) {
	*c = append(*c, connectors.FieldError{Field: field, Code: code, Message: message})
}

func (c *complaints) require(field, value string) {
	if value == "" {
		c.add(field, "required", "is required")
	}
}

func (c *complaints) server(prefix, host string, port int, security string) {
	c.require(prefix+".host", host)
	if strings.ContainsAny(host, " \r\n\t/") {
		c.add(prefix+".host", "invalid", "must be a host name or an address")
	}
	if port < 0 || port > 65535 {
		c.add(prefix+".port", "invalid", "must be between 1 and 65535")
	}
	switch security {
	case "", securityTLS, securityStartTLS, securityNone:
	default:
		c.add(prefix+".security", "invalid", `must be "tls", "starttls" or "none"`)
	}
}

// validAddress is true for one plain address that may stand in a header and in an SMTP command.
func validAddress(a string) bool {
	at := strings.LastIndexByte(a, '@')
	return at > 0 && at < len(a)-1 && len(a) <= 254 && !strings.ContainsAny(a, " \t\r\n<>,;:\"()[]\\\x00") && strings.Count(a, "@") == 1
}
