// Package jobs is the transactional outbox: what must happen after a commit is written in the same transaction, and done
// afterwards by a Runner, at least once, with lease, backoff and a dead state. Jobs of one lane run one at a time, in order.
package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
)

// States of a job.
const (
	Ready   = "ready"
	Running = "running"
	Done    = "done"
	Dead    = "dead" // given up; stays visible until somebody deals with it
)

// New is a job to be done.
type New struct {
	Kind    string
	Payload any       // becomes JSON
	RunAt   time.Time // not before; zero: at once
	At      time.Time // the present, from the caller's clock
	// Queue bounds how many run at once on a node; jobs for one provider share one. "" is the kind.
	Queue string
	// Lane, if set, keeps order: a job waits for the due and the tried ones before it in its lane.
	Lane string
	// UniqueKey, if set, makes enqueueing again while the first is not finished do nothing.
	UniqueKey string
}

// Job is a job in hand.
type Job struct {
	ID        int64
	Queue     string
	Kind      string
	UniqueKey string
	Lane      string
	Payload   string
	State     string
	Attempt   int // 1 the first time
	RunAt     int64
	LockedBy  string
	LastError string
	CreatedAt int64
}

func (Job) TableName() string { return "jobs" }

// Into decodes the payload.
func (j Job) Into(v any) error {
	if err := json.Unmarshal([]byte(j.Payload), v); err != nil {
		return Bury(fmt.Errorf("payload of %s: %w", j.Kind, err))
	}
	return nil
}

// EnqueueTx writes n in the caller's transaction.
func EnqueueTx(tx *gorm.DB, n New) error {
	payload, err := json.Marshal(n.Payload)
	if err != nil {
		return fmt.Errorf("payload of %s: %w", n.Kind, err)
	}
	if n.Queue == "" {
		n.Queue = n.Kind
	}
	if n.RunAt.Before(n.At) {
		n.RunAt = n.At
	}
	err = tx.Exec(`INSERT INTO jobs (queue, kind, unique_key, lane, payload, run_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`, n.Queue, n.Kind, n.UniqueKey, n.Lane, string(payload), n.RunAt.UnixMilli(), n.At.UnixMilli()).Error
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", n.Kind, err)
	}
	return nil
}

// CancelTx drops the jobs of this key, and of this key with a number behind a colon, that have not begun. It answers false when there was none.
func CancelTx(tx *gorm.DB, uniqueKey string) (bool, error) {
	res := tx.Exec("DELETE FROM jobs WHERE (unique_key = ? OR unique_key LIKE ?) AND state = 'ready'", uniqueKey, uniqueKey+":%")
	return res.RowsAffected > 0, res.Error
}

// MoveTx changes when a job that has not begun will run. It answers false when there was none.
func MoveTx(tx *gorm.DB, uniqueKey string, at time.Time) (bool, error) {
	res := tx.Exec("UPDATE jobs SET run_at = ? WHERE unique_key = ? AND state = 'ready'", at.UnixMilli(), uniqueKey)
	return res.RowsAffected > 0, res.Error
}

type laterError struct {
	err   error
	after time.Duration
}

func (e *laterError) Error() string { return e.err.Error() }
func (e *laterError) Unwrap() error { return e.err }

type buryError struct{ err error }

func (e *buryError) Error() string { return e.err.Error() }
func (e *buryError) Unwrap() error { return e.err }

// Later asks for another try, not before after has passed.
func Later(err error, after time.Duration) error { return &laterError{err, after} }

// Bury gives the job up at once.
func Bury(err error) error { return &buryError{err} }

// Backoff is the pause before the next try: about 1, 2, 4 … seconds, at most ten minutes, with jitter so that many do not come back together.
func Backoff(attempt int) time.Duration {
	d := 10 * time.Minute
	if attempt < 10 {
		d = min(d, time.Second<<max(0, attempt-1))
	}
	return d/2 + rand.N(d)
}

func verdict(err error, attempt int) (state string, pause time.Duration) {
	var bury *buryError
	var later *laterError
	switch {
	case err == nil:
		return Done, 0
	case errors.As(err, &bury):
		return Dead, 0
	case errors.As(err, &later):
		return Ready, max(later.after, 50*time.Millisecond)
	}
	return Ready, Backoff(attempt)
}
