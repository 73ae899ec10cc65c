package email

import (
	"regexp"
	"sort"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// FoldAttr marks in a page what can be folded away: every outermost element and text of a quote has the value "quote", those of a
// signature "signature". Nothing is taken out.
const FoldAttr = "data-parley-fold"

// FoldHTML marks the quotes and signatures of a page, and returns what is new in it as text: "" when nothing was marked, or
// everything would be. The time is linear in the page's length.
func FoldHTML(page string, o Origin) (marked, visible string) {
	page = withoutOurMarks(page)
	if len(page) > maxPage {
		return page, ""
	}
	folds := foldsOf(page, o)
	if len(folds) == 0 {
		return page, ""
	}
	visible = htmlText(leaveOut(page, folds))
	if strings.TrimSpace(visible) == "" {
		return page, ""
	}
	if marked, ok := markFolds(page, folds); ok {
		return marked, visible
	}
	return page, visible
}

// maxMarks is how many marks a page gets; one that needs more stays without, so that it can't grow without measure.
const maxMarks = 5000

// withoutOurMarks takes the attribute from those who write it themselves.
func withoutOurMarks(page string) string { return ourMark.ReplaceAllString(page, "data-fold") }

var ourMark = regexp.MustCompile(`(?i)` + FoldAttr)

// span is a stretch of a page that can be folded.
type span struct {
	start, end int
	role       Role
}

// foldsOf finds what can be folded, in order and without overlap.
func foldsOf(page string, o Origin) []span {
	r := pageReader{page: page, forward: o.Forward}
	r.read()
	divide(r.lines, o)
	spans := r.spans
	for i := 0; i < len(r.lines); {
		l := r.lines[i]
		j := i + 1
		for j < len(r.lines) && r.lines[j].role == l.role {
			j++
		}
		if l.role != Own && !blank(r.lines[i:j]) {
			end := r.lines[j-1].end
			if j == len(r.lines) {
				end = len(page)
			}
			spans = append(spans, span{l.start, end, l.role})
		}
		i = j
	}
	return joinSpans(spans)
}

func blank(lines []line) bool {
	for _, l := range lines {
		if l.text != "" {
			return false
		}
	}
	return true
}

func joinSpans(spans []span) []span {
	sort.SliceStable(spans, func(i, j int) bool { return spans[i].start < spans[j].start })
	var out []span
	for _, s := range spans {
		last := len(out) - 1
		if last >= 0 && s.start < out[last].end {
			out[last].end = max(out[last].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

func leaveOut(page string, folds []span) string {
	var out strings.Builder
	at := 0
	for _, f := range folds {
		out.WriteString(page[at:f.start])
		out.WriteString("<br>")
		at = f.end
	}
	out.WriteString(page[at:])
	return out.String()
}

// pageReader reads a page as lines, and finds the elements by which mail programs mark quotes and signatures.
type pageReader struct {
	page    string
	forward bool
	lines   []line
	spans   []span // of marked elements

	text       strings.Builder // of the open line
	filled     bool            // it has more than blanks
	start, end int             // of its text
	hidden     atom.Atom       // script or style that is open

	open     element // the marked element that is open
	indented int     // depth of blockquotes that say nothing about themselves
}

// element is an open element with those of its name inside.
type element struct {
	name  string
	depth int
	role  Role
	start int
}

func (r *pageReader) read() {
	t := html.NewTokenizer(strings.NewReader(r.page))
	at := 0
	for {
		kind := t.Next()
		if kind == html.ErrorToken {
			break
		}
		begin := at
		at += len(t.Raw())
		switch kind {
		case html.TextToken:
			if r.hidden == 0 {
				r.addText(string(t.Text()), begin, at)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			r.openTag(t, kind == html.SelfClosingTagToken, begin, at)
		case html.EndTagToken:
			name, _ := t.TagName()
			r.closeTag(string(name), begin, at)
		}
	}
	r.endLine()
	if r.open.depth > 0 {
		r.spans = append(r.spans, span{r.open.start, len(r.page), r.open.role})
	}
}

func (r *pageReader) addText(s string, begin, end int) {
	if strings.TrimSpace(s) == "" {
		r.text.WriteByte(' ')
		return
	}
	if !r.filled {
		r.start, r.filled = begin, true
	}
	r.end = end
	r.text.WriteString(s)
}

func (r *pageReader) endLine() {
	s := strings.Join(strings.Fields(r.text.String()), " ")
	r.text.Reset()
	r.filled = false
	if s == "" || len(r.lines) >= maxLines {
		return
	}
	l := line{start: r.start, end: r.end, text: s, quoted: strings.HasPrefix(s, ">"), indented: r.indented > 0}
	if r.open.depth > 0 {
		l.role = r.open.role
	}
	r.lines = append(r.lines, l)
}

// gap is an empty line; a paragraph's end makes one.
func (r *pageReader) gap(at int) {
	if n := len(r.lines); n > 0 && r.lines[n-1].text != "" {
		r.lines = append(r.lines, line{start: at, end: at})
	}
}

func (r *pageReader) openTag(t *html.Tokenizer, selfClosing bool, begin, end int) {
	raw, more := t.TagName()
	name := string(raw)
	tag := atom.Lookup(raw)
	switch {
	case (tag == atom.Script || tag == atom.Style || tag == atom.Title) && !selfClosing && r.hidden == 0:
		r.hidden = tag
		return
	case tag == atom.Br:
		if !r.filled {
			r.gap(begin)
		}
		r.endLine()
		return
	case tag == atom.Hr:
		r.endLine()
		r.lines = append(r.lines, line{start: begin, end: end, text: "=====", role: r.roleHere()})
		return
	case breaksLine(tag):
		r.endLine()
		if tag == atom.P || tag == atom.Blockquote {
			r.gap(begin)
		}
	}
	if r.open.depth > 0 {
		if name == r.open.name && !selfClosing {
			r.open.depth++
		}
		return
	}
	role, rest := r.markOf(tag, attributes(t, more), end)
	switch {
	case role != Own && rest:
		r.endLine()
		r.open = element{name: "\x00", depth: 1, role: role, start: begin} // never closed
	case role != Own && !selfClosing:
		r.endLine()
		r.open = element{name: name, depth: 1, role: role, start: begin}
	case tag == atom.Blockquote:
		r.indented++
	}
}

func (r *pageReader) roleHere() Role {
	if r.open.depth > 0 {
		return r.open.role
	}
	return Own
}

func (r *pageReader) closeTag(name string, begin, end int) {
	tag := atom.Lookup([]byte(name))
	if r.hidden != 0 {
		if tag == r.hidden {
			r.hidden = 0
		}
		return
	}
	if breaksLine(tag) {
		r.endLine()
		if tag == atom.P {
			r.gap(end)
		}
	}
	if r.open.depth > 0 {
		if name != r.open.name {
			return
		}
		if r.open.depth == 1 {
			r.endLine()
		}
		if r.open.depth--; r.open.depth == 0 {
			r.spans = append(r.spans, span{r.open.start, end, r.open.role})
		}
		return
	}
	if tag == atom.Blockquote && r.indented > 0 {
		r.indented--
	}
}

func breaksLine(tag atom.Atom) bool {
	switch tag {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Blockquote, atom.Table, atom.Pre, atom.Hr, atom.Br:
		return true
	}
	return isBlock(tag)
}

// attributes are the first of a tag, by name.
func attributes(t *html.Tokenizer, more bool) map[string]string {
	var m map[string]string
	for n := 0; more && n < 30; n++ {
		var k, v []byte
		k, v, more = t.TagAttr()
		switch key := string(k); key {
		case "id", "class", "type", "name", "data-signatureblock", "cite":
			if m == nil {
				m = map[string]string{}
			}
			m[key] = string(v)
		}
	}
	return m
}

// markOf tells what an element says about its content. rest is true when everything after it belongs to it too.
func (r *pageReader) markOf(tag atom.Atom, a map[string]string, inside int) (_ Role, rest bool) {
	if a == nil {
		return Own, false
	}
	id, class := strings.ToLower(strings.TrimPrefix(a["id"], "x_")), strings.ToLower(a["class"])
	switch {
	case id == "appendonsend" || id == "divrplyfwdmsg" || id == "reply-intro":
		return role(!r.forward, Quote), true
	case id == "olk_src_body_section" || id == "mail-editor-reference-message-container" || id == "replyblockquote" || id == "isreplycontent" || a["name"] == "messageReplySection":
		return role(!r.forward, Quote), false
	case id == "signature" || id == "ms-outlook-mobile-signature" || a["name"] == "messageSignatureSection" || a["data-signatureblock"] == "true":
		return Signature, false
	case tag == atom.Blockquote && (strings.EqualFold(a["type"], "cite") || a["cite"] != ""):
		return Quote, false
	}
	for _, c := range strings.Fields(class) {
		c = strings.TrimPrefix(c, "x_")
		switch {
		case signatureClasses[c]:
			return Signature, false
		case quoteClasses[c]:
			return role(!forwards(r.page[inside:]), Quote), false
		}
	}
	return Own, false
}

func role(is bool, r Role) Role {
	if is {
		return r
	}
	return Own
}

var quoteClasses = wordSet("gmail_quote|gmail_quote_container|gmail_attr|gmail_extra_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote|tutanota_quote|zmail_extra|ms-outlook-mobile-reference-message|wiseposting|quoted-text|mailru-blockquote|yandex_quote|" +
	"outlook-reference-message|cite_prefix|reply-quote|front-blockquote|hm_quote|mail_quote|ecxgmail_quote|yahoo-quoted-begin|apple-mail-quote|sh-quoted-content|freshdesk_quote|zendesk_quote|gorgias_quote|airmail_on|airmail-quote|missive_quote|moz-reply-header")

var signatureClasses = wordSet("gmail_signature|gmail_signature_prefix|moz-signature|protonmail_signature_block|ms-outlook-mobile-signature|tutanota_signature|mail-signature|email-signature|apple-mail-signature|yahoo-signature|airmail_sign|mailspring-signature")

// forwards is true when what begins here is a mail that is passed on: programs mark it as they mark quotes.
func forwards(rest string) bool {
	t := html.NewTokenizer(strings.NewReader(rest[:min(len(rest), 2000)]))
	for range 20 {
		switch t.Next() {
		case html.ErrorToken:
			return false
		case html.TextToken:
			if s := strings.TrimSpace(string(t.Text())); s != "" {
				return isForwardMark(s)
			}
		}
	}
	return false
}

// markFolds writes the attribute into the page; it is not ok when that needs more than maxMarks.
func markFolds(page string, folds []span) (_ string, ok bool) {
	var out strings.Builder
	out.Grow(len(page) + len(page)/8)
	t := html.NewTokenizer(strings.NewReader(page))
	at, next := 0, 0
	inside, depth := "", 0 // the marked element that is open
	marks := 0
	for {
		kind := t.Next()
		if kind == html.ErrorToken {
			return out.String(), true
		}
		raw := t.Raw()
		begin := at
		at += len(raw)
		for next < len(folds) && folds[next].end <= begin {
			next++
		}
		marking := depth == 0 && next < len(folds) && folds[next].start <= begin
		switch {
		case marking && kind == html.TextToken && strings.TrimSpace(string(raw)) != "":
			if marks++; marks > maxMarks {
				return page, false
			}
			out.WriteString("<span" + folds[next].mark() + ">" + strings.ReplaceAll(string(raw), "<", "&lt;") + "</span>") // a tag that never ends is text
			continue
		case kind != html.StartTagToken && kind != html.SelfClosingTagToken && kind != html.EndTagToken:
			out.Write(raw)
			continue
		}
		source := page[begin:at] // TagName spoils raw
		name, _ := t.TagName()
		tag := string(name)
		switch {
		case depth > 0 && tag == inside && kind == html.StartTagToken:
			depth++
		case depth > 0 && tag == inside && kind == html.EndTagToken:
			depth--
		case marking && kind != html.EndTagToken && keepsMark[atom.Lookup(name)]:
			if kind == html.StartTagToken && !isVoid(atom.Lookup(name)) {
				inside, depth = tag, 1
			}
			if marks++; marks > maxMarks {
				return page, false
			}
			out.WriteString(source[:1+len(tag)] + folds[next].mark() + source[1+len(tag):])
			continue
		}
		out.WriteString(source)
	}
}

func (s span) mark() string { return " " + FoldAttr + `="` + s.role.String() + `"` }

// String is the role as FoldAttr has it.
func (r Role) String() string {
	switch r {
	case Quote:
		return "quote"
	case Signature:
		return "signature"
	}
	return "own"
}

func isVoid(tag atom.Atom) bool {
	return tag == atom.Br || tag == atom.Hr || tag == atom.Img || tag == atom.Col
}

// keepsMark are the elements that survive the sanitiser and may hold the attribute.
var keepsMark = map[atom.Atom]bool{atom.P: true, atom.Div: true, atom.Span: true, atom.Br: true, atom.Hr: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
	atom.Blockquote: true, atom.Pre: true, atom.Code: true, atom.B: true, atom.Strong: true, atom.I: true, atom.Em: true, atom.U: true, atom.S: true, atom.Small: true, atom.Big: true, atom.Ul: true, atom.Ol: true, atom.Li: true,
	atom.Table: true, atom.Thead: true, atom.Tbody: true, atom.Tr: true, atom.Td: true, atom.Th: true, atom.Center: true, atom.Font: true, atom.A: true, atom.Img: true, atom.Script: true, atom.Style: true}
