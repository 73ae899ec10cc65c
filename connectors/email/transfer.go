package email

import (
	"bytes"
	"strings"
)

// decodeTransfer undoes a Content-Transfer-Encoding; an unknown one is taken as none. The result may be b itself.
func decodeTransfer(b []byte, encoding string) []byte {
	switch encoding = strings.ToLower(strings.Trim(encoding, " \t;\"")); {
	case strings.HasPrefix(encoding, "base64"):
		if !likeBase64(b[:min(len(b), 1024)]) {
			return b
		}
		return decodeBase64(b)
	case strings.HasPrefix(encoding, "quoted-printable"):
		return decodeQuotedPrintable(b)
	}
	return b
}

var base64Value = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = byte(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

// likeBase64 is false for a plain text that says it were base64: blanks between words, signs that the alphabet lacks.
func likeBase64(b []byte) bool {
	foreign := 0
	for i, c := range b {
		blank := c == ' ' && i > 0 && i+1 < len(b) && base64Value[b[i-1]] != 0xff && base64Value[b[i+1]] != 0xff
		if blank || base64Value[c] == 0xff && c != '=' && c > ' ' {
			foreign++
		}
	}
	return foreign*12 <= len(b)
}

// decodeBase64 keeps what is of the alphabet and drops a dangling character. Padding in the middle ends a group.
func decodeBase64(b []byte) []byte {
	out := make([]byte, 0, len(b)/4*3+3)
	var acc uint32
	n := 0
	flush := func() {
		switch n {
		case 2:
			out = append(out, byte(acc>>4))
		case 3:
			out = append(out, byte(acc>>10), byte(acc>>2))
		}
		acc, n = 0, 0
	}
	for _, c := range b {
		v := base64Value[c]
		if v == 0xff {
			if c == '=' {
				flush()
			}
			continue
		}
		acc = acc<<6 | uint32(v)
		if n++; n == 4 {
			out = append(out, byte(acc>>16), byte(acc>>8), byte(acc))
			acc, n = 0, 0
		}
	}
	flush()
	return out
}

// decodeQuotedPrintable leaves a "=" that begins no escape as it is.
func decodeQuotedPrintable(b []byte) []byte {
	if bytes.IndexByte(b, '=') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '=' {
			out = append(out, b[i])
			continue
		}
		if i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]) {
			out = append(out, unhex(b[i+1])<<4|unhex(b[i+2]))
			i += 2
			continue
		}
		if end, soft := softBreak(b[i+1:]); soft {
			i += end
			continue
		}
		out = append(out, '=')
	}
	return out
}

// softBreak tells how much of b is blanks up to and including a line end.
func softBreak(b []byte) (int, bool) {
	for i, c := range b {
		switch {
		case c == '\n':
			return i + 1, true
		case c != ' ' && c != '\t' && c != '\r' || i > 80:
			return 0, false
		}
	}
	return len(b), true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
