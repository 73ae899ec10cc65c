package email

import (
	"strconv"
	"strings"
	"time"
)

// parseDate reads a Date field in RFC 5322's form, its obsolete ones and common mistakes. The result is zero when there is no day,
// month and year in it.
func parseDate(v string) time.Time {
	v = v[strings.LastIndexByte(v, ';')+1:] // a Received field put in its place
	var d struct{ day, month, year, h, m, s int }
	d.year = -1
	loc := time.UTC
	clock, signed := false, false
	for _, w := range dateWords(v) {
		lower := strings.ToLower(w)
		switch {
		case strings.Contains(w, ":"):
			if !clock {
				d.h, d.m, d.s, clock = clockOf(w)
			}
		case (w[0] == '+' || w[0] == '-') && clock:
			if off, ok := offsetOf(w); ok && !signed {
				loc, signed = time.FixedZone("", off), true
			}
		case monthOf(lower) > 0 && d.month == 0:
			d.month = monthOf(lower)
		case isDigits(w):
			n, _ := strconv.Atoi(w)
			switch {
			case len(w) <= 2 && d.day == 0:
				d.day = n
			case d.year < 0 && len(w) <= 4:
				d.year = fullYear(n, len(w))
			case clock && !signed && len(w) == 4:
				if off, ok := offsetOf("+" + w); ok {
					loc, signed = time.FixedZone("", off), true
				}
			}
		case clock && !signed:
			if len(lower) > 3 && isDigits(lower[3:4]) { // EST5EDT
				lower = lower[:3]
			}
			if h, ok := zones[lower]; ok {
				loc = time.FixedZone(w, h*3600)
			}
		}
	}
	if strings.Contains(v, ":") && !clock || d.month == 0 || d.day == 0 || d.day > 31 || d.year < 0 {
		return time.Time{}
	}
	return time.Date(d.year, time.Month(d.month), d.day, d.h, d.m, d.s, 0, loc)
}

var zones = map[string]int{"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
	"cet": 1, "cest": 2, "msk": 3, "bst": 1, "jst": 9}

// dateWords splits at blanks, commas and the dashes of 01-Jan-2003, without comments.
func dateWords(v string) []string {
	var words []string
	depth, start := 0, -1
	end := func(i int) {
		if start >= 0 {
			words = append(words, v[start:i])
			start = -1
		}
	}
	for i := 0; i < len(v) && len(words) < 20; i++ {
		c := v[i]
		switch {
		case c == '(':
			end(i)
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0:
		case c == ' ' || c == '\t' || c == ',' || c == '.' && start >= 0 && !strings.Contains(v[start:i], ":"):
			end(i)
		case c == '-' && start >= 0 && !strings.Contains(v[start:i], ":"):
			end(i)
		case (c == '-' || c == '+') && start >= 0:
			end(i)
			start = i
		case start < 0:
			start = i
		}
	}
	end(len(v))
	return words
}

func clockOf(w string) (h, m, s int, ok bool) {
	w, _, _ = strings.Cut(w, ".")
	p := strings.Split(w, ":")
	if len(p) < 2 || len(p) > 3 {
		return 0, 0, 0, false
	}
	h, err1 := strconv.Atoi(p[0])
	m, err2 := strconv.Atoi(p[1])
	if len(p) == 3 {
		var err error
		if s, err = strconv.Atoi(p[2]); err != nil {
			return 0, 0, 0, false
		}
	}
	if err1 != nil || err2 != nil || h > 24 || m > 59 || s > 60 || h < 0 || m < 0 || s < 0 {
		return 0, 0, 0, false
	}
	return h, m, s, true
}

func offsetOf(w string) (seconds int, ok bool) {
	digits := w[1:]
	if len(digits) != 4 || !isDigits(digits) {
		return 0, false
	}
	n, _ := strconv.Atoi(digits)
	seconds = n/100*3600 + n%100*60
	if w[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

func monthOf(w string) int {
	if len(w) < 3 {
		return 0
	}
	i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", w[:3])
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

// fullYear reads years of two and three digits as RFC 5322 §4.3 does.
func fullYear(n, digits int) int {
	switch {
	case digits == 2 && n < 50:
		return 2000 + n
	case digits <= 3:
		return 1900 + n
	}
	return n
}

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
