package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"parley/connectors/email/mailtest"
	"parley/internal/db/dbtest"
)

// An admin presses Authorise, the account's owner agrees at the provider, and the channel has its permission. The way back is good once, and
// for the one who asked.
func TestPermissionIsGivenInTheBrowser(t *testing.T) {
	eachDatabase(t, dbtest.DurablePostgresURL, func(t *testing.T, databaseURL string) {
		h := serving(t, "", databaseURL)
		provider, err := mailtest.NewTokens("support@hub.test")
		if err != nil {
			t.Fatal(err)
		}
		defer provider.Close()
		olga := h.signIn("olga@hub.test", "correct horse battery")
		var channel struct{ ID string }
		h.must(http.MethodPost, "/channels", object{"type": "email", "name": "Support", "config": object{"address": "support@hub.test", "oauth": provider.Config(""),
			"imap": object{"host": "127.0.0.1", "port": freePort(t), "security": "none", "auth": "oauth2", "username": "support@hub.test"}}}, &channel)

		callback := func() string {
			t.Helper()
			var to struct{ URL string }
			h.must(http.MethodPost, "/channels/"+channel.ID+"/authorize", object{}, &to)
			back := location(t, to.URL, nil)
			if !strings.HasPrefix(back, h.url+"/oauth/callback?") {
				t.Fatalf("the provider sends the browser to %s", back)
			}
			return back
		}
		page := "/settings/channels/" + channel.ID
		back := callback()
		for name, cookie := range map[string]*http.Cookie{"nobody": nil, "a forged session": {Name: olga.Name, Value: "x"}} {
			if status := visit(t, back, cookie); status != http.StatusUnauthorized {
				t.Errorf("%s: %d", name, status)
			}
		}
		if status := visit(t, strings.Replace(back, "state=", "state=x", 1), olga); status != http.StatusForbidden {
			t.Errorf("a state that was not made here: %d", status)
		}
		if to := location(t, back, olga); to != page+"?authorized=1" {
			t.Errorf("agreed: %s", to)
		}
		if to := location(t, back, olga); !strings.Contains(to, "oauth_error=") || !strings.Contains(to, "used+before") {
			t.Errorf("a second time: %s", to)
		}
		var shown struct {
			Config struct {
				OAuth struct {
					RefreshToken string `json:"refresh_token"`
				}
			}
		}
		h.must(http.MethodGet, "/channels/"+channel.ID, nil, &shown)
		if shown.Config.OAuth.RefreshToken != "***" {
			t.Errorf("the refresh token is shown as %q", shown.Config.OAuth.RefreshToken)
		}
		refused, err := url.Parse(callback())
		if err != nil {
			t.Fatal(err)
		}
		q := refused.Query()
		q.Del("code")
		q.Set("error", "access_denied")
		refused.RawQuery = q.Encode()
		if to := location(t, refused.String(), olga); !strings.Contains(to, "access_denied") {
			t.Errorf("refused: %s", to)
		}
		if strings.Contains(h.log.tail(), "refresh-") || strings.Contains(h.log.tail(), "client secret") {
			t.Error("a secret is in the log")
		}
	})
}

// signIn is the cookie of a session.
func (h *hub) signIn(email, password string) *http.Cookie {
	h.t.Helper()
	res, err := client.Post(h.url+"/api/v1/session", "application/json", strings.NewReader(`{"email":"`+email+`","password":"`+password+`"}`))
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	if len(res.Cookies()) == 0 {
		b, _ := io.ReadAll(res.Body)
		h.t.Fatalf("sign in: %d %s", res.StatusCode, b)
	}
	return res.Cookies()[0]
}

func browse(t *testing.T, address string, cookie *http.Cookie) *http.Response {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookie != nil {
		req.AddCookie(cookie)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res
}

func visit(t *testing.T, address string, cookie *http.Cookie) int {
	t.Helper()
	return browse(t, address, cookie).StatusCode
}

// location is where a browser is sent on to.
func location(t *testing.T, address string, cookie *http.Cookie) string {
	t.Helper()
	res := browse(t, address, cookie)
	if res.StatusCode/100 != 3 {
		t.Fatalf("%s answers %d and sends nowhere", address, res.StatusCode)
	}
	return res.Header.Get("Location")
}
