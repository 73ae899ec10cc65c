package configs

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\.?$`)

func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return len(s) <= 253 && hostPattern.MatchString(s)
}

func isNetwork(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(s)
	return err == nil
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || (host != "" && !isHost(host)) {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 65536
}

func when(allowed string, ok func(string) bool) check {
	return check{allowed, func(s string) (string, error) {
		if !ok(s) {
			return "", errNotAllowed
		}
		return s, nil
	}}
}

var (
	hostName      = when("a host name or an IP address", isHost)
	network       = when("IP addresses and networks such as 10.0.0.0/8", isNetwork)
	hostOrNetwork = when("host names, IP addresses and networks such as 10.0.0.0/8",
		func(s string) bool { return isNetwork(s) || isHost(s) })
	anyPath       = when("a path", isPath)
	maybePath     = when("a path", isPath)
	maybeHostPort = when("host:port, or nothing", isHostPort)
	databaseURL   = when("sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME", isDatabaseURL)
	brokerURL     = when("memory:// or nats://HOST:PORT", isBrokerURL)
	blobURL       = when("file://PATH or s3://BUCKET?…", isBlobURL)
	publicURL     = check{"http:// or https://, a host and a port if needed, and nothing behind it", cleanPublicURL}
)

func isPath(s string) bool { return s != "" && !strings.ContainsRune(s, 0) }

func oneOf(words ...string) check {
	return when(strings.Join(words, ", "), func(s string) bool { return slices.Contains(words, s) })
}

func cleanPublicURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || !isHost(u.Hostname()) {
		return "", errNotAllowed
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", errNotAllowed
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

func isDatabaseURL(s string) bool {
	if path, ok := strings.CutPrefix(s, "sqlite://"); ok {
		return isPath(path)
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql")
}

// isBrokerURL takes several NATS servers with commas between them, as the NATS client does.
func isBrokerURL(s string) bool {
	if s == "memory://" {
		return true
	}
	for _, server := range strings.Split(s, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || (u.Scheme != "nats" && u.Scheme != "tls") || u.Host == "" {
			return false
		}
	}
	return true
}

func isBlobURL(s string) bool {
	if path, ok := strings.CutPrefix(s, "file://"); ok {
		return isPath(path)
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "s3" && u.Host != ""
}
