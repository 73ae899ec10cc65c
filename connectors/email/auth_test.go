package email

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-smtp"

	"parley/connectors"
	"parley/connectors/email/receiver"
)

// Whoever writes a mail can write anything into it, also the words of a server that vouches for him.
func TestOnlyTheReceivingServerVouchesForAnAuthor(t *testing.T) {
	const pass = "Authentication-Results: mx.hub.test; spf=pass smtp.mailfrom=customer.test; dmarc=pass header.from=customer.test\n"
	const fail = "Authentication-Results: mx.hub.test; dkim=none; spf=softfail smtp.mailfrom=evil.test; dmarc=fail (p=NONE) header.from=customer.test\n"
	const from = "From: Anna <anna@customer.test>\n"
	for _, tc := range []struct {
		name, raw string
		trust     connectors.Trust
		words     string
	}{
		{"the server says so", pass + from, connectors.TrustDomain, "dmarc=pass (customer.test)"},
		{"with a version", strings.Replace(pass, "mx.hub.test;", "mx.hub.test 1;", 1) + from, connectors.TrustDomain, "dmarc=pass (customer.test)"},
		{"the server denies it", fail + from, connectors.TrustAsserted, "spf=softfail, dkim=none, dmarc=fail (customer.test)"},
		{"forged below the server's", fail + pass + from, connectors.TrustAsserted, "spf=softfail, dkim=none, dmarc=fail (customer.test)"},
		{"forged below another server's", "Authentication-Results: relay.test; none\n" + pass + from, connectors.TrustAsserted, ""},
		{"forged above by another name", strings.Replace(pass, "mx.hub.test", "mx.evil.test", 1) + pass + from, connectors.TrustAsserted, ""},
		{"forged by a name that begins like ours", strings.Replace(pass, "mx.hub.test", "mx.hub.test.evil.test", 1) + from, connectors.TrustAsserted, ""},
		{"for another domain", strings.Replace(pass, "header.from=customer.test", "header.from=evil.test", 1) + from, connectors.TrustAsserted, "spf=pass, dmarc=pass (evil.test)"},
		{"for a domain below", strings.Replace(pass, "header.from=customer.test", "header.from=mail.customer.test", 1) + from, connectors.TrustAsserted, "spf=pass, dmarc=pass (mail.customer.test)"},
		{"two From fields", pass + from + "From: boss@customer.test\n", connectors.TrustAsserted, "spf=pass, dmarc=pass (customer.test)"},
		{"two authors", pass + "From: anna@customer.test, boss@customer.test\n", connectors.TrustAsserted, "spf=pass, dmarc=pass (customer.test)"},
		{"SPF and DKIM alone", "Authentication-Results: mx.hub.test; spf=pass smtp.mailfrom=customer.test; dkim=pass header.d=customer.test\n" + from, connectors.TrustAsserted, "spf=pass, dkim=pass"},
		{"nonsense", "Authentication-Results: ;;;===\n" + from, connectors.TrustAsserted, ""},
		{"nothing", from, connectors.TrustAsserted, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := Parse([]byte(strings.ReplaceAll(tc.raw, "\n", "\r\n") + "\r\nhello"))
			if a := authenticate(m, m.From[0].Addr, "", "mx.hub.test"); a.trust != tc.trust || a.words != tc.words {
				t.Errorf("got %q, %q; want %q, %q", a.trust, a.words, tc.trust, tc.words)
			}
			if a := authenticate(m, m.From[0].Addr, ""); a.trust != connectors.TrustAsserted {
				t.Errorf("believed although no server is named: %q", a.trust)
			}
		})
	}
	m := Parse([]byte(strings.ReplaceAll(pass+"From: anna@customer.test\nReply-To: boss@customer.test\n\n", "\n", "\r\n")))
	if a := authenticate(m, "boss@customer.test", "mx.hub.test"); a.trust != connectors.TrustAsserted {
		t.Error("an address that is not in From is believed")
	}
}

func TestExchangeOnlineNamesNobody(t *testing.T) {
	const results = "Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=customer.test; dkim=pass (signature was verified)\r\n header.d=customer.test;dmarc=pass action=none\r\n header.from=customer.test;compauth=pass reason=100\r\n"
	m := Parse([]byte(results + "From: anna@customer.test\r\n\r\nx"))
	if a := authenticate(m, "anna@customer.test", "protection.outlook.com"); a.trust != connectors.TrustDomain {
		t.Errorf("%+v", a)
	}
	if a := authenticate(m, "anna@customer.test", "mx.hub.test"); a.trust != connectors.TrustAsserted || a.words != "" {
		t.Errorf("believed at another server: %+v", a)
	}
	named := Parse([]byte("Authentication-Results: mx.evil.test; dmarc=pass header.from=customer.test\r\nFrom: anna@customer.test\r\n\r\nx"))
	if a := authenticate(named, "anna@customer.test", "protection.outlook.com"); a.trust != connectors.TrustAsserted {
		t.Errorf("another server is believed: %+v", a)
	}
}

// What our own receiver found counts; what the sender wrote in its name does not, and a server beside us is believed only when named.
func TestResultsOfTheReceiverCount(t *testing.T) {
	const forged = "Authentication-Results: mx.hub.test; dmarc=pass header.from=customer.test\r\n"
	const raw = forged + "From: Anna <anna@customer.test>\r\nSubject: x\r\n\r\nhello\r\n"
	for _, tc := range []struct {
		name     string
		from     connectors.Provenance
		receiver map[string]any
		trust    connectors.Trust
		words    string
	}{
		{"passed", connectors.Provenance{Results: "spf=pass smtp.mailfrom=customer.test; dmarc=pass header.from=customer.test"}, nil, connectors.TrustDomain, "dmarc=pass (customer.test)"},
		{"failed", connectors.Provenance{Results: "spf=fail smtp.mailfrom=customer.test; dkim=none; dmarc=fail header.from=customer.test"}, map[string]any{"authserv_id": "mx.hub.test"}, connectors.TrustAsserted, "spf=fail, dkim=none, dmarc=fail (customer.test)"},
		{"not checked", connectors.Provenance{}, map[string]any{"authserv_id": "mx.hub.test"}, connectors.TrustAsserted, ""},
		{"LMTP from a server that is not named", connectors.Provenance{Local: true}, nil, connectors.TrustAsserted, ""},
		{"LMTP from the server that is named", connectors.Provenance{Local: true}, map[string]any{"authserv_id": "mx.hub.test"}, connectors.TrustDomain, "dmarc=pass (customer.test)"},
		{"LMTP from another server", connectors.Provenance{Local: true}, map[string]any{"authserv_id": "other.test"}, connectors.TrustAsserted, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := map[string]any{"enabled": true}
			for k, v := range tc.receiver {
				config[k] = v
			}
			c, sink := newChannel(t, map[string]any{"receiver": config}), newSink()
			ctx := connectors.WithProvenance(context.Background(), tc.from)
			if err := c.receive(sink)(ctx, "anna@customer.test", []string{"support@hub.test"}, []byte(raw)); err != nil {
				t.Fatal(err)
			}
			in := sink.items()[0]
			if got := in.Sender.Claims[0].Trust; got != tc.trust || in.Headers["Authentication"] != tc.words {
				t.Errorf("got %q, %q; want %q, %q", got, in.Headers["Authentication"], tc.trust, tc.words)
			}
			again, err := c.Replay(in.Raw, "", "")
			if err != nil || again.Sender.Claims[0].Trust != tc.trust {
				t.Errorf("replayed: %q, %v", again.Sender.Claims[0].Trust, err)
			}
		})
	}
}

// dns answers only for one key and one policy.
type dns map[string]string

func (d dns) LookupTXT(_ context.Context, name string) ([]string, error) {
	if v, ok := d[strings.TrimSuffix(name, ".")]; ok {
		return []string{v}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}
func (d dns) LookupMX(context.Context, string) ([]*net.MX, error)          { return nil, nil }
func (d dns) LookupIPAddr(context.Context, string) ([]net.IPAddr, error)   { return nil, nil }
func (d dns) LookupAddr(context.Context, string) (names []string, _ error) { return nil, nil }

func TestSignedMailThroughTheReceiverIsTrusted(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	r := receiver.New(receiver.Options{Listen: "127.0.0.1:0", Resolver: dns{
		"k._domainkey.customer.test": "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)),
		"_dmarc.customer.test":       "v=DMARC1; p=reject",
	}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	addr, _ := r.Addrs()
	c := newChannel(t, map[string]any{"receiver": map[string]any{"enabled": true}})
	c.host.Receiver = r
	sink := newSink()
	running(t, c, sink)
	sink.awaitState(t, connectors.StateConnected)

	var signed bytes.Buffer
	raw := strings.ReplaceAll(letter("signed"), "\n", "\r\n")
	if err := dkim.Sign(&signed, strings.NewReader(raw), &dkim.SignOptions{Domain: "customer.test", Selector: "k", Signer: key}); err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(signed.String(), "signed", "changed", 1)
	for _, mail := range []string{signed.String(), forged, "Authentication-Results: " + c.ownServer()[:10] + "; dmarc=pass header.from=customer.test\r\n" + raw} {
		peer, err := smtp.Dial(addr.String())
		if err != nil {
			t.Fatal(err)
		}
		if err := peer.SendMail("anna@customer.test", []string{"support@hub.test"}, strings.NewReader(mail)); err != nil {
			t.Fatal(err)
		}
		peer.Close()
	}
	items := sink.items()
	if len(items) != 3 {
		t.Fatalf("%d items", len(items))
	}
	for i, want := range []struct {
		trust connectors.Trust
		words string
	}{{connectors.TrustDomain, "dmarc=pass (customer.test)"}, {connectors.TrustAsserted, "spf=none, dkim=fail, dmarc=fail (customer.test)"}, {connectors.TrustAsserted, ""}} {
		if got := items[i].Sender.Claims[0].Trust; got != want.trust || items[i].Headers["Authentication"] != want.words {
			t.Errorf("mail %d: %s, %q", i+1, got, items[i].Headers["Authentication"])
		}
	}
}
