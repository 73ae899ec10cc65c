package db_test

import (
	"context"
	"errors"
	"testing"

	"parley/internal/db"
	"parley/internal/db/dbtest"

	"gorm.io/gorm"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestEveryTableIsThereOnBothAndMigratingAgainChangesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		if err := d.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		if err := d.Migrated(ctx); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"users", "events", "jobs", "journal", "contacts", "identities", "leads", "conversations", "messages", "calls"} {
			var n int64
			if err := d.Read(ctx).Table(table).Count(&n).Error; err != nil {
				t.Errorf("%s: %v", table, err)
			}
		}
	})
}

func TestAnOlderBinaryRefusesANewerSchema(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		if err := d.Write(ctx).Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)").Error; err != nil {
			t.Fatal(err)
		}
		if err := d.Migrate(ctx); !errors.Is(err, db.ErrNewer) {
			t.Fatalf("migrated over a newer schema: %v", err)
		}
	})
}

func TestADuplicateIsKnownAsOne(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		err := d.Tx(ctx, func(tx *gorm.DB) error {
			return tx.Exec("INSERT INTO counters (name, value) VALUES ('lead', 1)").Error
		})
		if !db.IsDuplicate(err) {
			t.Fatalf("not known as a duplicate: %v", err)
		}
	})
}

func TestAPostgresWithoutFsyncIsRefused(t *testing.T) {
	if _, err := db.Open(context.Background(), db.Options{URL: dbtest.PostgresURL(t)}); err == nil {
		t.Fatal("opened a PostgreSQL that loses commits")
	}
	d, err := db.Open(context.Background(), db.Options{URL: dbtest.DurablePostgresURL(t)})
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
}
