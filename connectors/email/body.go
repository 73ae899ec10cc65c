package email

import (
	"bytes"
	"html"
	"strings"
	"unicode/utf8"

	"parley/connectors"
)

// walker goes through the parts of a mail once and decides which of them are its body: RFC 8621 §4.1.4.
type walker struct {
	mail       *Mail
	parts      int
	text, html []section
}

// section is one piece of the body.
type section struct {
	html bool
	body string
}

// place is where a part stands.
type place struct {
	parent      string // subtype of the multipart around it
	index       int
	alternative bool // somewhere inside a multipart/alternative
	depth       int
}

// choice is which of the two bodies a part below may go into: a text inside an alternative is not part of its HTML.
type choice struct{ text, html bool }

func walk(m *Mail, body []byte) {
	w := &walker{mail: m}
	t := parseMediaType(contentType(m.Header, "text/plain"))
	m.Type, m.ReportType = t.value, strings.ToLower(t.params["report-type"])
	w.entity(m.Header, body, place{parent: "mixed"}, &choice{true, true}, "text/plain")
	m.Text, m.HTML = w.bodies()
	if m.Text == "" && m.HTML == "" && len(m.Parts) == 0 && len(bytes.TrimSpace(body)) > 0 {
		m.Text = lineFeeds(toUTF8(body[:min(len(body), maxText)], "")) // parts that make no sense: show it as it came
	}
}

// contentType is the field, or fallback where it says nothing that can be a type. Where a second
// follows that of a multipart, header blocks have run together and the second counts.
func contentType(h Header, fallback string) string {
	v := fallback
	if all := h.all("Content-Type"); len(all) > 0 {
		v = all[0]
		if strings.HasPrefix(strings.ToLower(v), "multipart/") {
			v = all[len(all)-1]
		}
	}
	if strings.Contains(v, "/") || strings.HasPrefix(strings.ToLower(v), "text") {
		return v
	}
	return fallback
}

func (w *walker) entity(h Header, body []byte, at place, into *choice, fallback string) {
	if w.parts++; w.parts > maxParts {
		w.mail.Excess = "more than 1000 parts"
		return
	}
	t := parseMediaType(contentType(h, fallback))
	if sub, ok := strings.CutPrefix(t.value, "multipart/"); ok {
		if at.depth >= maxDepth {
			w.mail.Excess = "parts nested deeper than 50"
			return
		}
		if w.multipart(sub, t.params["boundary"], body, at, into) {
			return
		}
		t = mediaType{value: "text/plain", params: t.params} // no part in it at all: show what is there
	}
	w.leaf(h, t, body, at, into)
}

// multipart walks the parts of body; it is false when there are none.
func (w *walker) multipart(sub, boundary string, body []byte, at place, into *choice) bool {
	ranges := splitParts(body, boundary)
	if len(ranges) == 0 {
		if found := sniffBoundary(body); found != "" && found != boundary {
			ranges = splitParts(body, found)
		}
	}
	if len(ranges) == 0 {
		return false
	}
	fallback := "text/plain"
	if sub == "digest" {
		fallback = "message/rfc822"
	}
	texts, htmls := len(w.text), len(w.html)
	inner := into
	if sub == "alternative" {
		inner = &choice{into.text, into.html}
	}
	for i, part := range ranges {
		if w.parts >= maxParts {
			w.mail.Excess = "more than 1000 parts"
			break
		}
		h, b, over := readHeader(part, false)
		if over {
			w.mail.Excess = "header block over 256 kB"
		}
		w.entity(h, b, place{sub, i, at.alternative || sub == "alternative", at.depth + 1}, inner, fallback)
	}
	if sub == "alternative" {
		w.fillAlternative(texts, htmls, into)
	}
	return true
}

// fillAlternative makes an alternative that has only one form count in both bodies.
func (w *walker) fillAlternative(texts, htmls int, into *choice) {
	newText, newHTML := w.text[texts:], w.html[htmls:]
	switch {
	case len(newText) == 0 && into.text:
		w.text = append(w.text, newHTML...)
	case len(newHTML) == 0 && into.html:
		w.html = append(w.html, newText...)
	}
}

func (w *walker) leaf(h Header, t mediaType, body []byte, at place, into *choice) {
	disposition := parseMediaType(h.Get("Content-Disposition"))
	name := fileName(disposition, t)
	isText := t.value == "text/plain" || t.value == "text/html" || t.value == "text"
	shown := isText && disposition.value != "attachment" && (at.index == 0 || at.parent != "related" && name == "")
	if !shown {
		w.attach(h, t, disposition, name, body)
		return
	}
	w.show(t, h, body, at, into)
}

func (w *walker) show(t mediaType, h Header, body []byte, at place, into *choice) {
	decoded := decodeTransfer(body, h.Get("Content-Transfer-Encoding"))
	if len(decoded) > maxText {
		w.mail.Parts = append(w.mail.Parts, connectors.Attachment{MIME: t.value, Data: decoded, Size: int64(len(decoded))})
		decoded = cutText(decoded)
	}
	s := section{html: t.value == "text/html"}
	charset := t.params["charset"]
	if charset == "" && s.html {
		charset = metaCharset(decoded)
	}
	s.body = lineFeeds(toUTF8(decoded, charset))
	if at.parent == "alternative" {
		if s.html && into.html {
			w.html = append(w.html, s)
		} else if !s.html && into.text {
			w.text = append(w.text, s)
		}
		return
	}
	if at.alternative && into.text && into.html {
		into.text, into.html = !s.html, s.html
	}
	if into.text {
		w.text = append(w.text, s)
	}
	if into.html {
		w.html = append(w.html, s)
	}
}

func (w *walker) attach(h Header, t, disposition mediaType, name string, body []byte) {
	data := decodeTransfer(body, h.Get("Content-Transfer-Encoding"))
	a := connectors.Attachment{Name: name, MIME: t.value, Data: data, Size: int64(len(data)), Inline: disposition.value == "inline"}
	if ids := messageIDs(h.Get("Content-ID")); len(ids) > 0 {
		a.CID = ids[0]
	} else {
		a.CID = cleanID(strings.Trim(h.Get("Content-ID"), "<> "))
	}
	a.Inline = a.Inline || a.CID != "" && disposition.value != "attachment"
	w.mail.Parts = append(w.mail.Parts, a)
}

// bodies joins the sections. Plain text between pieces of HTML is kept, escaped; HTML alone also makes the text.
func (w *walker) bodies() (text, htm string) {
	var t, h []string
	hasHTML := false
	for _, s := range w.html {
		hasHTML = hasHTML || s.html
	}
	for _, s := range w.text {
		if s.html {
			w.mail.textOfPage = true
			t = append(t, htmlText(s.body))
		} else {
			t = append(t, s.body)
		}
	}
	if !hasHTML {
		return joinText(t), ""
	}
	for _, s := range w.html {
		if s.html {
			h = append(h, s.body)
		} else if strings.TrimSpace(s.body) != "" {
			h = append(h, `<div style="white-space: pre-wrap">`+html.EscapeString(s.body)+"</div>")
		}
	}
	return joinText(t), strings.Join(h, "\n")
}

func joinText(sections []string) string {
	var out strings.Builder
	for _, s := range sections {
		if s == "" {
			continue
		}
		if out.Len() > 0 && !strings.HasSuffix(out.String(), "\n") {
			out.WriteByte('\n')
		}
		out.WriteString(s)
	}
	return out.String()
}

// splitParts finds what stands between the boundary lines, in one pass. The close may be missing. Never re-read.
func splitParts(body []byte, boundary string) [][]byte {
	boundary = strings.TrimRight(boundary, " \t")
	if boundary == "" {
		return nil
	}
	delim := []byte("--" + boundary)
	var parts [][]byte
	open := -1
	closePart := func(end int) {
		if open >= 0 {
			parts = append(parts, trimLineEnd(body[open:max(open, end)]))
			open = -1
		}
	}
	for i := 0; i < len(body) && len(parts) <= maxParts; {
		j := bytes.Index(body[i:], delim)
		if j < 0 {
			break
		}
		start := i + j
		after := start + len(delim)
		i = after
		if start > 0 && body[start-1] != '\n' {
			continue
		}
		line := body[after:]
		if nl := bytes.IndexByte(line, '\n'); nl >= 0 {
			line = line[:nl+1]
		}
		switch rest := bytes.TrimRight(line, " \t\r\n"); {
		case len(rest) == 0:
			closePart(start)
			open = after + len(line)
			i = open
		case string(rest) == "--":
			closePart(start)
			return parts
		}
	}
	closePart(len(body))
	return parts
}

// sniffBoundary takes the first line that looks like one, when the header does not say it or says another.
func sniffBoundary(body []byte) string {
	for rest := body[:min(len(body), 64<<10)]; len(rest) > 0; {
		line, next := cutLine(rest)
		if b, ok := bytes.CutPrefix(bytes.TrimRight(line, " \t"), []byte("--")); ok && len(b) > 4 && bytes.IndexByte(b, ' ') < 0 && fieldName(firstLine(next)) != "" {
			return string(b)
		}
		rest = next
	}
	return ""
}

func trimLineEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

func lineFeeds(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func cutText(b []byte) []byte {
	b = b[:maxText]
	for i := 0; i < utf8.UTFMax && len(b) > 0 && !utf8.RuneStart(b[len(b)-1]); i++ {
		b = b[:len(b)-1]
	}
	return b
}
