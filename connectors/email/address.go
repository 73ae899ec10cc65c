package email

import (
	"strings"

	"golang.org/x/net/idna"
)

// Address is a mailbox with the name it was given.
type Address struct{ Name, Addr string }

// String is the address as people write it, for display.
func (a Address) String() string {
	if a.Name == "" {
		return a.Addr
	}
	return a.Name + " <" + a.Addr + ">"
}

const maxAddresses = 1000

// parseAddresses reads address lists as people's programs write them: quoted and encoded names, comments, groups, and where
// nothing fits, the first thing that looks like an address with the rest as its name.
func parseAddresses(values []string) []Address {
	var all []Address
	for _, v := range values {
		p := addressParser{v: v}
		for p.i < len(v) && len(all) < maxAddresses {
			commentAlone := strings.HasPrefix(strings.TrimLeft(v[p.i:], " \t"), "(")
			if a, ok := p.next(); ok && (a.Addr != "" || !commentAlone || len(all) == 0) {
				all = append(all, a)
			}
		}
	}
	return all
}

type addressParser struct {
	v        string
	i        int
	unclosed int // comments and quotes that had no end; after maxUnclosed no more are looked for
}

const maxUnclosed = 10

// next reads up to the next comma, semicolon or the colon of a group's name.
func (p *addressParser) next() (Address, bool) {
	var words, comments []string
	var angle string
	hasAngle := false
	var word strings.Builder
	endWord := func() {
		if s := strings.TrimSpace(word.String()); s != "" {
			words = append(words, s)
		}
		word.Reset()
	}
	for p.i < len(p.v) {
		c := p.v[p.i]
		switch c {
		case '"':
			if s, ok := p.quoted(); ok {
				if p.i < len(p.v) && p.v[p.i] == '@' || strings.HasSuffix(word.String(), ".") {
					word.WriteString(`"` + s + `"`)
					continue
				}
				endWord()
				words = append(words, s)
				continue
			}
			p.i++
		case '(':
			if s, ok := p.comment(); ok {
				endWord()
				if s = strings.TrimSpace(s); s != "" {
					comments = append(comments, s)
				}
				continue
			}
			p.i++
		case '<':
			endWord()
			if a := p.angle(); !hasAngle {
				angle, hasAngle = a, true
			}
		case ',', ';':
			p.i++
			endWord()
			return makeAddress(words, comments, angle, hasAngle)
		case ':':
			p.i++
			if !hasAngle && !strings.Contains(word.String(), "@") && !strings.EqualFold(strings.TrimSpace(word.String()), "mailto") {
				words, comments = nil, nil // the name of a group
				word.Reset()
				continue
			}
			word.WriteByte(c)
		default:
			word.WriteByte(c)
			p.i++
		}
	}
	endWord()
	return makeAddress(words, comments, angle, hasAngle)
}

func (p *addressParser) quoted() (string, bool) {
	if p.unclosed > maxUnclosed {
		return "", false
	}
	var out strings.Builder
	for j := p.i + 1; j < len(p.v); j++ {
		switch c := p.v[j]; {
		case c == '\\' && j+1 < len(p.v):
			j++
			out.WriteByte(p.v[j])
		case c == '"':
			p.i = j + 1
			return out.String(), true
		default:
			out.WriteByte(c)
		}
	}
	p.unclosed++
	return "", false
}

func (p *addressParser) comment() (string, bool) {
	if p.unclosed > maxUnclosed {
		return "", false
	}
	var out strings.Builder
	depth := 0
	for j := p.i; j < len(p.v); j++ {
		c := p.v[j]
		switch {
		case c == '\\' && j+1 < len(p.v):
			j++
			c = p.v[j]
		case c == '(':
			if depth++; depth == 1 {
				continue
			}
		case c == ')':
			if depth--; depth == 0 {
				p.i = j + 1
				return out.String(), true
			}
		}
		out.WriteByte(c)
	}
	p.unclosed++
	return "", false
}

// angle reads "<…>"; a missing ">" ends at the next comma.
func (p *addressParser) angle() string {
	rest := p.v[p.i+1:]
	end := strings.IndexByte(rest, '>')
	if end < 0 {
		if end = strings.IndexByte(rest, ','); end < 0 {
			end = len(rest)
		}
		p.i += 1 + end
		return rest[:end]
	}
	p.i += 1 + end + 1
	return rest[:end]
}

func makeAddress(words, comments []string, angle string, hasAngle bool) (Address, bool) {
	name := strings.Join(words, " ")
	if hasAngle {
		if i := strings.LastIndexByte(angle, ':'); i >= 0 && strings.HasPrefix(angle, "@") {
			angle = angle[i+1:] // a source route
		}
		addr := cleanAddr(withoutComments(angle))
		if !strings.Contains(addr, "@") {
			if found, rest, ok := findAddr(name); ok && addr == "" {
				return Address{nameText(rest), found}, true
			}
		}
		if name == "" {
			name = strings.Join(comments, " ")
		}
		n := nameText(name)
		if strings.EqualFold(n, addr) {
			n = ""
		}
		return Address{n, addr}, addr != "" || n != ""
	}
	addr, rest, ok := findAddr(name)
	if !ok {
		n := nameText(name + " " + strings.Join(comments, " "))
		return Address{Name: n}, n != ""
	}
	if rest == "" {
		rest = strings.Join(comments, " ")
	}
	return Address{nameText(rest), addr}, true
}

// findAddr is the first word with an @ inside it; rest is what stands around it.
func findAddr(s string) (addr, rest string, ok bool) {
	if at := strings.IndexByte(s, '@'); at > 0 && strings.HasPrefix(s, `"`) && strings.LastIndexByte(s[:at], '"') == at-1 && !strings.ContainsAny(s[at:], " \t") {
		return s, "", true
	}
	if parts := strings.Split(s, "@"); len(parts) == 2 && strings.ContainsAny(s, " \t") { // "user . name @ host"
		tight := strings.NewReplacer(" @ ", "@", " @", "@", "@ ", "@", " . ", ".", ". ", ".", " .", ".").Replace(s)
		if strings.Count(tight, " ") == 0 {
			return cleanAddr(tight), "", true
		}
	}
	words := strings.Fields(joinDots(s))
	for i, w := range words {
		w = strings.TrimPrefix(strings.Trim(w, "<>[](),;'\""), "mailto:")
		if at := strings.LastIndexByte(w, '@'); at > 0 && at < len(w)-1 {
			return cleanAddr(w), strings.Join(append(words[:i:i], words[i+1:]...), " "), true
		}
	}
	return "", s, false
}

// joinDots closes the gaps that old programs leave around the dots of a host: "a@b . example".
func joinDots(s string) string {
	if at := strings.IndexByte(s, '@'); at < 0 || !strings.Contains(s[at:], " .") && !strings.Contains(s[at:], ". ") {
		return s
	}
	fields := strings.Fields(s)
	out := fields[:1]
	for _, f := range fields[1:] {
		last := len(out) - 1
		if strings.Contains(out[last], "@") && (strings.HasPrefix(f, ".") || strings.HasSuffix(out[last], ".")) {
			out[last] += f
			continue
		}
		out = append(out, f)
	}
	return strings.Join(out, " ")
}

// withoutComments drops what stands in brackets.
func withoutComments(s string) string {
	if !strings.Contains(s, "(") {
		return s
	}
	var out strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func nameText(s string) string { return strings.Trim(decodeText(s), " '\"") }

// cleanAddr drops blanks and brackets around and inside, and control characters.
func cleanAddr(s string) string {
	s = decodeText(strings.TrimSpace(s))
	s, mailto := strings.CutPrefix(strings.Trim(s, "<> \t'"), "mailto:")
	if mailto {
		s, _, _ = strings.Cut(s, "?")
	}
	if !strings.ContainsAny(s, " \t") || strings.HasPrefix(s, `"`) {
		return s
	}
	return strings.Join(strings.Fields(s), "")
}

// sameAddress compares addresses the way mail does in practice: without case, and domains in either spelling.
func sameAddress(a, b string) bool { return foldAddress(a) == foldAddress(b) }

// foldAddress is the address in lower case with an ASCII domain.
func foldAddress(a string) string {
	a = strings.ToLower(strings.TrimSpace(a))
	at := strings.LastIndexByte(a, '@')
	if at < 0 {
		return a
	}
	if d, err := idna.Lookup.ToASCII(a[at+1:]); err == nil {
		return a[:at+1] + d
	}
	return a
}

// withoutDetail drops the plus part: "support+x@h" is "support@h".
func withoutDetail(a string) string {
	at := strings.LastIndexByte(a, '@')
	if at < 0 {
		return a
	}
	if plus := strings.IndexByte(a[:at], '+'); plus > 0 {
		return a[:plus] + a[at:]
	}
	return a
}

// detail is the plus part of an address, "" when it has none.
func detail(a string) string {
	at := strings.LastIndexByte(a, '@')
	if at < 0 {
		return ""
	}
	_, d, _ := strings.Cut(a[:at], "+")
	return d
}
