package eventlog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func open(t testing.TB, d *db.DB) *eventlog.Log {
	l, err := eventlog.Open(context.Background(), d, clock.System)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func add(l *eventlog.Log, typ, subject string) error {
	return l.Transaction(context.Background(), func(tx *gorm.DB) error {
		return eventlog.AppendTx(tx, eventlog.Event{Type: typ, Subject: subject, Data: map[string]string{"id": subject}, Audience: eventlog.Audience{Open: true}})
	})
}

// A serial number is not the order of commits: with eight writers on PostgreSQL a reader that asks for "seq > last" missed
// hundreds of 3,200 events. Here it must miss none. The mutant takes its position at the beginning of the transaction from a sequence.
func TestAReaderThatFollowsMissesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := open(t, d)
		missed := follow(t, l, d, func(i, j int) error { return add(l, "x.created", fmt.Sprint(i, "-", j)) })
		if missed != 0 {
			t.Fatalf("%d events were overtaken", missed)
		}
	})
}

func TestTheNaiveWayMissesEventsSoTheTestCanFail(t *testing.T) {
	d := dbtest.Open(t, dbtest.PostgresURL(t))
	if err := d.Write(context.Background()).Exec("CREATE SEQUENCE naive").Error; err != nil {
		t.Fatal(err)
	}
	l := open(t, d)
	missed := follow(t, l, d, func(i, j int) error {
		return d.Tx(context.Background(), func(tx *gorm.DB) error {
			var seq int64
			if err := tx.Raw("SELECT nextval('naive')").Scan(&seq).Error; err != nil {
				return err
			}
			time.Sleep(time.Millisecond * time.Duration(j%3)) // the rest of the transaction
			return tx.Exec("INSERT INTO events (seq, id, type, at, audience, frame) VALUES (?, ?, 'x', 0, '{}', '{}')", seq, fmt.Sprint(i, "-", j)).Error
		})
	})
	if missed == 0 {
		t.Fatal("the naive way missed nothing: this test can't tell right from wrong")
	}
}

// follow lets eight writers write 100 each while a reader goes by position; it answers how many the reader never saw.
func follow(t *testing.T, l *eventlog.Log, d *db.DB, write func(i, j int) error) int {
	const writers, each = 8, 100
	var done atomic.Bool
	seen := 0
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		last := int64(0)
		for {
			end := done.Load()
			page, err := l.After(context.Background(), last, 200)
			if err != nil {
				t.Error(err)
				return
			}
			for _, e := range page {
				last = e.Seq
				seen++
			}
			if end && len(page) == 0 {
				return
			}
		}
	}()
	var wg sync.WaitGroup
	for i := range writers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range each {
				if err := write(i, j); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	wg.Wait()
	done.Store(true)
	<-reading
	return writers*each - seen
}

func TestPositionsHaveNoGapsAndAFailedTransactionLeavesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := open(t, d)
		ctx := context.Background()
		woken := 0
		l.OnCommit(func() { woken++ })
		_ = add(l, "a.created", "1")
		failed := errors.New("no")
		err := l.Transaction(ctx, func(tx *gorm.DB) error {
			_ = eventlog.AppendTx(tx, eventlog.Event{Type: "a.created", Subject: "2"})
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		_ = add(l, "a.created", "3")
		all, err := l.After(ctx, 0, 100)
		if err != nil || len(all) != 2 || all[0].Seq != 1 || all[1].Seq != 2 || woken != 2 {
			t.Fatalf("%v %v, woken %d", all, err, woken)
		}
	})
}

func TestTwoUpdatesInOneTransactionAreToldAsOne(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	l := open(t, d)
	err := l.Transaction(context.Background(), func(tx *gorm.DB) error {
		for i := range 3 {
			e := eventlog.Event{Type: "c.updated", Subject: "1", Data: map[string]int{"n": i + 1}, Changes: map[string]eventlog.Change{"n": {From: i, To: i + 1}}}
			if err := eventlog.AppendTx(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all, _ := l.After(context.Background(), 0, 10)
	if len(all) != 1 {
		t.Fatalf("%d events", len(all))
	}
	var f struct {
		Data    map[string]int
		Changes map[string]struct{ From, To int }
	}
	if err := json.Unmarshal(all[0].Frame, &f); err != nil || f.Data["n"] != 3 || f.Changes["n"].From != 0 || f.Changes["n"].To != 3 {
		t.Fatalf("%s %v", all[0].Frame, err)
	}
}

func TestWhoSeesWhat(t *testing.T) {
	anna := eventlog.Viewer{UserID: "anna", Teams: []string{"north"}}
	boss := eventlog.Viewer{UserID: "boss", All: true}
	cases := []struct {
		name       string
		a          eventlog.Audience
		anna, boss bool
	}{
		{"nobody's is everybody's", eventlog.Audience{Open: true}, true, true},
		{"her own", eventlog.Audience{Users: []string{"anna"}}, true, true},
		{"her team's", eventlog.Audience{Teams: []string{"north"}}, true, true},
		{"another team's", eventlog.Audience{Teams: []string{"south"}, Users: []string{"boris"}}, false, true},
		{"managers only", eventlog.Audience{}, false, true},
		{"boris' own notice", eventlog.Audience{Private: true, Users: []string{"boris"}}, false, false},
	}
	for _, c := range cases {
		if c.a.Sees(anna) != c.anna || c.a.Sees(boss) != c.boss {
			t.Errorf("%s: anna %v, boss %v", c.name, c.a.Sees(anna), c.a.Sees(boss))
		}
	}
	left := eventlog.Entry{Seq: 7, Conversation: "c1", Audience: eventlog.Audience{Teams: []string{"south"}}, Before: &eventlog.Audience{Open: true}, Frame: []byte("secret")}
	f, ok := left.For(anna)
	if !ok || string(f) == "secret" || !json.Valid(f) {
		t.Errorf("who loses a conversation gets its id only: %s", f)
	}
	if _, ok := left.For(eventlog.Viewer{}); !ok {
		t.Error("everybody could see it before")
	}
}
