package sms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/connectors"
)

const downloadDeadline = 5 * time.Minute

// Fetch downloads a file of an MMS. Only Twilio is asked, with the account's credentials; where it points on to its
// store, the file is had there without them.
func (t *twilio) Fetch(ctx context.Context, ref string) (connectors.Media, error) {
	u, err := url.Parse(ref)
	if err != nil || !t.atTwilio(u) {
		return connectors.Media{}, connectors.Permanent(errors.New("the file does not lie at Twilio, so it is not fetched"))
	}
	ctx, cancel := context.WithTimeout(ctx, downloadDeadline)
	res, err := t.get(ctx, u, true)
	if err == nil && res.StatusCode/100 == 3 {
		res, err = t.follow(ctx, u, res)
	}
	if err != nil {
		cancel()
		return connectors.Media{}, err
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		cancel()
		return connectors.Media{}, t.mediaRefusal(res)
	}
	return connectors.Media{Body: &download{res.Body, cancel}, MIME: res.Header.Get("Content-Type"), Size: res.ContentLength}, nil
}

// atTwilio tells whether the credentials may be shown there.
func (t *twilio) atTwilio(u *url.URL) bool {
	if u.User != nil {
		return false
	}
	if u.Scheme == t.base.Scheme && u.Host == t.base.Host {
		return true
	}
	return u.Scheme == "https" && (u.Host == "twilio.com" || strings.HasSuffix(u.Host, ".twilio.com"))
}

func (t *twilio) get(ctx context.Context, u *url.URL, withCredentials bool) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, connectors.Permanent(fmt.Errorf("address of the file: %w", err))
	}
	if withCredentials {
		req.SetBasicAuth(t.config.AccountSID, t.config.AuthToken)
	}
	res, err := t.host.HTTP.Do(req)
	if err != nil {
		return nil, connectors.Retry(fmt.Errorf("download from Twilio: %w", bare(err)), 0)
	}
	return res, nil
}

func (t *twilio) follow(ctx context.Context, from *url.URL, res *http.Response) (*http.Response, error) {
	_ = res.Body.Close()
	to, err := from.Parse(res.Header.Get("Location"))
	if err != nil || (to.Scheme != "https" && to.Host != from.Host) {
		return nil, connectors.Permanent(errors.New("Twilio points to an address that is not fetched"))
	}
	return t.get(ctx, to, false)
}

func (t *twilio) mediaRefusal(res *http.Response) error {
	err := fmt.Errorf("Twilio answered %d for the file", res.StatusCode)
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		return connectors.Unauthorized(err)
	case res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusGone:
		return connectors.Permanent(errors.New("Twilio no longer has this file"))
	}
	return connectors.Retry(err, retryAfter(res.Header, t.host.Now()))
}

// download is a body whose deadline ends with it.
type download struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (d *download) Close() error {
	defer d.cancel()
	return d.ReadCloser.Close()
}
