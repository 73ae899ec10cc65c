// Package email carries mail in and out: an IMAP mailbox that is read by UID, a share of the built-in SMTP/LMTP receiver, and an
// SMTP submission server for answers.
//
// Parse turns the bytes of a mail into a Mail. It is pure, linear in the size of the input and never fails: what cannot be
// understood is kept as text or as an attachment, and what exceeds a limit is named in Mail.Excess.
package email

import (
	"bytes"
	"time"

	"parley/connectors"
)

// The limits of one mail. What exceeds them goes to quarantine.
const (
	MaxSize   = 25 << 20  // bytes
	maxHeader = 256 << 10 // bytes of one header block, each field counted with at most maxField
	maxField  = 32 << 10  // bytes of one field that are read; the rest of a longer one is cut
	maxDepth  = 50
	maxParts  = 1000
	maxText   = 4 << 20 // bytes of a body that are shown; a longer one is attached whole as well
)

// Mail is a mail as people see it, with everything that threading and matching need.
type Mail struct {
	Header Header // of the mail itself, top to bottom

	From, ReplyTo, To, Cc []Address
	Sender                Address
	Subject               string
	Date                  time.Time // zero when missing or not understood
	MessageID             string    // without brackets, "" when missing
	InReplyTo             []string  // without brackets
	References            []string  // without brackets, oldest first

	Text  string // LF line ends, valid UTF-8, no NUL; made from HTML when there is no plain text
	HTML  string // not sanitised, "" when there is none
	Parts []connectors.Attachment

	Type       string // media type of the mail itself, lower case
	ReportType string // of multipart/report, lower case
	Excess     string // which limit the mail exceeds, "" when none

	textOfPage bool // Text was made from HTML
}

// Parse reads a mail.
func Parse(raw []byte) Mail {
	var m Mail
	if len(raw) > MaxSize {
		m.Excess = "larger than 25 MB"
		raw = raw[:MaxSize]
	}
	header, body, over := readHeader(skipPreface(raw), true)
	m.Header = header
	if over {
		m.Excess = "header block over 256 kB"
	}
	m.readFields()
	walk(&m, body)
	return m
}

// ParseHeader reads only the header of a mail whose body is not at hand.
func ParseHeader(raw []byte) Mail {
	var m Mail
	m.Header, _, _ = readHeader(skipPreface(raw), true)
	m.readFields()
	return m
}

func (m *Mail) readFields() {
	h := m.Header
	m.From = parseAddresses(h.all("From"))
	m.ReplyTo = parseAddresses(h.all("Reply-To"))
	m.To = parseAddresses(h.all("To"))
	m.Cc = parseAddresses(h.all("Cc"))
	if s := parseAddresses(h.all("Sender")); len(s) > 0 {
		m.Sender = s[0]
	}
	m.Subject = decodeText(h.Get("Subject"))
	for _, v := range h.all("Date") {
		if m.Date = parseDate(v); !m.Date.IsZero() {
			break
		}
	}
	if ids := messageIDs(h.Get("Message-ID")); len(ids) > 0 {
		m.MessageID = ids[0]
	}
	m.InReplyTo = messageIDs(h.Get("In-Reply-To"))
	m.References = messageIDs(h.Get("References"))
}

// skipPreface drops what stands before the first header line: blank lines and an mbox "From " line.
func skipPreface(raw []byte) []byte {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	rest := bytes.TrimLeft(raw, "\r\n")
	if bytes.HasPrefix(rest, []byte("From ")) || bytes.HasPrefix(rest, []byte(">From ")) {
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			return rest[i+1:]
		}
	}
	if line, _ := cutLine(rest); fieldName(bytes.TrimSpace(line)) != "" {
		return rest
	}
	return raw
}
