package email

import (
	"bytes"
	"strings"
)

// Field is one header field: Value is unfolded but not decoded, and may hold any bytes.
type Field struct{ Name, Value string }

// Header is a header block in its order.
type Header []Field

// Get is the first value of name, "" when there is none.
func (h Header) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Has tells whether there is a field of that name.
func (h Header) Has(name string) bool {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

func (h Header) all(name string) []string {
	var vs []string
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			vs = append(vs, f.Value)
		}
	}
	return vs
}

// readHeader reads the block at the start of b and returns what follows it. Lines that are no field are passed over. When the
// block never ends and had such lines, the first of them is where the body begins. over is true when the block is too long; only
// its beginning is returned then. top lets a mail that begins without any header be found as such.
func readHeader(b []byte, top bool) (h Header, body []byte, over bool) {
	r := headerReader{}
	rest, junk, delimiter := b, []byte(nil), ""
	for len(rest) > 0 {
		line, next := cutLine(rest)
		name := fieldName(line)
		switch {
		case len(r.header) == 0 && r.name == "" && top && fieldName(bytes.TrimSpace(line)) != "": // indented by a gateway
			line = bytes.TrimSpace(line)
			r.begin(fieldName(line), line[bytes.IndexByte(line, ':')+1:])
		case len(line) == 0 || isBlank(line) && fieldName(firstLine(next)) == "":
			return r.end(), next, r.over()
		case line[0] == ' ' || line[0] == '\t':
			r.more(line)
		case name != "":
			r.begin(name, line[bytes.IndexByte(line, ':')+1:])
		default:
			r.flush()
			if junk == nil {
				junk = rest
				delimiter = "--" + parseMediaType(r.header.Get("Content-Type")).params["boundary"]
			}
			if top && len(r.header) == 0 {
				return nil, b, false
			}
			if len(delimiter) > 2 && string(line) == delimiter { // the blank line is missing
				return r.end(), rest, r.over()
			}
		}
		rest = next
	}
	return r.end(), junk, r.over()
}

// headerReader gathers fields; of a long one it keeps the beginning.
type headerReader struct {
	header Header
	name   string // of the open field, "" when none is
	value  []byte
	size   int // of the block, with at most maxField for each field
}

func (r *headerReader) begin(name string, value []byte) {
	r.flush()
	r.name, r.size = name, r.size+len(name)
	r.more(value)
}

func (r *headerReader) more(b []byte) {
	if r.name == "" || r.over() {
		return
	}
	b = b[:min(len(b), maxField-len(r.value))]
	r.value, r.size = append(r.value, b...), r.size+len(b)
}

func (r *headerReader) flush() {
	if r.name != "" && !r.over() {
		r.header = append(r.header, Field{r.name, string(bytes.TrimSpace(r.value))})
	}
	r.name, r.value = "", r.value[:0]
}

func (r *headerReader) end() Header { r.flush(); return r.header }
func (r *headerReader) over() bool  { return r.size > maxHeader }

func isBlank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// cutLine is the first line of b without its end, and what follows.
func cutLine(b []byte) (line, next []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.TrimSuffix(b, []byte("\r")), nil
	}
	return bytes.TrimSuffix(b[:i], []byte("\r")), b[i+1:]
}

func firstLine(b []byte) []byte { line, _ := cutLine(b); return line }

// fieldName is the name of the field that begins on line, "" when none does.
func fieldName(line []byte) string {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || i > 200 {
		return ""
	}
	name := bytes.TrimRight(line[:i], " \t")
	for _, c := range name {
		if c <= ' ' || c >= 127 {
			return ""
		}
	}
	return string(name)
}

// decodeText reads a field of words: RFC 2047 with the liberties people take, or raw bytes in an unnamed charset.
// The result is valid UTF-8 on one line.
func decodeText(v string) string {
	if !strings.Contains(v, "=?") {
		return oneLine(toUTF8([]byte(v), ""))
	}
	var out strings.Builder
	for _, r := range splitWords(v) {
		if r.word {
			out.WriteString(toUTF8(r.bytes, r.charset))
		} else {
			out.WriteString(toUTF8(r.bytes, ""))
		}
	}
	return oneLine(out.String())
}

// run is a stretch of a field: encoded words of one charset, joined before they are converted (a character may be cut in two),
// or what stands between them.
type run struct {
	word    bool
	charset string
	enc     byte
	bytes   []byte
}

func splitWords(v string) []run {
	var runs []run
	plain := func(s string) {
		if s != "" {
			runs = append(runs, run{bytes: []byte(s)})
		}
	}
	for v != "" {
		i := strings.Index(v, "=?")
		if i < 0 {
			plain(v)
			break
		}
		w, n := encodedWord(v[i:])
		if n == 0 {
			plain(v[:i+2])
			v = v[i+2:]
			continue
		}
		gap := v[:i]
		afterWord := len(runs) > 0 && runs[len(runs)-1].word
		if !afterWord || strings.TrimSpace(gap) != "" {
			plain(gap)
			afterWord = false
		}
		if last := len(runs) - 1; afterWord && strings.EqualFold(runs[last].charset, w.charset) && !stateful(w.charset) {
			runs[last].bytes = append(runs[last].bytes, w.bytes...)
		} else {
			runs = append(runs, w)
		}
		v = v[i+n:]
	}
	return runs
}

// encodedWord reads the encoded word at the start of s; n is its length, 0 when there is none.
func encodedWord(s string) (w run, n int) {
	rest := s[2:]
	i := strings.IndexByte(rest[:min(len(rest), 80)], '?')
	if i <= 0 || len(rest) < i+3 || rest[i+2] != '?' {
		return w, 0
	}
	charset, _, _ := strings.Cut(rest[:i], "*") // RFC 2231 language
	enc, text := rest[i+1]|0x20, rest[i+3:]
	end := strings.Index(text, "?=")
	if end < 0 {
		return w, 0
	}
	w = run{word: true, charset: charset, enc: enc}
	switch text := text[:end]; enc {
	case 'q':
		w.bytes = decodeQ(text)
	case 'b':
		w.bytes = decodeBase64([]byte(text))
	default:
		return w, 0
	}
	return w, 2 + i + 3 + end + 2
}

func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

// oneLine folds line ends and runs of blanks at them into one blank and drops control characters.
func oneLine(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= ' ' && s[i] != 127
	}
	if !clean {
		s = strings.Map(func(r rune) rune {
			switch {
			case r == '\n' || r == '\r' || r == '\t':
				return ' '
			case r < ' ' || r == 127:
				return -1
			}
			return r
		}, s)
	}
	return strings.TrimSpace(s)
}

// messageIDs finds the ids in a field: what stands in angle brackets, or else words with an @.
func messageIDs(v string) []string {
	var ids []string
	v = strings.ToValidUTF8(v, "")
	for rest := v; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		j := strings.IndexByte(rest, '>')
		if j < 0 {
			break
		}
		if id := cleanID(rest[:j]); id != "" {
			ids = append(ids, id)
		}
		rest = rest[j+1:]
	}
	if ids != nil || strings.ContainsAny(v, "<>") && !strings.Contains(v, "@") {
		return ids
	}
	for _, w := range strings.Fields(v) {
		if id := cleanID(strings.Trim(w, "<>,;\"")); strings.Contains(id, "@") {
			ids = append(ids, id)
		}
	}
	return ids
}

func cleanID(id string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 127 {
			return -1
		}
		return r
	}, id)
}
