package connectors

import (
	"errors"
	"time"
)

type retryError struct {
	err   error
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

type unauthorizedError struct{ err error }

func (e *unauthorizedError) Error() string { return e.err.Error() }
func (e *unauthorizedError) Unwrap() error { return e.err }

// Retry says that the provider surely did not take it and may be asked again, not before after has passed (0: our own pace).
func Retry(err error, after time.Duration) error { return &retryError{err, after} }

// Permanent says that trying again is pointless. The text is shown to the agent: plain words, the provider's reason.
func Permanent(err error) error { return &permanentError{err} }

// Unauthorized says that the provider does not accept the channel's credentials. Sending treats it as Retry.
func Unauthorized(err error) error { return &unauthorizedError{err} }

// IsRetry tells whether the provider surely did not get it, and how long it wants to be left alone.
func IsRetry(err error) (after time.Duration, ok bool) {
	var r *retryError
	if errors.As(err, &r) {
		return r.after, true
	}
	return 0, IsUnauthorized(err)
}

// IsPermanent tells whether trying again is pointless.
func IsPermanent(err error) bool { var p *permanentError; return errors.As(err, &p) }

// IsUnauthorized tells whether the credentials were refused.
func IsUnauthorized(err error) bool { var u *unauthorizedError; return errors.As(err, &u) }
