package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
)

// Prefixes tell kinds of tokens apart, for people and for scanners of leaked secrets.
const (
	APIToken     = "ply_"  // of a program, acting as a person
	SessionToken = "plys_" // in a browser's cookie
	LinkToken    = "plyl_" // in a link to set a password
	VisitorToken = "plyv_" // of a visitor of the website chat
)

// NewToken draws a token of 256 bits. clear is shown or set once and never kept; hash is what the database holds.
func NewToken(prefix string) (clear, hash string) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails: the program ends when the system has no randomness
	clear = prefix + base64.RawURLEncoding.EncodeToString(random)
	return clear, HashToken(clear)
}

// HashToken is under what a token is found. A fast hash is enough: nobody can guess 256 random bits.
func HashToken(clear string) string {
	sum := sha256.Sum256([]byte(clear))
	return hex.EncodeToString(sum[:])
}

// CSRFToken is the token that a page of this session sends in X-CSRF-Token with everything that changes something. key
// belongs to this purpose alone (secrets.Box.Derive).
func CSRFToken(key []byte, session string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(session))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// CSRFMatches tells whether given is the CSRF token of the session.
func CSRFMatches(key []byte, session, given string) bool {
	return session != "" && subtle.ConstantTimeCompare([]byte(CSRFToken(key, session)), []byte(given)) == 1
}
