package mailtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Tokens is an OAuth 2.0 server for one account, with the introspection that Dovecot asks. Its methods are safe for concurrent use.
type Tokens struct {
	URL     string
	Account string

	server *http.Server
	served sync.WaitGroup

	mu      sync.Mutex
	life    time.Duration
	n       int
	access  map[string]time.Time // token → its end
	refresh map[string]bool
	codes   map[string]string // code → S256 challenge
	issued  int
	rotate  bool
}

// NewTokens starts one. Its client is "parley" with the secret "client secret".
func NewTokens(account string) (*Tokens, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &Tokens{URL: "http://" + l.Addr().String(), Account: account, life: time.Hour, access: map[string]time.Time{}, refresh: map[string]bool{}, codes: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", t.authorize)
	mux.HandleFunc("POST /token", t.token)
	mux.HandleFunc("GET /tokeninfo", t.info)
	t.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	t.served.Go(func() { _ = t.server.Serve(l) }) // ends with Close
	return t, nil
}

// Close stops the server.
func (t *Tokens) Close() { t.server.Close(); t.served.Wait() }

// Config is the `oauth` part of an email channel's config, with a refresh token when one was granted.
func (t *Tokens) Config(refreshToken string) map[string]any {
	return map[string]any{"provider": "custom", "client_id": "parley", "client_secret": "client secret", "refresh_token": refreshToken,
		"auth_url": t.URL + "/authorize", "token_url": t.URL + "/token", "scopes": []string{"mail"}}
}

// Grant is a refresh token, as if the account's owner had given permission.
func (t *Tokens) Grant() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.grant()
}

func (t *Tokens) grant() string {
	t.n++
	token := fmt.Sprintf("refresh-%d", t.n)
	t.refresh[token] = true
	return token
}

// Live sets how long access tokens live from now on.
func (t *Tokens) Live(d time.Duration) { t.mu.Lock(); t.life = d; t.mu.Unlock() }

// Rotate gives a new refresh token with each access token; the old one ends.
func (t *Tokens) Rotate() { t.mu.Lock(); t.rotate = true; t.mu.Unlock() }

// Revoke ends every token.
func (t *Tokens) Revoke() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.access, t.refresh = map[string]time.Time{}, map[string]bool{}
}

// RevokeAccess ends the access tokens alone.
func (t *Tokens) RevokeAccess() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.access = map[string]time.Time{}
}

// Issued is how many access tokens were given.
func (t *Tokens) Issued() int { t.mu.Lock(); defer t.mu.Unlock(); return t.issued }

// authorize says yes at once, as an owner who presses the button.
func (t *Tokens) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	t.mu.Lock()
	t.n++
	code := fmt.Sprintf("code-%d", t.n)
	t.codes[code] = q.Get("code_challenge")
	t.mu.Unlock()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != "parley" || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (t *Tokens) token(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	given := r.PostFormValue("refresh_token")
	granted := ""
	switch {
	case r.PostFormValue("client_id") != "parley" || r.PostFormValue("client_secret") != "client secret":
		refuse(w, "invalid_client", "who are you")
		return
	case r.PostFormValue("grant_type") == "refresh_token" && t.refresh[given]:
		if t.rotate {
			delete(t.refresh, given)
			granted = t.grant()
		}
	case r.PostFormValue("grant_type") == "authorization_code" && t.redeem(r.PostFormValue("code"), r.PostFormValue("code_verifier")):
		granted = t.grant()
	default:
		refuse(w, "invalid_grant", "Token has been expired or revoked: "+given)
		return
	}
	t.n++
	t.issued++
	token := fmt.Sprintf("access-%d", t.n)
	t.access[token] = time.Now().Add(t.life)
	answer := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(t.life.Seconds())}
	if granted != "" {
		answer["refresh_token"] = granted
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// redeem takes a code once, from whoever made its challenge. mu is held.
func (t *Tokens) redeem(code, verifier string) bool {
	challenge, ok := t.codes[code]
	delete(t.codes, code)
	sum := sha256.Sum256([]byte(verifier))
	return ok && challenge == base64.RawURLEncoding.EncodeToString(sum[:])
}

func refuse(w http.ResponseWriter, kind, words string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": kind, "error_description": words})
}

func (t *Tokens) info(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if given := r.URL.Query().Get("access_token"); given != "" {
		token = given
	}
	t.mu.Lock()
	end, known := t.access[token]
	t.mu.Unlock()
	if !known || time.Now().After(end) {
		http.Error(w, `{"error":"invalid_token"}`, http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"email": t.Account})
}
