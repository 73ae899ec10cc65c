package archive

import (
	"archive/tar"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Archive is an open backup.
type Archive struct {
	Head Head
	file io.ReadSeeker
}

const (
	headMost     = 64 << 10  // bytes
	manifestMost = 512 << 20 // bytes
)

// Open reads the head of the backup at path. A file that is none, or one of a newer format, is refused. The caller closes it.
func Open(ctx context.Context, path string) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	a, err := New(ctx, f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return a, nil
}

// New is Open for a backup that is open already.
func New(ctx context.Context, f io.ReadSeeker) (*Archive, error) {
	a := &Archive{file: f}
	return a, a.readHead(ctx)
}

// Close lets the file go.
func (a *Archive) Close() error {
	if c, ok := a.file.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (a *Archive) readHead(ctx context.Context) error {
	start := make([]byte, 16)
	if n, err := io.ReadFull(a.file, start); err != nil && n == 0 {
		return errNotOurs
	}
	if strings.HasPrefix(string(start), "SQLite format 3") {
		return errors.New("this is a copy of a database file, which lacks what was not written back to it yet, and all attachments; a backup is what `parley backup` makes")
	}
	found := false
	err := a.walk(ctx, func(h *tar.Header, r io.Reader) error {
		found = true
		if h.Name != headName || h.Size > headMost || json.NewDecoder(r).Decode(&a.Head) != nil {
			return errNotOurs
		}
		return errEnough
	})
	switch {
	case !found, err != nil:
		return errNotOurs
	case a.Head.Format > Format:
		return fmt.Errorf("the backup has format %d, made by Parley %s; this program reads up to %d: take a newer Parley", a.Head.Format, a.Head.Parley, Format)
	case a.Head.Format < 1 || a.Head.Schema < 1:
		return errNotOurs
	}
	return nil
}

// errEnough ends a walk that has seen what it wanted.
var errEnough = errors.New("enough")

// walk shows every member to visit, from the first on. Whatever is not a plain file under a name that a backup has is an error.
func (a *Archive) walk(ctx context.Context, visit func(h *tar.Header, r io.Reader) error) error {
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	zip, err := gzip.NewReader(a.file)
	if err != nil {
		return broken(err)
	}
	t := tar.NewReader(&untilDone{ctx, zip})
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			if _, err := io.Copy(io.Discard, &untilDone{ctx, zip}); err != nil { // to the checksum at its end
				return broken(err)
			}
			return nil
		}
		if err != nil {
			return broken(err)
		}
		if err := checkMember(h); err != nil {
			return err
		}
		err = visit(h, memberReader{t})
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// broken tells people what an error of reading means.
func broken(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the backup is cut off: its end is missing")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, tar.ErrHeader), errors.As(err, &corrupt):
		return fmt.Errorf("the backup is damaged: %w", err)
	}
	return err
}

// memberReader is a member's content, whose errors are told in words.
type memberReader struct{ r io.Reader }

func (m memberReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = broken(err)
	}
	return n, err
}

func checkMember(h *tar.Header) error {
	if h.Typeflag != tar.TypeReg {
		return fmt.Errorf("the backup is not trusted: %q in it is a link, a folder or a device, and a backup holds plain files only", h.Name)
	}
	if h.Name != headName && h.Name != manifestName && tableOf(h.Name) == "" && blobOf(h.Name) == "" && !listName.MatchString(h.Name) {
		return fmt.Errorf("the backup is not trusted: a backup never holds a file named %q", h.Name)
	}
	return nil
}

// Verify reads all of the backup and compares it with its manifest. It changes nothing anywhere.
func (a *Archive) Verify(ctx context.Context) (Manifest, error) {
	v := verifier{tables: map[string]int64{}}
	if err := a.walk(ctx, v.visit); err != nil {
		return Manifest{}, err
	}
	if v.manifest == nil {
		return Manifest{}, errors.New("the backup is cut off: its manifest is missing")
	}
	return *v.manifest, v.compare(a.Head)
}

// verifier compares what it sees with what the backup says of itself.
type verifier struct {
	members   []Member
	tables    map[string]int64
	blobs     []listed // since the last list
	blobCount int64
	blobBytes int64
	manifest  *Manifest
}

func (v *verifier) visit(h *tar.Header, r io.Reader) error {
	if v.manifest != nil {
		return damaged(h.Name) // nothing comes after the manifest
	}
	if h.Name == manifestName {
		if h.Size > manifestMost || json.NewDecoder(r).Decode(&v.manifest) != nil {
			return damaged(h.Name)
		}
		return nil
	}
	if listName.MatchString(h.Name) {
		return v.list(h, r)
	}
	sum, lines := sha256.New(), &lineCounter{}
	n, err := io.Copy(io.MultiWriter(sum, lines), r)
	if err != nil {
		return err
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	if key := blobOf(h.Name); key != "" {
		v.blobCount++
		v.blobBytes += n
		v.blobs = append(v.blobs, listed{key, n, hash})
		if len(v.blobs) > blobsPerMember {
			return damaged(h.Name)
		}
		return nil
	}
	if t := tableOf(h.Name); t != "" {
		v.tables[t] += lines.n
	}
	v.members = append(v.members, Member{h.Name, n, hash})
	return nil
}

// list compares the blobs that came before it.
func (v *verifier) list(h *tar.Header, r io.Reader) error {
	sum := sha256.New()
	lines := json.NewDecoder(io.TeeReader(r, sum))
	for _, b := range v.blobs {
		var l listed
		if lines.Decode(&l) != nil {
			return damaged(h.Name)
		}
		if l != b {
			return damaged(blobsFolder + b.Key)
		}
	}
	if lines.More() {
		return damaged(h.Name)
	}
	v.blobs = nil
	if _, err := io.Copy(sum, r); err != nil {
		return err
	}
	v.members = append(v.members, Member{h.Name, h.Size, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

func (v *verifier) compare(head Head) error {
	m := v.manifest
	for i, seen := range v.members {
		if i >= len(m.Members) || m.Members[i] != seen {
			return damaged(seen.Name)
		}
	}
	rows := maps.Clone(m.Tables)
	maps.DeleteFunc(rows, func(_ string, n int64) bool { return n == 0 }) // an empty table has no member
	switch {
	case len(m.Members) > len(v.members):
		return damaged(m.Members[len(v.members)].Name)
	case len(v.blobs) > 0, v.blobCount != m.Blobs, v.blobBytes != m.BlobBytes:
		return damaged("the list of its files")
	case !maps.Equal(rows, v.tables), m.Head != head:
		return damaged(manifestName)
	}
	return nil
}

type lineCounter struct{ n int64 }

func (c *lineCounter) Write(p []byte) (int, error) {
	c.n += int64(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}

// eachRow shows the rows of one table's member.
func eachRow(r io.Reader, visit func(map[string]json.RawMessage) error) error {
	lines := json.NewDecoder(r)
	for lines.More() {
		var line map[string]json.RawMessage
		if err := lines.Decode(&line); err != nil {
			return err
		}
		if err := visit(line); err != nil {
			return err
		}
	}
	return nil
}

// missingTables are those of the backup that are not in have.
func (m Manifest) missingTables(have map[string]bool) []string {
	return slices.Sorted(func(yield func(string) bool) {
		for t := range m.Tables {
			if !have[t] && !yield(t) {
				return
			}
		}
	})
}
