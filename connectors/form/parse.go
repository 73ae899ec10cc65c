package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"parley/connectors"
)

var (
	errMalformed   = errors.New("the body is not of its content type")
	errUnsupported = errors.New("this content type is not a form's")
)

// What is well-formed and still no form; the item is quarantined with these words.
var (
	errNoFields   = errors.New("the post has no fields")
	errNoObject   = errors.New("the JSON is not an object of fields")
	errManyFields = fmt.Errorf("the post has more than %d fields", maxFields)
)

const (
	maxFields = 1000
	maxDepth  = 6 // of JSON objects; what is deeper is kept as JSON
)

// post is what a form sent, in its order. Repeated names stay as they are.
type post struct {
	fields []field
	files  []connectors.Attachment
}

type field struct{ name, value string }

// parse reads a body of any of a form's content types. A body without one, or with text/plain as a script's beacon sends it, is
// taken for what it looks like. Errors are errMalformed, errUnsupported, or a reason for quarantine.
func parse(contentType string, body []byte, region string) (post, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil && contentType != "" && media == "" {
		return post{}, errUnsupported
	}
	var p post
	switch {
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		p.fields, err = parseJSON(body)
	case media == "application/x-www-form-urlencoded":
		p.fields, err = parseURLEncoded(body, params["charset"], region)
	case media == "multipart/form-data":
		p, err = parseMultipart(body, params["boundary"], region)
	case (media == "" || media == "text/plain") && bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")):
		p.fields, err = parseJSON(body)
	case media == "" || media == "text/plain":
		p.fields, err = parseURLEncoded(body, params["charset"], region)
	default:
		err = errUnsupported
	}
	switch {
	case err != nil:
		return p, err
	case len(p.fields) > maxFields:
		return p, errManyFields
	case len(p.fields) == 0 && len(p.files) == 0:
		return p, errNoFields
	}
	return p, nil
}

// parseURLEncoded reads the URL standard's application/x-www-form-urlencoded in the charset that the header or the
// field _charset_ names.
func parseURLEncoded(body []byte, charset, region string) ([]field, error) {
	if !bytes.Contains(body, []byte("=")) {
		return nil, errMalformed
	}
	var out []field
	for pair := range strings.SplitSeq(strings.TrimSpace(string(body)), "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, errMalformed
		}
		out = append(out, field{n, v})
		if len(out) > maxFields {
			return out, errManyFields
		}
	}
	return decoded(out, charset, region), nil
}

// decoded brings fields to UTF-8 text.
func decoded(fields []field, charset, region string) []field {
	for _, f := range fields {
		if f.name == "_charset_" && charset == "" {
			charset = f.value
		}
	}
	for i, f := range fields {
		fields[i] = field{clean(toUTF8(f.name, charset, region)), clean(toUTF8(f.value, charset, region))}
	}
	return fields
}

// toUTF8 believes the named charset, else UTF-8, else takes the bytes for what old websites of the region use.
func toUTF8(s, charset, region string) string {
	if e, err := htmlindex.Get(charset); err == nil && charset != "" {
		if name, _ := htmlindex.Name(e); name != "utf-8" {
			if out, err := e.NewDecoder().String(s); err == nil {
				return out
			}
		}
	}
	if utf8.ValidString(s) {
		return s
	}
	legacy := "windows-1252"
	if slices.Contains([]string{"RU", "UA", "BY", "KZ", "KG", "BG", "RS", "MK"}, strings.ToUpper(region)) {
		legacy = "windows-1251"
	}
	e, _ := htmlindex.Get(legacy) // both are in the index
	out, err := e.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return out
}

// parseMultipart reads multipart/form-data (RFC 7578). Chosen files become attachments, inputs left empty do not.
func parseMultipart(body []byte, boundary, region string) (post, error) {
	var p post
	if boundary == "" {
		return p, errMalformed
	}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := r.NextPart()
		if err == io.EOF { //nolint:errorlint // a wrapped one says that the body broke off
			p.fields = decoded(p.fields, "", region)
			return p, nil
		}
		if err != nil {
			return p, errMalformed
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return p, errMalformed
		}
		if len(p.fields)+len(p.files) > maxFields {
			return p, errManyFields
		}
		p.add(part, data, region)
	}
}

func (p *post) add(part *multipart.Part, data []byte, region string) {
	media, params, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
	_, disposition, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	_, isFile := disposition["filename"]
	switch {
	case isFile && len(data) > 0:
		if media == "" {
			media = "application/octet-stream"
		}
		name := strings.ReplaceAll(clean(toUTF8(part.FileName(), "", region)), "\n", " ")
		p.files = append(p.files, connectors.Attachment{Name: name, MIME: media, Size: int64(len(data)), Data: data})
	case isFile:
	default:
		p.fields = append(p.fields, field{part.FormName(), toUTF8(string(data), params["charset"], region)})
	}
}

// parseJSON reads an object of fields. Objects inside become "outer.inner", lists of plain values are joined.
func parseJSON(body []byte) ([]field, error) {
	body = bytes.TrimPrefix(bytes.ToValidUTF8(body, []byte("\uFFFD")), []byte("\uFEFF"))
	if !json.Valid(body) {
		return nil, errMalformed
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return nil, errNoObject
	}
	return flatten(nil, "", body, 0)
}

// flatten adds the members of the valid JSON object o to out, in their order.
func flatten(out []field, prefix string, o []byte, depth int) ([]field, error) {
	d := json.NewDecoder(bytes.NewReader(o))
	d.UseNumber()
	_, _ = d.Token() // {
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return out, errMalformed
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return out, errMalformed
		}
		name := prefix + clean(fmt.Sprint(key))
		if value[0] == '{' && depth < maxDepth {
			if out, err = flatten(out, name+".", value, depth+1); err != nil {
				return out, err
			}
			continue
		}
		out = append(out, field{name, clean(plain(value))})
		if len(out) > maxFields {
			return out, errManyFields
		}
	}
	return out, nil
}

// plain is a JSON value as a person would read it.
func plain(v json.RawMessage) string {
	switch v[0] {
	case '"':
		var s string
		_ = json.Unmarshal(v, &s) // valid, checked at the door
		return s
	case '[':
		var list []json.RawMessage
		_ = json.Unmarshal(v, &list)
		words := make([]string, 0, len(list))
		for _, e := range list {
			if e[0] == '[' || e[0] == '{' {
				return string(v)
			}
			words = append(words, plain(e))
		}
		return strings.Join(words, ", ")
	case 'n':
		return ""
	case 't':
		return "yes"
	case 'f':
		return "no"
	}
	return string(v)
}

// clean takes out what no person types and no database keeps, and the space around.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r < ' ' && r != '\n' && r != '\t' || r == 0x7f:
			return -1
		}
		return r
	}, s))
}
