package receiver

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// zone is a DNS of its own.
type zone struct {
	txt map[string][]string
	ip  map[string]string
}

func notFound(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if v, ok := z.txt[strings.TrimSuffix(name, ".")]; ok {
		if v == nil {
			return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
		}
		return v, nil
	}
	return nil, notFound(name)
}

func (z zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) { return nil, notFound(name) }

func (z zone) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	if ip, ok := z.ip[strings.TrimSuffix(host, ".")]; ok {
		return []net.IPAddr{{IP: net.ParseIP(ip)}}, nil
	}
	return nil, notFound(host)
}

func (z zone) LookupAddr(_ context.Context, addr string) ([]string, error) {
	return nil, notFound(addr)
}

func TestAuthorsAreVouchedForOnlyWhenAligned(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	z := zone{txt: map[string][]string{
		"customer.example":                 {"v=spf1 ip4:192.0.2.1 -all"},
		"news.customer.example":            {"v=spf1 ip4:192.0.2.1 -all"},
		"strict.example":                   {"v=spf1 include:customer.example -all"},
		"mail.strict.example":              {"v=spf1 ip4:192.0.2.1 -all"},
		"stranger.example":                 {"v=spf1 ip4:198.51.100.66 -all"},
		"nopolicy.example":                 {"v=spf1 ip4:192.0.2.1 -all"},
		"shop.co.uk":                       {"v=spf1 ip4:192.0.2.1 -all"},
		"_dmarc.customer.example":          {"v=DMARC1; p=reject"},
		"_dmarc.strict.example":            {"v=DMARC1; p=none; aspf=s; adkim=s"},
		"_dmarc.bank.co.uk":                {"v=DMARC1; p=reject"},
		"_dmarc.broken.example":            nil,
		"k._domainkey.customer.example":    {public},
		"k._domainkey.stranger.example":    {public},
		"k._domainkey.mail.strict.example": {public},
	}}
	sign := func(domain, raw string) string {
		var out bytes.Buffer
		if err := dkim.Sign(&out, strings.NewReader(raw), &dkim.SignOptions{Domain: domain, Selector: "k", Signer: key, HeaderKeys: []string{"From", "Subject"}}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	mail := func(from string) string { return "From: " + from + "\r\nSubject: order\r\n\r\nhello\r\n" }
	for _, tc := range []struct{ name, ip, from, raw, want string }{
		{"SPF of the author's domain", "192.0.2.1", "anna@customer.example", mail("anna@customer.example"), "spf=pass smtp.mailfrom=customer.example; dkim=none; dmarc=pass header.from=customer.example"},
		{"SPF of a domain below it", "192.0.2.1", "bounce@news.customer.example", mail("Anna <anna@customer.example>"), "spf=pass smtp.mailfrom=news.customer.example; dkim=none; dmarc=pass header.from=customer.example"},
		{"the policy of the domain above", "192.0.2.1", "x@news.customer.example", mail("x@news.customer.example"), "spf=pass smtp.mailfrom=news.customer.example; dkim=none; dmarc=pass header.from=news.customer.example"},
		{"another server", "198.51.100.66", "anna@customer.example", mail("anna@customer.example"), "spf=fail smtp.mailfrom=customer.example; dkim=none; dmarc=fail header.from=customer.example"},
		{"a stranger who passes for himself", "198.51.100.66", "me@stranger.example", sign("stranger.example", mail("anna@customer.example")), "spf=pass smtp.mailfrom=stranger.example; dkim=pass header.d=stranger.example; dmarc=fail header.from=customer.example"},
		{"forwarded, with its signature", "198.51.100.66", "list@stranger.example", sign("customer.example", mail("anna@customer.example")), "spf=pass smtp.mailfrom=stranger.example; dkim=pass header.d=customer.example; dmarc=pass header.from=customer.example"},
		{"changed on its way", "198.51.100.66", "list@stranger.example", sign("customer.example", mail("anna@customer.example")) + "buy now\r\n", "spf=pass smtp.mailfrom=stranger.example; dkim=fail header.d=customer.example; dmarc=fail header.from=customer.example"},
		{"strict SPF", "192.0.2.1", "x@mail.strict.example", mail("x@strict.example"), "spf=pass smtp.mailfrom=mail.strict.example; dkim=none; dmarc=fail header.from=strict.example"},
		{"strict DKIM", "198.51.100.1", "x@nowhere.example", sign("mail.strict.example", mail("x@strict.example")), "spf=none smtp.mailfrom=nowhere.example; dkim=pass header.d=mail.strict.example; dmarc=fail header.from=strict.example"},
		{"no policy", "192.0.2.1", "x@nopolicy.example", mail("x@nopolicy.example"), "spf=pass smtp.mailfrom=nopolicy.example; dkim=none; dmarc=none header.from=nopolicy.example"},
		{"neighbours below a public suffix", "192.0.2.1", "x@shop.co.uk", mail("x@bank.co.uk"), "spf=pass smtp.mailfrom=shop.co.uk; dkim=none; dmarc=fail header.from=bank.co.uk"},
		{"two From fields", "192.0.2.1", "anna@customer.example", "From: boss@bank.co.uk\r\n" + mail("anna@customer.example"), "spf=pass smtp.mailfrom=customer.example; dkim=none; dmarc=permerror header.from=unknown"},
		{"two authors", "192.0.2.1", "anna@customer.example", mail("anna@customer.example, boss@bank.co.uk"), "spf=pass smtp.mailfrom=customer.example; dkim=none; dmarc=permerror header.from=unknown"},
		{"a DNS that is down", "192.0.2.1", "x@broken.example", mail("x@broken.example"), "spf=none smtp.mailfrom=broken.example; dkim=none; dmarc=temperror header.from=broken.example"},
		{"a server beside us", "127.0.0.1", "anna@customer.example", sign("customer.example", mail("anna@customer.example")), "spf=none smtp.mailfrom=customer.example; dkim=pass header.d=customer.example; dmarc=pass header.from=customer.example"},
		{"a bounce", "192.0.2.1", "", mail("mailer-daemon@customer.example"), "spf=pass smtp.mailfrom=customer.example; dkim=none; dmarc=pass header.from=customer.example"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := check(t.Context(), z, arrival{ip: net.ParseIP(tc.ip), hello: "customer.example", from: tc.from}, []byte(tc.raw))
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestChecksEndInTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := check(ctx, zone{}, arrival{ip: net.ParseIP("192.0.2.1"), hello: "h.example", from: "a@b.example"}, []byte("From: a@b.example\r\n\r\nx"))
	if strings.Contains(got, "dmarc=pass") || !strings.Contains(got, "dmarc=temperror") {
		t.Error(got)
	}
}
