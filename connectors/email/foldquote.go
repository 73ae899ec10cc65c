package email

import (
	"strings"
	"unicode/utf8"
)

// attribution is how many lines, beginning with the first, introduce a quote: "On Mon, 6 May 2024 at 10:20, Ann <ann@x.test> wrote:".
// It may be broken over several lines. dated tells whether it names a time, so that it is one even when no quote marks follow.
func attribution(lines []line) (n int, dated bool) {
	first := strings.Trim(plainLine(lines[0].text), "-– ")
	if !beginsAttribution(first) {
		return 0, false
	}
	var joined string
	for n < len(lines) && n < 5 && lines[n].text != "" && (n == 0 || !lines[n].quoted) && lines[n].role == Own {
		p := plainLine(lines[n].text)
		if p == "" || len(joined)+len(p) > maxAttribution {
			return 0, false
		}
		joined += " " + p
		n++
		if ok, dated := endsAttribution(joined); ok {
			return n, dated
		}
	}
	return 0, false
}

// beginsAttribution is true when a line begins with a date, alone or behind "On" in some language, or names an address, or ends with
// the verb already.
func beginsAttribution(s string) bool {
	words := strings.FieldsFunc(s[:min(len(s), 120)], func(r rune) bool { return r == ' ' || r == ',' })
	if len(words) == 0 {
		return false
	}
	if hasDigit(words[0]) || weekdays[strings.Trim(words[0], ".,")] || strings.HasPrefix(s, "在") || strings.HasPrefix(s, "於") {
		return true
	}
	if attributionLeads[words[0]] {
		for _, w := range words[1:min(len(words), 6)] {
			if hasDigit(w) {
				return true
			}
		}
	}
	return strings.Contains(s, "@") && len(words) <= 14 || endsWithVerb(strings.TrimRight(s, " :："))
}

func endsAttribution(s string) (ok, dated bool) {
	dashed := strings.HasSuffix(s, "--")
	s = strings.Trim(s, "-– ")
	colon := strings.HasSuffix(s, ":") || strings.HasSuffix(s, "：")
	if !colon && !dashed {
		return false, false
	}
	s = strings.TrimRight(s, " :：")
	dated = namesTime(s)
	address := strings.Contains(s, "@")
	switch {
	case endsWithVerb(s):
		return true, dated
	case !colon:
		return false, false
	case dated && hasInnerVerb(s):
		return true, true
	case dated && address && endsWithAddress(s):
		first, _, _ := strings.Cut(strings.TrimSpace(s), " ")
		first = strings.Trim(first, ".,")
		return hasDigit(first) || weekdays[first], true
	}
	return false, false
}

func endsWithAddress(s string) bool {
	last := s[strings.LastIndexByte(s, ' ')+1:]
	return strings.Contains(last, "@") || strings.HasSuffix(last, ">")
}

func endsWithVerb(s string) bool {
	for _, v := range wroteVerbs {
		if rest, ok := strings.CutSuffix(s, v); ok && (rest == "" || !isLetter(rest) || v[0] >= utf8.RuneSelf) {
			return true
		}
	}
	return false
}

// isLetter tells whether s ends with an ASCII letter or digit: then what follows is the middle of a word, or glued to it (">wrote" is not).
func isLetter(s string) bool {
	c := s[len(s)-1]
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}

func hasInnerVerb(s string) bool {
	for _, v := range innerVerbs {
		if strings.Contains(s, v) {
			return true
		}
	}
	return false
}

// namesTime is true for a text with a clock time, a year, or a date in figures.
func namesTime(s string) bool {
	for i := 0; i < len(s); {
		if s[i] < '0' || s[i] > '9' {
			i++
			continue
		}
		j := i
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		switch n := j - i; {
		case n == 4 && (s[i:i+2] == "19" || s[i:i+2] == "20"):
			return true
		case n <= 2 && j+2 < len(s) && strings.IndexByte(":./h", s[j]) >= 0 && isDigits(s[j+1:j+2]) && isDigits(s[j+2:j+3]):
			return true
		}
		i = j
	}
	return false
}

// headerRole is a field of the header that mail programs print above a quote.
type headerRole uint8

const (
	roleFrom headerRole = 1 << iota
	roleTo
	roleSent // a word that only mail uses
	roleDate
	roleSubject
	roleOther
)

// roleOf is the field that a line is, 0 when it is none; value is what follows the colon.
func roleOf(s string) (r headerRole, value string) {
	s = strings.TrimLeft(plainLine(s), "|_ ")
	i := strings.IndexAny(s[:min(len(s), 60)], ":：")
	if i <= 0 {
		return 0, ""
	}
	_, size := utf8.DecodeRuneInString(s[i:])
	return headerWords[strings.TrimSpace(s[:i])], s[i+size:]
}

// isHeaderBlock is true where the header of another mail begins: From, and enough beside it that nobody writes it by hand. A list of
// "From: London, To: Paris, Date: 5 May" is none.
func isHeaderBlock(lines []line, i int) bool {
	r, _ := roleOf(lines[i].text)
	if r&(roleFrom|roleDate|roleSent|roleSubject) == 0 {
		return false
	}
	var seen headerRole
	address, digits, strange, blank := false, false, 0, 0
	for j := i; j < len(lines) && j < i+16; j++ {
		if lines[j].text == "" {
			if blank++; blank > 1 {
				break
			}
			continue
		}
		r, value := roleOf(lines[j].text)
		if r == 0 {
			if strange++; strange > 2 || blank > 0 || j == i {
				break
			}
			continue
		}
		strange, blank = 0, 0
		seen |= r
		address = address || r&(roleFrom|roleTo) != 0 && strings.Contains(value, "@")
		digits = digits || r&(roleDate|roleSent) != 0 && hasDigit(value)
	}
	if seen&roleFrom == 0 || !address && !digits {
		return false
	}
	fields := 0
	for _, r := range []headerRole{roleFrom, roleTo, roleSent | roleDate, roleSubject} {
		if seen&r != 0 {
			fields++
		}
	}
	return fields >= 3 && (address || seen&(roleSent|roleSubject) != 0) || fields == 2 && address && ruleAbove(lines, i)
}

func ruleAbove(lines []line, i int) bool {
	for j := i - 1; j >= 0 && j >= i-2; j-- {
		if lines[j].text != "" {
			return isRule(lines[j].text, 5)
		}
	}
	return false
}

func isOriginalMark(s string) bool {
	p := plainLine(s)
	if inner := strings.Trim(p, "-–_=~#> "); inner != p && len(p)-len(inner) >= 2 {
		return originalMarks[strings.TrimRight(inner, ": ")] || strings.Contains(inner, "reply above this line")
	}
	return false
}

func isForwardMark(s string) bool {
	p := plainLine(s)
	inner := strings.Trim(p, "-–_=~ :")
	return inner != p && forwardMarks[inner]
}
