package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"parley/internal/blob"
	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/secrets"

	"gorm.io/gorm"
)

// Source is the installation that is backed up.
type Source struct {
	DB      *db.DB
	Blobs   blob.Store
	Secrets *secrets.Box
	Now     clock.Clock
	Version string // of this program
}

// blobColumns are all columns that name a blob, with those that hold its SHA-256.
var blobColumns = []struct{ table, key, sha256 string }{
	{"journal", "raw_blob", "raw_hash"},
	{"attachments", "blob_key", "sha256"},
	{"uploads", "blob_key", "sha256"},
	{"calls", "rec_blob", "rec_sha256"},
}

const (
	rowsPerMember  = 4 << 20 // bytes after which a member is full
	blobsPerMember = 5000    // lines of a list
)

// Write puts all rows, as they are at one moment after its call, and the blobs that they name into a new file at path. Nothing is
// at path until all of it is there and durable. It returns an *IncompleteError, besides the manifest, when blobs were missing or changed.
func Write(ctx context.Context, from Source, path string) (Manifest, error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, errors.Join(fmt.Errorf("%s is there already; a backup never replaces a file", path), err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".parley-backup-") // mode 0600
	if err != nil {
		return Manifest{}, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // when it failed; otherwise there is no such name any more
	m, err := fill(ctx, from, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return m, err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s was made by somebody else meanwhile", path)
	}
	if err := errors.Join(os.Rename(f.Name(), path), syncDir(filepath.Dir(path))); err != nil {
		return m, err
	}
	if len(m.Missing)+len(m.Changed) > 0 {
		return m, &IncompleteError{m.Missing, m.Changed}
	}
	return m, nil
}

// syncDir makes a new name survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func fill(ctx context.Context, from Source, f *os.File) (Manifest, error) {
	keys, err := os.CreateTemp(filepath.Dir(f.Name()), ".parley-backup-")
	if err != nil {
		return Manifest{}, err
	}
	defer func() { _ = keys.Close(); _ = os.Remove(keys.Name()) }()
	zip, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return Manifest{}, err
	}
	w := &writer{ctx: ctx, from: from, tar: tar.NewWriter(zip), m: Manifest{Tables: map[string]int64{}, Missing: []string{}, Changed: []string{}}}
	if err := from.DB.Snapshot(ctx, func(tx *gorm.DB) error { return w.rows(tx, keys) }); err != nil {
		return w.m, fmt.Errorf("rows: %w", err)
	}
	// after the rows: whoever names a blob has stored it before. And outside of the snapshot, which would keep old rows alive.
	if err := w.blobs(keys); err != nil {
		return w.m, fmt.Errorf("blobs: %w", err)
	}
	if err := w.json(manifestName, w.m); err != nil {
		return w.m, err
	}
	return w.m, errors.Join(w.tar.Close(), zip.Close(), f.Sync())
}

// writer fills one file.
type writer struct {
	ctx   context.Context
	from  Source
	tar   *tar.Writer
	m     Manifest
	list  bytes.Buffer // of the blobs since the last list
	lines int
	lists int
}

func (w *writer) rows(tx *gorm.DB, keys io.Writer) error {
	schema, err := db.VersionTx(tx)
	if err != nil {
		return err
	}
	w.m.Head = Head{Format, schema, w.from.Version, w.from.Now().UTC(), w.from.Secrets.Fingerprint()}
	if err := w.json(headName, w.m.Head); err != nil {
		return err
	}
	tables, err := w.from.DB.TablesTx(tx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := w.table(tx, t); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	return writeKeys(tx, keys)
}

func (w *writer) table(tx *gorm.DB, t db.Table) error {
	r, err := newRow(t)
	if err != nil {
		return err
	}
	all, err := t.SelectTx(tx)
	if err != nil {
		return err
	}
	defer all.Close()
	w.m.Tables[t.Name] = 0
	var full []byte
	members := 0
	flush := func() error {
		members++
		err := w.member(fmt.Sprintf("%s%s.%04d.ndjson", rowsFolder, t.Name, members), full)
		full = full[:0]
		return err
	}
	for all.Next() {
		if err := all.Scan(r.values...); err != nil {
			return err
		}
		if full, err = r.appendTo(full); err != nil {
			return err
		}
		w.m.Tables[t.Name]++
		if len(full) >= rowsPerMember {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := all.Err(); err != nil || len(full) == 0 {
		return err
	}
	return flush()
}

// writeKeys writes the key and the hash of every blob that a row names, each once.
func writeKeys(tx *gorm.DB, to io.Writer) error {
	var parts []string
	for _, c := range blobColumns {
		parts = append(parts, fmt.Sprintf("SELECT %s AS blob, %s AS hash FROM %s WHERE %s <> ''", c.key, c.sha256, c.table, c.key))
	}
	all, err := tx.Raw("SELECT blob, MAX(hash) FROM (" + strings.Join(parts, " UNION ALL ") + ") AS named GROUP BY blob ORDER BY blob").Rows()
	if err != nil {
		return err
	}
	defer all.Close()
	out := bufio.NewWriter(to)
	for all.Next() {
		var key, hash string
		if err := all.Scan(&key, &hash); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, key+" "+hash); err != nil {
			return err
		}
	}
	return errors.Join(all.Err(), out.Flush())
}

func (w *writer) blobs(keys io.ReadSeeker) error {
	if _, err := keys.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewScanner(keys)
	for lines.Scan() {
		key, hash, _ := strings.Cut(lines.Text(), " ")
		if err := w.blob(key, hash); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if w.lines == blobsPerMember {
			if err := w.endList(); err != nil {
				return err
			}
		}
	}
	return errors.Join(lines.Err(), w.endList())
}

// blob adds one blob, or notes that it is gone. hash is what its row says of it, "" for nothing.
func (w *writer) blob(key, hash string) error {
	if !blob.IsKey(key) {
		w.m.Missing = append(w.m.Missing, key)
		return nil
	}
	info, err := w.from.Blobs.Stat(w.ctx, key)
	if err == nil {
		var r io.ReadCloser
		if r, err = w.from.Blobs.Open(w.ctx, key, 0, -1); err == nil {
			defer r.Close()
			return w.storedBlob(key, hash, r, info.Size)
		}
	}
	if !fault.Is(err, fault.KindNotFound) {
		return err
	}
	w.m.Missing = append(w.m.Missing, key)
	return nil
}

func (w *writer) storedBlob(key, hash string, r io.Reader, size int64) error {
	if err := w.header(blobsFolder+key, size); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w.tar, sum), &untilDone{w.ctx, r}); err != nil {
		return err
	}
	l := listed{key, size, hex.EncodeToString(sum.Sum(nil))}
	if hash != "" && hash != l.SHA256 {
		w.m.Changed = append(w.m.Changed, key)
	}
	w.m.Blobs++
	w.m.BlobBytes += size
	w.lines++
	return json.NewEncoder(&w.list).Encode(l)
}

func (w *writer) endList() error {
	if w.lines == 0 {
		return nil
	}
	w.lists++
	err := w.member(fmt.Sprintf("%s%04d.ndjson", listsFolder, w.lists), w.list.Bytes())
	w.list.Reset()
	w.lines = 0
	return err
}

func (w *writer) json(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return w.member(name, append(b, '\n'))
}

// member adds a member that the manifest names.
func (w *writer) member(name string, content []byte) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	w.m.Members = append(w.m.Members, Member{name, int64(len(content)), hex.EncodeToString(sum[:])})
	if err := w.header(name, int64(len(content))); err != nil {
		return err
	}
	_, err := w.tar.Write(content)
	return err
}

func (w *writer) header(name string, size int64) error {
	return w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: w.m.CreatedAt, Format: tar.FormatPAX})
}

// untilDone stops a copy when ctx ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
