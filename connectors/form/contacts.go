package form

import (
	"regexp"
	"strings"
	"unicode"
)

// splitEmails is every address in a field, as written, and the name in front of the first ("Petr Ivanov <petr@…>").
func splitEmails(s string) (addresses []string, name string) {
	for piece := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ';' || r == '\n' }) {
		before, rest, framed := strings.Cut(piece, "<")
		if address, _, closed := strings.Cut(rest, ">"); framed && closed && strings.Contains(address, "@") {
			addresses = append(addresses, strings.TrimSpace(address))
			if name == "" {
				name = strings.Trim(oneLine(before), `"' `)
			}
			continue
		}
		for word := range strings.FieldsSeq(piece) {
			if strings.Contains(word, "@") {
				addresses = append(addresses, word)
			}
		}
	}
	return addresses, name
}

var (
	betweenPhones = regexp.MustCompile(`[,;/\n]|\s(?:или|и|або|та|or|and|y|o|und|oder)\s`)
	extension     = regexp.MustCompile(`(?i)^(?:доб(?:авочный)?|внутр?(?:енний)?|вн|ext(?:ension)?|int|x|#|nebenstelle|durchwahl)\b?\.?:?\s*#?\d{1,6}$`)
	emailLike     = regexp.MustCompile(`^[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]{2,}$`)
	phoneLike     = regexp.MustCompile(`^\+[\d\s().-]{9,24}$`)
)

// splitPhones is every number in a field, as written, an extension with its number; words tells that the person wrote more
// than numbers, or less. Masks and placeholders are handed over too: whether a number is one is decided where numbers are normalised.
func splitPhones(s string) (numbers []string, words bool) {
	for _, piece := range betweenPhones.Split(s, -1) {
		piece = strings.TrimSpace(piece)
		belongs := len(digits(piece)) < 5 || extension.MatchString(piece)
		switch {
		case piece == "":
		case belongs && len(numbers) > 0:
			numbers[len(numbers)-1] += ", " + piece
		case digits(piece) == "":
			words = true
		default:
			numbers = append(numbers, piece)
		}
	}
	for _, n := range numbers {
		words = words || wordy(n) || len(digits(n)) < 7
	}
	return numbers, words
}

// wordy tells whether a number has letters that are no extension's.
func wordy(number string) bool {
	i := strings.IndexFunc(number, unicode.IsLetter)
	return i >= 0 && !extension.MatchString(number[i:])
}

func looksLikeEmail(s string) bool { return len(s) <= 320 && emailLike.MatchString(s) }

func looksLikePhone(s string) bool {
	return phoneLike.MatchString(s) && len(digits(s)) >= 10 && len(digits(s)) <= 15
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func distinct(digits string) int {
	seen := map[rune]bool{}
	for _, d := range digits {
		seen[d] = true
	}
	return len(seen)
}
