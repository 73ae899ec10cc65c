// Package db opens the one database: embedded SQLite or PostgreSQL. It alone knows the dialect.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// The dialects.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// DB is the open database: one writer and many readers on SQLite, one pool on PostgreSQL.
type DB struct {
	Dialect     string
	write, read *gorm.DB
}

// Options say how to open.
type Options struct {
	// URL is sqlite://PATH or postgres://….
	URL string
	// Unsafe lets a PostgreSQL without fsync pass, for tests alone.
	Unsafe bool
	// Conns bounds the PostgreSQL pool, 16 when zero.
	Conns int
}

// Open connects and verifies that a commit will survive a power cut: WAL with synchronous=FULL on SQLite, fsync and
// synchronous_commit on PostgreSQL 15 or newer.
func Open(ctx context.Context, o Options) (*DB, error) {
	switch {
	case strings.HasPrefix(o.URL, "sqlite://"):
		return openSQLite(ctx, strings.TrimPrefix(o.URL, "sqlite://"))
	case strings.HasPrefix(o.URL, "postgres://"), strings.HasPrefix(o.URL, "postgresql://"):
		return openPostgres(ctx, o)
	}
	return nil, errors.New("database.url must begin with sqlite:// or postgres://")
}

func gormConfig() *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true,
		PrepareStmt:            false, // true halves PostgreSQL: pgx caches by itself
		TranslateError:         true,
		Logger:                 logger.Discard,
	}
}

// writer: what a statement of many rows might have to undo stays in memory, and the log is brought over at 16 MB instead of 4: under load
// the same pages are written again and again.
const writer = "&_pragma=temp_store(MEMORY)&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-8000)"

func openSQLite(ctx context.Context, path string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("folder of the database: %w", err)
	}
	dsn := func(more string) string {
		return "file:" + (&url.URL{Path: path}).EscapedPath() +
			"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=journal_size_limit(33554432)" + more
	}
	write, err := gorm.Open(sqlite.Open(dsn("&_txlock=immediate"+writer)), gormConfig())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d := &DB{Dialect: SQLite, write: write}
	pool(write, 1) // eight writing connections are half as fast and starve each other
	if err := verifySQLite(write.WithContext(ctx)); err != nil {
		_ = d.Close()
		return nil, err
	}
	if d.read, err = gorm.Open(sqlite.Open(dsn("&_pragma=query_only(1)")), gormConfig()); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("open %s for reading: %w", path, err)
	}
	pool(d.read, 8)
	return d, nil
}

func verifySQLite(q *gorm.DB) error {
	var mode string
	var sync int
	if err := errors.Join(q.Raw("PRAGMA journal_mode").Scan(&mode).Error, q.Raw("PRAGMA synchronous").Scan(&sync).Error); err != nil {
		return fmt.Errorf("verify the database: %w", err)
	}
	if !strings.EqualFold(mode, "wal") || sync != 2 {
		return fmt.Errorf("the database runs journal_mode=%s synchronous=%d; WAL and 2 (FULL) are needed, the file system may not support them", mode, sync)
	}
	return nil
}

func openPostgres(ctx context.Context, o Options) (*DB, error) {
	g, err := gorm.Open(postgres.Open(o.URL), gormConfig())
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", Scrub(err))
	}
	d := &DB{Dialect: Postgres, write: g, read: g}
	n := o.Conns
	if n == 0 {
		n = 16
	}
	pool(g, n)
	if err := verifyPostgres(g.WithContext(ctx), o.Unsafe); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

func verifyPostgres(q *gorm.DB, unsafe bool) error {
	var version int
	var fsync, commit string
	if err := errors.Join(q.Raw("SELECT current_setting('server_version_num')::int").Scan(&version).Error,
		q.Raw("SHOW fsync").Scan(&fsync).Error, q.Raw("SHOW synchronous_commit").Scan(&commit).Error); err != nil {
		return fmt.Errorf("verify PostgreSQL: %w", err)
	}
	if version < 150000 {
		return fmt.Errorf("PostgreSQL is version %d; 15 or newer is needed", version/10000)
	}
	if !unsafe && (fsync != "on" || commit == "off") {
		return fmt.Errorf("PostgreSQL runs fsync=%s synchronous_commit=%s; both must be on, or acknowledged messages can be lost", fsync, commit)
	}
	return nil
}

func pool(g *gorm.DB, n int) {
	if s, err := g.DB(); err == nil {
		s.SetMaxOpenConns(n)
		s.SetMaxIdleConns(n)
	}
}

// Write is for single statements that change something.
func (d *DB) Write(ctx context.Context) *gorm.DB { return d.write.WithContext(ctx) }

// Read is for questions. On SQLite it sees the last commit.
func (d *DB) Read(ctx context.Context) *gorm.DB { return d.read.WithContext(ctx) }

// Tx runs f in one transaction, again when the database asks for it (deadlock, serialisation). f must not use Write or Read.
// What f gave to StoreTx is written before the commit.
func (d *DB) Tx(ctx context.Context, f func(tx *gorm.DB) error) error {
	for try := 0; ; try++ {
		err := d.write.WithContext(gather(ctx)).Transaction(func(tx *gorm.DB) error {
			if err := f(tx); err != nil {
				return err
			}
			return FlushTx(tx)
		})
		if err == nil || try == 4 || !GaveWay(err) {
			return err
		}
		slog.WarnContext(ctx, "transaction is tried again", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try+1) * 20 * time.Millisecond):
		}
	}
}

// GaveWay tells whether PostgreSQL chose this transaction to give way to another (40P01, 40001): done again it will pass.
func GaveWay(err error) bool {
	var p *pgconn.PgError
	return errors.As(err, &p) && (p.Code == "40P01" || p.Code == "40001")
}

// IsDuplicate tells whether err is the refusal of a unique index.
func IsDuplicate(err error) bool {
	var p *pgconn.PgError
	return errors.Is(err, gorm.ErrDuplicatedKey) || errors.As(err, &p) && p.Code == "23505"
}

// Ping asks the database whether it answers and can be written.
func (d *DB) Ping(ctx context.Context) error {
	s, err := d.read.DB()
	if err != nil {
		return err
	}
	return s.PingContext(ctx)
}

// SQL is the writing pool underneath, for migrations and backup.
func (d *DB) SQL() (*sql.DB, error) { return d.write.DB() }

// Close ends all connections.
func (d *DB) Close() error {
	var errs []error
	for _, g := range []*gorm.DB{d.read, d.write} {
		if g == nil {
			continue
		}
		if s, err := g.DB(); err == nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// Scrub drops the password that pgx repeats in connection errors.
func Scrub(err error) error {
	var c *pgconn.ConnectError
	if errors.As(err, &c) && c.Config != nil {
		return fmt.Errorf("host %s, user %s, database %s: %s", c.Config.Host, c.Config.User, c.Config.Database, lastLine(c.Unwrap()))
	}
	return err
}

func lastLine(err error) string {
	if err == nil {
		return "no answer"
	}
	s := err.Error()
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		s = s[i+1:]
	}
	return strings.TrimSpace(s)
}
