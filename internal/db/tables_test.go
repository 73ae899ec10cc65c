package db_test

import (
	"context"
	"slices"
	"testing"

	"gorm.io/gorm"
	"parley/internal/db"
	"parley/internal/db/dbtest"
)

func tables(t *testing.T, d *db.DB) []db.Table {
	t.Helper()
	var all []db.Table
	err := d.Snapshot(context.Background(), func(tx *gorm.DB) (err error) {
		all, err = d.TablesTx(tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A backup of one database goes into the other, so they must have the same tables with the same kinds of columns.
func TestBothDatabasesHaveTheSameTables(t *testing.T) {
	type column struct {
		name string
		kind db.Kind
	}
	shape := func(d *db.DB) map[string][]column {
		out := map[string][]column{}
		for _, x := range tables(t, d) {
			for _, c := range x.Columns {
				out[x.Name] = append(out[x.Name], column{c.Name, c.Kind})
			}
		}
		return out
	}
	lite, post := shape(dbtest.Open(t, dbtest.SQLiteURL(t))), shape(dbtest.Open(t, dbtest.PostgresURL(t)))
	if len(lite) < 20 || len(lite) != len(post) {
		t.Fatalf("%d tables on SQLite, %d on PostgreSQL", len(lite), len(post))
	}
	for name, columns := range lite {
		if !slices.Equal(columns, post[name]) {
			t.Errorf("%s is %v on SQLite and %v on PostgreSQL", name, columns, post[name])
		}
	}
}

func TestATableComesAfterThoseItRefersTo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var names []string
		for _, x := range tables(t, d) {
			names = append(names, x.Name)
		}
		for _, pair := range [][2]string{{"users", "team_members"}, {"teams", "team_members"}, {"stages", "leads"}, {"contacts", "leads"}, {"channels", "conversations"}, {"conversations", "messages"}} {
			if first, then := slices.Index(names, pair[0]), slices.Index(names, pair[1]); first < 0 || then < first {
				t.Errorf("%s comes after %s: %v", pair[0], pair[1], names)
			}
		}
	})
}

func TestASnapshotSeesOneMoment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		count := func(tx *gorm.DB) (n int64) {
			if err := tx.Table("counters").Count(&n).Error; err != nil {
				t.Fatal(err)
			}
			return n
		}
		err := d.Snapshot(ctx, func(tx *gorm.DB) error {
			before := count(tx)
			if err := d.Write(ctx).Exec("INSERT INTO counters (name, value) VALUES ('meanwhile', 1)").Error; err != nil {
				t.Fatal(err)
			}
			if after := count(tx); after != before {
				t.Errorf("it saw %d rows and then %d", before, after)
			}
			if tx.Exec("DELETE FROM counters").Error == nil {
				t.Error("a snapshot can be written to")
			}
			return nil
		})
		if err == nil && d.Dialect == db.Postgres {
			t.Error("PostgreSQL commits after a refused write")
		}
		if n := count(d.Read(ctx)); n != 3 {
			t.Errorf("%d rows are there in the end", n)
		}
	})
}

func TestNumbersGoOnAfterRowsThatWereBroughtAlong(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		var id int64
		err := d.Tx(ctx, func(tx *gorm.DB) error {
			all, err := d.TablesTx(tx)
			if err != nil {
				return err
			}
			if err := tx.Exec("INSERT INTO jobs (id, queue, kind, payload, run_at, created_at) VALUES (41, 'q', 'k', '{}', 0, 0)").Error; err != nil {
				return err
			}
			if err := d.CountOnTx(tx, all); err != nil {
				return err
			}
			return tx.Raw("INSERT INTO jobs (queue, kind, payload, run_at, created_at) VALUES ('q', 'k', '{}', 0, 0) RETURNING id").Scan(&id).Error
		})
		if err != nil || id != 42 {
			t.Errorf("the next job has the number %d: %v", id, err)
		}
	})
}
