package demo

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// file goes with a message.
type file struct {
	name, mime string
	data       []byte
}

// letter is a mail of a customer.
type letter struct {
	id            string // Message-ID without brackets
	from          mail.Address
	to            string
	subject       string
	text, html    string
	inline        []file // shown in html as cid:NAME
	files         []file
	inReplyTo     string   // with brackets
	references    []string // with brackets
	header        map[string]string
	at            time.Time
	deliveryState []byte // of a bounce: its message/delivery-status
	returned      []byte // and the header of the mail that comes back
}

// part is one part of a mail, with its own header.
type part struct {
	header textproto.MIMEHeader
	body   []byte
}

func newID(domain string) string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:]) + "@" + domain
}

// raw is the mail as it lies in a mailbox.
func (l letter) raw() []byte {
	body := l.body()
	var b bytes.Buffer
	put := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	put("From", l.from.String())
	put("To", l.to)
	put("Subject", mime.QEncoding.Encode("utf-8", l.subject))
	put("Date", l.at.Format(time.RFC1123Z))
	put("Message-ID", "<"+l.id+">")
	put("In-Reply-To", l.inReplyTo)
	put("References", strings.Join(l.references, "\r\n "))
	for name, value := range l.header {
		put(name, value)
	}
	put("MIME-Version", "1.0")
	for name := range body.header {
		put(name, body.header.Get(name))
	}
	b.WriteString("\r\n")
	b.Write(body.body)
	return b.Bytes()
}

func (l letter) body() part {
	if l.deliveryState != nil {
		return together("report; report-type=delivery-status", words("plain", l.text),
			part{textproto.MIMEHeader{"Content-Type": {"message/delivery-status"}}, l.deliveryState},
			part{textproto.MIMEHeader{"Content-Type": {"text/rfc822-headers"}}, l.returned})
	}
	p := words("plain", l.text)
	if l.html != "" {
		shown := words("html", l.html)
		if len(l.inline) > 0 {
			shown = together("related", append([]part{shown}, attached("inline", l.inline)...)...)
		}
		p = together("alternative", p, shown)
	}
	if len(l.files) > 0 {
		p = together("mixed", append([]part{p}, attached("attachment", l.files)...)...)
	}
	return p
}

func words(subtype, text string) part {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))) // a buffer takes everything
	_ = w.Close()
	return part{textproto.MIMEHeader{"Content-Type": {"text/" + subtype + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}}, b.Bytes()}
}

func attached(disposition string, files []file) []part {
	var out []part
	for _, f := range files {
		named := map[string]string{"filename": f.name}
		h := textproto.MIMEHeader{"Content-Type": {f.mime}, "Content-Transfer-Encoding": {"base64"}, "Content-Disposition": {mime.FormatMediaType(disposition, named)}}
		if disposition == "inline" {
			h.Set("Content-Id", "<"+f.name+">")
		}
		out = append(out, part{h, folded(base64.StdEncoding.EncodeToString(f.data))})
	}
	return out
}

func folded(s string) []byte {
	var b bytes.Buffer
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	b.WriteString(s + "\r\n")
	return b.Bytes()
}

func together(kind string, parts ...part) part {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		inner, _ := w.CreatePart(p.header) // a buffer takes everything
		_, _ = inner.Write(p.body)
	}
	_ = w.Close()
	subtype, more, _ := strings.Cut(kind, "; ")
	if more != "" {
		more = "; " + more
	}
	return part{textproto.MIMEHeader{"Content-Type": {"multipart/" + subtype + more + "; boundary=" + w.Boundary()}}, b.Bytes()}
}

// quoted is a mail's text as a mail program puts it below an answer.
func quoted(who string, at time.Time, text string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n\nOn %s, %s wrote:\n", at.Format("2 Jan 2006 at 15:04"), who)
	for line := range strings.Lines(strings.TrimSpace(text)) {
		b.WriteString("> " + line)
	}
	return b.String()
}
