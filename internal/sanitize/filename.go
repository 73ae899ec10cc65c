package sanitize

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFilename is in bytes; file systems take 255, and downloads add " (1)".
const maxFilename = 150

// device names that Windows does not take, with any extension
var reserved = map[string]bool{"con": true, "prn": true, "aux": true, "nul": true,
	"com1": true, "com2": true, "com3": true, "com4": true, "com5": true, "com6": true, "com7": true, "com8": true, "com9": true,
	"lpt1": true, "lpt2": true, "lpt3": true, "lpt4": true, "lpt5": true, "lpt6": true, "lpt7": true, "lpt8": true, "lpt9": true}

// Filename is the name under which a stranger's file can be shown and saved on any system: no folders, no characters that a
// system refuses or that turn the reading direction ("gpj.exe"), at most 150 bytes with the extension kept. "" becomes "file".
func Filename(s string) string {
	s = Line(s)
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		case unicode.Is(unicode.Cf, r): // bidi marks, zero-width characters
			return -1
		}
		return r
	}, s)
	s = strings.Trim(s, " .")
	if s == "" {
		return "file"
	}
	if stem, _, _ := strings.Cut(s, "."); reserved[strings.ToLower(strings.TrimSpace(stem))] {
		s = "_" + s
	}
	return shortened(s)
}

func shortened(s string) string {
	if len(s) <= maxFilename {
		return s
	}
	ext := path.Ext(s)
	if len(ext) > 16 {
		ext = ""
	}
	stem := s[:maxFilename-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return strings.TrimRight(stem, " .") + ext
}
