package sanitize

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
)

// RemoteSrc is the attribute that holds the address of a picture on somebody else's server. Nothing loads it until the person
// asks for it: a picture that loads by itself tells its sender when and where a mail was read.
const RemoteSrc = "data-remote-src"

// MailHTML is a stranger's HTML with what can only be looked at: an allow-list of elements, attributes and styles. Links open in
// a new window and tell nobody where they were clicked. An inline picture gets the address that inline returns for its
// Content-ID (without brackets), or goes when that is "" or inline is nil; a remote one keeps its address in RemoteSrc.
//
// Show it in a sandboxed frame all the same.
func MailHTML(s string, inline func(cid string) string) string {
	return rewritePictures(mailPolicy.Sanitize(Text(s)), inline)
}

// OutgoingHTML is an agent's HTML as it may go out and be shown to other agents: no pictures, scripts, forms or styles of its own.
func OutgoingHTML(s string) string { return outgoingPolicy.Sanitize(Text(s)) }

var (
	mailPolicy     = newMailPolicy()
	outgoingPolicy = newOutgoingPolicy()
)

func newOutgoingPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "div", "span", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "kbd", "samp",
		"b", "strong", "i", "em", "u", "s", "del", "ins", "strike", "small", "big", "sub", "sup", "mark", "q", "cite", "abbr", "address",
		"ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "col", "colgroup", "center")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("title").Matching(bluemonday.Paragraph).OnElements("a", "abbr")
	p.AllowAttrs("colspan", "rowspan", "start", "span").Matching(bluemonday.Integer).OnElements("td", "th", "ol", "col", "colgroup")
	p.AllowAttrs("dir").Matching(bluemonday.Direction).Globally()
	p.AllowURLSchemes("http", "https", "mailto", "tel")
	p.RequireParseableURLs(true)
	p.AddTargetBlankToFullyQualifiedLinks(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	return p
}

func newMailPolicy() *bluemonday.Policy {
	p := newOutgoingPolicy()
	p.AllowElements("font")
	p.AllowAttrs("color", "bgcolor").Matching(colour).Globally()
	p.AllowAttrs("face").Matching(regexp.MustCompile(`^[\p{L}\p{N} ,'-]+$`)).OnElements("font")
	p.AllowAttrs("size").Matching(regexp.MustCompile(`^[+-]?[0-9]$`)).OnElements("font")
	p.AllowAttrs("width", "height", "border", "cellpadding", "cellspacing").Matching(bluemonday.NumberOrPercent).
		OnElements("table", "td", "th", "tr", "col", "img")
	p.AllowAttrs("align", "valign").Matching(regexp.MustCompile(`(?i)^(left|right|center|justify|top|middle|bottom|baseline)$`)).Globally()
	p.AllowAttrs("type").Matching(regexp.MustCompile(`^cite$`)).OnElements("blockquote")
	p.AllowAttrs("data-parley-fold").Matching(regexp.MustCompile(`^(quote|signature)$`)).Globally() // set by the email connector
	p.AllowAttrs("alt").OnElements("img")
	p.AllowAttrs("src").OnElements("img")
	p.AllowURLSchemes("http", "https", "mailto", "tel", "cid")
	p.AllowURLSchemeWithCustomPolicy("data", func(u *url.URL) bool { return rasterPicture.MatchString(u.Opaque) })
	p.AllowStyles(styles...).MatchingHandler(isPlainStyle).Globally()
	return p
}

var colour = regexp.MustCompile(`(?i)^(#[0-9a-f]{3,8}|[a-z]{3,20})$`)

// rasterPicture is a picture in the text itself; an SVG may hold scripts.
var rasterPicture = regexp.MustCompile(`^image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/%\s]*={0,2}$`)

// styles are those that change how something looks, not where it is or what it loads.
var styles = []string{"color", "background", "background-color", "font", "font-family", "font-size", "font-style", "font-weight", "font-variant",
	"line-height", "letter-spacing", "word-spacing", "text-align", "text-decoration", "text-indent", "text-transform", "vertical-align", "white-space",
	"margin", "margin-top", "margin-right", "margin-bottom", "margin-left", "padding", "padding-top", "padding-right", "padding-bottom", "padding-left",
	"border", "border-top", "border-right", "border-bottom", "border-left", "border-color", "border-style", "border-width", "border-collapse",
	"border-spacing", "border-radius", "width", "height", "max-width", "min-width", "max-height", "list-style-type", "direction", "display"}

var (
	styleWords     = regexp.MustCompile(`^[\p{L}\p{N} #%.,'"!+()-]+$`) // not {1,300}: that compiles all letters of the world 300 times
	styleFunctions = regexp.MustCompile(`(?i)[a-z-]+\(`)
)

// isPlainStyle tells whether a value is made of words, lengths and colours: nothing that loads (url, image-set) or computes.
func isPlainStyle(value string) bool {
	if len(value) > 600 || !styleWords.MatchString(value) {
		return false
	}
	for _, f := range styleFunctions.FindAllString(value, -1) {
		switch strings.ToLower(f) {
		case "rgb(", "rgba(", "hsl(", "hsla(":
		default:
			return false
		}
	}
	return true
}

// rewritePictures changes the pictures of sanitised HTML, takes the addresses that only pictures may have from links, and leaves
// all else as it is.
func rewritePictures(clean string, inline func(cid string) string) string {
	var out strings.Builder
	out.Grow(len(clean))
	z := html.NewTokenizer(strings.NewReader(clean))
	for z.Next() != html.ErrorToken { // the only error of a string is its end
		raw := string(z.Raw())
		t := z.Token()
		switch {
		case t.Data == "img" && t.Type != html.EndTagToken:
			if img, ok := picture(t, inline); ok {
				out.WriteString(img.String())
			}
		case t.Data == "a" && t.Type == html.StartTagToken:
			out.WriteString(linkAway(t).String())
		default:
			out.WriteString(raw)
		}
	}
	return out.String()
}

// picture is the token of a picture as it is shown; not ok when there is nothing to show.
func picture(t html.Token, inline func(cid string) string) (_ html.Token, ok bool) {
	kept := t.Attr[:0:0]
	for _, a := range t.Attr {
		if a.Key != "src" {
			kept = append(kept, a)
			continue
		}
		if ok {
			continue
		}
		var src html.Attribute
		if src, ok = source(a.Val, inline); ok {
			kept = append(kept, src)
		}
	}
	t.Attr = kept
	return t, ok
}

func source(src string, inline func(cid string) string) (html.Attribute, bool) {
	scheme, rest, _ := strings.Cut(src, ":")
	switch strings.ToLower(scheme) {
	case "cid":
		id, err := url.PathUnescape(rest)
		if err != nil || inline == nil {
			return html.Attribute{}, false
		}
		at := inline(strings.Trim(id, "<>"))
		return html.Attribute{Key: "src", Val: at}, at != ""
	case "http", "https":
		return html.Attribute{Key: RemoteSrc, Val: src}, true
	case "data":
		return html.Attribute{Key: "src", Val: src}, true
	}
	return html.Attribute{}, false
}

// linkAway is a link without an address that leads nowhere outside.
func linkAway(t html.Token) html.Token {
	kept := t.Attr[:0:0]
	for _, a := range t.Attr {
		scheme, _, _ := strings.Cut(a.Val, ":")
		switch strings.ToLower(scheme) {
		case "cid", "data":
			if a.Key == "href" {
				continue
			}
		}
		kept = append(kept, a)
	}
	t.Attr = kept
	return t
}
