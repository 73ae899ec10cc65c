package api

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"parley/internal/fault"
	"parley/internal/page"

	"github.com/danielgtaylor/huma/v2"
)

// body is an answer.
type body[T any] struct{ Body T }

func answer[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

func bodyOf[T any](b *body[T], err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return b.Body, nil
}

// list is an answer that is not Paged because it is short by nature.
type list[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next_cursor"`
}

func short[T any](rows []T, err error) (*body[list[T]], error) {
	if rows == nil {
		rows = []T{}
	}
	return answer(list[T]{Data: rows}, err)
}

// none is the answer 204.
type none struct{}

// One names a resource.
type One struct {
	ID string `path:"id" maxLength:"64"`
}

// Paged is which page of a list is wanted.
type Paged struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" maxLength:"200"`
}

func (p Paged) ask() page.Ask { return page.Ask{Limit: p.Limit, Cursor: p.Cursor} }

// Guarded guards an edit.
type Guarded struct {
	IfMatch string `header:"If-Match" maxLength:"40" doc:"the version that the change is based on, in quotes"`
}

// version is the version asked for, 0 for none.
func (m Guarded) version() (int64, error) {
	if m.IfMatch == "" || m.IfMatch == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(m.IfMatch, "W/"), `"`), 10, 64)
	if err != nil || n < 1 {
		return 0, fault.Malformed("If-Match is a version in quotes")
	}
	return n, nil
}

// opt is a field of a merge patch (RFC 7396): left out, null, or a value.
type opt[T any] struct {
	Sent, Null bool
	Value      T
}

func (o *opt[T]) UnmarshalJSON(b []byte) error {
	o.Sent = true
	if string(b) == "null" {
		o.Null = true
		return nil
	}
	return json.Unmarshal(b, &o.Value)
}

// Schema lets null stand beside the value.
func (o opt[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	s.Nullable = true
	return &s
}

// ptr is nil when the field was left out; null is T's zero.
func (o opt[T]) ptr() *T {
	if !o.Sent {
		return nil
	}
	return &o.Value
}

// operationID is "GET /conversations/{id}/messages" as "get-conversations-id-messages".
func operationID(method, path string) string {
	return strings.ToLower(method) + strings.NewReplacer("/", "-", "{", "", "}", "", "_", "-").Replace(path)
}

func tagOf(path string) string {
	tag, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return tag
}
