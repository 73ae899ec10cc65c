package webchat

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"parley/connectors"
)

const minIdentitySecret = 16 // characters

// identity is what the website's own backend says of a visitor who is signed in there.
type identity struct {
	Subject string
	Email   string
	Name    string
	Expires time.Time
}

func (id identity) claims() []connectors.Claim {
	out := []connectors.Claim{{Kind: connectors.KindExternal, Value: id.Subject, Trust: connectors.TrustConfirmed}}
	if id.Email != "" {
		out = append(out, connectors.Claim{Kind: connectors.KindEmail, Value: id.Email, Trust: connectors.TrustConfirmed})
	}
	return out
}

var (
	errIdentityOff     = errors.New("signed identity is not set up for this chat")
	errIdentityWrong   = errors.New("this identity token is not valid here")
	errIdentityExpired = errors.New("this identity token has expired")
)

// verifyIdentity reads a JSON Web Token (RFC 7519), signed HS256 with secret, for the audience channel. It needs sub and exp; email and
// name are optional. Every other algorithm is refused, "none" first of all (RFC 8725 §3.1).
func verifyIdentity(token, secret, channel string, now time.Time) (identity, error) {
	if secret == "" {
		return identity{}, errIdentityOff
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return identity{}, errIdentityWrong
	}
	var header struct {
		Alg  string   `json:"alg"`
		Crit []string `json:"crit"`
	}
	if !decodePart(parts[0], &header) || header.Alg != "HS256" || len(header.Crit) > 0 {
		return identity{}, errIdentityWrong
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	sum, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
		return identity{}, errIdentityWrong
	}
	var c struct {
		Sub   string   `json:"sub"`
		Email string   `json:"email"`
		Name  string   `json:"name"`
		Exp   *float64 `json:"exp"`
		Nbf   *float64 `json:"nbf"`
		Aud   audience `json:"aud"`
	}
	if !decodePart(parts[1], &c) || clean(c.Sub) == "" || c.Exp == nil || !slices.Contains(c.Aud, channel) {
		return identity{}, errIdentityWrong
	}
	at := float64(now.Unix())
	if c.Nbf != nil && at < *c.Nbf {
		return identity{}, errIdentityWrong
	}
	if at >= *c.Exp {
		return identity{}, errIdentityExpired
	}
	return identity{Subject: clean(c.Sub), Email: clean(c.Email), Name: clean(c.Name), Expires: expiry(*c.Exp, now)}, nil
}

// expiry keeps a far-away exp inside what a time can hold.
func expiry(exp float64, now time.Time) time.Time {
	const century = 100 * 365 * 24 * 3600
	return now.Add(time.Duration(min(exp-float64(now.Unix()), century)) * time.Second)
}

func decodePart(s string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && json.Unmarshal(b, into) == nil
}

// audience is one name or a list of them (RFC 7519 §4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("[")) {
		return json.Unmarshal(b, (*[]string)(a))
	}
	var one string
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*a = audience{one}
	return nil
}
