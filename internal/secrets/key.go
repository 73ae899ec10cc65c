// Package secrets keeps what must not be read from a stolen database: credentials of channels and whatever else is sealed at
// rest. One key per installation lies in a file apart from the data; every use gets a key of its own, derived from it.
package secrets

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// KeySize is the length of the installation's key in bytes.
const KeySize = 32

// ErrNoKey says that there is no key file and that none may be made.
var ErrNoKey = errors.New("there is no key file")

// Load reads the key file at path. When there is none and mayCreate (an installation without any data), it makes one with
// mode 0600; otherwise it returns ErrNoKey, because a new key could not open what the old one sealed. A key file that others
// may read, or whose key nobody drew at random, is refused.
func Load(path string, mayCreate bool) (*Box, error) {
	key, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !mayCreate {
			return nil, fmt.Errorf("%w at %s: put back the one of this installation; what it sealed cannot be read without it", ErrNoKey, path)
		}
		if err := create(path); err != nil {
			return nil, fmt.Errorf("make the key file: %w", err)
		}
		key, err = read(path)
	}
	if err != nil {
		return nil, err
	}
	return NewBox(key)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s can be read by others (mode %04o): chmod 600 %s", path, st.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, fmt.Errorf("key file %s holds no key: it must be %d random bytes in base64 (openssl rand -base64 %d)", path, KeySize, KeySize)
	}
	if err := checkKey(key); err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return key, nil
}

// checkKey refuses keys that no random source gave: too short, or written by hand for a sample.
func checkKey(key []byte) error {
	if len(key) != KeySize {
		return fmt.Errorf("the key has %d bytes, it must have %d (openssl rand -base64 %d)", len(key), KeySize, KeySize)
	}
	different, printable := map[byte]bool{}, 0
	for _, b := range key {
		different[b] = true
		if b >= ' ' && b <= '~' {
			printable++
		}
	}
	// 32 random bytes have 30 different ones on average, and are never all printable
	if len(different) < 16 || printable == KeySize {
		return fmt.Errorf("the key is a sample, not random bytes (openssl rand -base64 %d)", KeySize)
	}
	return nil
}

// create makes the key file; when another process was faster, that one's key stays.
func create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	key := make([]byte, KeySize)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	// a whole file or none: a kill must not leave an empty one
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
