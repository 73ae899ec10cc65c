package sanitize

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func pictureAt(cid string) string {
	if cid == "logo@shop" {
		return "/api/v1/attachments/7"
	}
	return ""
}

func TestMailLooksAsItWasMeant(t *testing.T) {
	cases := []struct{ name, in, want string }{
		{"words", `<p>Hello <b>you</b> &amp; <i>me</i></p>`, `<p>Hello <b>you</b> &amp; <i>me</i></p>`},
		{"link", `<a href="https://shop.example/a?b=1&amp;c=2">x</a>`,
			`<a href="https://shop.example/a?b=1&amp;c=2" rel="nofollow noreferrer noopener" target="_blank">x</a>`},
		{"mail link", `<a href="mailto:me@shop.example">x</a>`, `<a href="mailto:me@shop.example" rel="nofollow noreferrer">x</a>`},
		{"inline picture", `<img src="cid:logo@shop" alt="Logo" width="80">`, `<img src="/api/v1/attachments/7" alt="Logo" width="80">`},
		{"inline picture, coded", `<img src="CID:logo%40shop">`, `<img src="/api/v1/attachments/7">`},
		{"inline picture that is not there", `a<img src="cid:other">b`, `ab`},
		{"remote picture waits", `<img src="https://track.example/p.gif?u=1" alt="x">`, `<img data-remote-src="https://track.example/p.gif?u=1" alt="x">`},
		{"embedded picture", `<img src="data:image/png;base64,iVBORw0KGgo=">`, `<img src="data:image/png;base64,iVBORw0KGgo=">`},
		{"colours", `<div style="color: #333; background: rgb(1, 2, 3)">x</div>`, `<div style="color: #333; background: rgb(1, 2, 3)">x</div>`},
		{"quotation", `<blockquote type="cite">old</blockquote>`, `<blockquote type="cite">old</blockquote>`},
		{"marks of what can be folded", `<p data-parley-fold="quote">old</p><p data-parley-fold="x" data-x="y">new</p>`, `<p data-parley-fold="quote">old</p><p>new</p>`},
		{"comment", `a<!-- [if mso]>evil<![endif] -->b`, `ab`},
		{"style sheet", `<style>p{color:red}</style><p>x</p>`, `<p>x</p>`},
		{"link to a part", `<a href="cid:logo@shop">x</a>`, `<a rel="nofollow noreferrer">x</a>`},
		{"two sources", `<img src="cid:logo@shop" src="https://evil.example/x">`, `<img src="/api/v1/attachments/7">`},
		{"less than", `1 < 2 and <3`, `1 &lt; 2 and &lt;3`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := MailHTML(c.in, pictureAt); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// harm is what in the HTML, read as a browser reads it, could run, load or send something; "" when nothing can.
func harm(t *testing.T, clean string) string {
	t.Helper()
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(clean), body)
	if err != nil {
		t.Fatal(err)
	}
	for _, top := range nodes {
		for n := range top.Descendants() {
			if h := harmOf(n); h != "" {
				return h
			}
		}
		if h := harmOf(top); h != "" {
			return h
		}
	}
	return ""
}

const harmlessElements = " p div span br hr h1 h2 h3 h4 h5 h6 blockquote pre code kbd samp b strong i em u s del ins strike small big sub sup mark q cite abbr " +
	"address ul ol li dl dt dd table caption thead tbody tfoot tr th td col colgroup center a img font "

func harmOf(n *html.Node) string {
	if n.Type != html.ElementNode {
		return ""
	}
	if !strings.Contains(harmlessElements, " "+n.Data+" ") || n.Namespace != "" {
		return "element " + n.Data
	}
	for _, a := range n.Attr {
		value := strings.ToLower(strings.Map(func(r rune) rune {
			if r <= ' ' {
				return -1
			}
			return r
		}, a.Val))
		u, err := url.Parse(value)
		switch {
		case strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "form") || a.Key == "id" || a.Key == "name" || a.Key == "srcset" || a.Key == "background":
			return "attribute " + a.Key
		case a.Key == "href" && (err != nil || !strings.Contains(" http https mailto tel ", " "+u.Scheme+" ")):
			return "link to " + value
		case a.Key == "src" && !strings.HasPrefix(value, "/api/v1/attachments/") && !strings.HasPrefix(value, "data:image/png;base64,") &&
			!strings.HasPrefix(value, "data:image/gif;base64,"):
			return "loads " + value
		case a.Key == "style" && (strings.ContainsAny(value, `\<@`) || strings.Contains(value, "url(") || strings.Contains(value, "expression(") ||
			strings.Contains(value, "position:") || strings.Contains(value, "behavior:") || strings.Contains(value, "image(")):
			return "style " + value
		}
	}
	return ""
}

func payloads(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("testdata/payloads.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "##") {
			all = append(all, strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\0`, "\x00").Replace(line))
		}
	}
	if len(all) < 300 {
		t.Fatalf("only %d payloads", len(all))
	}
	return all
}

func TestNoPayloadCanRunOrLoadAnything(t *testing.T) {
	for _, p := range payloads(t) {
		for name, clean := range map[string]string{
			"MailHTML": MailHTML(p, pictureAt), "OutgoingHTML": OutgoingHTML(p), "Markdown": Markdown(p), "inside a table": MailHTML("<table><tr><td>"+p, pictureAt),
			"inside a picture": MailHTML(`<img alt="`+p+`">`, pictureAt), "inside a link": MailHTML(`<a href="`+p+`">x</a>`, pictureAt),
			"inside a style": MailHTML(`<p style="`+p+`">x</p>`, pictureAt), "markdown link": Markdown("[x](" + p + ")"), "markdown picture": Markdown("![" + p + "](" + p + ")"),
		} {
			if h := harm(t, clean); h != "" {
				t.Errorf("%s leaves %s\nof %q\nin %q", name, h, p, clean)
			}
		}
	}
}

func TestTheJudgeOfPayloadsFindsHarm(t *testing.T) {
	for _, bad := range []string{`<script>x</script>`, `<p onclick=x>`, `<a href="javascript:x">y</a>`, `<img src=https://track.example/x>`, `<p style="background:url(x)">`,
		`<svg><a>x</a></svg>`, `<div><p><form action=x>`} {
		if harm(t, bad) == "" {
			t.Errorf("%s passes for harmless", bad)
		}
	}
}

func FuzzMailHTML(f *testing.F) {
	f.Add(`<img src="cid:logo@shop"><a href="https://x">`)
	f.Add(`<svg><style><img src=x onerror=alert(1)></style></svg>`)
	f.Add(`<p style="color:red;background:url(//x)">`)
	f.Fuzz(func(t *testing.T, s string) {
		if h := harm(t, MailHTML(s, pictureAt)); h != "" {
			t.Errorf("%s of %q", h, s)
		}
		_ = HTMLToText(s)
	})
}

func TestTwiceTheSizeIsNotFourTimesTheWork(t *testing.T) {
	shapes := map[string]string{
		"open elements": "<div><b>", "attributes": "<p a=1 b=2 style='color:red' ", "pictures": "<img src=cid:x>", "links": "<a href=x>", "quotes": "<blockquote>",
		"less than": "<<<<", "entities": "&amp;&#x41;", "styles": "<p style='color:red;color:blue'>", "comments": "<!--", "closing": "</div>", "preformatted": "<pre>a\nb",
	}
	for name, piece := range shapes {
		for work, do := range map[string]func(string){
			"MailHTML":   func(s string) { MailHTML(s, pictureAt) },
			"HTMLToText": func(s string) { HTMLToText(s) },
		} {
			// Eight times the input takes about eight times as long, and 64 times where time is quadratic: half-way between the two
			// tells them apart on any machine, however busy.
			n := 20_000 / len(piece)
			var once, eight time.Duration
			for range 4 {
				once, eight = fastest(do, strings.Repeat(piece, n)), fastest(do, strings.Repeat(piece, 8*n))
				if eight <= 24*once || eight < 20*time.Millisecond {
					break
				}
			}
			if eight > 24*once && eight >= 20*time.Millisecond {
				t.Errorf("%s of %s: %s, eight times as much %s", work, name, once, eight)
			}
		}
	}
}

func fastest(do func(string), s string) time.Duration {
	best := time.Hour
	for range 3 {
		start := time.Now()
		do(s)
		best = min(best, time.Since(start))
	}
	return best
}

func TestMarkdownGoesOutAsWritten(t *testing.T) {
	cases := []struct{ name, in, want string }{
		{"lines", "Hello\nyou", "<p>Hello<br>\nyou</p>\n"},
		{"bold and list", "**now**\n\n- a\n- b", "<p><strong>now</strong></p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"},
		{"HTML is text", "a <b> c & <script>alert(1)</script>", "<p>a &lt;b&gt; c &amp; &lt;script&gt;alert(1)&lt;/script&gt;</p>\n"},
		{"HTML block is text", "<div>\n*x*\n</div>", "<p>&lt;div&gt;<br>\n<em>x</em><br>\n&lt;/div&gt;</p>\n"},
		{"bare link", "see https://shop.example/x", `<p>see <a href="https://shop.example/x" rel="nofollow noreferrer noopener" target="_blank">https://shop.example/x</a></p>` + "\n"},
		{"picture is a link", "![plan](https://shop.example/p.png)", `<p><a href="https://shop.example/p.png" rel="nofollow noreferrer noopener" target="_blank">plan</a></p>` + "\n"},
		{"script link", "[x](javascript:alert(1))", "<p>x</p>\n"},
		{"struck", "~~no~~", "<p><del>no</del></p>\n"},
		{"table", "|a|b|\n|-|-|\n|1|2|", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := Markdown(c.in); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestHTMLReadsAsText(t *testing.T) {
	cases := []struct{ name, in, want string }{
		{"paragraphs", "<p>Hello  you,</p>\n<p>how are\n you?</p>", "Hello you,\n\nhow are you?"},
		{"divs of a mail program", "<div>one</div><div>two</div><div><br></div><div>three</div>", "one\ntwo\n\nthree"},
		{"breaks", "a<br>b<br/>c", "a\nb\nc"},
		{"words keep together", "Hel<b>lo</b> <i>you</i>!", "Hello you!"},
		{"link", `<a href="https://shop.example/x">our shop</a>, now`, "our shop (https://shop.example/x), now"},
		{"link that says its address", `<a href="https://shop.example/">shop.example</a> <a href="mailto:a@b.c">a@b.c</a>`, "shop.example a@b.c"},
		{"list", "<ul><li>a</li><li>b</li></ul>", "- a\n- b"},
		{"quotation", "<p>yes</p><blockquote>really?<br>sure?</blockquote><p>bye</p>", "yes\n\n> really?\n> sure?\n\nbye"},
		{"hidden", "<head><title>T</title><style>p{}</style></head><script>x()</script>seen", "seen"},
		{"entities", "a &lt; b &amp; c&nbsp;d &euro;", "a < b & c d €"},
		{"picture", `<img alt="Our logo" src=x> hi`, "Our logo hi"},
		{"table", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"},
		{"preformatted", "<pre>a\n  b\n\nc</pre>", "a\n  b\n\nc"},
		{"nothing", "<p> </p>", ""},
		{"broken", "<p>a<b>b</p <i>c", "ab\n\nc"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := HTMLToText(c.in); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func ExampleMailHTML() {
	fmt.Println(MailHTML(`<p onclick="x()">Hi<script>x()</script></p>`, nil))
	// Output: <p>Hi</p>
}
