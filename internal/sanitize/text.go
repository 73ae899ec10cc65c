// Package sanitize makes strangers' words harmless: text that can be stored, names that can be saved under, HTML that can be shown.
package sanitize

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is s as it can be stored and shown anywhere: valid UTF-8 with U+FFFD for what was none, lines that end with \n, and no
// control characters but \n and \t (PostgreSQL takes no NUL, terminals and logs should take no escape sequences).
func Text(s string) string {
	s = strings.TrimPrefix(s, "\uFEFF")
	if isClean(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
}

func isClean(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return false
		}
	}
	return true
}

// Line is Text on one line: white space of any kind and length becomes one space.
func Line(s string) string { return strings.Join(strings.Fields(Text(s)), " ") }

// Preview is the beginning of s on one line, at most n characters; an ellipsis, counted in n, tells that there is more.
func Preview(s string, n int) string {
	// white space can only shrink; eight times is plenty for what people write
	if most := 8 * n * utf8.UTFMax; len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	line := Line(s)
	if utf8.RuneCountInString(line) <= n {
		return line
	}
	if n <= 1 {
		return firstRunes(line, n)
	}
	return strings.TrimRight(firstRunes(line, n-1), " ") + "…"
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
