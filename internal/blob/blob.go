// Package blob keeps the large things (attachments, recordings, raw mails) outside the database: in a directory or in an
// S3-compatible bucket. Whoever stores a blob keeps its key, size and SHA-256 in a row of the database.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/internal/fault"
	"parley/internal/netguard"
)

// Store holds blobs under keys of ours (NewKey). It is safe for concurrent use. A key that could leave the store is refused by every method.
type Store interface {
	// Put stores all of r under key, replacing what was there, and returns its size and hash. size is the number of bytes
	// that r must give, -1 when that is not known. After an error nothing was stored and what was there before still is.
	// When it returns nil the blob outlives a crash of this machine.
	Put(ctx context.Context, key string, r io.Reader, size int64) (Info, error)
	// Open returns length bytes from offset on, as many as there are; length -1 is all the rest. The caller closes it.
	// It returns fault.NotFound if no blob has that key.
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	// Stat returns size and time of a blob, or fault.NotFound.
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes a blob. One that is not there is no error.
	Delete(ctx context.Context, key string) error
	// List returns up to limit blobs whose key begins with prefix and comes after after, in the order of their keys' bytes.
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)
	// Ping tells whether the store can be used now.
	Ping(ctx context.Context) error
}

// Info tells about one blob.
type Info struct {
	Key      string
	Size     int64    // bytes
	SHA256   [32]byte // set by Put alone
	Modified time.Time
}

// Open makes the store that rawURL (the setting blob.url) names, without dialling anybody:
//
//	"" or file://       the directory "blobs" in dataDir
//	file://DIR          a directory, absolute or relative to where the program runs; made if missing
//	s3://BUCKET?…       endpoint=HOST[:PORT] (default s3.amazonaws.com), region, prefix, secure=true|false (default true),
//	                    access_key and secret_key (default: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)
//
// S3 is reached through guard. No error repeats the URL, which may hold credentials.
func Open(rawURL, dataDir string, guard *netguard.Guard) (Store, error) {
	scheme, rest, found := strings.Cut(rawURL, "://")
	switch {
	case rawURL == "", scheme == "file" && found && rest == "":
		return openDisk(filepath.Join(dataDir, "blobs"))
	case scheme == "file" && found:
		return openDisk(filepath.FromSlash(rest))
	case scheme == "s3" && found:
		return openS3(rawURL, guard)
	}
	return nil, errors.New("blob.url: must begin with file:// or s3://")
}

// NewKey makes a key that no other blob has: aa/bb/UUID.
func NewKey() string {
	id := uuid.Must(uuid.NewV7()).String()
	return id[len(id)-2:] + "/" + id[len(id)-4:len(id)-2] + "/" + id
}

// IsKey tells whether a store would take key.
func IsKey(key string) bool { return checkKey(key) == nil }

// checkKey refuses what NewKey and its like never make. A segment that begins with a dot is the store's own.
func checkKey(key string) error {
	if key == "" || len(key) > 512 {
		return fmt.Errorf("blob key of %d bytes", len(key))
	}
	for _, segment := range strings.Split(key, "/") {
		if segment == "" || segment[0] == '.' || strings.ContainsFunc(segment, notInKey) {
			return fmt.Errorf("blob key %q is not allowed", key)
		}
	}
	return nil
}

func notInKey(r rune) bool {
	return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

func checkRange(offset, length int64) error {
	if offset < 0 || length < -1 {
		return fmt.Errorf("blob range %d+%d", offset, length)
	}
	return nil
}

func notFound() error { return fault.NotFound("this file is no longer stored") }

// contextReader stops a copy when ctx ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// fill copies all of r to w, and complains when that is not size bytes (-1: any).
func fill(ctx context.Context, w io.Writer, r io.Reader, size int64) (int64, error) {
	if size >= 0 {
		r = io.LimitReader(r, size+1) // one more, to notice it
	}
	n, err := io.Copy(w, contextReader{ctx, r})
	switch {
	case err != nil:
		return n, err
	case size >= 0 && n < size:
		return n, fmt.Errorf("%d bytes came of %d: %w", n, size, io.ErrUnexpectedEOF)
	case size >= 0 && n > size:
		return n, fmt.Errorf("more than the %d bytes announced", size)
	}
	return n, nil
}
