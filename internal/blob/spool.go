package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
)

// inMemory is the size up to which a blob is held in memory while it is sent, in bytes.
const inMemory = 1 << 20

type spooled struct {
	content io.ReadSeeker
	size    int64
	sha256  [32]byte
	file    *os.File // nil when in memory
}

// spool reads all of r; the caller discards it.
func spool(ctx context.Context, r io.Reader, size int64) (*spooled, error) {
	s := &spooled{}
	small := new(bytes.Buffer)
	var into io.Writer = small
	if size < 0 || size > inMemory {
		f, err := os.CreateTemp("", "parley-upload-")
		if err != nil {
			return nil, err
		}
		s.file, into = f, f
	}
	hash := sha256.New()
	n, err := fill(ctx, io.MultiWriter(into, hash), r, size)
	if err == nil && s.file != nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		s.discard()
		return nil, err
	}
	s.size, s.sha256, s.content = n, [32]byte(hash.Sum(nil)), bytes.NewReader(small.Bytes())
	if s.file != nil {
		s.content = s.file
	}
	return s, nil
}

func (s *spooled) discard() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}
