package telephony

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"parley/connectors"
	"parley/internal/netguard"
)

const (
	maxRedirects = 3
	stallTimeout = time.Minute // without a byte of the recording
)

// Fetch opens a recording. A provider announces it before it is there, so 404 is worth another try; size and content are the
// caller's to judge. A body that stands still for a minute breaks off.
func (l *line) Fetch(ctx context.Context, ref string) (connectors.Media, error) {
	at, err := l.provider.recording(ref)
	if err != nil {
		return connectors.Media{}, connectors.Permanent(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stall := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	res, err := l.get(ctx, at)
	stall.Stop()
	if err == nil {
		err = judge(res, l.host.Now())
	}
	if err != nil {
		cancel(nil)
		return connectors.Media{}, fmt.Errorf("recording: %w", err)
	}
	return connectors.Media{
		Body: &flow{ctx: ctx, body: res.Body, stall: stall, cancel: cancel},
		Name: nameOf(res),
		MIME: mediaType(res.Header.Get("Content-Type")),
		Size: res.ContentLength,
	}, nil
}

// get asks for at and goes where it is sent, three times at most. Credentials are for the first address only.
func (l *line) get(ctx context.Context, at *url.URL) (*http.Response, error) {
	for hop := 0; hop <= maxRedirects; hop++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, connectors.Permanent(fmt.Errorf("its link cannot be asked for: %w", err))
		}
		req.Header.Set("Accept-Encoding", "identity") // so that its length is the file's
		if hop == 0 {
			l.provider.authorize(req)
		}
		res, err := l.host.HTTP.Do(req)
		if err != nil {
			return nil, unreached(err)
		}
		if res.StatusCode/100 != 3 || res.Header.Get("Location") == "" {
			return res, nil
		}
		_ = res.Body.Close()
		next, err := at.Parse(res.Header.Get("Location"))
		if err != nil || !mayCarry(next, l.cfg.api()) {
			return nil, connectors.Permanent(errors.New("its link leads to an address that is not https"))
		}
		at = next
	}
	return nil, connectors.Permanent(fmt.Errorf("its link leads on more than %d times", maxRedirects))
}

// unreached: nothing changes by asking again, so every failure may be tried again but a refusal of our own.
func unreached(err error) error {
	var refused *netguard.Refused
	if errors.As(err, &refused) {
		return connectors.Permanent(refused)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // a one-time link is a secret
	}
	return connectors.Retry(err, 0)
}

// judge turns an answer that is no recording into an error, and closes it.
func judge(res *http.Response, now time.Time) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	_ = res.Body.Close()
	err := fmt.Errorf("the provider answers %s", res.Status)
	switch code := res.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return connectors.Unauthorized(err)
	case code == http.StatusNotFound || code == http.StatusConflict || code == http.StatusLocked || code == http.StatusTooEarly:
		return connectors.Retry(fmt.Errorf("not there yet: %w", err), 0)
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500 || code/100 == 2:
		return connectors.Retry(err, retryAfter(res.Header.Get("Retry-After"), now))
	}
	return connectors.Permanent(err)
}

// retryAfter reads seconds or a date (RFC 9110 §10.2.3), at most an hour.
func retryAfter(s string, now time.Time) time.Duration {
	after := time.Duration(0)
	if seconds, err := strconv.ParseInt(s, 10, 32); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		after = at.Sub(now)
	}
	return min(max(after, 0), time.Hour)
}

// mayCarry tells whether a recording may come from u: by https, from the PBX that api names, or by plain http from an address of our own
// network. The guard dials such an address only if the installation's admin allowed it.
func mayCarry(u, api *url.URL) bool {
	switch {
	case u.Host == "" || u.User != nil:
		return false
	case u.Scheme == "https":
		return true
	case u.Scheme != "http":
		return false
	case api != nil && strings.EqualFold(u.Host, api.Host):
		return true
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && (addr.IsPrivate() || addr.IsLoopback())
}

func nameOf(res *http.Response) string {
	if _, params, err := mime.ParseMediaType(res.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return path.Base(params["filename"])
	}
	if base := path.Base(res.Request.URL.Path); base != "/" && base != "." {
		return base
	}
	return ""
}

func mediaType(header string) string {
	t, _, err := mime.ParseMediaType(header)
	if err != nil {
		return ""
	}
	return t
}

var errStalled = errors.New("the recording stopped coming")

// flow is a body that is given up when nothing comes for a while.
type flow struct {
	ctx    context.Context
	body   io.ReadCloser
	stall  *time.Timer
	cancel context.CancelCauseFunc
}

func (f *flow) Read(p []byte) (int, error) {
	f.stall.Reset(stallTimeout)
	n, err := f.body.Read(p)
	f.stall.Stop() // the reader may take its time with what it has
	if err != nil && err != io.EOF && errors.Is(context.Cause(f.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

func (f *flow) Close() error {
	f.stall.Stop()
	f.cancel(nil)
	return f.body.Close()
}
