package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"parley/internal/blob"
	"parley/internal/blob/blobtest"
	"parley/internal/fault"
	"parley/internal/netguard"
)

func guard(t *testing.T, allow ...string) *netguard.Guard {
	t.Helper()
	g, err := netguard.New(allow)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Client().CloseIdleConnections)
	return g
}

func open(t *testing.T, url string) blob.Store {
	t.Helper()
	s, err := blob.Open(url, t.TempDir(), guard(t, "127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDisk(t *testing.T) {
	exercise(t, func(t *testing.T) blob.Store { return open(t, "file://"+t.TempDir()) })
}

func TestS3(t *testing.T) {
	url := blobtest.S3(t)
	n := 0
	exercise(t, func(t *testing.T) blob.Store {
		n++
		return open(t, url+"&prefix=some/"+strings.Repeat("p", n))
	})
}

// exercise is what every store must do; fresh gives an empty one.
func exercise(t *testing.T, fresh func(*testing.T) blob.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, blob.Store)
	}{
		{"what was put comes back, with size and hash", putComesBack},
		{"20 MB of unknown size comes back", bigComesBack},
		{"ranges", ranges},
		{"a blob that is not there", missing},
		{"a key is replaced whole", replaced},
		{"nothing is stored of what breaks off", brokenOff},
		{"keys that lead out are refused", badKeys},
		{"list goes on where it stopped", listPages},
		{"list is in the order of keys", listOrder},
		{"a cancelled put stores nothing", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

func put(t *testing.T, s blob.Store, key, content string) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, strings.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s blob.Store, key string, offset, length int64) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), key, offset, length)
	if err != nil {
		t.Fatalf("open %s %d+%d: %v", key, offset, length, err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read %s %d+%d: %v", key, offset, length, err)
	}
	return b
}

func putComesBack(t *testing.T, s blob.Store) {
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", "x", "Привет, мир", strings.Repeat("1234567", 300_000)} {
		for _, size := range []int64{-1, int64(len(content))} {
			key := blob.NewKey()
			info, err := s.Put(t.Context(), key, iotest.HalfReader(strings.NewReader(content)), size)
			if err != nil {
				t.Fatal(err)
			}
			if info.Key != key || info.Size != int64(len(content)) || info.SHA256 != sha256.Sum256([]byte(content)) {
				t.Errorf("%d bytes, announced %d: put says %+v", len(content), size, info)
			}
			if got := get(t, s, key, 0, -1); string(got) != content {
				t.Errorf("%d bytes, announced %d: %d bytes came back", len(content), size, len(got))
			}
			stat, err := s.Stat(t.Context(), key)
			if err != nil || stat.Size != info.Size || time.Since(stat.Modified).Abs() > time.Minute {
				t.Errorf("stat: %+v, %v", stat, err)
			}
		}
	}
}

func bigComesBack(t *testing.T, s blob.Store) {
	const size = 20 << 20
	content := make([]byte, size)
	random := rand.NewChaCha8([32]byte{7})
	_, _ = random.Read(content)
	key := blob.NewKey()
	info, err := s.Put(t.Context(), key, io.MultiReader(bytes.NewReader(content)), -1)
	if err != nil || info.Size != size || info.SHA256 != sha256.Sum256(content) {
		t.Fatalf("%+v, %v", info, err)
	}
	if !bytes.Equal(get(t, s, key, 0, -1), content) {
		t.Error("other bytes came back")
	}
	const at = 17 << 20 // behind the border of two parts
	if !bytes.Equal(get(t, s, key, at, 1000), content[at:at+1000]) {
		t.Error("other bytes came back from the middle")
	}
}

func ranges(t *testing.T, s blob.Store) {
	key, empty := blob.NewKey(), blob.NewKey()
	put(t, s, key, "0123456789")
	put(t, s, empty, "")
	for _, c := range []struct {
		key            string
		offset, length int64
		want           string
	}{
		{key, 0, -1, "0123456789"}, {key, 0, 1, "0"}, {key, 0, 10, "0123456789"}, {key, 3, 4, "3456"}, {key, 9, 1, "9"}, {key, 4, -1, "456789"},
		{key, 0, 0, ""}, {key, 5, 0, ""}, {key, 8, 100, "89"}, {key, 10, -1, ""}, {key, 10, 5, ""}, {key, 99, 5, ""}, {key, 99, -1, ""},
		{empty, 0, -1, ""}, {empty, 0, 5, ""},
	} {
		if got := get(t, s, c.key, c.offset, c.length); string(got) != c.want {
			t.Errorf("%d+%d is %q, want %q", c.offset, c.length, got, c.want)
		}
	}
	for _, bad := range [][2]int64{{-1, 5}, {0, -2}} {
		if _, err := s.Open(t.Context(), key, bad[0], bad[1]); err == nil {
			t.Errorf("%d+%d is accepted", bad[0], bad[1])
		}
	}
}

func missing(t *testing.T, s blob.Store) {
	key := blob.NewKey()
	for _, length := range []int64{-1, 0, 5} {
		if _, err := s.Open(t.Context(), key, 0, length); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("open %d bytes: %v", length, err)
		}
	}
	if _, err := s.Stat(t.Context(), key); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("stat: %v", err)
	}
	if err := s.Delete(t.Context(), key); err != nil {
		t.Errorf("delete: %v", err)
	}
	put(t, s, key, "here")
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), key); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("stat after delete: %v", err)
	}
	if _, err := s.Stat(t.Context(), key[:5]); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("stat of what is a directory on disk: %v", err)
	}
}

func replaced(t *testing.T, s blob.Store) {
	key := blob.NewKey()
	put(t, s, key, "the first, longer one")
	put(t, s, key, "the second")
	if got := get(t, s, key, 0, -1); string(got) != "the second" {
		t.Errorf("%q", got)
	}
}

func brokenOff(t *testing.T, s blob.Store) {
	for _, c := range []struct {
		name string
		r    io.Reader
		size int64
	}{
		{"too few bytes", strings.NewReader("1234"), 5},
		{"too many bytes", strings.NewReader("123456"), 5},
		{"an error in the middle", io.MultiReader(strings.NewReader("123"), iotest.ErrReader(errors.New("cut"))), 5},
		{"an error, size unknown", io.MultiReader(strings.NewReader("123"), iotest.ErrReader(errors.New("cut"))), -1},
	} {
		key := blob.NewKey()
		if _, err := s.Put(t.Context(), key, c.r, c.size); err == nil {
			t.Errorf("%s: no error", c.name)
		}
		if _, err := s.Stat(t.Context(), key); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("%s: something was stored (%v)", c.name, err)
		}
	}
	if all, err := s.List(t.Context(), "", "", 100); err != nil || len(all) != 0 {
		t.Errorf("left behind: %v, %v", all, err)
	}
}

func badKeys(t *testing.T, s blob.Store) {
	for _, key := range []string{"", "/", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "a/.hidden", ".unfinished/x", `a\b`, "a/b\x00", "a b", "ä", strings.Repeat("a/", 300) + "a"} {
		if _, err := s.Put(t.Context(), key, strings.NewReader("x"), 1); err == nil {
			t.Errorf("put %q is accepted", key)
		}
		if r, err := s.Open(t.Context(), key, 0, -1); err == nil {
			_ = r.Close()
			t.Errorf("open %q is accepted", key)
		}
		if _, err := s.Stat(t.Context(), key); err == nil {
			t.Errorf("stat %q is accepted", key)
		}
		if err := s.Delete(t.Context(), key); err == nil {
			t.Errorf("delete %q is accepted", key)
		}
	}
}

func keys(found []blob.Info) []string {
	var names []string
	for _, i := range found {
		names = append(names, i.Key)
	}
	return names
}

func listPages(t *testing.T, s blob.Store) {
	var want []string
	for range 25 {
		key := blob.NewKey()
		want = append(want, key)
		put(t, s, key, "12345")
	}
	slices.Sort(want)
	var got []string
	for after, rounds := "", 0; rounds < 10; rounds++ {
		page, err := s.List(t.Context(), "", after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > 7 {
			t.Fatalf("a page of %d", len(page))
		}
		if len(page) == 0 {
			break
		}
		if page[0].Size != 5 {
			t.Errorf("%+v", page[0])
		}
		got = append(got, keys(page)...)
		after = got[len(got)-1]
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v\nwant   %v", got, want)
	}
	one, err := s.List(t.Context(), want[3][:9], "", 100)
	if err != nil || len(one) == 0 || !slices.Contains(keys(one), want[3]) {
		t.Errorf("by prefix: %v, %v", one, err)
	}
	for _, i := range one {
		if !strings.HasPrefix(i.Key, want[3][:9]) {
			t.Errorf("%s does not begin with %s", i.Key, want[3][:9])
		}
	}
}

func listOrder(t *testing.T, s blob.Store) {
	want := []string{"a-b/x", "a.b", "a/x-1", "a/x/1", "a/x0", "a0", "b"}
	for _, key := range []int{4, 1, 6, 0, 3, 2, 5} {
		put(t, s, want[key], "x")
	}
	for from := range want {
		after := ""
		if from > 0 {
			after = want[from-1]
		}
		found, err := s.List(t.Context(), "", after, 100)
		if err != nil || !slices.Equal(keys(found), want[from:]) {
			t.Errorf("after %q: %v, %v", after, keys(found), err)
		}
	}
	if found, err := s.List(t.Context(), "a/", "a/x-1", 100); err != nil || !slices.Equal(keys(found), []string{"a/x/1", "a/x0"}) {
		t.Errorf("prefix a/ after a/x-1: %v, %v", keys(found), err)
	}
}

func cancelled(t *testing.T, s blob.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	key := blob.NewKey()
	r := io.MultiReader(strings.NewReader("first"), readerFunc(func([]byte) (int, error) { cancel(); return 0, nil }), strings.NewReader("second"))
	if _, err := s.Put(ctx, key, r, -1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := s.Stat(t.Context(), key); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("stored all the same: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestWrongSecretIsRefused(t *testing.T) {
	url := strings.Replace(blobtest.S3(t), "secret_key=", "secret_key=wrong", 1)
	s := open(t, url)
	key := blob.NewKey()
	_, putErr := s.Put(t.Context(), key, strings.NewReader("x"), 1)
	_, openErr := s.Open(t.Context(), key, 0, -1)
	for what, err := range map[string]error{"put": putErr, "open": openErr, "ping": s.Ping(t.Context())} {
		if err == nil || fault.Is(err, fault.KindNotFound) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestMissingBucketIsSaidByPing(t *testing.T) {
	s := open(t, strings.Replace(blobtest.S3(t), "s3://parley-test", "s3://no-such-bucket", 1))
	if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "no-such-bucket") {
		t.Errorf("%v", err)
	}
}

func TestS3IsReachedThroughTheGuard(t *testing.T) {
	s, err := blob.Open("s3://bkt?endpoint=127.0.0.1:9&secure=false&region=us-east-1&access_key=a&secret_key=b", "", guard(t))
	if err != nil {
		t.Fatal(err)
	}
	var refused *netguard.Refused
	if err := s.Ping(t.Context()); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
}

func TestBadURLIsSaidWithoutItsSecrets(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	for url, says := range map[string]string{
		"http://canary": "file:// or s3://",
		"s3://bkt?access_key=canary&secret_key=can%ZZary":                   "after ?",
		"s3://bkt\x7f?access_key=canary&secret_key=canary":                  "not a URL",
		"s3://Bucket_1?access_key=canary&secret_key=canary":                 "Bucket_1",
		"s3://?access_key=canary&secret_key=canary":                         "no bucket",
		"s3://bkt/canary?access_key=canary&secret_key=canary":               "s3://BUCKET",
		"s3://bkt?access_key=canary":                                        "AWS_SECRET_ACCESS_KEY",
		"s3://bkt?access_key=canary&secret_key=canary&secure=perhaps":       "true or false",
		"s3://bkt?access_key=canary&secret_key=canary&prefix=../x":          "prefix",
		"s3://bkt?access_key=canary&secret_key=canary&bucket=x":             `"bucket"`,
		"s3://bkt?access_key=canary&secret_key=canary&endpoint=http://x/yz": "blob.url",
	} {
		_, err := blob.Open(url, t.TempDir(), guard(t))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestCredentialsMayComeFromTheEnvironment(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	if _, err := blob.Open("s3://bucket", "", guard(t)); err != nil {
		t.Error(err)
	}
}

func TestDiskDefaultsToDataDir(t *testing.T) {
	dir := t.TempDir()
	s, err := blob.Open("", dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "aa/bb/x", "here")
	if b, err := os.ReadFile(filepath.Join(dir, "blobs", "aa", "bb", "x")); err != nil || string(b) != "here" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestBrokenPutLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+dir)
	brokenOff(t, s)
	if left, err := os.ReadDir(filepath.Join(dir, ".unfinished")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestLeftoversOfACrashGoAfterADay(t *testing.T) {
	dir := t.TempDir()
	if _, err := blob.Open("file://"+dir, "", nil); err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(dir, ".unfinished", "old"), filepath.Join(dir, ".unfinished", "young")
	for _, f := range []string{old, young} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dayAgo := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(old, dayAgo, dayAgo); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Open("file://"+dir, "", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Error("the old one is still there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("the young one, perhaps being written, is gone")
	}
}
