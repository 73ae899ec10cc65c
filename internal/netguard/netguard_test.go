package netguard

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func guard(t *testing.T, allow ...string) *Guard {
	t.Helper()
	g, err := New(allow)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.client.CloseIdleConnections)
	return g
}

func dial(t *testing.T, g *Guard, addr string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := g.Dial(ctx, "tcp", addr)
	if err == nil {
		_ = c.Close()
	}
	return err
}

func TestForbiddenAddressesAreNotDialled(t *testing.T) {
	g := guard(t)
	for _, host := range []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1", "100.127.9.9",
		"169.254.169.254", "169.254.7.7", "168.63.129.16", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
		"2002:7f00:1::", "2002:c0a8:101::1", "2001:0:53aa:64c::", "fc00::1", "fd12::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1",
	} {
		err := dial(t, g, net.JoinHostPort(host, "9"))
		var refused *Refused
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v, want it refused", host, err)
			continue
		}
		if !strings.Contains(err.Error(), "server.allow_private_hosts") || refused.Host != host {
			t.Errorf("%s: %v does not say how to allow it", host, err)
		}
		if !Unsent(err) {
			t.Errorf("%s: a refusal counts as sent", host)
		}
	}
}

func TestPublicAddressesAreNotForbidden(t *testing.T) {
	for _, s := range []string{"8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.1.0.1", "2a00:1450:4001::1", "2606:4700::1111",
		"::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"} {
		if why := forbidden(netip.MustParseAddr(s)); why != "" {
			t.Errorf("%s: forbidden as %s", s, why)
		}
	}
}

func TestAllowListOpensWhatItNames(t *testing.T) {
	l := listen(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	cases := []struct {
		allow, host string
		open        bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.0/8", "127.0.0.1", true},
		{"127.9.9.9/8", "127.0.0.1", true},
		{"127.0.0.1", "::ffff:127.0.0.1", true},
		{"::ffff:127.0.0.1", "127.0.0.1", true},
		{"localhost", "localhost", true},
		{"LocalHost.", "localhost", true},
		{"localhost", "LOCALHOST", true},
		{"127.0.0.1", "localhost", true},
		{"localhost", "127.0.0.1", false},
		{"127.0.0.2", "127.0.0.1", false},
		{"10.0.0.0/8", "127.0.0.1", false},
		{"mail.local", "localhost", false},
	}
	for _, c := range cases {
		err := dial(t, guard(t, c.allow), net.JoinHostPort(c.host, port))
		if c.open && err != nil {
			t.Errorf("%s allowed, %s: %v", c.allow, c.host, err)
		}
		var refused *Refused
		if !c.open && !errors.As(err, &refused) {
			t.Errorf("%s allowed, %s: %v, want it refused", c.allow, c.host, err)
		}
	}
}

func TestBadEntriesAreNamed(t *testing.T) {
	_, err := New([]string{"127.0.0.1", "10.0.0.0/99", "http://mail.local", "", "mail local", "localhost:25", "ok.local"})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, bad := range []string{`"10.0.0.0/99"`, `"http://mail.local"`, `""`, `"mail local"`, `"localhost:25"`} {
		if !strings.Contains(err.Error(), bad) {
			t.Errorf("%s is not named in: %v", bad, err)
		}
	}
	for _, good := range []string{"127.0.0.1", "ok.local"} {
		if strings.Contains(err.Error(), good) {
			t.Errorf("%s is blamed in: %v", good, err)
		}
	}
}

// A stranger's name may point anywhere, and elsewhere the second time it is asked for; only the address that is connected to counts.
func TestNameThatPointsInsideIsRefused(t *testing.T) {
	l := listen(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, target := range []string{"127.0.0.1", "10.0.0.7", "169.254.169.254"} {
		g := guard(t)
		g.resolver = resolverThatSays(t, target)
		err := dial(t, g, "hooks.customer.example:"+port)
		var refused *Refused
		if !errors.As(err, &refused) || refused.Host != "hooks.customer.example" || refused.Addr != target {
			t.Errorf("name for %s: %v, want it refused", target, err)
		}
	}
	g := guard(t, "hooks.customer.example")
	g.resolver = resolverThatSays(t, "127.0.0.1")
	if err := dial(t, g, "hooks.customer.example:"+port); err != nil {
		t.Errorf("allowed by name: %v", err)
	}
}

func TestOnlyTCPLeaves(t *testing.T) {
	for _, network := range []string{"udp", "unix", "ip4:icmp"} {
		_, err := guard(t, "127.0.0.1").Dial(context.Background(), network, "127.0.0.1:9")
		var refused *Refused
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v, want it refused", network, err)
		}
	}
}

func TestRedirectsAreAnswersAndNotFollowed(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked < 3 {
			http.Redirect(w, r, "/again", http.StatusFound)
		}
	}))
	defer s.Close()
	res, err := guard(t, "127.0.0.1").Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "/again" || asked != 1 {
		t.Errorf("status %d, location %q, asked %d times", res.StatusCode, res.Header.Get("Location"), asked)
	}
}

func TestClientRefusesPrivateAddresses(t *testing.T) {
	reached := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer s.Close()
	_, err := guard(t).Client().Get(s.URL)
	var refused *Refused
	if !errors.As(err, &refused) || !Unsent(err) || reached {
		t.Errorf("%v, reached %v", err, reached)
	}
}

func TestUnverifiedTLSIsRefusedBeforeAnythingIsSent(t *testing.T) {
	reached := false
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	defer s.Close()
	_, err := guard(t, "127.0.0.1").Client().Get(s.URL)
	if err == nil || !Unsent(err) || reached {
		t.Errorf("%v, unsent %v, reached %v", err, Unsent(err), reached)
	}
}

func TestUnsentKnowsWhatMayHaveArrived(t *testing.T) {
	cut := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer cut.Close()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer slow.Close()
	closed := listen(t)
	_ = closed.Close()
	mute := listen(t) // accepts, and never says a word of TLS

	cases := []struct {
		name, url string
		unsent    bool
	}{
		{"connection refused", "http://" + closed.Addr().String(), true},
		{"no such name", "http://nobody.invalid", true},
		{"TLS that never comes up", "https://" + mute.Addr().String(), true},
		{"scheme nobody speaks", "gopher://127.0.0.1", true},
		{"cut after the request", cut.URL, false},
		{"no answer in time", slow.URL, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader("hello"))
			_, err := guard(t, "127.0.0.1").Client().Do(req)
			if err == nil || Unsent(err) != c.unsent {
				t.Errorf("%v: unsent %v", err, Unsent(err))
			}
		})
	}
}

// HTTP/2 reports its connection on another path of net/http than HTTP/1.
func TestUnsentKnowsHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("spoke %s", r.Proto)
		}
		panic(http.ErrAbortHandler)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	g := guard(t, "127.0.0.1")
	g.client.Transport.(*watched).transport.TLSClientConfig.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for range 2 {
		_, err := g.Client().Post(s.URL, "text/plain", strings.NewReader("hello"))
		if err == nil || Unsent(err) {
			t.Errorf("%v: unsent %v", err, Unsent(err))
		}
	}
}

func TestTimeoutStaysATimeout(t *testing.T) {
	mute := listen(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+mute.Addr().String(), nil)
	_, err := guard(t, "127.0.0.1").Client().Do(req)
	var timeout interface{ Timeout() bool }
	if !errors.As(err, &timeout) || !timeout.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// resolverThatSays asks a DNS server of our own, which knows every name under one IPv4 address.
func resolverThatSays(t *testing.T, addr string) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response = true
			m.Additionals = nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: netip.MustParseAddr(addr).As4()}}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = pc.WriteTo(out, from)
			}
		}
	}()
	t.Cleanup(func() { _ = pc.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
