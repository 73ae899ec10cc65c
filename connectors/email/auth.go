package email

import (
	"strings"

	"github.com/emersion/go-msgauth/authres"

	"parley/connectors"
)

// trustOf says how far the From address of m can be relied on. Only the topmost Authentication-Results counts, and only when the
// receiving server that we name wrote it: everything below may be the sender's own words (RFC 8601 §5).
func trustOf(m Mail, authservID string) connectors.Trust {
	if authservID == "" || len(m.From) != 1 {
		return connectors.TrustAsserted
	}
	id, results, err := authres.Parse(m.Header.Get("Authentication-Results"))
	if err != nil || !strings.EqualFold(strings.TrimSpace(id), authservID) {
		return connectors.TrustAsserted
	}
	for _, r := range results {
		if d, ok := r.(*authres.DMARCResult); ok && d.Value == authres.ResultPass && strings.EqualFold(domainOf(d.From), domainOf(foldAddress(m.From[0].Addr))) {
			return connectors.TrustDomain
		}
	}
	return connectors.TrustAsserted
}

// domainOf is what follows the last @, or all of it.
func domainOf(addr string) string { return addr[strings.LastIndexByte(addr, '@')+1:] }
