package email

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/email/mailtest"
)

// oauthChannel reads by IMAP with a token, from config.
func oauthChannel(t *testing.T, d *dovecot, refreshToken string) *Connector {
	t.Helper()
	config := d.imapConfig()
	config["auth"] = "oauth2"
	delete(config, "password")
	return newChannel(t, map[string]any{"imap": config, "oauth": d.tokens.Config(refreshToken)})
}

func TestDovecotOAuth(t *testing.T) {
	d := startDovecot(t)
	t.Run("a token opens the mailbox and is used until it ends", func(t *testing.T) {
		c := oauthChannel(t, d, d.tokens.Grant())
		issued := d.tokens.Issued()
		for range 3 {
			if err := c.Test(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := d.tokens.Issued() - issued; n != 1 {
			t.Errorf("%d access tokens for three connections", n)
		}
		c.host.Now = func() time.Time { return time.Now().Add(59*time.Minute + 30*time.Second) }
		if err := c.Test(t.Context()); err != nil || d.tokens.Issued()-issued != 2 {
			t.Errorf("shortly before its end: %v, %d tokens", err, d.tokens.Issued()-issued)
		}
	})
	t.Run("mail comes in", func(t *testing.T) {
		sink := newSink()
		running(t, oauthChannel(t, d, d.tokens.Grant()), sink)
		sink.awaitState(t, connectors.StateConnected)
		deliver(t, d, 1)
		sink.awaitItems(t, 1)
	})
	t.Run("both mechanisms", func(t *testing.T) {
		c := oauthChannel(t, d, d.tokens.Grant())
		k, err := c.credentials(t.Context(), authOAuth2, "support@hub.test", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"XOAUTH2", "OAUTHBEARER"} {
			m, err := k.bearer(func(s string) bool { return s == name }, "localhost", d.imaps)
			if err != nil {
				t.Fatal(err)
			}
			plain := newChannel(t, map[string]any{"imap": d.imapConfig()})
			raw, err := plain.host.Dial(t.Context(), "tcp", plain.config.IMAP.endpoint())
			if err != nil {
				t.Fatal(err)
			}
			s := &session{conn: newWatchConn(raw, plain.pace.silence), pace: plain.pace, wake: make(chan struct{}, 1), stop: func() bool { return true }}
			if err := s.begin(plain.config.IMAP); err != nil {
				t.Fatal(err)
			}
			if err := s.client.Authenticate(m); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			s.close()
		}
	})
	t.Run("a revoked permission stops the channel, in the provider's words", func(t *testing.T) {
		token := d.tokens.Grant()
		c := oauthChannel(t, d, token)
		d.tokens.Revoke()
		err := c.Run(t.Context(), newSink())
		if !connectors.IsUnauthorized(err) || !strings.Contains(err.Error(), "Token has been expired or revoked") || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "client secret") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a revoked access token is replaced", func(t *testing.T) {
		c := oauthChannel(t, d, d.tokens.Grant())
		c.pace.silence = 20 * time.Second // Dovecot lets a refused token wait
		if err := c.Test(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.tokens.RevokeAccess()
		d.doveadm("auth", "cache", "flush")
		if err := c.Test(t.Context()); err == nil || connectors.IsUnauthorized(err) || strings.Contains(err.Error(), "access-") {
			t.Errorf("with the old token: %v", err)
		}
		if err := c.Test(t.Context()); err != nil {
			t.Errorf("with a new one: %v", err)
		}
	})
	t.Run("nobody has given permission", func(t *testing.T) {
		if err := oauthChannel(t, d, "").Test(t.Context()); !connectors.IsUnauthorized(err) || !strings.Contains(err.Error(), "Authorise") {
			t.Errorf("%v", err)
		}
	})
	t.Run("answers and the maildrop", func(t *testing.T) {
		pop := map[string]any{"host": "localhost", "port": d.pop3s, "auth": "oauth2", "username": "support@hub.test"}
		if err := newChannel(t, map[string]any{"pop3": pop, "oauth": d.tokens.Config(d.tokens.Grant())}).Test(t.Context()); err != nil {
			t.Errorf("POP3: %v", err)
		}
		smtp := newSMTP(t)
		smtp.Account = d.tokens.Account
		submission := smtp.Config()
		submission["auth"], submission["username"] = "oauth2", "support@hub.test"
		c := newChannel(t, map[string]any{"smtp": submission, "oauth": d.tokens.Config(d.tokens.Grant())})
		if _, err := c.Send(t.Context(), reply(c)); err != nil {
			t.Errorf("SMTP: %v", err)
		}
		smtp.Account = "somebody.else@hub.test"
		other := newChannel(t, map[string]any{"smtp": submission, "oauth": d.tokens.Config(d.tokens.Grant())})
		if _, err := other.Send(t.Context(), reply(other)); !connectors.IsUnauthorized(err) {
			t.Errorf("SMTP, refused: %v", err)
		}
	})
}

// Some providers give a new refresh token each time and end the old one: who does not keep it is out at the next start.
func TestRotatedRefreshTokenIsKept(t *testing.T) {
	tokens := newTokenServer(t)
	tokens.Rotate()
	c := newChannel(t, map[string]any{"imap": map[string]any{"host": "h", "auth": "oauth2", "username": "u"}, "oauth": tokens.Config(tokens.Grant())})
	kept := ""
	c.host.Keep = func(_ context.Context, channel, path, value string) error {
		if channel != "ch1" || path != "oauth.refresh_token" {
			t.Errorf("kept at %s of %s", path, channel)
		}
		kept = value
		return nil
	}
	for range 2 {
		token, fresh, err := c.accessToken(t.Context())
		if err != nil || !fresh {
			t.Fatal(err)
		}
		c.forgetToken(token)
	}
	again := newChannel(t, map[string]any{"imap": map[string]any{"host": "h", "auth": "oauth2", "username": "u"}, "oauth": tokens.Config(kept)})
	if _, _, err := again.accessToken(t.Context()); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func newTokenServer(t *testing.T) *mailtest.Tokens {
	t.Helper()
	tokens, err := mailtest.NewTokens("support@hub.test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tokens.Close)
	return tokens
}

func TestPermissionIsExchangedOnce(t *testing.T) {
	tokens := newTokenServer(t)
	c := newChannel(t, map[string]any{"imap": map[string]any{"host": "h", "auth": "oauth2", "username": "u"}, "oauth": tokens.Config("")})
	verifier := "a verifier of at least forty-three characters, as RFC 7636 wants"
	sum := sha256.Sum256([]byte(verifier))
	to, err := c.AuthorizeURL("https://hub.test/oauth/callback", "the state", base64.RawURLEncoding.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func() string {
		res, err := browser.Get(to)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		back, err := url.Parse(res.Header.Get("Location"))
		if err != nil || back.Host != "hub.test" || back.Query().Get("state") != "the state" {
			t.Fatalf("%s, %v", back, err)
		}
		return back.Query().Get("code")
	}
	if _, err := c.Exchange(t.Context(), "https://hub.test/oauth/callback", ask(), "another verifier"); !connectors.IsUnauthorized(err) {
		t.Errorf("with another's verifier: %v", err)
	}
	code := ask()
	patch, err := c.Exchange(t.Context(), "https://hub.test/oauth/callback", code, verifier)
	if err != nil || patch["oauth"].(map[string]any)["refresh_token"] == "" {
		t.Fatalf("%v, %v", patch, err)
	}
	if _, err := c.Exchange(t.Context(), "https://hub.test/oauth/callback", code, verifier); err == nil {
		t.Error("a code was good twice")
	}
}

func TestGoogleAndMicrosoftAreKnown(t *testing.T) {
	for provider, want := range map[string]string{
		"google":    "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&client_id=id&code_challenge=ch&code_challenge_method=S256&login_hint=support%40hub.test&prompt=consent&redirect_uri=r&response_type=code&scope=https%3A%2F%2Fmail.google.com%2F&state=st",
		"microsoft": "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?client_id=id&code_challenge=ch&code_challenge_method=S256&login_hint=support%40hub.test&redirect_uri=r&response_type=code&scope=https%3A%2F%2Foutlook.office.com%2FIMAP.AccessAsUser.All+https%3A%2F%2Foutlook.office.com%2FPOP.AccessAsUser.All+https%3A%2F%2Foutlook.office.com%2FSMTP.Send+offline_access&state=st",
	} {
		got, err := AuthorizeURL(Config{Address: "support@hub.test", OAuth: &OAuthConfig{Provider: provider, ClientID: "id"}}, "r", "st", "ch")
		if err != nil || got != want {
			t.Errorf("%s: %s, %v", provider, got, err)
		}
	}
}

func TestTokenServersAnswerIsRead(t *testing.T) {
	asked := url.Values{"refresh_token": {"r-secret"}, "client_secret": {"c-secret"}}
	for _, tc := range []struct {
		name         string
		status       int
		body         string
		unauthorized bool
		says         string
	}{
		{"refused", 400, `{"error":"invalid_grant","error_description":"r-secret is no good, c-secret neither"}`, true, "invalid_grant: … is no good, … neither"},
		{"busy", 503, `<html>later</html>`, false, "503"},
		{"temporarily", 400, `{"error":"temporarily_unavailable"}`, false, "temporarily_unavailable"},
		{"no token", 200, `{}`, false, "200"},
	} {
		_, err := readGrant(tc.status, []byte(tc.body), time.Now(), asked)
		if err == nil || connectors.IsUnauthorized(err) != tc.unauthorized || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	g, err := readGrant(200, []byte(`{"access_token":"a","expires_in":"3600"}`), time.Unix(0, 0), asked)
	if err != nil || !g.Expires.Equal(time.Unix(3600, 0)) {
		t.Errorf("%+v, %v", g, err)
	}
}
