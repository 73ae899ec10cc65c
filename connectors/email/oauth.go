package email

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/connectors"
)

const (
	authPassword = "password"
	authOAuth2   = "oauth2"
)

// OAuthConfig is the permission that an account's owner gave in a browser. The same one serves all servers of the channel whose auth
// is "oauth2".
type OAuthConfig struct {
	Provider     string `json:"provider"` // "google", "microsoft" or "custom"
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"` // brought by the authorisation
	// AuthURL, TokenURL and Scopes are the provider's when empty; "custom" needs them.
	AuthURL  string   `json:"auth_url,omitempty"`
	TokenURL string   `json:"token_url,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
}

// oauthProviders are the endpoints as documented at developers.google.com/identity/protocols/oauth2/web-server and
// learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth.
var oauthProviders = map[string]OAuthConfig{
	"google": {AuthURL: "https://accounts.google.com/o/oauth2/v2/auth", TokenURL: "https://oauth2.googleapis.com/token", Scopes: []string{"https://mail.google.com/"}},
	"microsoft": {AuthURL: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize", TokenURL: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
		Scopes: []string{"https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/POP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send", "offline_access"}},
	"custom": {},
}

// withDefaults fills in what the provider is known for.
func (o OAuthConfig) withDefaults() OAuthConfig {
	known := oauthProviders[o.Provider]
	o.AuthURL, o.TokenURL = firstOf(o.AuthURL, known.AuthURL), firstOf(o.TokenURL, known.TokenURL)
	if len(o.Scopes) == 0 {
		o.Scopes = known.Scopes
	}
	return o
}

func (c *complaints) oauth(o *OAuthConfig) {
	if o == nil {
		c.add("oauth", "required", `is needed with auth "oauth2"`)
		return
	}
	if _, known := oauthProviders[o.Provider]; !known {
		c.add("oauth.provider", "unknown", `must be "google", "microsoft" or "custom"`)
	}
	c.require("oauth.client_id", o.ClientID)
	full := o.withDefaults()
	c.endpoint("oauth.auth_url", full.AuthURL)
	c.endpoint("oauth.token_url", full.TokenURL)
}

// endpoint wants https: tokens travel there. A program on the same machine may do without.
func (c *complaints) endpoint(field, value string) {
	u, err := url.Parse(value)
	if value == "" {
		c.require(field, value)
		return
	}
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		c.add(field, "invalid", "must be an https address")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// AuthorizeURL is where the account's owner is asked for permission (RFC 6749 §4.1.1, RFC 7636 §4.3). challenge is S256.
func AuthorizeURL(config Config, redirect, state, challenge string) (string, error) {
	if config.OAuth == nil {
		return "", errors.New(`this channel signs in with a password: set auth to "oauth2" first`)
	}
	o := config.OAuth.withDefaults()
	u, err := url.Parse(o.AuthURL)
	if err != nil {
		return "", fmt.Errorf("oauth.auth_url: %w", err)
	}
	q := u.Query()
	for name, value := range map[string]string{"response_type": "code", "client_id": o.ClientID, "redirect_uri": redirect, "scope": strings.Join(o.Scopes, " "), "state": state,
		"code_challenge": challenge, "code_challenge_method": "S256", "login_hint": config.Address} {
		q.Set(name, value)
	}
	if o.Provider == "google" { // else it gives a refresh token only the first time
		q.Set("access_type", "offline")
		q.Set("prompt", "consent")
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Grant is what a token endpoint gave.
type Grant struct {
	AccessToken  string
	RefreshToken string // "" when it gave none
	Expires      time.Time
}

// Exchange turns the code that the browser brought to redirect into tokens (RFC 6749 §4.1.3, RFC 7636 §4.5).
func Exchange(ctx context.Context, host connectors.Host, config Config, redirect, code, verifier string) (Grant, error) {
	if config.OAuth == nil {
		return Grant{}, errors.New("this channel signs in with a password")
	}
	g, err := askToken(ctx, host, config.OAuth.withDefaults(), url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}})
	if err != nil {
		return Grant{}, err
	}
	if g.RefreshToken == "" {
		return Grant{}, errors.New("the provider gave no refresh token: allow offline access for this client")
	}
	return g, nil
}

// AuthorizeURL implements connectors.Authorizer.
func (c *Connector) AuthorizeURL(redirect, state, challenge string) (string, error) {
	return AuthorizeURL(c.config, redirect, state, challenge)
}

// Exchange implements connectors.Authorizer.
func (c *Connector) Exchange(ctx context.Context, redirect, code, verifier string) (map[string]any, error) {
	g, err := Exchange(ctx, c.host, c.config, redirect, code, verifier)
	if err != nil {
		return nil, err
	}
	return map[string]any{"oauth": map[string]any{"refresh_token": g.RefreshToken}}, nil
}

const tokenTimeout = 20 * time.Second

// refusals are the token errors that no later attempt will mend (RFC 6749 §5.2, and what OpenID Connect providers add).
var refusals = map[string]bool{"invalid_grant": true, "invalid_client": true, "unauthorized_client": true, "invalid_scope": true, "unsupported_grant_type": true,
	"interaction_required": true, "consent_required": true, "login_required": true}

// askToken speaks to the token endpoint. A refusal is Unauthorized and carries the provider's words, never a token.
func askToken(ctx context.Context, host connectors.Host, o OAuthConfig, form url.Values) (Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	form.Set("client_id", o.ClientID)
	if o.ClientSecret != "" {
		form.Set("client_secret", o.ClientSecret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return Grant{}, fmt.Errorf("oauth.token_url: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	began := host.Now()
	res, err := host.HTTP.Do(req)
	if err != nil {
		return Grant{}, fmt.Errorf("ask for an access token: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return Grant{}, fmt.Errorf("ask for an access token: %w", err)
	}
	return readGrant(res.StatusCode, raw, began, form)
}

func readGrant(status int, raw []byte, began time.Time, asked url.Values) (Grant, error) {
	var a struct {
		AccessToken  string      `json:"access_token"`
		RefreshToken string      `json:"refresh_token"`
		ExpiresIn    json.Number `json:"expires_in"`
		Error        string      `json:"error"`
		Description  string      `json:"error_description"`
	}
	err := json.Unmarshal(raw, &a)
	if a.Error == "" && err == nil && status/100 == 2 && a.AccessToken != "" {
		life, _ := a.ExpiresIn.Int64()
		if life <= 0 {
			life = 300 // it does not say
		}
		return Grant{a.AccessToken, a.RefreshToken, began.Add(time.Duration(life) * time.Second)}, nil
	}
	if a.Error == "" {
		return Grant{}, fmt.Errorf("the token server answered %d and no token", status)
	}
	words := oneLine(a.Error)
	if a.Description != "" {
		words += ": " + oneLine(a.Description)
	}
	for _, secret := range []string{"client_secret", "refresh_token", "code", "code_verifier"} {
		if v := asked.Get(secret); v != "" {
			words = strings.ReplaceAll(words, v, "…")
		}
	}
	err = fmt.Errorf("the provider refuses the permission (%s)", cutDisplay(words))
	if refusals[a.Error] {
		return Grant{}, connectors.Unauthorized(err)
	}
	return Grant{}, err
}

// tokenSlack is how long before its end an access token counts as ended.
const tokenSlack = time.Minute

// tokens holds the channel's access token until it ends.
type tokens struct {
	turn    chan struct{} // whoever holds it may ask, and owns what is below
	grant   Grant
	refresh string
}

func newTokens(o *OAuthConfig) *tokens {
	t := &tokens{turn: make(chan struct{}, 1)}
	if o != nil {
		t.refresh = o.RefreshToken
	}
	return t
}

// accessToken is a token that is good for a while. fresh says that it was got just now: if it is refused nothing better will be had.
func (c *Connector) accessToken(ctx context.Context) (token string, fresh bool, err error) {
	t := c.tokens
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
	if c.host.Now().Add(tokenSlack).Before(t.grant.Expires) {
		return t.grant.AccessToken, false, nil
	}
	if t.refresh == "" {
		return "", false, connectors.Unauthorized(errors.New("the account's owner has not given permission yet: press Authorise in the channel's settings"))
	}
	g, err := askToken(ctx, c.host, c.config.OAuth.withDefaults(), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.refresh}})
	if err != nil {
		return "", false, err
	}
	t.grant = g
	if g.RefreshToken != "" && g.RefreshToken != t.refresh {
		t.refresh = g.RefreshToken
		c.keepRefreshToken(ctx, g.RefreshToken)
	}
	return g.AccessToken, true, nil
}

// keepRefreshToken stores a token that the provider put in the place of ours. Failing is no reason not to go on: most leave the old one valid.
func (c *Connector) keepRefreshToken(ctx context.Context, token string) {
	if c.host.Keep == nil {
		return
	}
	if err := c.host.Keep(ctx, c.channel.ID, "oauth.refresh_token", token); err != nil {
		c.host.Log.Error("a new refresh token could not be kept", "channel", c.channel.ID, "error", err)
	}
}

// forgetToken drops an access token that a server refused.
func (c *Connector) forgetToken(token string) {
	c.tokens.turn <- struct{}{} // held for one request at most
	defer func() { <-c.tokens.turn }()
	if c.tokens.grant.AccessToken == token {
		c.tokens.grant = Grant{}
	}
}

var _ connectors.Authorizer = (*Connector)(nil)
