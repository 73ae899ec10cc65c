package email

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

var tagEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// MessageID is the Message-ID, without brackets, of an outgoing message: conversation.message.tag@domain. The same arguments give the
// same id. The tag is made with secret, so that OwnMessageID knows our ids from those that somebody made up.
func MessageID(conversationID, messageID, domain string, secret []byte) string {
	local := idAtom(conversationID) + "." + idAtom(messageID)
	return local + "." + tag(local, secret) + "@" + domain
}

// OwnMessageID tells whether MessageID made id with this secret, whatever the domain.
func OwnMessageID(id string, secret []byte) bool {
	local, _, _ := strings.Cut(strings.ToLower(id), "@")
	i := strings.LastIndexByte(local, '.')
	return i > 0 && len(secret) > 0 && hmac.Equal([]byte(local[i+1:]), []byte(tag(local[:i], secret)))
}

func tag(s string, secret []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("message-id:" + s))
	return tagEncoding.EncodeToString(h.Sum(nil)[:10])
}

// idAtom keeps what may stand between the dots of an id.
func idAtom(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}
