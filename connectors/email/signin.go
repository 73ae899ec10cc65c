package email

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/emersion/go-sasl"

	"parley/connectors"
)

// credentials are how the channel signs in at one of its servers.
type credentials struct {
	user     string
	password string
	token    string // of OAuth 2.0; then there is no password
	fresh    bool   // token was got just now
}

// credentials gets an access token where one is needed, before anything is dialled.
func (c *Connector) credentials(ctx context.Context, auth, user, password string) (credentials, error) {
	if auth != authOAuth2 {
		return credentials{user: user, password: password}, nil
	}
	token, fresh, err := c.accessToken(ctx)
	return credentials{user: user, token: token, fresh: fresh}, err
}

// bearer is the mechanism for a token by what the server offers: XOAUTH2 first, which Google and Microsoft document.
func (k credentials) bearer(offered func(mechanism string) bool, host string, port int) (sasl.Client, error) {
	switch {
	case offered(xoauth2Name):
		return xoauth2{k.user, k.token}, nil
	case offered(sasl.OAuthBearer):
		return sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: k.user, Token: k.token, Host: host, Port: port}), nil
	}
	return nil, fmt.Errorf("%s offers no way to sign in with OAuth 2.0 (XOAUTH2, OAUTHBEARER)", host)
}

// refused is what a server's no means: a token that was kept for a while may have been revoked, so a new one is got next time.
func (c *Connector) refused(k credentials, err error) error {
	err = fmt.Errorf("sign in as %s: %w", k.user, err)
	if k.token != "" {
		c.forgetToken(k.token)
		if !k.fresh {
			return err
		}
	}
	return connectors.Unauthorized(err)
}

const xoauth2Name = "XOAUTH2"

// xoauth2 is Google's mechanism (developers.google.com/workspace/gmail/imap/xoauth2-protocol).
type xoauth2 struct{ user, token string }

func (x xoauth2) Start() (mechanism string, initial []byte, err error) {
	return xoauth2Name, []byte("user=" + x.user + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next gets a challenge only when the server refuses: it says why. The connection is of no use afterwards.
func (x xoauth2) Next(challenge []byte) ([]byte, error) {
	return nil, readTokenRefusal(challenge)
}

// tokenRefusal is a server's no to a token.
type tokenRefusal struct {
	Status string `json:"status"`
}

func readTokenRefusal(challenge []byte) error {
	var r tokenRefusal
	if json.Unmarshal(challenge, &r) != nil || r.Status == "" {
		r.Status = "no reason given"
	}
	return r
}

func (r tokenRefusal) Error() string {
	return "the mail server does not accept the access token (" + cutDisplay(oneLine(r.Status)) + ")"
}

// isTokenRefusal tells whether a server said no to a token, by either mechanism.
func isTokenRefusal(err error) bool {
	var x tokenRefusal
	var bearer *sasl.OAuthBearerError
	return errors.As(err, &x) || errors.As(err, &bearer)
}
