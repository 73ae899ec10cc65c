// Package blobtest starts a real S3 server (versitygw) for tests.
package blobtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	accessKey = "testkey"
	secretKey = "test/secret+123" // what has to be escaped in a URL
	bucket    = "parley-test"
)

// S3 starts a server that ends with the test and returns the blob.url of a fresh bucket on it, on 127.0.0.1. Without
// versitygw (`make test` installs it) the test is skipped.
func S3(t testing.TB) string {
	t.Helper()
	binary := versitygw()
	if binary == "" {
		t.Skip("not tested on S3: versitygw is neither in $VERSITYGW, nor on the PATH, nor in .cache/bin")
	}
	addr := freeAddress(t)
	start(t, binary, addr)
	makeBucket(t, addr)
	q := url.Values{"endpoint": {addr}, "region": {"us-east-1"}, "secure": {"false"}, "access_key": {accessKey}, "secret_key": {secretKey}}
	return "s3://" + bucket + "?" + q.Encode()
}

func versitygw() string {
	if given := os.Getenv("VERSITYGW"); given != "" {
		return given
	}
	if found, err := exec.LookPath("versitygw"); err == nil {
		return found
	}
	gomod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return ""
	}
	here := filepath.Join(filepath.Dir(string(bytes.TrimSpace(gomod))), ".cache", "bin", "versitygw")
	if _, err := os.Stat(here); err != nil {
		return ""
	}
	return here
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func start(t testing.TB, binary, addr string) {
	t.Helper()
	// The sidecar holds metadata where the temporary directory has no extended attributes.
	cmd := exec.Command(binary, "--port", addr, "posix", "--sidecar", t.TempDir(), t.TempDir())
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	said := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", binary, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("versitygw said:\n%s", said)
		}
	})
}

func makeBucket(t testing.TB, addr string) {
	t.Helper()
	c, err := minio.New(addr, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), MaxRetries: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		err = c.MakeBucket(ctx, bucket, minio.MakeBucketOptions{Region: "us-east-1"})
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(fmt.Errorf("the S3 server on %s does not come up: %w", addr, err))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
