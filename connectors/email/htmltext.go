package email

import (
	"bytes"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText is the text of a page as a reader without formatting would see it. It reads tokens, builds no tree, and is linear.
func htmlText(page string) string {
	t := html.NewTokenizer(strings.NewReader(page))
	var w textWriter
	hidden := atom.Atom(0)
	for {
		kind := t.Next()
		switch kind {
		case html.ErrorToken:
			return w.String()
		case html.TextToken:
			if hidden == 0 {
				w.text(string(t.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := t.TagName()
			tag := atom.Lookup(name)
			switch tag {
			case atom.Script, atom.Style, atom.Title, atom.Head:
				if kind == html.StartTagToken && tag != atom.Head && hidden == 0 {
					hidden = tag
				}
			case atom.Pre:
				w.pre++
				w.newLine()
			case atom.Img:
				if hidden == 0 {
					w.text(attribute(t, more, "alt"))
				}
			default:
				w.open(tag)
			}
		case html.EndTagToken:
			name, _ := t.TagName()
			tag := atom.Lookup(name)
			if tag == hidden && tag != 0 {
				hidden = 0
			}
			if tag == atom.Pre && w.pre > 0 {
				w.pre--
			}
			w.close(tag)
		}
	}
}

func attribute(t *html.Tokenizer, more bool, name string) string {
	for more {
		var k, v []byte
		k, v, more = t.TagAttr()
		if string(k) == name {
			return string(v)
		}
	}
	return ""
}

// textWriter folds blanks and keeps at most one empty line.
type textWriter struct {
	out     strings.Builder
	pre     int
	pending int  // line ends owed before the next text
	space   bool // a blank is owed
}

func (w *textWriter) text(s string) {
	if w.pre > 0 {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		if s != "" {
			w.settle()
			w.out.WriteString(s)
		}
		return
	}
	for i, f := range strings.FieldsFunc(s, isHTMLSpace) {
		if i > 0 || isHTMLSpace(rune(s[0])) {
			w.space = true
		}
		w.settle()
		w.out.WriteString(f)
	}
	if s != "" && isHTMLSpace(rune(s[len(s)-1])) {
		w.space = true
	}
}

func isHTMLSpace(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' }

func (w *textWriter) settle() {
	if w.pending > 0 {
		if w.out.Len() > 0 {
			w.out.WriteString(strings.Repeat("\n", w.pending))
		}
		w.pending, w.space = 0, false
	}
	if w.space && w.out.Len() > 0 {
		w.out.WriteByte(' ')
	}
	w.space = false
}

func (w *textWriter) newLine()   { w.pending = max(w.pending, 1) }
func (w *textWriter) paragraph() { w.pending = max(w.pending, 2) }

func (w *textWriter) open(tag atom.Atom) {
	switch tag {
	case atom.Br:
		w.pending = min(w.pending+1, 2)
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Blockquote, atom.Table:
		w.paragraph()
	case atom.Li:
		w.newLine()
		w.settle()
		w.out.WriteString("- ")
	case atom.Td, atom.Th:
		w.space = true
	case atom.Hr:
		w.newLine()
	default:
		if isBlock(tag) {
			w.newLine()
		}
	}
}

func (w *textWriter) close(tag atom.Atom) {
	switch tag {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Blockquote, atom.Table:
		w.paragraph()
	default:
		if isBlock(tag) || tag == atom.Pre {
			w.newLine()
		}
	}
}

func isBlock(tag atom.Atom) bool {
	switch tag {
	case atom.Div, atom.Tr, atom.Li, atom.Dl, atom.Dt, atom.Dd, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address, atom.Center, atom.Body, atom.Form:
		return true
	}
	return false
}

func (w *textWriter) String() string { return strings.TrimSpace(w.out.String()) }

var metaPattern = regexp.MustCompile(`(?i)<meta[^>]{0,200}charset\s{0,5}=\s{0,5}["']?([a-z0-9_:.-]{1,40})`)

// metaCharset is what a page says about itself in its first kilobytes, "" when nothing.
func metaCharset(page []byte) string {
	page = page[:min(len(page), 4096)]
	if !bytes.Contains(page, []byte("harset")) {
		return ""
	}
	if m := metaPattern.FindSubmatch(page); m != nil {
		return string(m[1])
	}
	return ""
}
