package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/internal/archive"
	"parley/internal/db/dbtest"
)

type member struct {
	header  tar.Header
	content []byte
}

func unpack(t testing.TB, path string) (all []member) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(zip)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, member{*h, b})
	}
}

func pack(t testing.TB, all []member) string {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	for _, m := range all {
		m.header.Size = int64(len(m.content))
		if err := w.WriteHeader(&m.header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "it.backup")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func index(t testing.TB, all []member, prefix string) int {
	t.Helper()
	for i, m := range all {
		if strings.HasPrefix(m.header.Name, prefix) {
			return i
		}
	}
	t.Fatalf("there is no %s", prefix)
	return -1
}

// rehead changes the head everywhere where it stands, with hashes that fit: as an attacker or a newer version would write it.
func rehead(t testing.TB, all []member, change func(map[string]any)) []member {
	t.Helper()
	head := map[string]any{}
	if err := json.Unmarshal(all[0].content, &head); err != nil {
		t.Fatal(err)
	}
	change(head)
	b, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	all[0].content = b
	last := &all[len(all)-1]
	manifest := map[string]any{}
	if err := json.Unmarshal(last.content, &manifest); err != nil {
		t.Fatal(err)
	}
	for k, v := range head {
		manifest[k] = v
	}
	sum := sha256.Sum256(b)
	manifest["members"].([]any)[0] = map[string]any{"name": "head.json", "size": len(b), "sha256": hex.EncodeToString(sum[:])}
	if last.content, err = json.Marshal(manifest); err != nil {
		t.Fatal(err)
	}
	return all
}

// unlist takes the list of blobs out, as if there had never been one.
func unlist(t testing.TB, all []member) []member {
	t.Helper()
	at := index(t, all, "lists/")
	name := all[at].header.Name
	all = append(all[:at:at], all[at+1:]...)
	last := &all[len(all)-1]
	var manifest archive.Manifest
	if err := json.Unmarshal(last.content, &manifest); err != nil {
		t.Fatal(err)
	}
	manifest.Members = slices.DeleteFunc(manifest.Members, func(m archive.Member) bool { return m.Name == name })
	var err error
	if last.content, err = json.Marshal(manifest); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatIsNoWholeBackupOfOursIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	old := lived(t, dbtest.SQLiteURL(t))
	good := old.backup(t)
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	file := func(b []byte) string {
		path := filepath.Join(t.TempDir(), "it.backup")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	extra := func(h tar.Header) string {
		all := unpack(t, good)
		at := index(t, all, "blobs/")
		return pack(t, append(all[:at:at], append([]member{{h, nil}}, all[at:]...)...))
	}
	changed := func(prefix string, change func([]byte) []byte) string {
		all := unpack(t, good)
		m := &all[index(t, all, prefix)]
		m.content = change(bytes.Clone(m.content))
		return pack(t, all)
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	without := func(prefix string) string {
		all := unpack(t, good)
		at := index(t, all, prefix)
		return pack(t, append(all[:at:at], all[at+1:]...))
	}
	cases := []struct{ name, path, want string }{
		{"nothing", file(nil), "no backup"},
		{"a text", file([]byte("hello, this is not it")), "no backup"},
		{"a database file", file([]byte("SQLite format 3\x00 and more")), "copy of a database file"},
		{"another tar", pack(t, []member{{tar.Header{Name: "head.txt"}, []byte("{}")}}), "no backup"},
		{"cut off in the middle", file(whole[:len(whole)/2]), "cut off"},
		{"cut off at the very end", file(whole[:len(whole)-4]), "cut off"},
		{"a bit changed in the file", file(flip(bytes.Clone(whole))), "damaged"},
		{"a bit changed in a row", changed("rows/messages", flip), "rows/messages.0001.ndjson"},
		{"a bit changed in a blob", changed("blobs/", flip), "damaged: blobs/"},
		{"a bit changed in a list", changed("lists/", flip), "damaged"},
		{"a member less", without("rows/messages"), "damaged"},
		{"a blob less", without("blobs/"), "damaged"},
		{"a list less, in the manifest as well", pack(t, unlist(t, unpack(t, good))), "the list of its files"},
		{"no manifest", without("manifest.json"), "manifest is missing"},
		{"a newer format", pack(t, rehead(t, unpack(t, good), func(h map[string]any) { h["format"] = 2 })), "newer Parley"},
		{"a newer schema", pack(t, rehead(t, unpack(t, good), func(h map[string]any) { h["schema"] = 99999 })), "newer Parley"},
		{"another key", pack(t, rehead(t, unpack(t, good), func(h map[string]any) { h["key"] = "another" })), "fingerprint another"},
		{"out of the store", extra(tar.Header{Typeflag: tar.TypeReg, Name: "blobs/../../etc/cron.d/x"}), "not trusted"},
		{"from the root", extra(tar.Header{Typeflag: tar.TypeReg, Name: "/etc/passwd"}), "not trusted"},
		{"the store's own folder", extra(tar.Header{Typeflag: tar.TypeReg, Name: "blobs/.unfinished/x"}), "not trusted"},
		{"a table's name that is none", extra(tar.Header{Typeflag: tar.TypeReg, Name: `rows/users"; DROP TABLE users.0001.ndjson`}), "not trusted"},
		{"a symbolic link", extra(tar.Header{Typeflag: tar.TypeSymlink, Name: "blobs/aa/link", Linkname: "/etc/passwd"}), "not trusted"},
		{"a hard link", extra(tar.Header{Typeflag: tar.TypeLink, Name: "blobs/aa/link", Linkname: "/etc/passwd"}), "not trusted"},
		{"a device", extra(tar.Header{Typeflag: tar.TypeBlock, Name: "blobs/aa/device"}), "not trusted"},
		{"a folder", extra(tar.Header{Typeflag: tar.TypeDir, Name: "blobs/aa"}), "not trusted"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fresh := newPlace(t, "sqlite://"+filepath.Join(t.TempDir(), "nothing.db"), old.box) // not even a schema yet
			if _, err := restore(c.path, fresh); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("it says %v, nothing with %q", err, c.want)
			}
			if have, _, err := fresh.db.Versions(ctx); err != nil || have != 0 {
				t.Errorf("the database was touched (schema %d): %v", have, err)
			}
			if left, err := fresh.blobs.List(ctx, "", "", 1); err != nil || len(left) > 0 {
				t.Errorf("blobs were brought: %v %v", left, err)
			}
		})
	}
	fresh := newPlace(t, dbtest.SQLiteURL(t), old.box)
	if _, err := restore(pack(t, unpack(t, good)), fresh); err != nil {
		t.Errorf("taken apart and put together again it is refused: %v", err)
	}
}

func TestARowThatDoesNotFitUndoesAll(t *testing.T) {
	old := lived(t, dbtest.SQLiteURL(t))
	path := old.backup(t)
	fresh := newPlace(t, dbtest.SQLiteURL(t), old.box)
	a, err := archive.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	into := fresh.target()
	if err := fresh.db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	fresh.exec(t, "CREATE TRIGGER full BEFORE INSERT ON messages WHEN new.id = 'm280' BEGIN SELECT RAISE(ABORT, 'full'); END")
	if _, err := a.Restore(ctx, into); err == nil {
		t.Fatal("it was restored although a row was refused")
	}
	if n := fresh.text(t, "SELECT CAST((SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM messages) AS TEXT)"); n != "0" {
		t.Errorf("%s rows were left", n)
	}
	fresh.exec(t, "DROP TRIGGER full")
	if _, err := a.Restore(ctx, into); err != nil {
		t.Errorf("the second try: %v", err)
	}
}

// Whatever the bytes of a backup are, reading it ends with an error or with a manifest that it fits.
func FuzzRead(f *testing.F) {
	path := filepath.Join("testdata", "small.backup")
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("SQLite format 3\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := archive.New(ctx, bytes.NewReader(b))
		if err != nil {
			return
		}
		if m, err := a.Verify(ctx); err == nil && m.Head != a.Head {
			t.Errorf("the manifest is of another head: %v %v", m.Head, a.Head)
		}
	})
}
