package connectortest

import (
	"os"
	"path/filepath"
	"testing"
)

// Corpus is the path of a file or folder of the shared corpora ($PARLEY_CORPORA, else ../shared/corpora beside the
// project). Without it the test is skipped, and says what it did not try.
func Corpus(t testing.TB, name string) string {
	t.Helper()
	base := os.Getenv("PARLEY_CORPORA")
	if base == "" {
		base = filepath.Join(moduleRoot(t), "..", "shared", "corpora")
	}
	path := filepath.Join(base, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("not tested against the corpus %s: %v", name, err)
	}
	return path
}

func moduleRoot(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}
