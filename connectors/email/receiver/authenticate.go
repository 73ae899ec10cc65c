package receiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"strings"
	"time"

	"blitiri.com.ar/go/spf"
	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-msgauth/dmarc"
	"golang.org/x/net/publicsuffix"
)

// Resolver answers questions to the DNS; *net.Resolver is one.
type Resolver = spf.DNSResolver

const (
	checkTimeout  = 8 * time.Second // for all questions about one mail
	maxSignatures = 5               // of DKIM that are verified
)

// arrival is how a mail came: what SPF asks about.
type arrival struct {
	ip          net.IP
	hello, from string // HELO name; envelope sender, "" for a bounce
}

// check evaluates SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489) for a mail, and returns the results as RFC 8601 writes them:
// "spf=pass smtp.mailfrom=a.test; dkim=none; dmarc=pass header.from=a.test". DMARC passes only when what passed is aligned with the
// one From address.
func check(ctx context.Context, dns Resolver, a arrival, raw []byte) string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	author := authorDomain(raw)
	spfResult, spfDomain := checkSPF(ctx, dns, a)
	signers, dkimText := checkDKIM(ctx, dns, raw)
	verdict := "permerror"
	if author != "" {
		verdict = checkDMARC(ctx, dns, author, func(strictSPF, strictDKIM bool) bool {
			if spfResult == string(spf.Pass) && aligned(spfDomain, author, strictSPF) {
				return true
			}
			for _, d := range signers {
				if aligned(d, author, strictDKIM) {
					return true
				}
			}
			return false
		})
	}
	parts := []string{"spf=" + spfResult + " smtp.mailfrom=" + plain(spfDomain), dkimText, "dmarc=" + verdict + " header.from=" + plain(author)}
	return strings.Join(parts, "; ")
}

func checkSPF(ctx context.Context, dns Resolver, a arrival) (result, domain string) {
	domain = domainOf(a.from)
	if a.from == "" {
		domain = strings.ToLower(a.hello)
	}
	if privateIP(a.ip) {
		return string(spf.None), domain // a server beside us, or a router that hides the peer: its address says nothing
	}
	r, err := spf.CheckHostWithSender(a.ip, a.hello, a.from, spf.WithContext(ctx), spf.WithResolver(dns))
	if err != nil && r == "" {
		r = spf.TempError
	}
	return string(r), domain
}

// checkDKIM returns the domains whose signatures are good.
func checkDKIM(ctx context.Context, dns Resolver, raw []byte) (signers []string, text string) {
	found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{MaxVerifications: maxSignatures, LookupTXT: lookup(ctx, dns)})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) || len(found) == 0 {
		return nil, "dkim=none"
	}
	var parts []string
	for _, v := range found {
		result := "fail"
		switch {
		case v.Err == nil:
			result = "pass"
			signers = append(signers, strings.ToLower(v.Domain))
		case dkim.IsTempFail(v.Err):
			result = "temperror"
		case dkim.IsPermFail(v.Err):
			result = "permerror"
		}
		parts = append(parts, "dkim="+result+" header.d="+plain(v.Domain))
	}
	return signers, strings.Join(parts, "; ")
}

// checkDMARC asks for the policy of the author's domain, then of the organisation's.
func checkDMARC(ctx context.Context, dns Resolver, author string, passes func(strictSPF, strictDKIM bool) bool) string {
	options := &dmarc.LookupOptions{LookupTXT: lookup(ctx, dns)}
	record, err := dmarc.LookupWithOptions(author, options)
	if org := organisation(author); errors.Is(err, dmarc.ErrNoPolicy) && org != author {
		record, err = dmarc.LookupWithOptions(org, options)
	}
	switch {
	case errors.Is(err, dmarc.ErrNoPolicy):
		return "none"
	case err != nil && dmarc.IsTempFail(err), err != nil && ctx.Err() != nil:
		return "temperror"
	case err != nil:
		return "permerror"
	case passes(record.SPFAlignment == dmarc.AlignmentStrict, record.DKIMAlignment == dmarc.AlignmentStrict):
		return "pass"
	}
	return "fail"
}

// aligned compares domains as RFC 7489 §3.1 does: equal, or unless strict, of one organisation.
func aligned(domain, author string, strict bool) bool {
	domain, author = strings.ToLower(strings.TrimSuffix(domain, ".")), strings.ToLower(author)
	return domain != "" && (domain == author || !strict && organisation(domain) == organisation(author))
}

func organisation(domain string) string {
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return org
	}
	return domain
}

// authorDomain is the domain of the one From address; "" when there is none, or more than one: then nobody can be vouched for.
func authorDomain(raw []byte) string {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	m, err := netmail.ReadMessage(bytes.NewReader(append(head[:len(head):len(head)], "\r\n\r\n"...)))
	if err != nil || len(m.Header["From"]) != 1 {
		return ""
	}
	list, err := (&netmail.AddressParser{}).ParseList(m.Header.Get("From"))
	if err != nil || len(list) != 1 {
		return ""
	}
	return domainOf(list[0].Address)
}

func domainOf(addr string) string { return strings.ToLower(addr[strings.LastIndexByte(addr, '@')+1:]) }

func lookup(ctx context.Context, dns Resolver) func(string) ([]string, error) {
	return func(name string) ([]string, error) { return dns.LookupTXT(ctx, name) }
}

// plain is a stranger's domain as it may stand in a field.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, s)
	if s == "" {
		return "unknown"
	}
	return s[:min(len(s), 253)]
}

func privateIP(ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	a = a.Unmap()
	return !ok || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
}

// results are those of our checks for a mail of this session, "" when there is nothing to check: a mail that a server beside us hands
// over, without any signature.
func (s *session) results(raw []byte) string {
	a := arrival{from: s.from}
	if s.conn != nil {
		a.hello = s.conn.Hostname()
		if tcp, ok := s.conn.Conn().RemoteAddr().(*net.TCPAddr); ok {
			a.ip = tcp.IP
		}
	}
	if s.lmtp || privateIP(a.ip) && !signed(raw) {
		return ""
	}
	return s.checked(a, raw)
}

// checked never lets a strange mail end the connection.
func (s *session) checked(a arrival, raw []byte) (results string) {
	defer func() {
		if p := recover(); p != nil {
			s.receiver.options.Log.Error("the checks of a mail failed", "panic", fmt.Sprint(p))
			results = ""
		}
	}()
	return check(s.ctx, s.receiver.options.Resolver, a, raw)
}

// signed tells whether the header has a DKIM signature.
func signed(raw []byte) bool {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	return bytes.Contains(bytes.ToLower(head), []byte("dkim-signature:"))
}
