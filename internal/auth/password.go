// Package auth holds what signing in is made of: passwords, opaque tokens, the CSRF token and the limiter of attempts. It knows
// no database; whoever keeps people and sessions (internal/staff) calls it.
package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"parley/internal/fault"
)

// Length of passwords, in characters.
const (
	MinPassword = 8
	MaxPassword = 128
)

// cost is what a guess costs: memory in KiB, passes, lanes. OWASP Password Storage Cheat Sheet, argon2id.
type cost struct {
	memory, passes uint32
	lanes          uint8
}

var currentCost = cost{memory: 19 * 1024, passes: 2, lanes: 1}

const (
	saltSize = 16
	hashSize = 32
)

// hashing bounds the memory that guessers can make us use: so many hashes at a time, the others wait.
var hashing = make(chan struct{}, 4)

// CheckPassword tells whether a new password is good enough; personal is what it must not be (the e-mail address, the name).
// The error is a fault for the field "password".
func CheckPassword(password string, personal ...string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case n < MinPassword:
		return fault.Invalid("password", "too_short", "a password needs at least %d characters", MinPassword)
	case n > MaxPassword:
		return fault.Invalid("password", "too_long", "a password has at most %d characters", MaxPassword)
	case isCommon(password):
		return fault.Invalid("password", "too_common", "this password is one of the first that somebody would try")
	case isPersonal(password, personal):
		return fault.Invalid("password", "too_personal", "a password must not be the name or the e-mail address")
	}
	return nil
}

// HashPassword is what to keep of a password: argon2id with its parameters and salt, in the PHC string format. A password
// over MaxPassword is refused before any work is done.
func HashPassword(password string) (string, error) {
	if utf8.RuneCountInString(password) > MaxPassword {
		return "", fault.Invalid("password", "too_long", "a password has at most %d characters", MaxPassword)
	}
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("draw a salt: %w", err)
	}
	return encode(currentCost, salt, derive(currentCost, salt, password)), nil
}

// PasswordMatches tells whether password is the one that kept was made of. For a person that does not exist or has no
// password pass kept = "": it takes as long, and the answer is no.
func PasswordMatches(kept, password string) bool {
	if utf8.RuneCountInString(password) > MaxPassword {
		return false
	}
	c, salt, want, ok := decode(kept)
	if !ok {
		c, salt, want, _ = decode(nobody())
		_ = subtle.ConstantTimeCompare(derive(c, salt, password), want)
		return false
	}
	return subtle.ConstantTimeCompare(derive(c, salt, password), want) == 1
}

// NeedsRehash tells whether kept was made with another cost than today's: hash anew when the person next signs in.
func NeedsRehash(kept string) bool {
	c, _, _, ok := decode(kept)
	return !ok || c != currentCost
}

// nobody is a hash that no password has, for people who do not exist.
var nobody = sync.OnceValue(func() string {
	salt, hash := make([]byte, saltSize), make([]byte, hashSize)
	_, _ = rand.Read(salt) // never fails, crypto/rand
	_, _ = rand.Read(hash)
	return encode(currentCost, salt, hash)
})

func derive(c cost, salt []byte, password string) []byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	// NFKC: the same letters from another keyboard are the same password
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, c.passes, c.memory, c.lanes, hashSize)
}

func encode(c cost, salt, hash []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.lanes, b64(salt), b64(hash))
}

func decode(kept string) (c cost, salt, hash []byte, ok bool) {
	parts := strings.Split(kept, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return cost{}, nil, nil, false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.lanes); err != nil {
		return cost{}, nil, nil, false
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	hash, hashErr := base64.RawStdEncoding.DecodeString(parts[5])
	good := saltErr == nil && hashErr == nil && len(salt) > 0 && len(hash) == hashSize &&
		c.passes >= 1 && c.passes <= 16 && c.lanes >= 1 && c.memory >= 8 && c.memory <= 1<<20
	return c, salt, hash, good
}
