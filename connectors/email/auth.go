package email

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/emersion/go-msgauth/authres"

	"parley/connectors"
)

// authentication is what the receiving server found out about a mail's author.
type authentication struct {
	trust connectors.Trust
	words string // for people: "dmarc=pass (example.org)"; "" when nobody whom we believe has looked
}

// authenticate says how far addr, who is taken for the writer of m, can be relied on. Only the topmost Authentication-Results counts,
// and only when one of servers wrote it: everything below may be the sender's own words (RFC 8601 §5). It is believed when DMARC
// passed for the domain of the one From address, and addr is that address.
func authenticate(m Mail, addr string, servers ...string) authentication {
	a := authentication{trust: connectors.TrustAsserted}
	field := m.Header.Get("Authentication-Results")
	if name := microsoft(servers); name != "" && namesNobody(field) {
		field = name + "; " + field
	}
	id, results, err := authres.Parse(field)
	if err != nil || !named(id, servers...) {
		return a
	}
	var spf, dkim string
	for _, r := range results {
		switch r := r.(type) {
		case *authres.SPFResult:
			spf = firstOf(spf, string(r.Value))
		case *authres.DKIMResult:
			if dkim == "" || r.Value == authres.ResultPass {
				dkim = string(r.Value)
			}
		case *authres.DMARCResult:
			if a.words != "" {
				continue
			}
			a.words = "dmarc=" + string(r.Value) + " (" + cutDisplay(oneLine(strings.ToValidUTF8(domainOf(r.From), ""))) + ")"
			if r.Value == authres.ResultPass && len(m.From) == 1 && len(m.Header.all("From")) == 1 && sameAddress(addr, m.From[0].Addr) && sameDomain(domainOf(r.From), domainOf(m.From[0].Addr)) {
				a.trust = connectors.TrustDomain
			}
		}
	}
	if a.trust == connectors.TrustDomain {
		return a
	}
	for _, r := range []struct{ name, value string }{{"dkim", dkim}, {"spf", spf}} {
		if r.value != "" {
			a.words = strings.TrimSuffix(r.name+"="+oneLine(r.value)+", "+a.words, ", ")
		}
	}
	return a
}

// named tells whether an authserv-id, perhaps with a version behind it, is one of servers.
func named(id string, servers ...string) bool {
	id = firstOf(strings.Fields(id)...)
	for _, s := range servers {
		if s != "" && strings.EqualFold(id, s) {
			return true
		}
	}
	return false
}

// microsoft is the one of servers that is Exchange Online: it writes its results on top of every mail, but not its name into them.
func microsoft(servers []string) string {
	for _, s := range servers {
		if s = strings.ToLower(s); s == "outlook.com" || strings.HasSuffix(s, ".outlook.com") {
			return s
		}
	}
	return ""
}

// namesNobody is true for results that begin with the first of them where the server's name belongs.
func namesNobody(field string) bool {
	first, _, _ := strings.Cut(field, ";")
	method, _, ok := strings.Cut(strings.TrimSpace(first), "=")
	return ok && !strings.ContainsAny(method, " .")
}

func sameDomain(a, b string) bool { return foldAddress("@"+a) == foldAddress("@"+b) }

// domainOf is what follows the last @, or all of it.
func domainOf(addr string) string { return addr[strings.LastIndexByte(addr, '@')+1:] }

// ownServer is the name under which results of our own checks stand in a mail. It can't be guessed, so that nobody writes them for us.
func (c *Connector) ownServer() string {
	mac := hmac.New(sha256.New, c.channel.Secret)
	mac.Write([]byte("authentication results"))
	return "receiver-" + hex.EncodeToString(mac.Sum(nil)[:10]) + ".parley.invalid"
}

// authServers are those whose results are believed in a mail of this channel.
func (c *Connector) authServers() []string {
	servers := []string{c.ownServer()}
	if c.config.IMAP != nil {
		servers = append(servers, c.config.IMAP.AuthservID)
	}
	return servers
}

// resultsHeader is the field that goes on top of a received mail: our own results, or where a mail server beside us has looked, its own,
// repeated under our name.
func (c *Connector) resultsHeader(ctx context.Context, raw []byte) string {
	h := connectors.ProvenanceOf(ctx)
	if h.Local && c.config.Receiver.AuthservID != "" {
		v := ParseHeader(raw).Header.Get("Authentication-Results")
		if id, results, ok := strings.Cut(v, ";"); ok && named(id, c.config.Receiver.AuthservID) {
			h.Results = strings.TrimSpace(results)
		}
	}
	if h.Results == "" {
		h.Results = "none" // so that none of the sender's is on top
	}
	return "Authentication-Results: " + c.ownServer() + "; " + oneLine(h.Results) + "\r\n"
}
