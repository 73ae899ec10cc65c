// Package crm knows people: contacts and the identities they are recognised by, and the leads that come of them.
package crm

import (
	"strings"

	"parley/connectors"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Identity is an address of a contact on some kind of channel.
type Identity struct {
	ID        string `gorm:"primaryKey"`
	ContactID string
	Kind      string
	Value     string // normalised
	// Scope is "" for an identity that is known everywhere, or the channel where it was only asserted.
	Scope     string
	Trust     connectors.Trust
	ChannelID string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

// Normal is a claim's value in the form that is compared, "" when nobody can be known by it.
func Normal(kind, value, region string) string {
	switch kind {
	case connectors.KindPhone:
		return NormalPhone(value, region)
	case connectors.KindEmail:
		return NormalEmail(value)
	}
	v := strings.TrimSpace(value)
	if len(v) > 200 || strings.ContainsAny(v, "\x00\r\n") {
		return ""
	}
	return v
}

// NormalEmail folds case and writes the domain as it goes over the wire (IDNA 2008, RFC 5891). Tags stay: "a+b@x" may be
// somebody else than "a@x". It answers "" for what is no address.
func NormalEmail(raw string) string {
	s := strings.TrimSpace(norm.NFKC.String(raw))
	if i := strings.LastIndexByte(s, '<'); i >= 0 && strings.HasSuffix(s, ">") { // "Petr <petr@x>"
		s = strings.TrimSpace(s[i+1 : len(s)-1])
	}
	s = strings.TrimPrefix(s, "mailto:")
	local, domain, ok := cutLast(s, '@')
	if !ok || local == "" || len(local) > 64 || strings.ContainsAny(s, " \t\r\n<>,;\"\x00") || strings.Contains(local, "@") {
		return ""
	}
	host, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.ToLower(domain), "."))
	if err != nil || !strings.Contains(host, ".") || len(host) > 253 {
		return ""
	}
	return strings.ToLower(local) + "@" + host
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// strength orders trust.
var strength = map[connectors.Trust]int{
	connectors.TrustAsserted: 0, connectors.TrustChannel: 1, connectors.TrustDomain: 2, connectors.TrustConfirmed: 3,
}

// everywhere tells whether an identity of this kind and trust is the same person on every channel. A mail address needs an
// authenticated domain; a phone, a Telegram id need a provider's word; what is asserted counts in its own channel only.
func everywhere(kind string, trust connectors.Trust) bool {
	switch kind {
	case connectors.KindEmail:
		return strength[trust] >= strength[connectors.TrustDomain]
	case connectors.KindWebchat:
		return false // a visitor's id means something in its own widget only
	case connectors.KindExternal:
		return trust == connectors.TrustConfirmed
	}
	return strength[trust] >= strength[connectors.TrustChannel]
}

// scopeOf is the scope under which such an identity is unique.
func scopeOf(kind string, trust connectors.Trust, channelID string) string {
	if everywhere(kind, trust) {
		return ""
	}
	return channelID
}
