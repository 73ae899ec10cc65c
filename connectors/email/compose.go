package email

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"parley/connectors"
)

// loopHeader marks what we send, so that we know it when it comes back in another envelope.
const loopHeader = "X-Parley-Loop"

func (c *Connector) loopTag() string { return tag("loop:"+c.channel.ID, c.channel.Secret) }

const (
	maxReferences = 20
	maxFileName   = 150 // bytes
	lineLength    = 76
)

// compose writes the mail for out: RFC 5322 with CRLF ends, ASCII throughout, no line over 998 bytes. Nothing in out can add a header.
func (c *Connector) compose(ctx context.Context, out connectors.Outbound) ([]byte, error) {
	var b bytes.Buffer
	c.writeHeader(&b, out)
	body, err := bodyOf(ctx, out)
	if err != nil {
		return nil, err
	}
	writePart(&b, body)
	if b.Len() > MaxSize {
		return nil, connectors.Permanent(fmt.Errorf("the mail has %d MB with its attachments, more than the 25 MB that mail servers take", b.Len()>>20))
	}
	return b.Bytes(), nil
}

func (c *Connector) writeHeader(b *bytes.Buffer, out connectors.Outbound) {
	writeField(b, "From", formatAddress(firstOf(out.AuthorName, c.config.Name), c.config.Address))
	writeField(b, "To", formatAddress(out.ToName, out.To))
	if len(out.Cc) > 0 {
		cc := make([]string, len(out.Cc))
		for i, a := range out.Cc {
			cc[i] = formatAddress("", a)
		}
		writeField(b, "Cc", strings.Join(cc, ", "))
	}
	if out.ReplyToken != "" && c.config.PlusAddressing {
		writeField(b, "Reply-To", formatAddress(c.config.Name, plusAddress(c.config.Address, out.ReplyToken)))
	}
	writeField(b, "Subject", encodeText(out.Subject))
	at := out.CreatedAt
	if at.IsZero() {
		at = c.host.Now()
	}
	writeField(b, "Date", at.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	writeField(b, "Message-ID", bracket(out.ProviderID))
	if out.ReplyTo != "" {
		writeField(b, "In-Reply-To", bracket(out.ReplyTo))
	}
	if refs := references(out); len(refs) > 0 {
		writeField(b, "References", strings.Join(refs, " "))
	}
	writeField(b, loopHeader, c.loopTag())
	writeField(b, "MIME-Version", "1.0")
}

func plusAddress(address, token string) string {
	at := strings.LastIndexByte(address, '@')
	return address[:at] + "+" + idAtom(token) + address[at:]
}

// bracket makes an id fit between brackets, whatever it was.
func bracket(id string) string {
	return "<" + strings.NewReplacer("<", "", ">", "").Replace(asciiOnly(cleanID(id))) + ">"
}

func asciiOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 126 || r <= ' ' {
			return -1
		}
		return r
	}, s)
}

func references(out connectors.Outbound) []string {
	ids := out.References
	if out.ReplyTo != "" && (len(ids) == 0 || ids[len(ids)-1] != out.ReplyTo) {
		ids = append(ids[:len(ids):len(ids)], out.ReplyTo)
	}
	ids = ids[max(0, len(ids)-maxReferences):]
	refs := make([]string, 0, len(ids))
	for _, id := range ids {
		if id != "" && len(id) < 900 {
			refs = append(refs, bracket(id))
		}
	}
	return refs
}

// formatAddress is an address for a header: its name quoted or encoded, its domain in ASCII.
func formatAddress(name, addr string) string {
	a := mail.Address{Name: oneLine(strings.ToValidUTF8(name, "")), Address: asciiDomain(oneLine(addr))}
	if r := []rune(a.Name); len(r) > 200 {
		a.Name = string(r[:200])
	}
	return a.String()
}

func asciiDomain(addr string) string {
	at := strings.LastIndexByte(addr, '@')
	if at < 0 {
		return addr
	}
	if d, err := idna.Lookup.ToASCII(addr[at+1:]); err == nil {
		return addr[:at+1] + d
	}
	return addr
}

// encodeText is free text for a header: as it is when it is plain and folds well, else RFC 2047 words.
func encodeText(s string) string {
	s = oneLine(strings.ToValidUTF8(s, ""))
	longWord := false
	for _, w := range strings.Fields(s) {
		longWord = longWord || len(w) > 200
	}
	if longWord || strings.Contains(s, "=?") {
		return encodeWords(s)
	}
	return mime.QEncoding.Encode("utf-8", s)
}

// encodeWords is s in base64 words of whole characters.
func encodeWords(s string) string {
	var words []string
	for s != "" {
		n := min(len(s), 45)
		for n < len(s) && n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		words = append(words, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, " ")
}

// writeField folds value at blanks.
func writeField(b *bytes.Buffer, name, value string) {
	b.WriteString(name + ":")
	used := len(name) + 1
	for _, w := range strings.Split(value, " ") {
		if used+1+len(w) > lineLength && used > len(name)+1 && w != "" {
			b.WriteString("\r\n")
			used = 0
		}
		b.WriteString(" " + w)
		used += 1 + len(w)
	}
	b.WriteString("\r\n")
}

// part is a header and an encoded body.
type part struct {
	header textproto.MIMEHeader
	body   []byte
}

func writePart(b *bytes.Buffer, p part) {
	for _, name := range []string{"Content-Type", "Content-Transfer-Encoding", "Content-Disposition"} {
		if v := p.header.Get(name); v != "" {
			b.WriteString(name + ": " + v + "\r\n")
		}
	}
	b.WriteString("\r\n")
	b.Write(p.body)
}

// bodyOf is the mail's body: its words, as text and HTML with the pictures that the HTML shows, then its files.
func bodyOf(ctx context.Context, out connectors.Outbound) (part, error) {
	var pictures, files []part
	left := int64(MaxSize)
	for _, f := range out.Parts {
		data, err := readFile(ctx, f, left)
		if err != nil {
			return part{}, err
		}
		left -= int64(len(data))
		if shows(out.HTML, f.CID) {
			pictures = append(pictures, picturePart(f, data))
		} else {
			files = append(files, filePart(f, data))
		}
	}
	if len(files) == 0 {
		return words(out, pictures), nil
	}
	if out.Text == "" && out.HTML == "" {
		return multi("mixed", files...), nil
	}
	return multi("mixed", append([]part{words(out, pictures)}, files...)...), nil
}

// shows tells whether html has a picture that refers to cid (RFC 2392).
func shows(html, cid string) bool {
	return cid != "" && (strings.Contains(html, "cid:"+cid) || strings.Contains(html, "cid:"+url.PathEscape(cid)))
}

func words(out connectors.Outbound, pictures []part) part {
	text := quotedPart("text/plain", out.Text)
	if out.HTML == "" {
		return text
	}
	html := quotedPart("text/html", out.HTML)
	if len(pictures) > 0 {
		html = multi("related", append([]part{html}, pictures...)...)
	}
	return multi("alternative", text, html)
}

func quotedPart(mediaType, s string) part {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(lineFeeds(strings.ToValidUTF8(s, "\uFFFD")))) // into memory
	_ = w.Close()
	b.WriteString("\r\n")
	return part{textproto.MIMEHeader{
		"Content-Type":              {mediaType + "; charset=utf-8"},
		"Content-Transfer-Encoding": {"quoted-printable"},
	}, b.Bytes()}
}

func multi(subtype string, parts ...part) part {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		pw, _ := w.CreatePart(p.header) // into memory
		_, _ = pw.Write(p.body)
	}
	_ = w.Close()
	return part{textproto.MIMEHeader{"Content-Type": {`multipart/` + subtype + `; boundary="` + w.Boundary() + `"`}}, b.Bytes()}
}

func readFile(ctx context.Context, f connectors.OutAttachment, limit int64) ([]byte, error) {
	r, err := f.Open(ctx)
	if err != nil {
		return nil, connectors.Retry(fmt.Errorf("open attachment %q: %w", f.Name, err), 0)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, connectors.Retry(fmt.Errorf("read attachment %q: %w", f.Name, err), 0)
	}
	if int64(len(data)) > limit {
		return nil, connectors.Permanent(errors.New("the attachments have more than the 25 MB that mail servers take"))
	}
	return data, nil
}

func filePart(f connectors.OutAttachment, data []byte) part {
	name := oneLine(strings.ToValidUTF8(f.Name, ""))
	if len(name) > maxFileName {
		name = strings.ToValidUTF8(name[:maxFileName], "")
	}
	var mediaType string
	if t, params, err := mime.ParseMediaType(f.MIME); err != nil || mime.FormatMediaType(t, params) == "" || strings.HasPrefix(t, "multipart/") {
		mediaType = "application/octet-stream"
	} else {
		mediaType = mime.FormatMediaType(t, params)
	}
	disposition := "attachment"
	if name != "" {
		disposition = mime.FormatMediaType("attachment", map[string]string{"filename": name})
	}
	return part{textproto.MIMEHeader{
		"Content-Type":              {mediaType},
		"Content-Transfer-Encoding": {"base64"},
		"Content-Disposition":       {disposition},
	}, base64Lines(data)}
}

// picturePart is a file that the HTML shows (RFC 2387).
func picturePart(f connectors.OutAttachment, data []byte) part {
	p := filePart(f, data)
	p.header.Set("Content-ID", bracket(f.CID))
	p.header.Set("Content-Disposition", "inline"+strings.TrimPrefix(p.header.Get("Content-Disposition"), "attachment"))
	return p
}

func base64Lines(data []byte) []byte {
	const perLine = lineLength / 4 * 3
	b := make([]byte, 0, len(data)*4/3+len(data)/perLine*2+8)
	for len(data) > 0 {
		n := min(len(data), perLine)
		b = base64.StdEncoding.AppendEncode(b, data[:n])
		b = append(b, '\r', '\n')
		data = data[n:]
	}
	return b
}
