package email

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"

	"io"
)

// toUTF8 converts b from the named charset. Where none is named, or ASCII or UTF-8 is and the bytes say otherwise, it chooses
// the likeliest. The result is valid UTF-8 without NUL.
func toUTF8(b []byte, name string) string {
	name = strings.ToLower(strings.Trim(name, " \t\"'"))
	switch name {
	case "", "ascii", "us-ascii", "utf-8", "utf8", "unknown-8bit", "default", "x-unknown", "binary", "8bit", "7bit":
		return clean(decodeUnnamed(b, name))
	case "utf-7", "utf7", "unicode-1-1-utf-7", "unicode-2-0-utf-7":
		return clean(decodeUTF7(b))
	}
	if s, ok := decodeNamed(b, name); ok {
		return clean(s)
	}
	return clean(decodeUnnamed(b, ""))
}

func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

// stateful tells whether words of a charset must be converted one by one: each begins in the initial state.
func stateful(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "iso-2022-") || strings.HasPrefix(name, "utf-7") || strings.HasPrefix(name, "hz-")
}

// decodeNamed knows the names of the web (where latin-1 means windows-1252) and then those of MIME.
func decodeNamed(b []byte, name string) (string, bool) {
	switch name {
	case "gb2312", "gbk", "cp936", "x-gbk", "gb_2312-80", "euc-cn":
		name = "gb18030"
	case "ks_c_5601-1987", "ksc5601", "cp949":
		name = "euc-kr"
	case "cp932", "ms932", "x-sjis":
		name = "shift_jis"
	case "iso-8859-1", "iso8859-1", "latin1", "8859-1":
		name = "windows-1252"
	}
	if n, ok := strings.CutPrefix(name, "cp12"); ok && len(n) == 2 {
		name = "windows-12" + n
	}
	if enc, err := htmlindex.Get(name); err == nil {
		return decodeWith(enc, b)
	}
	r, err := charset.Reader(name, strings.NewReader(string(b)))
	if err != nil {
		return "", false
	}
	out, err := io.ReadAll(r)
	return string(out), err == nil
}

func decodeWith(enc encoding.Encoding, b []byte) (string, bool) {
	out, err := enc.NewDecoder().Bytes(b)
	return string(out), err == nil
}

// decodeUnnamed takes UTF-8 when it is, an escape-coded Japanese text when it looks like one, and else guesses.
func decodeUnnamed(b []byte, declared string) string {
	if utf8.Valid(b) {
		if declared == "" && strings.Contains(string(b[:min(len(b), 4096)]), "\x1b$") {
			if s, ok := decodeWith(japanese.ISO2022JP, b); ok {
				return s
			}
		}
		return string(b)
	}
	if strings.HasPrefix(declared, "utf") && mostlyUTF8(b) {
		return string(b)
	}
	return guess(b)
}

// mostlyUTF8 is true for UTF-8 with an odd broken byte (a text that was cut).
func mostlyUTF8(b []byte) bool {
	good, bad := 0, 0
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		b = b[n:]
	}
	return good > 4*bad
}

// guess chooses among the charsets that people still send without saying so.
func guess(b []byte) string {
	sample := b[:min(len(b), 16<<10)]
	best, bestScore := encoding.Encoding(charmap.Windows1252), 0
	wide := !scattered(sample)
	for _, c := range []struct {
		enc  encoding.Encoding
		wide bool
		rate func(string) int
	}{
		{charmap.Windows1251, false, rateCyrillic}, {charmap.KOI8R, false, rateCyrillic}, {charmap.CodePage866, false, rateCyrillic},
		{simplifiedchinese.GBK, true, rateHan}, {japanese.ShiftJIS, true, rateKana}, {japanese.EUCJP, true, rateKana},
	} {
		if c.wide && !wide {
			continue
		}
		if s, ok := decodeWith(c.enc, sample); ok {
			if score := c.rate(s); score > bestScore {
				best, bestScore = c.enc, score
			}
		}
	}
	s, _ := decodeWith(best, b)
	return s
}

// scattered is true when many of the high bytes stand alone between ASCII, as the accents of a Latin text do.
func scattered(b []byte) bool {
	high, alone := 0, 0
	for i, c := range b {
		if c < 0x80 {
			continue
		}
		high++
		if (i == 0 || b[i-1] < 0x80) && (i+1 == len(b) || b[i+1] < 0x80) {
			alone++
		}
	}
	return alone*4 > high
}

// rateCyrillic favours frequent small letters and words of one case. Below a third of letters it is no Cyrillic text.
func rateCyrillic(s string) int {
	score, cyr, latin := 0, 0, 0
	prev := ' '
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Cyrillic, r):
			cyr++
			if strings.ContainsRune("оеаинтсрвлкмдпу", r) {
				score += 3
			} else if unicode.IsLower(r) {
				score++
			}
			if unicode.IsUpper(r) && unicode.IsLower(prev) {
				score -= 4
			}
		case r < 0x80 && unicode.IsLetter(r):
			latin++
			if unicode.Is(unicode.Cyrillic, prev) {
				score -= 4
			}
		case r >= 0x80:
			score -= 3
		}
		if unicode.Is(unicode.Cyrillic, r) && prev < 0x80 && unicode.IsLetter(prev) {
			score -= 4
		}
		prev = r
	}
	if cyr*3 < latin {
		return 0
	}
	return score
}

func rateHan(s string) int {
	han, other := 0, 0
	for _, r := range s {
		switch {
		case r >= 0x4e00 && r <= 0x9fa5, r >= 0x3000 && r <= 0x3020, r >= 0xff00 && r <= 0xff5e:
			han++
		case r >= 0x80:
			other += 4
		}
	}
	if han < 4 {
		return 0
	}
	return 2*han - other
}

func rateKana(s string) int {
	kana, other := 0, 0
	for _, r := range s {
		switch {
		case r >= 0x3040 && r <= 0x30ff:
			kana += 3
		case r >= 0x4e00 && r <= 0x9fa5, r >= 0x3000 && r <= 0x3020:
			kana++
		case r >= 0xff61 && r <= 0xff9f:
			other += 2
		case r >= 0x80:
			other += 4
		}
	}
	if kana < 4 {
		return 0
	}
	return 2*kana - other
}

// decodeUTF7 reads RFC 2152; a run that is no base64 stays as it is.
func decodeUTF7(b []byte) string {
	var out strings.Builder
	for i := 0; i < len(b); {
		if b[i] != '+' {
			out.WriteByte(b[i])
			i++
			continue
		}
		j := i + 1
		for j < len(b) && b[j] < 0x80 && base64Value[b[j]] != 0xff && b[j] != '-' && b[j] != '_' {
			j++
		}
		switch {
		case j == i+1:
			out.WriteByte('+')
		default:
			out.WriteString(utf16Text(b[i+1 : j]))
		}
		if j < len(b) && b[j] == '-' {
			j++
		}
		i = j
	}
	return out.String()
}

func utf16Text(b []byte) string {
	raw := make([]byte, base64.RawStdEncoding.DecodedLen(len(b)))
	n, err := base64.RawStdEncoding.Decode(raw, b)
	if err != nil {
		return "+" + string(b)
	}
	units := make([]uint16, 0, n/2)
	for i := 0; i+1 < n; i += 2 {
		units = append(units, binary.BigEndian.Uint16(raw[i:]))
	}
	return string(utf16.Decode(units))
}
