// Package netguard is the one way out: every connection that Parley opens is dialled here. Addresses that a stranger must not
// make us reach (our own machine, the private network, a cloud's metadata service) are refused when the socket connects,
// after names were resolved, so a name that changes its mind between check and use gains nothing.
package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

const dialTimeout = 10 * time.Second

// Guard dials for everybody. It is safe for concurrent use.
type Guard struct {
	hosts    map[string]bool // lower case, without the dot at the end
	prefixes []netip.Prefix
	resolver *net.Resolver // nil: the system's
	client   *http.Client
}

// New makes a guard that refuses private addresses except those of allow: host names, IP addresses and CIDR prefixes, the
// setting server.allow_private_hosts. The error names every entry that is none of these.
func New(allow []string) (*Guard, error) {
	g := &Guard{hosts: map[string]bool{}}
	var bad []string
	for _, entry := range allow {
		if err := g.allow(strings.TrimSpace(entry)); err != nil {
			bad = append(bad, fmt.Sprintf("%q (%v)", entry, err))
		}
	}
	if bad != nil {
		return nil, fmt.Errorf("not a host name, an IP address or a CIDR prefix: %s", strings.Join(bad, ", "))
	}
	g.client = newClient(g.Dial)
	return g, nil
}

func (g *Guard) allow(entry string) error {
	if strings.Contains(entry, "/") {
		p, err := netip.ParsePrefix(entry)
		if err != nil {
			return errors.New("a prefix is written like 10.0.0.0/8")
		}
		g.prefixes = append(g.prefixes, p.Masked())
		return nil
	}
	if addr, err := netip.ParseAddr(entry); err == nil {
		addr = addr.Unmap().WithZone("")
		g.prefixes = append(g.prefixes, netip.PrefixFrom(addr, addr.BitLen()))
		return nil
	}
	if err := checkHostName(entry); err != nil {
		return err
	}
	g.hosts[canonicalHost(entry)] = true
	return nil
}

func checkHostName(s string) error {
	switch {
	case s == "":
		return errors.New("it is empty")
	case strings.Contains(s, ":"):
		return errors.New("write the host alone, without scheme and port")
	}
	for _, label := range strings.Split(canonicalHost(s), ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInHostName) {
			return errors.New("no such host name can exist")
		}
	}
	return nil
}

func notInHostName(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && r < 0x80
}

func canonicalHost(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// Refused says that an address was not dialled, and what to do if it should have been. Nothing was sent.
type Refused struct {
	Host string // as asked for, a name or an address
	Addr string // what it resolved to
	Why  string // "a private address", "loopback" …
}

func (e *Refused) Error() string {
	if e.Addr == "" {
		return fmt.Sprintf("connection to %s refused here: %s", e.Host, e.Why)
	}
	return fmt.Sprintf("connection to %s refused here: %s is %s; if it is meant, add %s to server.allow_private_hosts", e.Host, e.Addr, e.Why, e.Host)
}

// Dial connects to addr ("host:port") over tcp, tcp4 or tcp6 within 10 s. An address that must not be reached gives
// a *Refused somewhere in the error's chain.
func (g *Guard) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w", addr, err)
	}
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, &Refused{Host: addr, Why: "only TCP leaves this house, not " + network}
	}
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Resolver: g.resolver}
	if !g.hosts[canonicalHost(host)] {
		d.Control = func(_, address string, _ syscall.RawConn) error { return g.check(host, address) }
	}
	return d.DialContext(ctx, network, addr)
}

// check judges the address a socket is about to connect to.
func (g *Guard) check(host, address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Refused{Host: host, Addr: address, Why: "not an IP address"}
	}
	addr := ap.Addr().WithZone("") // a prefix contains no address that has a zone
	if g.allowed(addr) {
		return nil
	}
	if why := forbidden(addr); why != "" {
		return &Refused{Host: host, Addr: addr.String(), Why: why}
	}
	return nil
}

func (g *Guard) allowed(addr netip.Addr) bool {
	forms := []netip.Addr{addr, addr.Unmap()}
	if inner, ok := embeddedV4(addr); ok {
		forms = append(forms, inner)
	}
	for _, p := range g.prefixes {
		for _, a := range forms {
			if p.Contains(a) {
				return true
			}
		}
	}
	return false
}
