package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// spec is what the API says of itself, as far as it is needed to call all of it.
type spec struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	Parameters []struct{ Name, In string }
	Body       *struct {
		Content map[string]struct{ Schema schema }
	} `json:"requestBody"`
}

type schema struct {
	Ref        string `json:"$ref"`
	Properties map[string]schema
}

// strangeWords are texts that some layer below stumbles over.
var strangeWords = []string{"\x00", "a\x00b", "\xff\xfe", "'; DROP TABLE users; --", "%", strings.Repeat("я", 1000), "🙂\u202e", "-1", "9223372036854775808", "1e400", "null"}

// strangeBodies are JSON that is not what any route wants; NAME is one of its own properties.
var strangeBodies = []string{``, `null`, `[]`, `"x"`, `42`, `{`, "{\"NAME\":\"\x00\"}", `{"NAME":"\u0000"}`, `{"NAME":"a\u0000b"}`, "{\"NAME\":\"\xff\"}", `{"NAME":"\ud800"}`, `{"NAME":{}}`, `{"NAME":[[[[]]]]}`,
	`{"NAME":-1}`, `{"NAME":1e400}`, `{"NAME":99999999999999999999}`, `{"NAME":null}`, `{"NAME":true}`, `{"NAME":""}`, `{"NAME":["\u0000"]}`, `{"NAME":{"a\u0000":"\u0000"}}`, `{"NAME":"0000-00-00T00:00:00Z"}`,
	`{"NAME":"9999-12-31T23:59:59Z"}`, `{"an_unknown_field":1}`}

// tryEveryRoute calls every route of the API with what it does not expect. No answer may be a 5xx, and none may take a field that it does not know.
func tryEveryRoute(h *hub) {
	var s spec
	status, b, err := h.do(http.MethodGet, "/api/v1/openapi.json", nil, nil)
	if err != nil || status != http.StatusOK || json.Unmarshal(b, &s) != nil || len(s.Paths) < 30 {
		h.t.Fatalf("the description of the API: %d, %d paths, %v", status, len(s.Paths), err)
	}
	asked := 0
	check := func(method, path, body string) {
		header := http.Header{"Content-Type": {"application/json"}, "X-Forwarded-For": {fmt.Sprintf("10.9.%d.%d", asked>>8, asked&255)}} // each from elsewhere, so that no limit spares a route
		status, answer, err := h.do(method, path, header, []byte(body))
		if asked++; err != nil || status >= 500 && status != http.StatusServiceUnavailable {
			h.t.Errorf("%s %.120s with %.80q is answered %d %s %v", method, path, body, status, answer, err)
		}
		if strings.Contains(body, "an_unknown_field") && status/100 == 2 {
			h.t.Errorf("%s %s takes an unknown field", method, path)
		}
	}
	for path, methods := range s.Paths {
		for method, op := range methods {
			method = strings.ToUpper(method)
			for _, word := range strangeWords {
				check(method, h.fill(path, word), "{}")
				for _, p := range op.Parameters {
					if p.In == "query" {
						check(method, h.fill(path, "")+"?"+url.Values{p.Name: {word}}.Encode(), "{}")
					}
				}
			}
			for _, body := range h.bodies(s, op) {
				check(method, h.fill(path, ""), body)
			}
		}
	}
	if h.must(http.MethodGet, "/session", nil, nil); asked < 1000 {
		h.t.Errorf("only %d requests were made", asked)
	}
}

// fill puts word into every parameter of a path; "" names things that are there.
func (h *hub) fill(path, word string) string {
	for {
		before, rest, ok := strings.Cut(path, "{")
		if !ok {
			return path
		}
		_, after, _ := strings.Cut(rest, "}")
		value := url.PathEscape(word)
		if word == "" {
			value = h.one(before)
		}
		path = before + value + after
	}
}

// one is the id of something that a list has, or of nothing.
func (h *hub) one(list string) string {
	list = strings.TrimSuffix(list, "/")
	if id, ok := h.known[list]; ok {
		return id
	}
	var p struct{ Data []struct{ ID string } }
	id := "nothing"
	if status, b, err := h.do(http.MethodGet, list, nil, nil); err == nil && status == http.StatusOK && json.Unmarshal(b, &p) == nil && len(p.Data) > 0 {
		id = p.Data[len(p.Data)-1].ID
	}
	if h.known == nil {
		h.known = map[string]string{}
	}
	h.known[list] = id
	return id
}

// bodies are the strange ones for each property of an operation's body.
func (h *hub) bodies(s spec, op operation) (out []string) {
	if op.Body == nil {
		return nil
	}
	var names []string
	for _, c := range op.Body.Content {
		sch := c.Schema
		if name, ok := strings.CutPrefix(sch.Ref, "#/components/schemas/"); ok {
			sch = s.Components.Schemas[name]
		}
		for name := range sch.Properties {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range append(names, "config") {
		for _, body := range strangeBodies {
			out = append(out, strings.ReplaceAll(body, "NAME", name))
		}
	}
	return out
}
