package archive

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/internal/blob"
	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/ids"
	"parley/internal/secrets"

	"gorm.io/gorm"
)

// Target is the empty installation that is filled.
type Target struct {
	DB      *db.DB
	Blobs   blob.Store
	Secrets *secrets.Box
	Now     clock.Clock
	// DropCredentials takes a backup whose key is lost: what was sealed with it is left out.
	DropCredentials bool
	// Then is called in the transaction that brings the rows, after them: what the other rooms have to settle.
	Then func(tx *gorm.DB) error
}

// checkKey refuses a key that is not the backup's.
func (a *Archive) checkKey(box *secrets.Box) error {
	if have := box.Fingerprint(); have != a.Head.Key {
		return fmt.Errorf("the key file is not the one of this backup: it needs the key with fingerprint %s, this one has %s; put the key file of the installation that was backed up in its place",
			a.Head.Key, have)
	}
	return nil
}

// Restore fills into with the backup: blobs first, then all rows in one transaction. Everything is checked before anything is touched.
// Afterwards the event log has a new epoch, everybody is signed out, and nothing is marked as being at work.
func (a *Archive) Restore(ctx context.Context, into Target) (Manifest, error) {
	if err := a.fits(ctx, into); err != nil {
		return Manifest{}, err
	}
	m, err := a.Verify(ctx)
	if err != nil {
		return m, err
	}
	if err := into.DB.MigrateTo(ctx, a.Head.Schema); err != nil {
		return m, err
	}
	if m.Blobs > 0 {
		if err := a.putBlobs(ctx, into.Blobs); err != nil {
			return m, fmt.Errorf("blobs: %w", err)
		}
	}
	if err := into.DB.Tx(ctx, func(tx *gorm.DB) error { return a.rowsTx(ctx, tx, into, m) }); err != nil {
		return m, fmt.Errorf("rows: %w", err)
	}
	return m, into.DB.Migrate(ctx) // what has come since the backup
}

// fits tells whether the backup can go into this installation.
func (a *Archive) fits(ctx context.Context, into Target) error {
	if err := a.checkKey(into.Secrets); err != nil && !into.DropCredentials {
		return err
	}
	have, known, err := into.DB.Versions(ctx)
	switch {
	case err != nil:
		return err
	case a.Head.Schema > known:
		return fmt.Errorf("the backup has schema %d, made by Parley %s; this program knows up to %d: take a newer Parley", a.Head.Schema, a.Head.Parley, known)
	case have > a.Head.Schema:
		return fmt.Errorf("the database has schema %d already and the backup is older (schema %d): restore into a database that Parley has never opened", have, a.Head.Schema)
	case have == 0:
		return nil
	}
	return emptyTx(into.DB.Read(ctx), into.Now())
}

// deadAfter is how long after its last sign of life a node counts as gone.
const deadAfter = 10 * time.Second

// emptyTx is nil when nobody has begun to use the installation and nobody serves it.
func emptyTx(tx *gorm.DB, now time.Time) error {
	for _, table := range []string{"users", "channels", "contacts", "journal"} {
		var n int64
		if err := tx.Table(table).Limit(1).Count(&n).Error; err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("this installation is not empty, it has %s: a backup is restored only into one that holds nothing", table)
		}
	}
	var serving int64
	if err := tx.Table("nodes").Where("beat_at > ?", now.Add(-deadAfter).UnixMilli()).Count(&serving).Error; err != nil {
		return err
	}
	if serving > 0 {
		return errors.New("a parley serves from this database: stop it first (one that was killed is gone after 10 seconds)")
	}
	return nil
}

func (a *Archive) putBlobs(ctx context.Context, to blob.Store) error {
	return a.walk(ctx, func(h *tar.Header, r io.Reader) error {
		key := blobOf(h.Name)
		if key == "" {
			return nil
		}
		_, err := to.Put(ctx, key, r, h.Size)
		return err
	})
}

func (a *Archive) rowsTx(ctx context.Context, tx *gorm.DB, into Target, m Manifest) error {
	if err := emptyTx(tx, into.Now()); err != nil {
		return err
	}
	tables, err := into.DB.TablesTx(tx)
	if err != nil {
		return err
	}
	by, have := map[string]db.Table{}, map[string]bool{}
	for _, t := range tables {
		by[t.Name], have[t.Name] = t, true
	}
	if unknown := m.missingTables(have); len(unknown) > 0 {
		return fmt.Errorf("the database has no tables %v", unknown)
	}
	if err := db.EmptyTx(tx, tables); err != nil { // what a fresh database begins with
		return err
	}
	err = a.walk(ctx, func(h *tar.Header, r io.Reader) error {
		switch t := tableOf(h.Name); {
		case t != "":
			return insertTx(tx, into.DB, by[t], r)
		case h.Name == headName:
			return nil
		}
		return errEnough // rows come first
	})
	if err != nil {
		return err
	}
	if err := into.DB.CountOnTx(tx, tables); err != nil {
		return err
	}
	if err := settleTx(tx, into.Now()); err != nil {
		return err
	}
	if into.DropCredentials {
		if err := tx.Exec("UPDATE channels SET secrets = ''").Error; err != nil {
			return fmt.Errorf("drop credentials: %w", err)
		}
	}
	if into.Then == nil {
		return nil
	}
	return into.Then(tx)
}

func insertTx(tx *gorm.DB, d *db.DB, t db.Table, r io.Reader) error {
	onlyUTF8 := d.Dialect == db.Postgres
	var some [][]any
	err := eachRow(r, func(line map[string]json.RawMessage) error {
		values, err := parseRow(t, line, onlyUTF8)
		if err != nil {
			return err
		}
		some = append(some, values)
		if len(some) < t.RowsAtOnce() {
			return nil
		}
		err = d.InsertTx(tx, t, some)
		some = some[:0]
		return err
	})
	if err != nil {
		return err
	}
	return d.InsertTx(tx, t, some)
}

// settleTx takes out what belonged to the run in which the backup was made. Links that set a password go as well: one that was used
// since the backup would be good again.
func settleTx(tx *gorm.DB, now time.Time) error {
	for _, s := range []struct {
		do   string
		with []any
	}{
		{"UPDATE installation SET epoch = ?", []any{ids.New()}},
		{"UPDATE jobs SET state = 'ready', locked_by = '', lease_until = 0, run_at = ? WHERE state = 'running'", []any{now.UnixMilli()}},
		{"UPDATE channels SET lease_owner = '', lease_until = 0 WHERE lease_owner <> ''", nil},
		{"DELETE FROM nodes", nil},
		{"DELETE FROM sessions", nil},
		{"DELETE FROM password_links", nil},
	} {
		if err := tx.Exec(s.do, s.with...).Error; err != nil {
			return fmt.Errorf("%s: %w", s.do, err)
		}
	}
	return nil
}
