package netguard

import "net/netip"

type block struct {
	prefix netip.Prefix
	why    string
}

// The addresses that are not the public internet's, after the IANA special-purpose registries of IPv4 and IPv6, and
// the metadata services that live on public ones. The first that fits gives the reason.
var blocks = []block{
	{netip.MustParsePrefix("169.254.169.254/32"), "a cloud's metadata service"},
	{netip.MustParsePrefix("100.100.100.200/32"), "a cloud's metadata service"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's metadata service"}, // Azure's, on a public address
	{netip.MustParsePrefix("fd00:ec2::254/128"), "a cloud's metadata service"},

	{netip.MustParsePrefix("0.0.0.0/8"), "the unspecified address"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier's private address"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a private address"},
	{netip.MustParsePrefix("198.51.100.0/24"), "a reserved address"},
	{netip.MustParsePrefix("203.0.113.0/24"), "a reserved address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},

	{netip.MustParsePrefix("::/128"), "the unspecified address"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("::/96"), "a reserved address"},           // IPv4-compatible
	{netip.MustParsePrefix("::ffff:0:0:0/96"), "a reserved address"}, // IPv4-translated
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a private address"},   // NAT64 of a local network
	{netip.MustParsePrefix("100::/64"), "a reserved address"},        // discarded
	{netip.MustParsePrefix("2001::/23"), "a reserved address"},       // Teredo, ORCHID, benchmarks
	{netip.MustParsePrefix("2001:db8::/32"), "a reserved address"},   // documentation
	{netip.MustParsePrefix("3fff::/20"), "a reserved address"},       // documentation
	{netip.MustParsePrefix("5f00::/16"), "a reserved address"},       // segment routing
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "a private address"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// forbidden says what is wrong with an address, "" when it is one of the public internet's.
func forbidden(addr netip.Addr) string {
	if inner, ok := embeddedV4(addr); ok {
		addr = inner
	}
	for _, b := range blocks {
		if b.prefix.Contains(addr) {
			return b.why
		}
	}
	return ""
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

// embeddedV4 is the IPv4 address that an IPv6 address stands for: IPv4-mapped, NAT64 (RFC 6052) and 6to4 (RFC 3056).
func embeddedV4(addr netip.Addr) (netip.Addr, bool) {
	if addr.Is4In6() {
		return addr.Unmap(), true
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixTo4.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}
