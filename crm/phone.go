package crm

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
)

// extension finds "ext 12", "доб. 12", "#12", ",12" behind a number.
var extension = regexp.MustCompile(`(?i)(?:\s*(?:;ext=|ext\.?|extension|x|доб\.?|вн\.?|#|,)\s*:?\s*)(\d{1,7})\s*$`)

// NormalPhone is raw as E.164 ("+4479…", with ";ext=12" where it has an extension), or "" when it is no number that a person
// can be known by: short codes, masks, placeholders, hidden callers. region (ISO 3166) says how a national spelling is read.
//
// The library alone misreads habits of the field: "007…", "+8 9…" and "8…" for +7, labels before and behind, Ukrainian "8 0…".
func NormalPhone(raw, region string) string {
	s := plainDigits(raw)
	if strings.HasPrefix(strings.ToLower(s), "sip:") {
		return ""
	}
	ext := ""
	if m := extension.FindStringSubmatchIndex(s); m != nil && countDigits(s[:m[0]]) >= 5 {
		ext, s = s[m[2]:m[3]], s[:m[0]]
	}
	s = withoutLabels(s)
	if s == "" || placeholder(s) {
		return ""
	}
	for _, spelling := range spellings(s, strings.ToUpper(region)) {
		n, err := phonenumbers.Parse(spelling, strings.ToUpper(region))
		if err != nil || !phonenumbers.IsValidNumber(n) && !forStories(n) {
			continue
		}
		if ext != "" {
			n.Extension = &ext
		}
		out := phonenumbers.Format(n, phonenumbers.E164)
		if e := n.GetExtension(); e != "" {
			out += ";ext=" + e
		}
		return out
	}
	return ""
}

// plainDigits folds full-width digits and look-alikes, and drops marks of direction.
func plainDigits(s string) string {
	s = norm.NFKC.String(s)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.Is(unicode.Pd, r), r == '−':
			return '-'
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsDigit(r) && r > '9':
			return rune('0' + digitValue(r))
		}
		return r
	}, s))
}

// digitValue is a decimal digit's value in any script: Unicode keeps each script's ten digits together.
func digitValue(r rune) int {
	v := 0
	for v < 9 && unicode.IsDigit(r-1) {
		r--
		v++
	}
	return v
}

var (
	labelBefore = regexp.MustCompile(`^[^\d+(]*`)
	labelBehind = regexp.MustCompile(`[^\d]*$`)
	telScheme   = regexp.MustCompile(`(?i)^tel:`)
	trunkZero   = regexp.MustCompile(`\(0\)`)
)

func withoutLabels(s string) string {
	s = telScheme.ReplaceAllString(s, "")
	if strings.Contains(s, "@") || strings.Contains(s, "_") {
		return ""
	}
	s = labelBehind.ReplaceAllString(labelBefore.ReplaceAllString(s, ""), "")
	return trunkZero.ReplaceAllString(s, "")
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func countDigits(s string) int { return len(digitsOf(s)) }

// placeholder knows numbers that nobody has: one digit over and over behind the country code, +266696687 ("ANONYMOUS"), a date.
func placeholder(s string) bool {
	d := digitsOf(s)
	if len(d) < 4 || d == "266696687" || date.MatchString(s) {
		return true
	}
	tail := d[max(0, len(d)-9):]
	return len(d) >= 9 && strings.Count(tail, tail[:1]) == len(tail)
}

var date = regexp.MustCompile(`^\d{1,2}\.\d{1,2}\.\d{2,4}$`)

// spellings is how s may be meant, likeliest first.
func spellings(s, region string) []string {
	d := digitsOf(s)
	plus := strings.HasPrefix(s, "+")
	var out []string
	seven := region == "RU" || region == "KZ"
	switch {
	case strings.HasPrefix(d, "007") && len(d) == 13:
		out = append(out, "+"+d[2:])
	case plus && strings.HasPrefix(d, "8") && len(d) == 11 && seven:
		out = append(out, "+7"+d[1:])
	case !plus && strings.HasPrefix(d, "8") && len(d) == 11 && seven:
		out = append(out, "+7"+d[1:])
	case !plus && strings.HasPrefix(d, "810") && len(d) > 11 && seven:
		out = append(out, "+"+d[3:])
	case region == "UA" && !plus && strings.HasPrefix(d, "80") && len(d) == 11:
		out = append(out, "+3"+d)
	case region == "BY" && !plus && strings.HasPrefix(d, "80") && len(d) == 11:
		out = append(out, "+375"+d[2:])
	}
	out = append(out, s)
	if !plus && region != "" && len(d) >= 8 {
		out = append(out, "+"+d) // E.164 without its plus
	}
	if !plus && strings.HasPrefix(d, "00") {
		out = append(out, "+"+d[2:])
	}
	if region == "" && !plus {
		out = []string{"+" + strings.TrimPrefix(d, "00")}
	}
	return out
}

// forStories: the numbers Ofcom keeps for drama (+44 7700 900…) are in everybody's examples, and the library takes them for invalid.
func forStories(n *phonenumbers.PhoneNumber) bool {
	return n.GetCountryCode() == 44 && n.GetNationalNumber()/1000 == 7700900
}
