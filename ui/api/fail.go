package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/internal/fault"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

// problem is an error as the API tells it (RFC 9457).
type problem struct {
	Type   string        `json:"type"`
	Title  string        `json:"title"`
	Status int           `json:"status"`
	Detail string        `json:"detail"`
	Errors []fault.Field `json:"errors,omitempty"`

	extra map[string]any
	after time.Duration
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return "application/problem+json" }
func (p *problem) MarshalJSON() ([]byte, error) {
	type plain problem
	b, err := json.Marshal((*plain)(p))
	if err != nil || len(p.extra) == 0 {
		return b, err
	}
	more, err := json.Marshal(p.extra)
	if err != nil {
		return nil, err
	}
	return append(append(b[:len(b)-1], ','), more[1:]...), nil
}

// statusOf is the one place where kinds of errors become HTTP statuses.
func statusOf(k fault.Kind) int {
	switch k {
	case fault.KindMalformed:
		return http.StatusBadRequest
	case fault.KindUnauthorized:
		return http.StatusUnauthorized
	case fault.KindForbidden:
		return http.StatusForbidden
	case fault.KindNotFound:
		return http.StatusNotFound
	case fault.KindConflict:
		return http.StatusConflict
	case fault.KindStale:
		return http.StatusPreconditionFailed
	case fault.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.KindInvalid:
		return http.StatusUnprocessableEntity
	case fault.KindBusy:
		return http.StatusTooManyRequests
	case fault.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fail turns an error of the rooms below into an answer. What is nobody's fault but ours is logged here, once.
func fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		p := newProblem(statusOf(f.Kind), f.Detail)
		p.Errors, p.extra, p.after = f.Fields, f.Extra, f.After
		if p.after > 0 {
			return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {retryAfter(p.after)}})
		}
		return p
	}
	slog.ErrorContext(ctx, "request failed", "error", err)
	return newProblem(http.StatusInternalServerError, "something went wrong here; it was noted")
}

func retryAfter(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

func newProblem(status int, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

func init() { huma.NewError = humaError }

// humaError is how the framework's own refusals (validation, unknown fields, body limits) read.
func humaError(status int, message string, errs ...error) huma.StatusError {
	p := newProblem(status, message)
	for _, e := range errs {
		var d *huma.ErrorDetail
		if errors.As(e, &d) {
			p.Errors = append(p.Errors, fault.Field{Field: fieldOf(d.Location), Code: codeOf(d.Message), Message: d.Message})
		} else if e != nil && status < 500 {
			p.Detail = message + ": " + e.Error()
		}
	}
	if status >= 500 {
		p.Detail = "something went wrong here; it was noted"
		slog.Error("request failed", "status", status, "message", message, "errors", errs)
	}
	return p
}

// fieldOf is "body.config.from" as "config.from".
func fieldOf(location string) string {
	for _, prefix := range []string{"body.", "query.", "path.", "header."} {
		location = strings.TrimPrefix(location, prefix)
	}
	return location
}

func codeOf(message string) string {
	switch {
	case strings.Contains(message, "unexpected property"):
		return "unknown_field"
	case strings.Contains(message, "required"):
		return "required"
	case strings.Contains(message, "one of"):
		return "unknown"
	case strings.Contains(message, "length"):
		return "length"
	}
	return "invalid"
}

// fallback answers what no handler did: unknown paths, bodies over the limit, fiber's own refusals.
func (a *API) fallback(c *fiber.Ctx, err error) error {
	var f *fiber.Error
	if errors.As(err, &f) {
		return a.refuse(c, f.Code, strings.ToLower(f.Message))
	}
	return a.answer(c, err)
}

// answer writes err as a problem document from a plain handler.
func (a *API) answer(c *fiber.Ctx, err error) error {
	err = fail(c.UserContext(), err)
	var p *problem
	if !errors.As(err, &p) {
		p = newProblem(http.StatusInternalServerError, "something went wrong here; it was noted")
	}
	if p.after > 0 {
		c.Set("Retry-After", retryAfter(p.after))
	}
	return a.send(c, p)
}

func (a *API) refuse(c *fiber.Ctx, status int, detail string) error {
	return a.send(c, newProblem(status, detail))
}

func (a *API) send(c *fiber.Ctx, p *problem) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.Set("Content-Type", "application/problem+json")
	return c.Status(p.Status).Send(b)
}
