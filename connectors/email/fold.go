package email

import (
	"strings"
	"unicode/utf8"
)

// Role is what a passage of a mail is to its reader.
type Role int

// The roles of passages.
const (
	Own       Role = iota // what the writer wrote now
	Quote                 // somebody's earlier words, with the line that introduces them
	Signature             // who the writer is, and "Sent from my phone"
)

// Passage is a stretch of whole lines of one role.
type Passage struct {
	Role Role
	Text string
}

// Origin is what is known of a mail beside its text. All of it may be unknown.
type Origin struct {
	From    Address // helps to find a signature that nothing else marks
	Forward bool    // the subject says so: then the mail below is what the writer wants to show
}

// Fold divides a text into what is new and what can be folded away. It drops nothing: the passages' texts put together are the
// text. The time is linear in the text's length.
func Fold(text string, o Origin) []Passage {
	lines := cutLines(text)
	divide(lines, o)
	var out []Passage
	for i := 0; i < len(lines); {
		j := i
		for j < len(lines) && lines[j].role == lines[i].role {
			j++
		}
		out = append(out, Passage{lines[i].role, text[lines[i].start:lines[j-1].end]})
		i = j
	}
	return out
}

// Visible is what is new in a text. It is "" when nothing was folded, and also when everything would be: then all is shown.
func Visible(text string, o Origin) string { return visible(Fold(text, o), Own) }

func visible(passages []Passage, shown ...Role) string {
	var out []string
	folded := false
	for _, p := range passages {
		if !hasRole(shown, p.Role) {
			folded = folded || strings.TrimSpace(p.Text) != ""
			continue
		}
		if s := trimBlankLines(p.Text); s != "" {
			out = append(out, s)
		}
	}
	if !folded {
		return ""
	}
	return strings.Join(out, "\n\n")
}

func hasRole(roles []Role, r Role) bool {
	for _, x := range roles {
		if x == r {
			return true
		}
	}
	return false
}

// trimBlankLines drops blank lines at both ends and blanks at the end, but keeps an indented first line.
func trimBlankLines(s string) string {
	s = strings.TrimRight(s, " \t\r\n")
	for {
		line, rest, ok := strings.Cut(s, "\n")
		if !ok || strings.TrimSpace(line) != "" {
			return s
		}
		s = rest
	}
}

// line is one line of a text, or of a page as it would be read aloud.
type line struct {
	start, end int    // its bytes in the source, with its line end
	text       string // without blanks around
	quoted     bool   // behind ">", or inside an element that mail programs quote with
	indented   bool   // in a blockquote that may be a quote or not
	role       Role
}

const (
	maxLines = 50_000  // that are told apart; what is below them belongs to the last
	maxPage  = 1 << 20 // bytes of a page that is folded; a larger one is shown whole
)

func cutLines(text string) []line {
	lines := make([]line, 0, min(strings.Count(text, "\n")+1, maxLines))
	for start := 0; start < len(text); {
		end := len(text)
		if i := strings.IndexByte(text[start:], '\n'); i >= 0 && len(lines) < maxLines-1 {
			end = start + i + 1
		}
		t := strings.TrimSpace(text[start:end])
		lines = append(lines, line{start: start, end: end, text: t, quoted: strings.HasPrefix(t, ">")})
		start = end
	}
	return lines
}

// divide gives every line its role.
func divide(lines []line, o Origin) {
	findQuotes(lines, o)
	findSignatures(lines, o)
	for i := 1; i < len(lines); i++ { // a blank line belongs to what stands above it
		if lines[i].text == "" {
			lines[i].role = lines[i-1].role
		}
	}
}

func findQuotes(lines []line, o Origin) {
	for i := 0; i < len(lines); {
		switch l := &lines[i]; {
		case l.role != Own:
			i++
		case l.quoted:
			l.role = Quote
			i++
		case l.text == "":
			i++
		case isForwardMark(l.text):
			return
		case isOriginalMark(l.text), !o.Forward && isHeaderBlock(lines, i):
			quoteRest(lines, i)
			return
		default:
			i = quoteIntroduced(lines, i)
		}
	}
}

// quoteIntroduced looks for a line like "On Monday Ann wrote:" at i and quotes what it introduces. It returns where to go on.
func quoteIntroduced(lines []line, i int) int {
	n, dated := attribution(lines[i:])
	if n == 0 {
		return i + 1
	}
	next := i + n
	for next < len(lines) && lines[next].text == "" {
		next++
	}
	switch {
	case next < len(lines) && (lines[next].quoted || lines[next].role == Quote):
		setRole(lines[i:next], Quote)
		return next
	case next < len(lines) && lines[next].indented:
		for next < len(lines) && (lines[next].indented || lines[next].text == "") {
			next++
		}
		setRole(lines[i:next], Quote)
		return next
	case dated:
		quoteRest(lines, i)
		return len(lines)
	}
	return i + 1
}

// quoteRest quotes everything from i on, and the rule drawn above it.
func quoteRest(lines []line, i int) {
	setRole(lines[i:], Quote)
	for j := i - 1; j >= 0 && j >= i-4; j-- {
		if isRule(lines[j].text, 5) {
			setRole(lines[j:i], Quote)
			return
		}
		if lines[j].text != "" {
			return
		}
	}
}

func setRole(lines []line, r Role) {
	for i := range lines {
		lines[i].role = r
	}
}

// isRule is true for a line that only draws one, at least n characters long.
func isRule(s string, n int) bool {
	if len(s) < n {
		return false
	}
	c := s[0]
	if c != '-' && c != '_' && c != '=' && c != '*' {
		return false
	}
	return strings.Trim(s, string(c)+" ") == ""
}

// maxAttribution is the length in bytes of the longest line that is looked at as an introduction or a header.
const maxAttribution = 600

// plainLine is a line as it is compared: lower case, ordinary blanks, without the marks that make it bold or draw a rule.
func plainLine(s string) string {
	if len(s) > maxAttribution {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u00a0', '\u202f', '\u2009', '\u3000', '\t':
			return ' '
		case '\u200b', '\u200e', '\u200f', '\u202a', '\u202b', '\u202c', '\ufeff', '*':
			return -1
		}
		return r
	}, strings.ToLower(s))
	return strings.TrimSpace(s)
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

func runes(s string) int { return utf8.RuneCountInString(s) }

// foldBodies are the bodies of m with what can be folded told apart: the text whole, what is new in it ("" when all of it is), and the
// page with its marks.
func foldBodies(m Mail) (text, visible, page string) {
	var o Origin
	if len(m.From) > 0 {
		o.From = m.From[0]
	}
	o.Forward = hasAnyPrefix(strings.ToLower(m.Subject), forwardPrefixes)
	visible = Visible(m.Text, o)
	if m.HTML == "" {
		return m.Text, visible, ""
	}
	page, inPage := FoldHTML(m.HTML, o)
	if visible == "" || m.textOfPage && inPage != "" { // the text of a page has lost the marks of its quotes
		visible = inPage
	}
	return m.Text, visible, page
}

// forwardPrefixes begin the subject of a mail that is passed on.
var forwardPrefixes = []string{"fwd:", "fw:", "wg:", "tr:", "rv:", "enc:", "i:", "пересл", "fwd :", "tr :", "doorst:", "vs:", "vb:", "转发:", "轉寄:", "[fwd:"}
