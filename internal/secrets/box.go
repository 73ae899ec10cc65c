package secrets

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// sealedPrefix names the way it was sealed, so that another one can be told apart later.
const sealedPrefix = "v1."

// ErrCannotOpen says that a text was not sealed by this installation for this purpose, or was changed since.
var ErrCannotOpen = errors.New("cannot be opened with this installation's key")

// Box seals and opens with the installation's key. It is safe for concurrent use.
type Box struct{ key []byte }

// NewBox is the box of a key, which must be KeySize random bytes.
func NewBox(key []byte) (*Box, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	return &Box{key: append([]byte(nil), key...)}, nil
}

// Derive is n bytes (at most 255·32) that belong to purpose: the same ones for the same key and purpose, telling nothing about others. HKDF-SHA256, RFC 5869.
func (b *Box) Derive(purpose string, n int) []byte {
	out, err := hkdf.Key(sha256.New, b.key, nil, "parley "+purpose, n)
	if err != nil {
		panic("secrets: derive: " + err.Error()) // n is the caller's constant
	}
	return out
}

// Seal encrypts plain with XChaCha20-Poly1305 under a key of purpose. What was sealed for one purpose does not open for another.
func (b *Box) Seal(purpose string, plain []byte) (string, error) {
	aead, err := b.aead(purpose)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("draw a nonce: %w", err)
	}
	return sealedPrefix + base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, nil)), nil
}

// Open is what was sealed for purpose. Its only error is ErrCannotOpen.
func (b *Box) Open(purpose, sealed string) ([]byte, error) {
	text, ok := strings.CutPrefix(sealed, sealedPrefix)
	if !ok {
		return nil, ErrCannotOpen
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrCannotOpen
	}
	aead, err := b.aead(purpose)
	if err != nil || len(raw) < aead.NonceSize() {
		return nil, ErrCannotOpen
	}
	plain, err := aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], nil)
	if err != nil {
		return nil, ErrCannotOpen
	}
	return plain, nil
}

// Fingerprint tells keys apart without telling anything about them; a database and a backup remember which key they belong to.
func (b *Box) Fingerprint() string {
	return base64.RawURLEncoding.EncodeToString(b.Derive("fingerprint", 12))
}

func (b *Box) aead(purpose string) (cipher.AEAD, error) {
	return chacha20poly1305.NewX(b.Derive("seal "+purpose, chacha20poly1305.KeySize))
}
