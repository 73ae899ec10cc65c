package webchat

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

const visitorRandom = 32 // bytes

// visitor is who sits at the other end. The token is theirs alone; the id is what everybody else may know.
type visitor struct{ token, id string }

// recognise is the visitor who holds that token, or a new one when we did not issue it. Nothing is stored: the token
// carries its own proof, bound to this channel by its secret.
func (c *Connector) recognise(token string) (v visitor, known bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err == nil && len(b) == visitorRandom+sha256.Size && hmac.Equal(b[visitorRandom:], c.sign(b[:visitorRandom])) {
		return newVisitor(b), true
	}
	b = make([]byte, visitorRandom, visitorRandom+sha256.Size)
	_, _ = rand.Read(b) // never fails: the program ends instead
	return newVisitor(append(b, c.sign(b)...)), false
}

func newVisitor(token []byte) visitor {
	t := base64.RawURLEncoding.EncodeToString(token)
	sum := sha256.Sum256([]byte(t))
	return visitor{token: t, id: hex.EncodeToString(sum[:16])}
}

func (c *Connector) sign(random []byte) []byte {
	m := hmac.New(sha256.New, c.channel.Secret)
	m.Write([]byte("webchat visitor\x00"))
	m.Write(random)
	return m.Sum(nil)
}
