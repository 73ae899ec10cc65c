package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/ids"
)

const (
	poll      = 250 * time.Millisecond // the net under Wake
	beat      = 2 * time.Second
	deadAfter = 10 * time.Second // a node that has not said anything for so long is gone
	perQueue  = 8                // jobs of one queue at once on a node, so that one slow provider does not take all hands
	allQueues = 64
	keepDone  = 24 * time.Hour
	// maxAttempts with Backoff is about 24 hours; after that a job that only ever failed is dead.
	maxAttempts = 150
)

// Handler does one job. nil is done; Later, Bury or any other error say how to go on.
type Handler func(ctx context.Context, j Job) error

// Kind is how jobs of a kind are done.
type Kind struct {
	Do      Handler
	Timeout time.Duration // for one try
	// Buried is told that a job was given up, with its last error; nil: the log is enough.
	Buried func(ctx context.Context, j Job, err error)
}

// Runner does jobs on one node.
type Runner struct {
	Node string // this run's name

	db    *db.DB
	now   clock.Clock
	kinds map[string]Kind
	wake  chan struct{}
	alone bool

	mu      sync.Mutex
	inHand  map[int64]bool
	byQueue map[string]int
	wg      sync.WaitGroup
}

// NewRunner makes a runner. alone says that no other node can be working on this database (SQLite).
func NewRunner(d *db.DB, now clock.Clock, alone bool) *Runner {
	return &Runner{Node: ids.New(), db: d, now: now, alone: alone, kinds: map[string]Kind{}, wake: make(chan struct{}, 1),
		inHand: map[int64]bool{}, byQueue: map[string]int{}}
}

// Handle says how to do a kind, before Run.
func (r *Runner) Handle(kind string, k Kind) { r.kinds[kind] = k }

// Wake makes the runner look for work now. It never blocks.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends; then it takes nothing new and waits for what is in hand, whose contexts end with hands.
func (r *Runner) Run(ctx context.Context, hands context.Context) error {
	if err := r.enter(ctx); err != nil {
		return err
	}
	look, pulse := time.NewTicker(poll), time.NewTicker(beat)
	defer look.Stop()
	defer pulse.Stop()
	for {
		select {
		case <-ctx.Done():
			r.wg.Wait()
			r.leave(context.WithoutCancel(ctx))
			return nil
		case <-pulse.C:
			r.care(ctx)
		case <-look.C:
			r.take(ctx, hands)
		case <-r.wake:
			r.take(ctx, hands)
		}
	}
}

// enter registers the node. Alone, whatever is marked as running was left by a process that is gone.
func (r *Runner) enter(ctx context.Context) error {
	now := r.now().UnixMilli()
	q := r.db.Write(ctx)
	if err := q.Exec("INSERT INTO nodes (id, started_at, beat_at) VALUES (?, ?, ?)", r.Node, now, now).Error; err != nil {
		return fmt.Errorf("register node: %w", err)
	}
	if r.alone {
		if err := q.Exec("DELETE FROM nodes WHERE id <> ?", r.Node).Error; err != nil {
			return fmt.Errorf("forget former runs: %w", err)
		}
	}
	return r.release(ctx)
}

func (r *Runner) leave(ctx context.Context) {
	if err := r.db.Write(ctx).Exec("DELETE FROM nodes WHERE id = ?", r.Node).Error; err != nil {
		slog.Warn("node could not sign off", "error", err)
	}
}

// care is the pulse: I live; who has gone; what is old.
func (r *Runner) care(ctx context.Context) {
	now := r.now()
	q := r.db.Write(ctx)
	err := errors.Join(
		q.Exec("INSERT INTO nodes (id, started_at, beat_at) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at", r.Node, now.UnixMilli(), now.UnixMilli()).Error,
		q.Exec("DELETE FROM nodes WHERE beat_at < ?", now.Add(-deadAfter).UnixMilli()).Error,
		r.release(ctx),
		q.Exec("DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state = 'done' AND finished_at < ? LIMIT 500)", now.Add(-keepDone).UnixMilli()).Error,
	)
	if err != nil && ctx.Err() == nil {
		slog.ErrorContext(ctx, "care for jobs", "error", err)
	}
}

// release gives back what nodes that are gone had in hand.
func (r *Runner) release(ctx context.Context) error {
	err := r.db.Write(ctx).Exec("UPDATE jobs SET state = 'ready', run_at = ? WHERE state = 'running' AND locked_by NOT IN (SELECT id FROM nodes)", r.now().UnixMilli()).Error
	if err != nil {
		return fmt.Errorf("release jobs of nodes that are gone: %w", err)
	}
	return nil
}

// take claims what is due while hands are free.
func (r *Runner) take(ctx, hands context.Context) {
	for ctx.Err() == nil {
		free, full := r.free()
		if free == 0 || !r.anythingDue(ctx, full) {
			return
		}
		claimed, err := r.claim(ctx, min(free, perQueue), full)
		if err != nil {
			if ctx.Err() == nil {
				slog.ErrorContext(ctx, "claim jobs", "error", err)
			}
			return
		}
		for _, j := range claimed {
			r.start(hands, j)
		}
		if len(claimed) == 0 {
			return
		}
	}
}

// free answers how many hands are free and which queues have enough; "" stands first so that the list is never empty.
func (r *Runner) free() (n int, full []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	full = []string{""}
	for q, k := range r.byQueue {
		if k >= perQueue {
			full = append(full, q)
		}
	}
	return max(0, allQueues-len(r.inHand)), full
}

func (r *Runner) anythingDue(ctx context.Context, full []string) bool {
	var due bool
	err := r.db.Read(ctx).Raw("SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'ready' AND run_at <= ? AND queue NOT IN ?)", r.now().UnixMilli(), full).Scan(&due).Error
	return err == nil && due
}

func (r *Runner) claim(ctx context.Context, n int, full []string) ([]Job, error) {
	now := r.now().UnixMilli()
	var out []Job
	err := r.db.Write(ctx).Raw(`UPDATE jobs SET state = 'running', attempt = attempt + 1, locked_by = ?, lease_until = ?
		WHERE id IN (
			SELECT j.id FROM jobs j
			WHERE j.state = 'ready' AND j.run_at <= ? AND j.queue NOT IN ?
			  AND (j.lane = '' OR NOT EXISTS (
				SELECT 1 FROM jobs e WHERE e.lane = j.lane AND e.lane <> '' AND e.state IN ('ready', 'running') AND e.id <> j.id
				  AND (e.state = 'running' OR e.id < j.id AND (e.attempt > 0 OR e.run_at <= ?))))
			ORDER BY j.run_at, j.id LIMIT ? `+r.db.SkipLocked("j")+`)
		RETURNING *`, r.Node, now+deadAfter.Milliseconds(), now, full, now, n).Scan(&out).Error
	return out, err
}

func (r *Runner) start(hands context.Context, j Job) {
	r.mu.Lock()
	r.inHand[j.ID] = true
	r.byQueue[j.Queue]++
	r.mu.Unlock()
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		r.finish(context.WithoutCancel(hands), j, r.do(hands, j))
		r.mu.Lock()
		delete(r.inHand, j.ID)
		if r.byQueue[j.Queue]--; r.byQueue[j.Queue] == 0 {
			delete(r.byQueue, j.Queue)
		}
		r.mu.Unlock()
		r.Wake()
	}()
}

func (r *Runner) do(hands context.Context, j Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("a job panicked", "kind", j.Kind, "job", j.ID, "panic", p, "stack", string(debug.Stack()))
			err = Bury(fmt.Errorf("panic: %v", p))
		}
	}()
	k, known := r.kinds[j.Kind]
	if !known {
		return Later(fmt.Errorf("no node here knows how to do %q", j.Kind), time.Minute)
	}
	timeout := k.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(hands, timeout)
	defer cancel()
	return k.Do(ctx, j)
}

// finish writes the outcome, as long as the job is still ours.
func (r *Runner) finish(ctx context.Context, j Job, err error) {
	now := r.now()
	state, pause := verdict(err, j.Attempt)
	if state == Ready && j.Attempt >= maxAttempts {
		state = Dead
	}
	text := ""
	if err != nil {
		text = err.Error()
		slog.WarnContext(ctx, "job", "kind", j.Kind, "job", j.ID, "attempt", j.Attempt, "next", state, "error", text)
	}
	finished := int64(0)
	if state == Done || state == Dead {
		finished = now.UnixMilli()
	}
	for try := range 5 {
		werr := r.db.Write(ctx).Exec("UPDATE jobs SET state = ?, run_at = ?, last_error = ?, finished_at = ? WHERE id = ? AND locked_by = ? AND state = 'running'",
			state, now.Add(pause).UnixMilli(), text, finished, j.ID, r.Node).Error
		if werr == nil {
			break
		}
		slog.ErrorContext(ctx, "write a job's outcome", "job", j.ID, "error", werr)
		time.Sleep(time.Duration(try+1) * 100 * time.Millisecond)
	}
	if k := r.kinds[j.Kind]; state == Dead && k.Buried != nil {
		k.Buried(ctx, j, err)
	}
}

// Counts is how many jobs are in each state, and how long the oldest due one has been waiting.
func (r *Runner) Counts(ctx context.Context) (states map[string]int64, oldest time.Duration, err error) {
	var rows []struct {
		State string
		N     int64
	}
	if err = r.db.Read(ctx).Raw("SELECT state, COUNT(*) AS n FROM jobs WHERE state <> 'done' GROUP BY state").Scan(&rows).Error; err != nil {
		return nil, 0, err
	}
	states = map[string]int64{}
	for _, x := range rows {
		states[x.State] = x.N
	}
	var at *int64
	now := r.now().UnixMilli()
	if err = r.db.Read(ctx).Raw("SELECT MIN(run_at) FROM jobs WHERE state = 'ready' AND run_at <= ?", now).Scan(&at).Error; err != nil || at == nil {
		return states, 0, err
	}
	return states, time.Duration(now-*at) * time.Millisecond, nil
}
