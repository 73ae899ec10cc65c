package email

import (
	"sort"
	"strconv"
	"strings"
)

const (
	maxMediaType = 4 << 10 // bytes that are read
	maxParams    = 64
)

// mediaType is a Content-Type or Content-Disposition: its value in lower case and its parameters by lower-case name.
type mediaType struct {
	value  string
	params map[string]string
}

// parseMediaType reads "value; name=value; …", also unquoted values with blanks, RFC 2231 continuations and charsets, and RFC 2047
// words where they do not belong. The first of two equal parameters counts.
func parseMediaType(v string) mediaType {
	v = v[:min(len(v), maxMediaType)]
	value, rest := cutParam(v)
	t := mediaType{strings.ToLower(strings.TrimSpace(value)), map[string]string{}}
	if w := strings.Fields(t.value); len(w) > 0 {
		t.value = strings.Trim(w[0], `"'`)
	}
	segments := map[string][]segment{}
	for n := 0; rest != "" && n < maxParams; n++ {
		var p string
		p, rest = cutParam(rest)
		name, val, ok := strings.Cut(p, "=")
		if !ok {
			continue
		}
		name, val = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(val)
		if base, num, star := strings.Cut(name, "*"); star {
			segments[base] = append(segments[base], newSegment(num, val))
			continue
		}
		if _, twice := t.params[name]; !twice && name != "" {
			t.params[name] = decodeText(unquote(val))
		}
	}
	for name, s := range segments {
		t.params[name] = joinSegments(s)
	}
	return t
}

// cutParam splits v at its first ";" outside quotes and comments; comments are left out of the first half.
func cutParam(v string) (head, tail string) {
	var out strings.Builder
	quoted, depth, lastClose := false, 0, strings.LastIndexByte(v, ')')
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case c == '\\' && i+1 < len(v) && (quoted || depth > 0):
			if depth == 0 {
				out.WriteByte(c)
				out.WriteByte(v[i+1])
			}
			i++
			continue
		case c == '"' && depth == 0:
			quoted = !quoted
		case c == '(' && !quoted && i < lastClose:
			depth++
			continue
		case c == ')' && depth > 0:
			depth--
			continue
		case c == ';' && !quoted && depth == 0:
			return out.String(), v[i+1:]
		}
		if depth == 0 {
			out.WriteByte(c)
		}
	}
	if quoted && strings.Contains(v, ";") { // a quote that is never closed: read it as if there were none
		head, tail, _ = strings.Cut(v, ";")
		return head, tail
	}
	return out.String(), ""
}

func unquote(v string) string {
	if len(v) == 0 || v[0] != '"' {
		return v
	}
	var out strings.Builder
	for i := 1; i < len(v) && v[i] != '"'; i++ {
		if v[i] == '\\' && i+1 < len(v) && (v[i+1] == '"' || v[i+1] == '\\') {
			i++
		}
		out.WriteByte(v[i])
	}
	return out.String()
}

// segment is one piece of an RFC 2231 parameter.
type segment struct {
	number  int
	encoded bool
	value   string
}

func newSegment(num, val string) segment {
	s := segment{value: unquote(val)}
	if num == "" {
		s.encoded = true
		return s
	}
	num, s.encoded = strings.CutSuffix(num, "*")
	s.number, _ = strconv.Atoi(num)
	return s
}

func joinSegments(ss []segment) string {
	sort.SliceStable(ss, func(i, j int) bool { return ss[i].number < ss[j].number })
	charset := ""
	var out []byte
	for i, s := range ss {
		v := s.value
		if i == 0 && s.encoded {
			if parts := strings.SplitN(v, "'", 3); len(parts) == 3 {
				charset, v = parts[0], parts[2]
			}
		}
		if s.encoded {
			out = append(out, percentDecode(v)...)
		} else {
			out = append(out, v...)
		}
	}
	return oneLine(toUTF8(out, charset))
}

func percentDecode(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}

// fileName is the name in a disposition or content type without any path, "" when there is none.
func fileName(disposition, contentType mediaType) string {
	name := disposition.params["filename"]
	if name == "" {
		name = contentType.params["name"]
	}
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	return strings.TrimSpace(name)
}
