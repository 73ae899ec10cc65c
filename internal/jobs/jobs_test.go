package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/internal/jobs"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

type diary struct {
	mu   sync.Mutex
	did  []string
	news chan struct{}
}

func (d *diary) note(s string) {
	d.mu.Lock()
	d.did = append(d.did, s)
	d.mu.Unlock()
	select {
	case d.news <- struct{}{}:
	default:
	}
}

func (d *diary) wait(t *testing.T, n int) []string {
	t.Helper()
	end := time.After(10 * time.Second)
	for {
		d.mu.Lock()
		got := append([]string(nil), d.did...)
		d.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-d.news:
		case <-end:
			t.Fatalf("%d of %d jobs done: %v", len(got), n, got)
		}
	}
}

func run(t *testing.T, d *db.DB, alone bool, do jobs.Handler) (*jobs.Runner, func()) {
	r := jobs.NewRunner(d, clock.System, alone)
	r.Handle("test", jobs.Kind{Do: do, Timeout: 5 * time.Second})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, context.Background()) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return r, stop
}

func enqueue(t *testing.T, d *db.DB, n jobs.New) {
	t.Helper()
	n.Kind, n.At = "test", clock.System()
	if err := jobs.EnqueueTx(d.Write(context.Background()), n); err != nil {
		t.Fatal(err)
	}
}

func TestALaneKeepsOrderWhenItsFirstJobFails(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		done := &diary{news: make(chan struct{}, 1)}
		for i := range 5 {
			enqueue(t, d, jobs.New{Payload: i, Lane: "conversation"})
		}
		r, _ := run(t, d, true, func(_ context.Context, j jobs.Job) error {
			if j.Payload == "0" && j.Attempt < 3 {
				return jobs.Later(errors.New("not now"), time.Millisecond)
			}
			done.note(j.Payload)
			return nil
		})
		r.Wake()
		if got := fmt.Sprint(done.wait(t, 5)); got != "[0 1 2 3 4]" {
			t.Fatal(got)
		}
	})
}

func TestWhatIsScheduledForLaterHoldsNobodyUp(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	done := &diary{news: make(chan struct{}, 1)}
	enqueue(t, d, jobs.New{Payload: "tomorrow", Lane: "l", RunAt: time.Now().Add(24 * time.Hour)})
	enqueue(t, d, jobs.New{Payload: "now", Lane: "l"})
	run(t, d, true, func(_ context.Context, j jobs.Job) error { done.note(j.Payload); return nil })
	if got := fmt.Sprint(done.wait(t, 1)); got != `["now"]` {
		t.Fatal(got)
	}
}

func TestTwoNodesDoEachJobOnce(t *testing.T) {
	d := dbtest.Open(t, dbtest.PostgresURL(t))
	done := &diary{news: make(chan struct{}, 1)}
	do := func(_ context.Context, j jobs.Job) error { done.note(j.Payload); return nil }
	const n = 300
	for i := range n {
		enqueue(t, d, jobs.New{Payload: i, Lane: fmt.Sprint(i % 7), Queue: fmt.Sprint(i % 3)})
	}
	run(t, d, false, do)
	run(t, d, false, do)
	done.wait(t, n)
	time.Sleep(300 * time.Millisecond) // a second doing would come now
	seen := map[string]int{}
	for _, p := range done.wait(t, n) {
		seen[p]++
	}
	for p, k := range seen {
		if k != 1 {
			t.Errorf("%s was done %d times", p, k)
		}
	}
	if len(seen) != n {
		t.Errorf("%d different jobs", len(seen))
	}
}

func TestAJobOfAKilledProcessIsDoneAgainAndKnowsIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		enqueue(t, d, jobs.New{Payload: "x"})
		if err := d.Write(context.Background()).Exec("UPDATE jobs SET state = 'running', attempt = 1, locked_by = 'killed'").Error; err != nil {
			t.Fatal(err)
		}
		done := &diary{news: make(chan struct{}, 1)}
		run(t, d, true, func(_ context.Context, j jobs.Job) error { done.note(fmt.Sprint(j.Attempt)); return nil })
		if got := done.wait(t, 1); got[0] != "2" {
			t.Fatalf("attempt %s", got[0])
		}
	})
}

func TestAPanicBuriesTheJobAndTheOthersGoOn(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	done := &diary{news: make(chan struct{}, 1)}
	enqueue(t, d, jobs.New{Payload: "bad"})
	enqueue(t, d, jobs.New{Payload: "good"})
	r, stop := run(t, d, true, func(_ context.Context, j jobs.Job) error {
		if j.Payload == `"bad"` {
			panic("boom")
		}
		done.note(j.Payload)
		return nil
	})
	done.wait(t, 1)
	stop()
	states, _, err := r.Counts(context.Background())
	if err != nil || states[jobs.Dead] != 1 || states[jobs.Running] != 0 {
		t.Fatalf("%v %v", states, err)
	}
}

func TestTheSameKeyIsEnqueuedOnceUntilItIsDone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		enqueue(t, d, jobs.New{Payload: "a", UniqueKey: "k", RunAt: time.Now().Add(time.Hour)})
		enqueue(t, d, jobs.New{Payload: "b", UniqueKey: "k"})
		q := d.Write(context.Background())
		var n int64
		if q.Table("jobs").Count(&n); n != 1 {
			t.Fatalf("%d jobs", n)
		}
		if ok, err := jobs.CancelTx(q, "k"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		enqueue(t, d, jobs.New{Payload: "c", UniqueKey: "k"})
		if q.Table("jobs").Count(&n); n != 1 {
			t.Fatalf("%d jobs", n)
		}
	})
}
