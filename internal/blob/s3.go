package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"parley/internal/netguard"
)

type s3 struct {
	client *minio.Client
	bucket string
	prefix string // "" or ends in a slash
}

type s3Settings struct {
	bucket, prefix       string
	endpoint, region     string
	secure               bool
	accessKey, secretKey string
}

func openS3(rawURL string, guard *netguard.Guard) (*s3, error) {
	set, err := parseS3(rawURL)
	if err != nil {
		return nil, fmt.Errorf("blob.url: %w", err)
	}
	client, err := minio.New(set.endpoint, &minio.Options{
		Creds:      credentials.NewStaticV4(set.accessKey, set.secretKey, ""),
		Secure:     set.secure,
		Region:     set.region,
		Transport:  guard.Client().Transport,
		MaxRetries: 3,
	})
	if err != nil {
		return nil, fmt.Errorf("blob.url: %w", err)
	}
	return &s3{client, set.bucket, set.prefix}, nil
}

func parseS3(rawURL string) (s3Settings, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return s3Settings{}, errors.New("not a URL (written in it, / and + in keys must be %2F and %2B)")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return s3Settings{}, errors.New("the part after ? cannot be read")
	}
	set := s3Settings{
		bucket:    u.Host,
		endpoint:  "s3.amazonaws.com",
		secure:    true,
		accessKey: os.Getenv("AWS_ACCESS_KEY_ID"),
		secretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
	}
	if err := set.read(q); err != nil {
		return s3Settings{}, err
	}
	switch {
	case u.User != nil || u.Port() != "" || strings.Trim(u.Path, "/") != "" || u.Fragment != "":
		return s3Settings{}, errors.New("is written s3://BUCKET?endpoint=…")
	case set.bucket == "":
		return s3Settings{}, errors.New("names no bucket")
	case s3utils.CheckValidBucketNameStrict(set.bucket) != nil:
		return s3Settings{}, fmt.Errorf("%q cannot be a bucket's name (3 to 63 lower-case letters, digits, '.' and '-')", set.bucket)
	case set.accessKey == "" || set.secretKey == "":
		return s3Settings{}, errors.New("no credentials: give access_key and secret_key in it, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
	}
	return set, nil
}

func (set *s3Settings) read(q url.Values) error {
	for name := range q {
		value := q.Get(name)
		switch name {
		case "endpoint":
			set.endpoint = value
		case "region":
			set.region = value
		case "access_key":
			set.accessKey = value
		case "secret_key":
			set.secretKey = value
		case "secure":
			secure, err := strconv.ParseBool(value)
			if err != nil {
				return errors.New("secure must be true or false")
			}
			set.secure = secure
		case "prefix":
			set.prefix = strings.Trim(value, "/")
			if set.prefix == "" {
				continue
			}
			if checkKey(set.prefix) != nil {
				return errors.New("prefix may hold letters, digits, '.', '_', '-' and '/'")
			}
			set.prefix += "/"
		default:
			return fmt.Errorf("unknown parameter %q; known are endpoint, region, prefix, secure, access_key, secret_key", name)
		}
	}
	return nil
}

// Put spools what is large or of unknown size to a temporary file first: the hash and the size are known before anything is sent,
// and the parts are read from the file rather than from memory.
func (s *s3) Put(ctx context.Context, key string, r io.Reader, size int64) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	spooled, err := spool(ctx, r, size)
	if err != nil {
		return Info{}, fmt.Errorf("store blob: %w", err)
	}
	defer spooled.discard()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the workers of an upload that failed in one of its parts
	up, err := s.client.PutObject(ctx, s.bucket, s.prefix+key, spooled.content, spooled.size, minio.PutObjectOptions{ContentType: "application/octet-stream"})
	if err != nil {
		return Info{}, s.wrap("store blob", err)
	}
	return Info{Key: key, Size: spooled.size, SHA256: spooled.sha256, Modified: up.LastModified.UTC()}, nil
}

func (s *s3) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := errors.Join(checkKey(key), checkRange(offset, length)); err != nil {
		return nil, err
	}
	if length == 0 {
		_, err := s.Stat(ctx, key)
		return http.NoBody, err
	}
	var opts minio.GetObjectOptions
	switch {
	case length > 0:
		opts.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	case offset > 0:
		opts.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	body, _, _, err := minio.Core{Client: s.client}.GetObject(ctx, s.bucket, s.prefix+key, opts)
	if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return http.NoBody, nil // begins behind the end
	}
	if err != nil {
		return nil, s.wrap("open blob", err)
	}
	return body, nil
}

func (s *s3) Stat(ctx context.Context, key string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	o, err := s.client.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s.wrap("look up blob", err)
	}
	return Info{Key: key, Size: o.Size, Modified: o.LastModified.UTC()}, nil
}

func (s *s3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{})
	if err != nil && minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		return s.wrap("delete blob", err)
	}
	return nil
}

func (s *s3) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	opts := minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true, MaxKeys: min(limit, 1000)}
	if after != "" {
		opts.StartAfter = s.prefix + after
	}
	var found []Info
	for o := range s.client.ListObjectsIter(ctx, s.bucket, opts) {
		if o.Err != nil {
			return nil, s.wrap("list blobs", o.Err)
		}
		if len(found) >= limit {
			break
		}
		found = append(found, Info{Key: strings.TrimPrefix(o.Key, s.prefix), Size: o.Size, Modified: o.LastModified.UTC()})
	}
	return found, ctx.Err()
}

func (s *s3) Ping(ctx context.Context) error {
	exists, err := s.client.BucketExists(ctx, s.bucket)
	if err != nil {
		return s.wrap("blob bucket "+s.bucket, err)
	}
	if !exists {
		return fmt.Errorf("blob bucket %s does not exist", s.bucket)
	}
	return nil
}

func (s *s3) wrap(step string, err error) error {
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return notFound()
	}
	return fmt.Errorf("%s: %w", step, err)
}
