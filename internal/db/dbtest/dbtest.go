// Package dbtest gives tests a real database of each kind: a SQLite file, and a database of a throw-away PostgreSQL
// that is started from the installed binaries.
package dbtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the administrator's connection
	"parley/internal/db"
)

// Each runs f on a migrated SQLite and on a migrated PostgreSQL database, each its own.
func Each(t *testing.T, f func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, Open(t, SQLiteURL(t))) })
	t.Run("postgres", func(t *testing.T) { f(t, Open(t, PostgresURL(t))) })
}

// Open opens and migrates; the database is closed when the test ends.
func Open(t testing.TB, url string) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), db.Options{URL: url, Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return d
}

// SQLiteURL names a migrated database file of the test's own.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	b, err := migrated()
	path := filepath.Join(t.TempDir(), "parley.db")
	if err = errors.Join(err, os.WriteFile(path, b, 0o600)); err != nil {
		t.Fatal(err)
	}
	return "sqlite://" + path
}

// migrated is the file of a fresh database. It is made once: the migrations take longer than most tests.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "parley-test-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "parley.db")
	d, err := db.Open(context.Background(), db.Options{URL: "sqlite://" + path})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.Migrate(context.Background()), d.Close()); err != nil { // closing brings the log into the file
		return nil, err
	}
	return os.ReadFile(path)
})

// cluster is one PostgreSQL per test binary, started when first asked for.
type cluster struct {
	once sync.Once
	port int
	dir  string
	cmd  *exec.Cmd
	gone chan struct{}
	err  error
	made atomic.Int64
}

var (
	fast    cluster // fsync off: for everything that does not ask what survives
	durable cluster // as in production
)

// Main runs the tests and stops the PostgreSQL that they started. A package that asks for PostgreSQL calls it from its TestMain.
func Main(m *testing.M) {
	code := m.Run()
	fast.stop()
	durable.stop()
	os.Exit(code)
}

// PostgresURL names a migrated database of the test's own, on a server without fsync. The test fails when the binaries are missing.
func PostgresURL(t testing.TB) string {
	return fast.database(t, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
}

// DurablePostgresURL is PostgresURL on a server that runs as in production.
func DurablePostgresURL(t testing.TB) string { return durable.database(t) }

func (c *cluster) database(t testing.TB, flags ...string) string {
	t.Helper()
	c.once.Do(func() { c.err = c.start(flags) })
	if c.err != nil {
		t.Fatalf("PostgreSQL: %v (apt-get install postgresql brings it)", c.err)
	}
	name := fmt.Sprintf("t%d", c.made.Add(1))
	if err := c.exec("CREATE DATABASE " + name + " TEMPLATE tmpl STRATEGY file_copy"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)") })
	return c.url(name)
}

func (c *cluster) url(name string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", c.port, name)
}

func (c *cluster) exec(q string) error {
	s, err := sql.Open("pgx", c.url("postgres"))
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Exec(q)
	return err
}

func (c *cluster) start(flags []string) error {
	dir, err := os.MkdirTemp("", "parley-test-pg-")
	if err != nil {
		return err
	}
	c.dir = dir
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			return err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := errors.Join(os.Chmod(dir, 0o700), os.Chown(dir, uid, gid)); err != nil {
			return err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	data := filepath.Join(dir, "data")
	initdb := exec.Command(program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	args := append([]string{"-D", data, "-p", strconv.Itoa(c.port), "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=32MB", "-c", "max_connections=200"}, flags...)
	c.cmd = exec.Command(program("postgres"), args...)
	c.cmd.Dir, c.cmd.SysProcAttr = dir, attr
	var log bytes.Buffer
	c.cmd.Stderr = &log
	started := make(chan error, 1)
	c.gone = make(chan struct{})
	go func() { // Pdeathsig fires when the starting thread ends, so that thread waits
		runtime.LockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			_ = c.cmd.Wait()
		}
		close(c.gone)
	}()
	if err := <-started; err != nil {
		return err
	}
	for range 100 {
		if err = c.exec("CREATE DATABASE tmpl"); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("it does not answer: %w", err)
	}
	d, err := db.Open(context.Background(), db.Options{URL: c.url("tmpl"), Unsafe: true})
	if err != nil {
		return err
	}
	return errors.Join(d.Migrate(context.Background()), d.Close())
}

func (c *cluster) stop() {
	if c.cmd == nil || c.cmd.Process == nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-c.gone:
	case <-time.After(5 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.gone
	}
	_ = os.RemoveAll(c.dir)
}

// program finds a PostgreSQL server program on the PATH or where Debian keeps it.
func program(name string) string {
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	if all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(all) > 0 {
		return all[len(all)-1]
	}
	return name
}
