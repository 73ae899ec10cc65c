package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// client speaks the public API as one person.
type client struct {
	base  string
	token string
	http  *http.Client
}

func newClient(base string) *client {
	return &client{base: base, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
}

// as is the same client for the holder of a token.
func (c *client) as(token string) *client { return &client{c.base, token, c.http} }

// do makes one call below /api/v1 and reads the answer into out, which may be nil. A refusal is an error with what the API said.
func (c *client) do(ctx context.Context, method, path string, body, out any) error {
	res, err := c.send(ctx, method, path, body, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return read(res, method+" "+path, out)
}

func (c *client) send(ctx context.Context, method, path string, body any, more http.Header) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, content)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	for name := range more {
		req.Header.Set(name, more.Get(name))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Do(req)
}

func read(res *http.Response, call string, out any) error {
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	if res.StatusCode/100 != 2 {
		return &refusal{call, res.StatusCode, string(b)}
	}
	if out == nil || len(b) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nil
}

// refusal is what the API says to a call that it does not do.
type refusal struct {
	call   string
	status int
	body   string
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %d %s", r.call, r.status, r.body) }

// enter signs somebody in (path is /setup for the first owner, else /session) and makes a token of theirs.
func (c *client) enter(ctx context.Context, path string, who any) (userID string, own *client, err error) {
	res, err := c.send(ctx, http.MethodPost, path, who, nil)
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	var session struct {
		User struct {
			ID string `json:"id"`
		} `json:"user"`
		CSRF string `json:"csrf_token"`
	}
	if err := read(res, path, &session); err != nil {
		return "", nil, err
	}
	if len(res.Cookies()) == 0 {
		return "", nil, errors.New(path + ": no session came")
	}
	cookie := res.Cookies()[0]
	made, err := c.send(ctx, http.MethodPost, "/tokens", map[string]any{"name": "demo"}, http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}, "X-Csrf-Token": {session.CSRF}})
	if err != nil {
		return "", nil, err
	}
	defer made.Body.Close()
	var token struct {
		Token string `json:"token"`
	}
	if err := read(made, "/tokens", &token); err != nil {
		return "", nil, err
	}
	return session.User.ID, c.as(token.Token), nil
}

// pause waits for d, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
