package sanitize

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// HTMLToText is what a person reads of HTML, as plain text: paragraphs on lines of their own, links with their address, lists
// with dashes, quotations with "> ".
func HTMLToText(s string) string {
	w := textWriter{}
	z := html.NewTokenizer(strings.NewReader(Text(s)))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return w.text()
		case html.TextToken:
			w.words(string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			w.start(z.Token())
		case html.EndTagToken:
			w.end(z.Token())
		}
	}
}

// maxQuote is how many "> " stand before a line at most.
const maxQuote = 8

type textWriter struct {
	out     strings.Builder
	started bool // something stands in out
	breaks  int  // line ends that are due before the next word
	space   bool // a space is due before the next word
	quote   int
	pre     int
	hidden  atom.Atom // the element whose content is not shown
	link    string    // the address of the link that we are in
	label   strings.Builder
}

func (w *textWriter) start(t html.Token) {
	if w.hidden != 0 {
		return
	}
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Title, atom.Noscript, atom.Textarea, atom.Iframe:
		if t.Type == html.StartTagToken {
			w.hidden = t.DataAtom
		}
	case atom.Br:
		w.breaks++
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Dl, atom.Table:
		w.due(2)
	case atom.Div, atom.Tr, atom.Dt, atom.Dd, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address, atom.Center:
		w.due(1)
	case atom.Td, atom.Th:
		w.space = true
	case atom.Li:
		w.due(1)
		w.write("- ")
	case atom.Hr:
		w.due(1)
		w.write("---")
		w.due(1)
	case atom.Pre:
		w.due(2)
		w.pre++
	case atom.Blockquote:
		w.due(2)
		w.quote++
	case atom.A:
		w.link = attribute(t, "href")
		w.label.Reset()
	case atom.Img:
		w.words(attribute(t, "alt"))
	}
}

func (w *textWriter) end(t html.Token) {
	if w.hidden != 0 {
		if t.DataAtom == w.hidden {
			w.hidden = 0
		}
		return
	}
	switch t.DataAtom {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Dl, atom.Table:
		w.due(2)
	case atom.Div, atom.Tr, atom.Dt, atom.Dd, atom.Li, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address, atom.Center:
		w.due(1)
	case atom.Pre:
		w.due(2)
		w.pre = max(0, w.pre-1)
	case atom.Blockquote:
		w.due(2)
		w.quote = max(0, w.quote-1)
	case atom.A:
		w.endLink()
	}
}

// endLink writes the address behind the words, unless they say it already.
func (w *textWriter) endLink() {
	href, label := w.link, strings.TrimSpace(w.label.String())
	w.link = ""
	bare := strings.TrimPrefix(strings.TrimPrefix(href, "mailto:"), "tel:")
	switch {
	case href == "" || strings.HasPrefix(href, "#") || strings.HasPrefix(strings.ToLower(href), "javascript:"):
	case label == href || label == bare || "http://"+label == href || "https://"+label == strings.TrimSuffix(href, "/"):
	case label == "":
		w.words(href)
	default:
		w.space = true
		w.words("(" + bare + ")")
	}
}

// words writes text with its white space folded, or as it is inside pre.
func (w *textWriter) words(s string) {
	if w.hidden != 0 {
		return
	}
	s = html.UnescapeString(s)
	if w.link != "" && w.label.Len() < 4096 {
		w.label.WriteString(s)
	}
	if w.pre > 0 {
		w.preformatted(s)
		return
	}
	fields := strings.FieldsFunc(s, isFoldable)
	if len(fields) == 0 {
		w.space = w.space || s != ""
		return
	}
	w.space = w.space || isFoldable(rune(s[0]))
	for _, f := range fields {
		w.write(f)
		w.space = true
	}
	w.space = isFoldable(rune(s[len(s)-1]))
}

func (w *textWriter) preformatted(s string) {
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			w.breaks++
		}
		if line != "" {
			w.space = false
			w.write(line)
		}
	}
}

// isFoldable is HTML's white space; a no-break space is a character.
func isFoldable(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' }

// due asks for at least n line ends before the next word.
func (w *textWriter) due(n int) { w.breaks = max(w.breaks, n) }

func (w *textWriter) write(s string) {
	if w.started && w.breaks > 0 {
		for range min(w.breaks, 3) {
			w.out.WriteByte('\n')
		}
		w.out.WriteString(w.margin())
	} else if !w.started {
		w.out.WriteString(w.margin())
	} else if w.space && !strings.HasSuffix(w.out.String(), " ") {
		w.out.WriteByte(' ')
	}
	w.started, w.breaks, w.space = true, 0, false
	w.out.WriteString(s)
}

func (w *textWriter) margin() string { return strings.Repeat("> ", min(w.quote, maxQuote)) }

func (w *textWriter) text() string {
	lines := strings.Split(strings.ReplaceAll(w.out.String(), "\u00a0", " "), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return strings.TrimSpace(a.Val)
		}
	}
	return ""
}
