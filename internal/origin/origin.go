// Package origin decides which websites may speak to the hub out of a visitor's browser.
package origin

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// Any in a list allows every website.
const Any = "*"

// Parse brings "https://Shop.example:443" to the form in which browsers send an origin (RFC 6454 §6.2): lower case, Punycode,
// no default port. It refuses everything but scheme://host[:port] with http or https.
func Parse(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Opaque != "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#") {
		return "", errors.New("an origin is scheme://host or scheme://host:port, without a path")
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if scheme != "http" && scheme != "https" {
		return "", errors.New("an origin begins with http:// or https://")
	}
	host, err := hostName(u.Hostname())
	if err != nil {
		return "", err
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return scheme + "://" + host, nil
	}
	return scheme + "://" + host + ":" + port, nil
}

func hostName(h string) (string, error) {
	if ip := net.ParseIP(h); ip != nil {
		if strings.Contains(h, ":") {
			return "[" + ip.String() + "]", nil
		}
		return ip.String(), nil
	}
	ascii, err := idna.Lookup.ToASCII(h)
	if err != nil || ascii == "" {
		return "", errors.New("the host of this origin is not a host name")
	}
	return ascii, nil
}

// Of is the origin of a URL, "" when it has none.
func Of(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" {
		return ""
	}
	o, err := Parse(u.Scheme + "://" + u.Host)
	if err != nil {
		return ""
	}
	return o
}

// Allowed tells whether a page of that origin may speak to the hub: it is on the list, the list has Any, or it is the hub's
// own. A hub on a loopback address answers to localhost, 127.0.0.1 and [::1] on its port. An absent or opaque ("null")
// origin is never the hub's.
func Allowed(list []string, origin, hub string) bool {
	for _, a := range list {
		if a == Any {
			return true
		}
	}
	o, err := Parse(origin)
	if err != nil {
		return false
	}
	if isHub(o, hub) {
		return true
	}
	for _, a := range list {
		if p, err := Parse(a); err == nil && p == o {
			return true
		}
	}
	return false
}

func isHub(origin, hub string) bool {
	h := Of(hub)
	if h == "" {
		return false
	}
	return origin == h || loopbackPort(h) != "" && loopbackPort(origin) == loopbackPort(h)
}

// loopbackPort is "scheme:port" of a loopback origin, "" of any other.
func loopbackPort(o string) string {
	u, err := url.Parse(o)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ""
	}
	return u.Scheme + ":" + u.Port()
}
