package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// unfinished holds files that are being written; its dot keeps it out of the keys.
const unfinished = ".unfinished"

type disk struct{ dir string }

func openDisk(dir string) (*disk, error) {
	d := &disk{dir}
	if err := os.MkdirAll(filepath.Join(dir, unfinished), 0o700); err != nil {
		return nil, fmt.Errorf("blob.url: %w", err)
	}
	return d, d.sweep(time.Now().Add(-24 * time.Hour))
}

// sweep removes what a crash left behind. Another process may be writing now, so only old files go.
func (d *disk) sweep(before time.Time) error {
	entries, err := os.ReadDir(filepath.Join(d.dir, unfinished))
	if err != nil {
		return fmt.Errorf("blob.url: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(d.dir, unfinished, e.Name())) // tried again at the next start
		}
	}
	return nil
}

func (d *disk) path(key string) string { return filepath.Join(d.dir, filepath.FromSlash(key)) }

func (d *disk) Put(ctx context.Context, key string, r io.Reader, size int64) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	f, err := os.CreateTemp(filepath.Join(d.dir, unfinished), "")
	if err != nil {
		return Info{}, fmt.Errorf("store blob: %w", err)
	}
	info, err := d.write(ctx, f, key, r, size)
	if err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return Info{}, fmt.Errorf("store blob: %w", err)
	}
	return info, nil
}

// write fills f, makes it durable, and gives it its name, in this order.
func (d *disk) write(ctx context.Context, f *os.File, key string, r io.Reader, size int64) (Info, error) {
	hash := sha256.New()
	n, err := fill(ctx, io.MultiWriter(f, hash), r, size)
	if err != nil {
		return Info{}, err
	}
	if err := f.Sync(); err != nil {
		return Info{}, err
	}
	stat, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	if err := f.Close(); err != nil {
		return Info{}, err
	}
	dir := filepath.Dir(d.path(key))
	if err := makeDurableDir(dir); err != nil {
		return Info{}, err
	}
	if err := os.Rename(f.Name(), d.path(key)); err != nil {
		return Info{}, err
	}
	if err := syncDir(dir); err != nil {
		return Info{}, err
	}
	return Info{Key: key, Size: n, SHA256: [32]byte(hash.Sum(nil)), Modified: stat.ModTime().UTC()}, nil
}

// makeDurableDir is os.MkdirAll whose result outlives a crash.
func makeDurableDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDurableDir(filepath.Dir(dir)); err != nil {
			return err
		}
		return makeDurableDir(dir)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d *disk) Open(_ context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := errors.Join(checkKey(key), checkRange(offset, length)); err != nil {
		return nil, err
	}
	f, err := os.Open(d.path(key))
	if err != nil {
		return nil, diskError("open blob", err)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open blob: %w", err)
	}
	if length < 0 {
		return f, nil
	}
	return readCloser{io.LimitReader(f, length), f}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

func (d *disk) Stat(_ context.Context, key string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	stat, err := os.Stat(d.path(key))
	if err != nil {
		return Info{}, diskError("look up blob", err)
	}
	if stat.IsDir() {
		return Info{}, notFound()
	}
	return Info{Key: key, Size: stat.Size(), Modified: stat.ModTime().UTC()}, nil
}

func (d *disk) Delete(_ context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := os.Remove(d.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return syncDir(filepath.Dir(d.path(key)))
}

func diskError(step string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return notFound()
	}
	return fmt.Errorf("%s: %w", step, err)
}

func (d *disk) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	l := listing{ctx: ctx, disk: d, prefix: prefix, after: after, limit: limit}
	if err := l.walk(""); err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	return l.found, nil
}

type listing struct {
	ctx           context.Context
	disk          *disk
	prefix, after string
	limit         int
	found         []Info
}

// walk lists what is in one directory; key is "" or ends in a slash.
func (l *listing) walk(key string) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.disk.path(key))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range inKeyOrder(entries) {
		if len(l.found) >= l.limit {
			return nil
		}
		if e.Name()[0] == '.' {
			continue
		}
		if err := l.visit(key, e); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) visit(dir string, e fs.DirEntry) error {
	key := dir + nameInKey(e)
	if e.IsDir() {
		over := key < l.after && !strings.HasPrefix(l.after, key)
		if over || !strings.HasPrefix(key, l.prefix) && !strings.HasPrefix(l.prefix, key) {
			return nil
		}
		return l.walk(key)
	}
	if key <= l.after || !strings.HasPrefix(key, l.prefix) {
		return nil
	}
	stat, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	l.found = append(l.found, Info{Key: key, Size: stat.Size(), Modified: stat.ModTime().UTC()})
	return nil
}

// inKeyOrder sorts by the bytes of the keys, where a directory's name goes on with a slash: "a-b" comes before "a/".
func inKeyOrder(entries []fs.DirEntry) []fs.DirEntry {
	sort.Slice(entries, func(i, j int) bool { return nameInKey(entries[i]) < nameInKey(entries[j]) })
	return entries
}

func nameInKey(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func (d *disk) Ping(context.Context) error {
	f, err := os.CreateTemp(filepath.Join(d.dir, unfinished), "ping")
	if err != nil {
		return fmt.Errorf("blob directory: %w", err)
	}
	_, err = f.WriteString("ping")
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("blob directory: %w", err)
	}
	return nil
}
