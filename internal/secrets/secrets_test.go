package secrets

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func newBox(t *testing.T) *Box {
	t.Helper()
	b, err := Load(filepath.Join(t.TempDir(), "secret.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheFirstStartMakesAKeyThatLaterStartsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "secret.key")
	if _, err := Load(path, false); !errors.Is(err, ErrNoKey) {
		t.Fatalf("without leave to make one: %v", err)
	}
	first, err := Load(path, true)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", st.Mode(), err)
	}
	second, err := Load(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if first.Fingerprint() != second.Fingerprint() {
		t.Error("the second start has another key")
	}
	left, _ := os.ReadDir(filepath.Dir(path))
	if len(left) != 1 {
		t.Errorf("%d files beside the key", len(left)-1)
	}
}

func TestStartsAtTheSameInstantHaveTheSameKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	var wg sync.WaitGroup
	prints := make([]string, 8)
	for i := range prints {
		wg.Go(func() {
			if b, err := Load(path, true); err == nil {
				prints[i] = b.Fingerprint()
			}
		})
	}
	wg.Wait()
	for _, p := range prints {
		if p == "" || p != prints[0] {
			t.Fatalf("keys %v", prints)
		}
	}
}

func TestBadKeyFilesAreRefused(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(newBox(t).key)
	cases := []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"readable by the group", good, 0o640, "chmod 600"},
		{"readable by all", good, 0o604, "chmod 600"},
		{"empty", "", 0o600, "0 bytes"},
		{"short", base64.StdEncoding.EncodeToString([]byte("0123456789abcdef")), 0o600, "16 bytes"},
		{"no base64", "correct horse battery staple!", 0o600, "holds no key"},
		{"zeros", base64.StdEncoding.EncodeToString(make([]byte, 32)), 0o600, "sample"},
		{"words", base64.StdEncoding.EncodeToString([]byte("change-me-before-you-go-live-1234")[:32]), 0o600, "sample"},
		{"a pattern", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1, 200, 3, 4}, 8)), 0o600, "sample"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path, true)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if now, _ := os.ReadFile(path); string(now) != c.text {
				t.Error("the file was changed")
			}
		})
	}
}

func TestSealedTextsOpenOnlyForTheirPurposeAndKey(t *testing.T) {
	b := newBox(t)
	plain := []byte(`{"auth_token":"hunter2"}`)
	sealed, err := b.Seal("channel", plain)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sealed, "hunter2") {
		t.Fatal("it can be read")
	}
	if got, err := b.Open("channel", sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%q, %v", got, err)
	}
	again, _ := b.Seal("channel", plain)
	if again == sealed {
		t.Error("sealed twice, it is the same text")
	}
	changed := []byte(sealed)
	changed[len(changed)/2] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another purpose": func() ([]byte, error) { return b.Open("webhook", sealed) },
		"another key":     func() ([]byte, error) { return newBox(t).Open("channel", sealed) },
		"changed":         func() ([]byte, error) { return b.Open("channel", string(changed)) },
		"cut":             func() ([]byte, error) { return b.Open("channel", sealed[:20]) },
		"nothing":         func() ([]byte, error) { return b.Open("channel", "") },
		"never sealed":    func() ([]byte, error) { return b.Open("channel", string(plain)) },
	} {
		if got, err := open(); !errors.Is(err, ErrCannotOpen) || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestDerivedBytesBelongToTheirPurpose(t *testing.T) {
	b := newBox(t)
	a := b.Derive("csrf", 32)
	if len(a) != 32 || !bytes.Equal(a, b.Derive("csrf", 32)) {
		t.Error("the same purpose gives other bytes")
	}
	if bytes.Equal(a, b.Derive("reply token", 32)) || bytes.Equal(a, newBox(t).Derive("csrf", 32)) {
		t.Error("another purpose or key gives the same bytes")
	}
}
