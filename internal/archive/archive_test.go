package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/archive"
	"parley/internal/blob"
	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/internal/secrets"

	"gorm.io/gorm"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

var ctx = context.Background()

// place is one installation: its database, blobs and key.
type place struct {
	db    *db.DB
	blobs blob.Store
	box   *secrets.Box
}

func newPlace(t *testing.T, url string, box *secrets.Box) *place {
	t.Helper()
	d, err := db.Open(ctx, db.Options{URL: url, Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	blobs, err := blob.Open("file://"+t.TempDir(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return &place{d, blobs, box}
}

func newBox(t *testing.T) *secrets.Box {
	t.Helper()
	box, err := secrets.Load(filepath.Join(t.TempDir(), "secret.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func (p *place) source() archive.Source {
	return archive.Source{DB: p.db, Blobs: p.blobs, Secrets: p.box, Now: clock.System, Version: "test"}
}

func (p *place) target() archive.Target {
	return archive.Target{DB: p.db, Blobs: p.blobs, Secrets: p.box, Now: clock.System}
}

func (p *place) exec(t *testing.T, q string, args ...any) {
	t.Helper()
	if err := p.db.Write(ctx).Exec(q, args...).Error; err != nil {
		t.Fatalf("%s: %v", q, err)
	}
}

func (p *place) text(t *testing.T, q string, args ...any) (s string) {
	t.Helper()
	if err := p.db.Read(ctx).Raw(q, args...).Scan(&s).Error; err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return s
}

const canary = "canary-7f3a-must-never-be-read"

// lived is an installation with something of everything that a backup must carry over.
func lived(t *testing.T, url string) *place {
	t.Helper()
	p := newPlace(t, url, newBox(t))
	if err := p.db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	sealed, err := p.box.Seal("channel c1", []byte(`{"token":"`+canary+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	p.exec(t, "INSERT INTO installation (id, epoch, created_at) VALUES (1, 'old epoch', 5)")
	p.exec(t, "UPDATE event_head SET seq = 77")
	p.exec(t, "INSERT INTO users (id, email, name, role, created_at, updated_at) VALUES ('u1', 'anna@example.com', 'Анна \"A\" 🦊', 'owner', 1, 2)")
	p.exec(t, "INSERT INTO sessions (hash, user_id, created_at, last_seen_at, expires_at) VALUES ('h', 'u1', 1, 1, 1)")
	p.exec(t, "INSERT INTO password_links (hash, user_id, expires_at) VALUES ('h', 'u1', 1)")
	p.exec(t, "INSERT INTO channels (id, type, name, secrets, disabled, lease_owner, lease_until, created_at, updated_at) VALUES ('c1', 'telegram', 'bot', ?, TRUE, 'node', 9, 1, 1)", sealed)
	p.exec(t, "INSERT INTO contacts (id, name, created_at, updated_at) VALUES ('p1', 'Bob', 1, 1)")
	p.exec(t, "INSERT INTO conversations (id, number, channel_id, channel_type, contact_id, reply_token, activity_at, created_at, updated_at) VALUES ('v1', 1, 'c1', 'telegram', 'p1', 'tok', 1, 1, 1)")
	p.exec(t, "INSERT INTO jobs (id, queue, kind, payload, state, locked_by, lease_until, run_at, created_at) VALUES (12, 'q', 'k', '{}', 'running', 'node', 99, 1, 1)")
	var said []map[string]any
	for i := range 300 { // more than one statement brings
		said = append(said, map[string]any{"id": fmt.Sprintf("m%d", i), "conversation_id": "v1", "direction": "inbound", "body_text": fmt.Sprintf("word%d\nsays <b>&", i), "author_type": "contact",
			"status": "received", "created_at": i, "updated_at": 1})
	}
	if err := p.db.Write(ctx).Table("messages").CreateInBatches(said, 100).Error; err != nil {
		t.Fatal(err)
	}
	p.exec(t, "INSERT INTO journal (id, channel_id, item_key, state, raw, received_at) VALUES ('j1', 'c1', 'k1', 'processed', ?, 1), ('j2', 'c1', 'k2', 'processed', NULL, 1), ('j3', 'c1', 'k3', 'processed', ?, 1)",
		[]byte{0, 255, 10, 34}, []byte{})
	p.exec(t, "INSERT INTO journal (id, channel_id, item_key, state, raw_blob, raw_hash, received_at) VALUES ('j4', 'c1', 'k4', 'processed', ?, ?, 1)", p.put(t, "a raw mail"), hashOf("a raw mail"))
	shared := p.put(t, strings.Repeat("an upload that was attached ", 50_000))
	p.exec(t, "INSERT INTO attachments (id, message_id, name, mime_type, blob_key, sha256, created_at) VALUES ('a1', 'm1', 'f', 'text/plain', ?, '', 1)", shared)
	p.exec(t, "INSERT INTO uploads (id, user_id, name, mime_type, size, blob_key, sha256, created_at) VALUES ('o1', 'u1', 'f', 'text/plain', 1, ?, '', 1)", shared)
	p.exec(t, "INSERT INTO calls (id, channel_id, provider_call, direction, state, rec_blob, rec_sha256, created_at, updated_at) VALUES ('k1', 'c1', 'x', 'inbound', 'ended', ?, ?, 1, 1)", p.put(t, "a recording"), hashOf("a recording"))
	return p
}

func (p *place) put(t *testing.T, content string) string {
	t.Helper()
	key := blob.NewKey()
	if _, err := p.blobs.Put(ctx, key, strings.NewReader(content), -1); err != nil {
		t.Fatal(err)
	}
	return key
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func (p *place) backup(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it.backup")
	if _, err := archive.Write(ctx, p.source(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

func restore(path string, into *place) (archive.Manifest, error) {
	a, err := archive.Open(ctx, path)
	if err != nil {
		return archive.Manifest{}, err
	}
	m, err := a.Restore(ctx, into.target())
	return m, errors.Join(err, a.Close())
}

// notKept are tables that a restore changes.
var notKept = []string{"installation", "sessions", "password_links", "nodes", "jobs", "channels"}

// rows are all rows of all tables that a restore leaves as they were, each as text, sorted.
func (p *place) rows(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := p.db.Snapshot(ctx, func(tx *gorm.DB) error {
		tables, err := p.db.TablesTx(tx)
		if err != nil {
			return err
		}
		for _, table := range tables {
			if slices.Contains(notKept, table.Name) {
				continue
			}
			var all []map[string]any
			if err := tx.Table(table.Name).Find(&all).Error; err != nil {
				return err
			}
			lines := []string{}
			for _, row := range all {
				var line []string
				for _, c := range table.Columns {
					v := row[c.Name]
					switch x := v.(type) {
					case []byte:
						v = fmt.Sprintf("%d bytes %x", len(x), x)
					case int64:
						if c.Kind == db.Bool {
							v = x != 0
						}
					case int32:
						v = int64(x)
					}
					line = append(line, fmt.Sprintf("%v", v))
				}
				lines = append(lines, strings.Join(line, "|"))
			}
			slices.Sort(lines)
			out[table.Name] = lines
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestABackupGoesFromEachDatabaseIntoEach(t *testing.T) {
	urls := map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL}
	for from, fromURL := range urls {
		for to, toURL := range urls {
			t.Run(from+" to "+to, func(t *testing.T) {
				old := lived(t, fromURL(t))
				fresh := newPlace(t, toURL(t), old.box)
				if _, err := restore(old.backup(t), fresh); err != nil {
					t.Fatal(err)
				}
				sameRows(t, old.rows(t), fresh.rows(t))
				sameBlobs(t, old, fresh)
				settled(t, fresh)
			})
		}
	}
}

func sameRows(t *testing.T, old, fresh map[string][]string) {
	t.Helper()
	if len(old) != len(fresh) {
		t.Errorf("%d tables became %d", len(old), len(fresh))
	}
	for table, rows := range old {
		if got := fresh[table]; !slices.Equal(rows, got) {
			t.Errorf("%s: %d rows became %d, or differ: %.300q … %.300q", table, len(rows), len(got), rows, got)
		}
	}
}

func sameBlobs(t *testing.T, old, fresh *place) {
	t.Helper()
	all, err := old.blobs.List(ctx, "", "", 100)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d blobs: %v", len(all), err)
	}
	for _, b := range all {
		if !bytes.Equal(old.read(t, b.Key), fresh.read(t, b.Key)) {
			t.Errorf("blob %s differs", b.Key)
		}
	}
}

func (p *place) read(t *testing.T, key string) []byte {
	t.Helper()
	r, err := p.blobs.Open(ctx, key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// settled checks what a restore must change.
func settled(t *testing.T, p *place) {
	t.Helper()
	for _, c := range []struct{ what, q, want string }{
		{"sessions", "SELECT CAST(COUNT(*) AS TEXT) FROM sessions", "0"},
		{"password links", "SELECT CAST(COUNT(*) AS TEXT) FROM password_links", "0"},
		{"nodes", "SELECT CAST(COUNT(*) AS TEXT) FROM nodes", "0"},
		{"job", "SELECT state || locked_by || CAST(lease_until AS TEXT) FROM jobs WHERE id = 12", "ready0"},
		{"lease", "SELECT lease_owner || CAST(lease_until AS TEXT) FROM channels", "0"},
		{"position", "SELECT CAST(seq AS TEXT) FROM event_head", "77"},
		{"born", "SELECT CAST(created_at AS TEXT) FROM installation", "5"},
	} {
		if got := p.text(t, c.q); got != c.want {
			t.Errorf("%s: %q, not %q", c.what, got, c.want)
		}
	}
	if epoch := p.text(t, "SELECT epoch FROM installation"); epoch == "old epoch" || epoch == "" {
		t.Errorf("the epoch is %q", epoch)
	}
	plain, err := p.box.Open("channel c1", p.text(t, "SELECT secrets FROM channels"))
	if err != nil || !strings.Contains(string(plain), canary) {
		t.Errorf("the credentials cannot be opened: %v", err)
	}
	p.finds(t, "word234", "m234")
	p.exec(t, "INSERT INTO messages (id, conversation_id, direction, body_text, author_type, status, created_at, updated_at) VALUES ('new', 'v1', 'inbound', 'afterwards', 'contact', 'received', 1, 1)")
	p.finds(t, "afterwards", "new")
	p.exec(t, "INSERT INTO jobs (queue, kind, payload, run_at, created_at) VALUES ('q', 'k', '{}', 1, 1)")
}

func (p *place) finds(t *testing.T, word, id string) {
	t.Helper()
	cond, arg, _ := p.db.Words("messages", word)
	var got []string
	if err := p.db.Read(ctx).Table("messages").Where(cond, arg).Pluck("id", &got).Error; err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []string{id}) {
		t.Errorf("%q finds %v", word, got)
	}
}

func TestABackupWhoseKeyIsLostComesBackWithoutCredentials(t *testing.T) {
	old := lived(t, dbtest.SQLiteURL(t))
	path := old.backup(t)
	fresh := newPlace(t, dbtest.SQLiteURL(t), newBox(t))
	if _, err := restore(path, fresh); err == nil || !strings.Contains(err.Error(), old.box.Fingerprint()) {
		t.Fatalf("another key is taken, or the one that is needed is not named: %v", err)
	}
	a, err := archive.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	into := fresh.target()
	into.DropCredentials = true
	if _, err := a.Restore(ctx, into); err != nil {
		t.Fatal(err)
	}
	sameRows(t, old.rows(t), fresh.rows(t))
	sameBlobs(t, old, fresh)
	if sealed := fresh.text(t, "SELECT secrets FROM channels"); sealed != "" {
		t.Errorf("credentials that nothing opens are left: %.10s", sealed)
	}
}

func TestTextThatIsNotUTF8Survives(t *testing.T) {
	old := lived(t, dbtest.SQLiteURL(t))
	old.exec(t, "UPDATE contacts SET name = ?", "caf\xe9\x00!")
	path := old.backup(t)
	for name, c := range map[string]struct{ url, want string }{
		"into sqlite":   {dbtest.SQLiteURL(t), "caf\xe9\x00!"},
		"into postgres": {dbtest.PostgresURL(t), "caf��!"}, // which has no way to keep it
	} {
		t.Run(name, func(t *testing.T) {
			fresh := newPlace(t, c.url, old.box)
			if _, err := restore(path, fresh); err != nil {
				t.Fatal(err)
			}
			if got := fresh.text(t, "SELECT name FROM contacts"); got != c.want {
				t.Errorf("the name is %q", got)
			}
		})
	}
}

func TestEveryColumnThatNamesABlobIsBackedUp(t *testing.T) {
	known := []string{"journal.raw_blob", "attachments.blob_key", "uploads.blob_key", "calls.rec_blob"} // blobColumns; lived has one of each
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	err := d.Snapshot(ctx, func(tx *gorm.DB) error {
		tables, err := d.TablesTx(tx)
		for _, table := range tables {
			for _, c := range table.Columns {
				if name := table.Name + "." + c.Name; strings.Contains(c.Name, "blob") && !slices.Contains(known, name) {
					t.Errorf("%s is not in blobColumns", name)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBlobsThatAreGoneOrChangedAreNamed(t *testing.T) {
	p := lived(t, dbtest.SQLiteURL(t))
	gone, changed := p.text(t, "SELECT raw_blob FROM journal WHERE id = 'j4'"), p.text(t, "SELECT rec_blob FROM calls")
	if err := p.blobs.Delete(ctx, gone); err != nil {
		t.Fatal(err)
	}
	if _, err := p.blobs.Put(ctx, changed, strings.NewReader("something else"), -1); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "it.backup")
	_, err := archive.Write(ctx, p.source(), path)
	var incomplete *archive.IncompleteError
	if !errors.As(err, &incomplete) || !slices.Equal(incomplete.Missing, []string{gone}) || !slices.Equal(incomplete.Changed, []string{changed}) {
		t.Fatalf("it says %v", err)
	}
	fresh := newPlace(t, dbtest.SQLiteURL(t), p.box)
	m, err := restore(path, fresh)
	if err != nil || !slices.Equal(m.Missing, []string{gone}) {
		t.Fatalf("restored with %v missing: %v", m.Missing, err)
	}
	sameRows(t, p.rows(t), fresh.rows(t))
}

func TestABackupNeverReplacesAFileNorLeavesHalfOfOne(t *testing.T) {
	p := lived(t, dbtest.SQLiteURL(t))
	dir := t.TempDir()
	path := filepath.Join(dir, "it.backup")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write(ctx, p.source(), path); err == nil {
		t.Error("it was written over another file")
	}
	if b, _ := os.ReadFile(path); string(b) != "mine" {
		t.Errorf("the file holds %.20q", b)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := archive.Write(ended, p.source(), filepath.Join(dir, "other")); err == nil {
		t.Error("it was written although nobody wanted it any more")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestAnInstallationInUseIsNotFilled(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		old := lived(t, dbtest.SQLiteURL(t))
		path := old.backup(t)
		blobs, err := blob.Open("file://"+t.TempDir(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		used := &place{d, blobs, old.box}
		refused := func(want string) {
			t.Helper()
			if _, err := restore(path, used); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("it says %v, nothing with %q", err, want)
			}
			if left, _ := blobs.List(ctx, "", "", 1); len(left) > 0 {
				t.Error("it brought blobs before it refused")
			}
		}
		used.exec(t, "INSERT INTO nodes (id, started_at, beat_at) VALUES ('n', 1, ?)", time.Now().UnixMilli())
		refused("stop it first")
		used.exec(t, "DELETE FROM nodes")
		used.exec(t, "INSERT INTO users (id, email, name, role, created_at, updated_at) VALUES ('x', 'x@example.com', 'X', 'owner', 1, 1)")
		refused("not empty")
		if n := used.text(t, "SELECT CAST(COUNT(*) AS TEXT) FROM users"); n != "1" {
			t.Errorf("%s users", n)
		}
		used.exec(t, "DELETE FROM users")
		used.exec(t, "INSERT INTO pipelines (id, name, is_default, created_at) VALUES ('fresh', 'as serve makes it', TRUE, 1)")
		if _, err := restore(path, used); err != nil {
			t.Errorf("an installation that only was started once is refused: %v", err)
		}
	})
}

func TestCredentialsAreNotInClear(t *testing.T) {
	p := lived(t, dbtest.SQLiteURL(t))
	path := p.backup(t)
	members := unpack(t, path)
	for _, m := range members {
		if bytes.Contains(m.content, []byte(canary)) {
			t.Errorf("%s holds it", m.header.Name)
		}
	}
	if raw, _ := os.ReadFile(path); bytes.Contains(raw, []byte(canary)) {
		t.Error("the file holds it")
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: %v", st.Mode(), err)
	}
}
