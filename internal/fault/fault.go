// Package fault names the kinds of errors that somebody can be told about. Everything else is a failure of ours,
// which is logged and answered as such. ui/api turns kinds into HTTP statuses, in one function.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind is a class of error.
type Kind int

const (
	KindInternal Kind = iota
	KindMalformed
	KindUnauthorized
	KindForbidden
	KindNotFound
	KindConflict
	KindStale
	KindTooLarge
	KindInvalid
	KindBusy
	KindUnavailable
)

// Field is a complaint about one field.
type Field struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error is an error with a sentence for people. Detail never carries a table's id or a provider's reply.
type Error struct {
	Kind   Kind
	Detail string
	Fields []Field
	After  time.Duration  // for KindBusy and KindUnavailable
	Extra  map[string]any // further members of the problem document
}

func (e *Error) Error() string { return e.Detail }

func newError(k Kind, format string, a []any) error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, a...)}
}

func Malformed(format string, a ...any) error    { return newError(KindMalformed, format, a) }
func Unauthorized(format string, a ...any) error { return newError(KindUnauthorized, format, a) }
func Forbidden(format string, a ...any) error    { return newError(KindForbidden, format, a) }
func NotFound(format string, a ...any) error     { return newError(KindNotFound, format, a) }
func Conflict(format string, a ...any) error     { return newError(KindConflict, format, a) }
func Stale(format string, a ...any) error        { return newError(KindStale, format, a) }
func TooLarge(format string, a ...any) error     { return newError(KindTooLarge, format, a) }

// Busy asks the caller to come again after d.
func Busy(d time.Duration, format string, a ...any) error {
	return &Error{Kind: KindBusy, Detail: fmt.Sprintf(format, a...), After: d}
}

// Unavailable says that something we need does not answer now.
func Unavailable(d time.Duration, format string, a ...any) error {
	return &Error{Kind: KindUnavailable, Detail: fmt.Sprintf(format, a...), After: d}
}

// Invalid is a well-formed request with a value that is not allowed.
func Invalid(field, code, format string, a ...any) error {
	m := fmt.Sprintf(format, a...)
	return &Error{Kind: KindInvalid, Detail: m, Fields: []Field{{field, code, m}}}
}

// InvalidFields is Invalid for several fields at once.
func InvalidFields(fields []Field) error {
	return &Error{Kind: KindInvalid, Detail: "some fields are not valid", Fields: fields}
}

// Of is the kind of err, KindInternal when it has none.
func Of(err error) Kind {
	var f *Error
	if errors.As(err, &f) {
		return f.Kind
	}
	return KindInternal
}

// Is tells whether err is of kind k.
func Is(err error, k Kind) bool { return err != nil && Of(err) == k }
