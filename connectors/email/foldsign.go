package email

import (
	"strings"
	"unicode"
)

// findSignatures looks at every stretch of own words for a signature at its end.
func findSignatures(lines []line, o Origin) {
	for i := 0; i < len(lines); {
		if lines[i].role != Own {
			i++
			continue
		}
		j := i
		for j < len(lines) && lines[j].role == Own {
			j++
		}
		sign(lines[i:j], o)
		i = j
	}
}

// sign finds the signature of one stretch. What comes first in it is looked for first, so that the rest is short.
func sign(own []line, o Origin) {
	own = markSentFrom(own)
	own = cutAt(own, dashes(own))
	own = cutAt(own, closing(own, o.From))
	own = cutAt(own, nameBlock(own, o.From))
	cutAt(own, dashedName(own))
}

// cutAt makes the lines from i on a signature and returns those before; i < 0 leaves all.
func cutAt(own []line, i int) []line {
	if i < 0 {
		return own
	}
	setRole(own[i:], Signature)
	return own[:i]
}

// markSentFrom marks what a telephone writes under a mail. Where a program names itself with a link, nothing of the writer's follows.
func markSentFrom(own []line) []line {
	for i := range own {
		if !isSentFrom(own[i].text) {
			continue
		}
		if strings.Contains(own[i].text, "<https://aka.ms/") {
			return cutAt(own, i)
		}
		own[i].role = Signature
	}
	return trimSigned(own)
}

// trimSigned drops marked and blank lines from the end.
func trimSigned(own []line) []line {
	for n := len(own); n > 0; n-- {
		if own[n-1].text != "" && own[n-1].role == Own {
			return own[:n]
		}
	}
	return nil
}

func isSentFrom(s string) bool {
	if len(s) > 200 || !strings.ContainsAny(s, " 的から에") {
		return false
	}
	p := strings.TrimRight(strings.Trim(plainLine(s), "_-()[] "), ".! ")
	if i := strings.IndexAny(p, "<("); i > 0 { // a link behind it
		p = strings.TrimSpace(p[:i])
	}
	if runes(p) > 60 || strings.ContainsAny(p, ",;:?!") || strings.Contains(p, ". ") || len(strings.Fields(p)) > 9 {
		return false
	}
	return hasAnyPrefix(p, sentFromPrefixes) && namesDevice(p) || hasAnySuffix(p, sentFromSuffixes) && namesDevice(p)
}

// namesDevice tells a telephone or program from a desk.
func namesDevice(p string) bool { return containsAny(p, devices) }

var devices = []string{"iphone", "ipad", "ipod", "android", "blackberry", "outlook", "mobile", "mobil", "phone", "telefon", "téléphone", "teléfono", "telefono", "телефон", "смартфон", "смартфона", "tablet", "планшет", "samsung", "galaxy", "huawei", "xiaomi", "nokia", "windows", "mail", "yahoo", "gmail",
	"spark", "sparrow", "protonmail", "proton", "handy", "smartphone", "мобил", "яндекс", "yandex", "почт", "пошт", "device", "verizon", "aol", "puhelim", "手机", "手機", "htc", "sony", "pixel", "oneplus", "macbook", "apple", "thunderbird", "zoho", "front", "móvil", "celular", "portable", "gsm", "airmail", "polymail", "superhuman", "missive", "treo", "palm"}

func hasAnySuffix(s string, suffixes []string) bool {
	for _, x := range suffixes {
		if strings.HasSuffix(s, x) {
			return true
		}
	}
	return false
}

// dashes is where "-- " or a rule opens a signature, -1 when none does.
func dashes(own []line) int {
	filled := 0 // lines with text below
	contact, plainSentences := false, true
	found := -1
	for i := len(own) - 1; i >= 0 && filled <= 15; i-- {
		t := own[i].text
		switch {
		case t == "":
			continue
		case t == "--" || t == "–" && filled > 0 && filled < 6:
			found = i
		case isRule(t, 2) && t[0] == '_' && filled < 6 && contact: // the foot of a list
			found = i
		case isRule(t, 5) && t[0] == '-' && contact && plainSentences:
			found = i
		}
		filled++
		contact = contact || isContact(t)
		plainSentences = plainSentences && runes(t) <= 60 && !strings.HasSuffix(t, "?") && !strings.HasSuffix(t, ".")
	}
	return found
}

// isContact is true for a line with an address, a link or a telephone number.
func isContact(s string) bool {
	if strings.Contains(s, "@") || strings.Contains(s, "www.") || strings.Contains(s, "://") {
		return true
	}
	digits := 0
	for i := 0; i < len(s); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			digits++
		}
	}
	return digits >= 7
}

const maxSignature = 8 // lines with text that may follow a closing or a name

// closing is where "Best regards," stands with nothing but a name below it, or "Thanks," with the writer's; -1 when nowhere.
func closing(own []line, from Address) int {
	below, found := 0, -1
	nextIsName := false
	for i := len(own) - 1; i >= 0 && below <= maxSignature; i-- {
		t := own[i].text
		if t == "" {
			continue
		}
		if runes(t) > 70 || own[i].role == Own && isSentence(t) {
			break
		}
		p := strings.TrimRight(plainLine(t), " ,.!;-–—")
		if regards[p] || closings[p] && nextIsName {
			found = i
		}
		nextIsName = isNameOf(t, from)
		below++
	}
	return onlyWithTextAbove(own, found)
}

// isSentence is true for a line that says something, so that it is no part of a signature.
func isSentence(t string) bool {
	p := plainLine(t)
	if strings.HasSuffix(p, "?") || strings.HasPrefix(p, "ps") && len(p) > 2 && strings.ContainsAny(p[2:3], ":. ") || strings.HasPrefix(p, "p.s") {
		return true
	}
	return len(strings.Fields(p)) > 5 && (strings.HasSuffix(p, ".") || strings.HasSuffix(p, "!")) && !isContact(t)
}

func onlyWithTextAbove(own []line, i int) int {
	for j := 0; j < i; j++ {
		if own[j].text != "" {
			return i
		}
	}
	return -1
}

// nameBlock is where the last paragraph begins when it is the writer's name, alone or with what belongs to it; -1 when it is not.
func nameBlock(own []line, from Address) int {
	own = trimSigned(own)
	begin := len(own)
	named := false
	for begin > 0 && own[begin-1].text != "" && len(own)-begin <= maxSignature {
		begin--
		t := own[begin].text
		if runes(t) > 60 || isSentence(t) {
			return -1
		}
		named = named || from.Addr != "" && strings.Contains(strings.ToLower(t), strings.ToLower(from.Addr))
	}
	if begin == len(own) || len(own)-begin > maxSignature || !isNameOf(own[begin].text, from) && !(named && len(own)-begin > 1) {
		return -1
	}
	return onlyWithTextAbove(own, begin)
}

// isNameOf is true for a short line with the writer's name in it, or a part of it.
func isNameOf(t string, from Address) bool {
	words := strings.FieldsFunc(strings.ToLower(t), func(r rune) bool { return !unicode.IsLetter(r) })
	if len(words) == 0 || len(words) > 4 {
		return false
	}
	for _, n := range strings.FieldsFunc(strings.ToLower(from.Name), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if runes(n) > 2 && words[0] == n || len(words) > 1 && words[1] == n {
			return true
		}
	}
	return false
}

// dashedName is where the last line is "-Ann Smith"; -1 when it is not.
func dashedName(own []line) int {
	own = trimSigned(own)
	if len(own) < 2 || own[len(own)-2].text != "" {
		return -1
	}
	name, ok := strings.CutPrefix(own[len(own)-1].text, "-")
	words := strings.Fields(name)
	if !ok || len(words) < 2 || len(words) > 3 {
		return -1
	}
	for _, w := range words {
		r := []rune(w)
		if !unicode.IsUpper(r[0]) || hasDigit(w) || strings.ContainsAny(w, ":,;!?/") {
			return -1
		}
	}
	return onlyWithTextAbove(own, len(own)-1)
}
