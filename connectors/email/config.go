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
	Receiver ReceiverConfig `json:"receiver,omitzero"`
	// PlusAddressing puts the reply token into the Reply-To address (support+TOKEN@…). Off, threads go by References alone.
	PlusAddressing bool `json:"plus_addressing,omitempty"`
}

// IMAPConfig is the mailbox that is read.
type IMAPConfig struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`     // 0: 993, or 143 without security "tls"
	Security string `json:"security"` // "tls" (default), "starttls", "none"
	Username string `json:"username"`
	Password string `json:"password"`
	// Mailboxes to read; INBOX when empty.
	Mailboxes []string `json:"mailboxes,omitempty"`
	// BackfillFrom lets mail in that is older than the channel: RFC 3339 or a date.
	BackfillFrom string `json:"backfill_from,omitempty"`
	// AuthservID names the receiving server whose Authentication-Results are believed (RFC 8601).
	AuthservID string `json:"authserv_id,omitempty"`
}

// SMTPConfig is the submission server that answers go through.
type SMTPConfig struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`     // 0: 465 with "tls", else 587
	Security string `json:"security"` // "tls", "starttls" (default), "none"
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// ReceiverConfig is the channel's share of the built-in SMTP/LMTP receiver.
type ReceiverConfig struct {
	Enabled bool `json:"enabled"`
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
		if len(c.IMAP.Mailboxes) == 0 {
			c.IMAP.Mailboxes = []string{"INBOX"}
		}
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
func (c IMAPConfig) backfillFrom() (time.Time, error) {
	if c.BackfillFrom == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, c.BackfillFrom); err == nil {
		return t, nil
	}
	return time.Parse(time.DateOnly, c.BackfillFrom)
}

func (c IMAPConfig) endpoint() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }
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
	if c.IMAP == nil && c.SMTP == nil && !c.Receiver.Enabled {
		bad.add("imap", "required", "give imap, smtp or the receiver: without one of them no mail can come or go")
	}
	if c.IMAP != nil {
		bad.server("imap", c.IMAP.Host, c.IMAP.Port, c.IMAP.Security)
		bad.require("imap.username", c.IMAP.Username)
		bad.require("imap.password", c.IMAP.Password)
		if _, err := c.IMAP.backfillFrom(); err != nil {
			bad.add("imap.backfill_from", "invalid", "must be a date (2026-01-31) or a time (RFC 3339)")
		}
		for _, m := range c.IMAP.Mailboxes {
			if strings.TrimSpace(m) == "" || strings.ContainsAny(m, "\r\n\x00") {
				bad.add("imap.mailboxes", "invalid", "a mailbox needs a name")
			}
		}
	}
	if c.SMTP != nil {
		bad.server("smtp", c.SMTP.Host, c.SMTP.Port, c.SMTP.Security)
		if c.SMTP.Username == "" && c.SMTP.Password != "" {
			bad.add("smtp.username", "required", "is needed with a password")
		}
	}
	return bad
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
