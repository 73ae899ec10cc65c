package email

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestHeadersAsPeopleWriteThem(t *testing.T) {
	for _, tc := range []struct{ name, raw, from, subject string }{
		{"encoded name and subject", "From: =?utf-8?B?0JDQvdC90LA=?= <a@b.test>\nSubject: =?koi8-r?Q?=F0=D2=C9=D7=C5=D4?=", "Анна <a@b.test>", "Привет"},
		{"a character cut between words", "From: a@b.test\nSubject: =?utf-8?Q?=D0=9F=D1?=\n =?utf-8?Q?=80=D0=B8?=", "a@b.test", "При"},
		{"raw cp1251", "From: a@b.test\nSubject: \xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0", "a@b.test", "Привет, как дела"},
		{"raw latin-1", "From: J\xfcrgen <a@b.test>\nSubject: Gr\xfc\xdfe", "Jürgen <a@b.test>", "Grüße"},
		{"quoted encoded word", "From: \"=?utf-8?Q?M=C3=BCller?=\" <a@b.test>\nSubject: x", "Müller <a@b.test>", "x"},
		{"mbox line and blank lines first", "\n\nFrom someone Mon Jan 1\nFrom: a@b.test\nSubject: x", "a@b.test", "x"},
		{"junk line between", "From: a@b.test\nthis is no header\nSubject: x", "a@b.test", "x"},
		{"folded", "From: a@b.test\nSubject: one\n two\n\tthree", "a@b.test", "one two three"},
		{"NUL and bells", "From: a@b.test\nSubject: a\x00b\x07c", "a@b.test", "abc"},
		{"nothing", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := Parse([]byte(strings.ReplaceAll(tc.raw, "\n", "\r\n") + "\r\n\r\nbody\r\n"))
			if got := joinAddresses(m.From); got != tc.from || m.Subject != tc.subject {
				t.Errorf("from %q subject %q, want %q %q", got, m.Subject, tc.from, tc.subject)
			}
			if tc.raw != "" && m.Text != "body\n" {
				t.Errorf("text %q", m.Text)
			}
		})
	}
}

func TestBodiesAsPeopleSendThem(t *testing.T) {
	for _, tc := range []struct{ name, head, body, want string }{
		{"cp1251 that says utf-8", "Content-Type: text/plain; charset=utf-8", "\xcf\xf0\xe8\xe2\xe5\xf2, \xe3\xe4\xe5 \xe7\xe0\xea\xe0\xe7?", "Привет, где заказ?"},
		{"koi8-r that says nothing", "", "\xf0\xd2\xc9\xd7\xc5\xd4, \xc7\xc4\xc5 \xda\xc1\xcb\xc1\xda?", "Привет, где заказ?"},
		{"utf-8 that says ascii", "Content-Type: text/plain; charset=us-ascii", "Grüße", "Grüße"},
		{"unknown charset", "Content-Type: text/plain; charset=x-martian", "hello", "hello"},
		{"base64 junk", "Content-Transfer-Encoding: base64", "aGVs\r\nbG8=\r\n", "hello"},
		{"unknown encoding", "Content-Transfer-Encoding: x-nonsense", "hello", "hello"},
		{"HTML only", "Content-Type: text/html", "<style>p{}</style><p>Hello&nbsp;there,<br>friend</p><script>x</script>", "Hello\u00a0there,\nfriend"},
		{"no closing boundary", "Content-Type: multipart/mixed; boundary=b", "--b\r\n\r\nhello", "hello"},
		{"no boundary parameter", "Content-Type: multipart/mixed", "--frontier\r\nContent-Type: text/plain\r\n\r\nhello\r\n--frontier--", "hello"},
		{"another boundary than said", "Content-Type: multipart/mixed; boundary=b", "--frontier\r\nContent-Type: text/plain\r\n\r\nhello\r\n--frontier--", "hello"},
		{"a multipart that is none", "Content-Type: multipart/mixed; boundary=b", "hello", "hello"},
		{"utf-7", "Content-Type: text/plain; charset=utf-7", "Gr+APwA3w-e", "Grüße"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := strings.TrimSpace(Parse([]byte("From: a@b.test\r\n" + tc.head + "\r\n\r\n" + tc.body)).Text); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestPartsAreSortedIntoBodyAndAttachments(t *testing.T) {
	raw := strings.ReplaceAll(`From: a@b.test
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/related; boundary=r

--r
Content-Type: multipart/alternative; boundary=a

--a

plain
--a
Content-Type: text/html

<p>html <img src="cid:pic@1"></p>
--a--
--r
Content-Type: image/png
Content-ID: <pic@1>
Content-Transfer-Encoding: base64

AAEC
--r--
--m
Content-Type: application/pdf; name*0*=utf-8''%D1%81%D1%87; name*1*=%D1%91%D1%82.pdf
Content-Disposition: attachment

PDF
--m
Content-Type: message/rfc822

Subject: inner

--m
not a boundary of ours
--m
Content-Type: text/calendar; method=REQUEST

BEGIN:VCALENDAR
--m
Content-Type: text/plain
Content-Disposition: attachment; filename="C:\\Users\\me\\../notes.txt"

notes
--m--
`, "\n", "\r\n")
	m := Parse([]byte(raw))
	if m.Text != "plain" && !strings.HasPrefix(m.Text, "plain\n") || !strings.Contains(m.HTML, "cid:pic@1") {
		t.Errorf("text %q html %q", m.Text, m.HTML)
	}
	var got []string
	for _, p := range m.Parts {
		got = append(got, fmt.Sprintf("%s %s %s %v %d", p.MIME, p.Name, p.CID, p.Inline, p.Size))
	}
	want := []string{"image/png  pic@1 true 3", "application/pdf счёт.pdf  false 3", "message/rfc822   false 16", "text/calendar   false 15", "text/plain notes.txt  false 5"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLimitsAreNamedNotFatal(t *testing.T) {
	deep := "From: a@b.test\r\n"
	for i := range 60 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	for _, tc := range []struct{ name, raw, want string }{
		{"depth", deep + "\r\nhello", "parts nested deeper than 50"},
		{"parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 1200), "more than 1000 parts"},
		{"header block", strings.Repeat("X-Filler: "+strings.Repeat("x", 900)+"\r\n", 400) + "\r\nhello", "header block over 256 kB"},
		{"size", "Subject: x\r\n\r\n" + strings.Repeat("x", MaxSize), "larger than 25 MB"},
		{"one long header is none", "Subject: " + strings.Repeat("x", 1<<20) + "\r\n\r\nhello", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if m := Parse([]byte(tc.raw)); m.Excess != tc.want {
				t.Errorf("got %q, want %q", m.Excess, tc.want)
			}
		})
	}
}

// Shapes that cost other parsers exponential or quadratic time. Doubling the input may at most multiply the time by 2.6.
func TestTimeIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("not tested in short mode: the time of parsing")
	}
	shapes := map[string]func(n int) string{
		"unclosed nested multiparts": func(n int) string {
			var b strings.Builder
			for i := range 50 {
				fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
			}
			return b.String() + strings.Repeat("--b-line\r\n", n)
		},
		"a boundary on every line": func(n int) string {
			return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n", n)
		},
		"prefixes of the boundary": func(n int) string {
			return "Content-Type: multipart/mixed; boundary=-\r\n\r\n" + strings.Repeat("-", 2*n)
		},
		"words that never end": func(n int) string { return "Subject: " + strings.Repeat("=?a?q?", n) + "\r\n\r\n" },
		"short folded lines":   func(n int) string { return "Subject: x\r\n" + strings.Repeat(" y\r\n", n) + "\r\n" },
		"addresses":            func(n int) string { return "To: " + strings.Repeat("\"a\" <a@b>,(", n) + "\r\n\r\n" },
		"open brackets": func(n int) string {
			return "From: " + strings.Repeat("(<\"", n) + "\r\nReferences: " + strings.Repeat("<", n) + "\r\n\r\n"
		},
		"parameters": func(n int) string { return "Content-Type: text/plain; " + strings.Repeat("a=\";", n) + "\r\n\r\n" },
		"equals signs": func(n int) string {
			return "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=  ", n)
		},
		"plus signs in utf-7":     func(n int) string { return "Content-Type: text/plain; charset=utf-7\r\n\r\n" + strings.Repeat("+A", n) },
		"open tags":               func(n int) string { return "Content-Type: text/html\r\n\r\n" + strings.Repeat("<div><", n) },
		"open comments in a page": func(n int) string { return "Content-Type: text/html\r\n\r\n" + strings.Repeat("<!--", n) },
		"high bytes":              func(n int) string { return "Content-Type: text/plain\r\n\r\n" + strings.Repeat("\xe0\xff ", n) },
		"metas":                   func(n int) string { return "Content-Type: text/html\r\n\r\n" + strings.Repeat("<meta charset=", n) },
		"quoted ids in a bounce":  func(n int) string { return "From: mailer-daemon@x\r\n\r\n" + strings.Repeat("Message-ID: \r\n", n) },
		"parts of one line headers": func(n int) string {
			return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nA: b\r\n\r\n", n/4)
		},
	}
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			small, large := shape(30_000), shape(120_000)
			took := func(raw string) time.Duration {
				best := time.Hour
				for range 3 {
					began := time.Now()
					Classify(Parse([]byte(raw)))
					best = min(best, time.Since(began))
				}
				return best
			}
			var a, b time.Duration
			for range 4 { // other programs on the machine: a slow parser is slow every time
				a, b = took(small), took(large)
				if b < 50*time.Millisecond || float64(b) <= 2.6*2.6*float64(a) {
					break
				}
			}
			if b >= 50*time.Millisecond && float64(b) > 2.6*2.6*float64(a) {
				t.Errorf("four times the input took %s instead of %s", b, a)
			}
			if perMB := time.Duration(float64(b) / (float64(len(large)) / (1 << 20))); b > 50*time.Millisecond && perMB > 2*time.Second {
				t.Errorf("%s for a megabyte", perMB)
			}
			t.Logf("%d kB in %s", len(large)>>10, b)
		})
	}
}

func TestTheLargestMailStaysWithin64MB(t *testing.T) {
	line := strings.Repeat("QUJD", 19) + "\r\n"
	raw := []byte("From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		strings.Repeat(line, (MaxSize-300)/len(line)) + "--b--\r\n")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	m := Parse(raw)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	used := after.TotalAlloc - before.TotalAlloc + uint64(len(raw))
	t.Logf("%d MB in %s, %d MB of memory with the mail itself", len(raw)>>20, took, used>>20)
	if m.Excess != "" || len(m.Parts) != 1 || used > 64<<20 || took > slower*2*time.Second {
		t.Errorf("excess %q, %d parts", m.Excess, len(m.Parts))
	}
}

// The texts and pages that cost the most to fold.
func TestTheLargestTextsStayWithin64MB(t *testing.T) {
	for _, tc := range []struct {
		name, kind, unit string
		size             int
	}{
		{"blank lines", "plain", "\r\n", maxText}, {"quoted lines", "plain", "> a\r\n", maxText}, {"lines of a page", "html", "x<br>", maxPage},
		{"quotes in a page", "html", "<blockquote type=cite>x</blockquote>", maxPage}, {"elements in a quote", "html", "<p>", maxPage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			raw := "From: a@b.test\r\nContent-Type: text/" + tc.kind + "\r\n\r\nHello<br>From: a@b.test<br>To: b<br>Sent: 1<br>\r\n" + strings.Repeat(tc.unit, (tc.size-100)/len(tc.unit))
			took, used := costOf([]byte(raw), func(Mail) {})
			t.Logf("%d kB in %s, %d MB allocated", len(raw)>>10, took, used>>20)
			if took > slower*2*time.Second || used > 64<<20 {
				t.Errorf("%d kB in %s, %d MB allocated", len(raw)>>10, took, used>>20)
			}
		})
	}
}

// FuzzParse looks for mails that cost a panic, too much time, or text that a database would refuse.
func FuzzParse(f *testing.F) {
	var seeds []string
	for _, raw := range []string{
		letter("a letter"),
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.test\nAction: failed\n\n--b--",
		"Subject: =?koi8-r?B?8NLJ18XU?= =?utf-8?Q?=D0?=\nContent-Type: text/html; charset=utf-7\nContent-Transfer-Encoding: base64\n\nPGI+",
		"Content-Type: a/b; name*0*=utf-8''%D1; name*1=\"x;\n\n(\"<",
	} {
		f.Add([]byte(raw))
	}
	root := os.Getenv("PARLEY_CORPORA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	for _, name := range []string{"mail-chatwoot/*.eml", "mail-stalwart/malformed/*.eml", "mail-enmime/testdata/*/*.raw"} {
		more, _ := filepath.Glob(filepath.Join(root, name))
		seeds = append(seeds, more...)
	}
	for _, file := range seeds {
		if raw, err := os.ReadFile(file); err == nil {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		began := time.Now()
		m := Parse(raw)
		Classify(m)
		foldBodies(m)
		if took := time.Since(began); took > slower*2*time.Second { // the fuzzer makes it some ten times slower
			t.Errorf("%d bytes took %s", len(raw), took)
		}
		for _, s := range []string{m.Text, m.HTML, m.Subject, m.MessageID, joinAddresses(m.From), strings.Join(m.References, "")} {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				t.Errorf("not storable: %q", s)
			}
		}
		for _, p := range m.Parts {
			if !utf8.ValidString(p.Name+p.CID+p.MIME) || strings.ContainsAny(p.Name, "/\\\x00\r\n") {
				t.Errorf("part named %q, %q, %q", p.Name, p.CID, p.MIME)
			}
		}
		if len(m.Text) == 0 && len(m.HTML) == 0 && len(m.Parts) == 0 && m.Excess == "" {
			if _, body, _ := readHeader(skipPreface(raw), true); len(bytes.TrimSpace(body)) > 0 && len(strings.TrimSpace(clean(string(body)))) > 200 {
				t.Logf("nothing shown of %d bytes", len(body))
			}
		}
	})
}
