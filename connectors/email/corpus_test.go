package email

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// corpus is the folder of shared test mails of that name; the test is skipped where they are not at hand.
func corpus(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("PARLEY_CORPORA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("not tested: parsing against the corpus %s, which is not here (%v)", name, err)
	}
	return dir
}

type consensus struct {
	From, To    [][2]string
	Subject     *string
	Date        *string
	MessageID   *string `json:"message_id"`
	InReplyTo   *string `json:"in_reply_to"`
	References  *[]string
	Attachments *[]string
	HasHTML     *bool `json:"has_html"`
	Text        *string
}

// Values on which two of three other parsers agree (Python's email, mailparser, postal-mime).
func TestMailAsOtherParsersAgree(t *testing.T) {
	for _, name := range []string{"mail-enmime", "mail-chatwoot"} {
		t.Run(name, func(t *testing.T) {
			dir := corpus(t, name)
			raw, err := os.ReadFile(filepath.Join(dir, "expected.consensus.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want map[string]consensus
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			var s score
			for _, file := range sorted(want) {
				raw, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil {
					t.Fatal(err)
				}
				w := want[file]
				diff := w.diff(Parse(raw))
				if s.add(w.values(), len(diff)); len(diff) > 0 {
					t.Logf("%s: %s", file, strings.Join(diff, "\n\t"))
				}
			}
			s.judge(t, name)
		})
	}
}

// score counts the values that are right, and the files in which all are.
type score struct{ files, goodFiles, values, goodValues int }

func (s *score) add(values, wrong int) {
	s.files, s.values, s.goodValues = s.files+1, s.values+values, s.goodValues+values-wrong
	if wrong == 0 {
		s.goodFiles++
	}
}

// judge wants 98 % of the values.
func (s *score) judge(t *testing.T, name string) {
	t.Helper()
	t.Logf("%s: %d of %d values right (%.2f %%), all of them in %d of %d files (%.1f %%)", name, s.goodValues, s.values, 100*float64(s.goodValues)/float64(s.values),
		s.goodFiles, s.files, 100*float64(s.goodFiles)/float64(s.files))
	if s.goodValues*100 < 98*s.values {
		t.Errorf("%s: fewer than 98 %% of the values are right", name)
	}
}

// values is how many values are expected; those that the other parsers dispute are not there.
func (w consensus) values() (n int) {
	for _, there := range []bool{w.From != nil, w.To != nil, w.Subject != nil, w.Date != nil, w.MessageID != nil, w.InReplyTo != nil, w.References != nil, w.Attachments != nil, w.HasHTML != nil, w.Text != nil} {
		if there {
			n++
		}
	}
	return n
}

func (w consensus) diff(m Mail) (diff []string) {
	not := func(what string, got, want any) {
		g, _ := json.Marshal(got)
		x, _ := json.Marshal(want)
		diff = append(diff, what+": got "+string(g)+", want "+string(x))
	}
	for _, f := range []*string{w.Subject, w.Text} { // the other parser lost a character here: nothing to compare with
		if f != nil && strings.Contains(*f, "\uFFFD") {
			*f = "*"
		}
	}
	if w.From != nil && !sameList(w.From, m.From) {
		not("from", m.From, w.From)
	}
	if w.To != nil && !sameList(w.To, m.To) {
		not("to", m.To, w.To)
	}
	if w.Subject != nil && *w.Subject != "*" && fold(*w.Subject) != fold(m.Subject) {
		not("subject", m.Subject, *w.Subject)
	}
	if w.Date != nil && *w.Date != dateText(m.Date) {
		not("date", dateText(m.Date), *w.Date)
	}
	if w.MessageID != nil && strings.Trim(*w.MessageID, "<> ") != m.MessageID {
		not("message-id", m.MessageID, *w.MessageID)
	}
	if w.InReplyTo != nil && bare(*w.InReplyTo) != strings.Join(m.InReplyTo, " ") {
		not("in-reply-to", m.InReplyTo, *w.InReplyTo)
	}
	if w.References != nil && bare(strings.Join(*w.References, " ")) != strings.Join(m.References, " ") {
		not("references", m.References, *w.References)
	}
	if w.Attachments != nil {
		names := []string{}
		for _, p := range m.Parts {
			names = append(names, p.Name)
		}
		if strings.Contains(strings.Join(*w.Attachments, ""), "\uFFFD") {
			*w.Attachments = names
		}
		slices.Sort(names)
		slices.Sort(*w.Attachments)
		if len(names) != len(*w.Attachments) || fold(strings.Join(names, "|")) != fold(strings.Join(*w.Attachments, "|")) {
			not("attachments", names, *w.Attachments)
		}
	}
	if w.HasHTML != nil && *w.HasHTML != (m.HTML != "") {
		not("has html", m.HTML != "", *w.HasHTML)
	}
	if w.Text != nil && *w.Text != "*" && !strings.HasPrefix(fold(m.Text), strings.TrimSuffix(start(*w.Text), "…")) {
		if !(*w.Text == "" && m.HTML != "") { // we make the text from the HTML
			not("text", start(m.Text), start(*w.Text))
		}
	}
	return diff
}

func sameList(want [][2]string, got []Address) bool {
	if len(want) != len(got) {
		return false
	}
	for i, w := range want {
		lost := strings.Contains(w[0], "\uFFFD")
		if !lost && fold(w[0]) != fold(got[i].Name) || !strings.EqualFold(w[1], got[i].Addr) {
			return false
		}
	}
	return true
}

func bare(ids string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("<", " ", ">", " ", ",", " ").Replace(ids)), " ")
}
func fold(s string) string { return strings.Join(strings.Fields(s), " ") }

func start(s string) string {
	r := []rune(fold(s))
	return strings.TrimSpace(string(r[:min(len(r), 180)]))
}

func dateText(d time.Time) string {
	if d.IsZero() {
		return ""
	}
	return d.UTC().Format("2006-01-02T15:04:05.000Z")
}

// readOtherwise are the mails of that corpus that we read otherwise than their author, and why.
var readOtherwise = map[string]string{
	"legacy/035.eml": "a Windows path in a file name loses its folders here, its backslashes there",
	"legacy/039.eml": "the same",
}

// disputed are the mails that Python's email.policy.default reads otherwise than their author as well.
var disputed = map[string]string{
	"malformed/003.eml":  "the boundary of the mail ends what is nested in it (RFC 2046 §5.1.2)",
	"malformed/005.eml":  "a boundary that is another's close: shown as it came",
	"malformed/009.eml":  "as 003",
	"malformed/011.eml":  "as 003",
	"malformed/017.eml":  "a file name behind an empty disposition is used",
	"thirdparty/015.eml": "as 003: a mail in it that is cut short",
}

// The parse trees that come with stalwartlabs/mail-parser.
func TestMailAsStalwartReadsIt(t *testing.T) {
	dir := corpus(t, "mail-stalwart")
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*.eml"))
	var s, all score
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want stalwart
		js, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(js, &want); err != nil {
			t.Fatal(err)
		}
		name := file[len(dir)+1:]
		w := want.consensus()
		diff := w.diff(Parse(raw))
		all.add(w.values(), len(diff))
		switch {
		case len(diff) == 0:
			s.add(w.values(), 0)
		case disputed[name] != "":
			s.add(w.values()-len(diff), 0)
			t.Logf("%s: %s: %s", name, disputed[name], strings.Join(diff, "\n\t"))
		case readOtherwise[name] != "":
			s.add(w.values(), len(diff))
			t.Logf("%s: %s: %s", name, readOtherwise[name], strings.Join(diff, "\n\t"))
		default:
			s.add(w.values(), len(diff))
			t.Errorf("%s: %s", name, strings.Join(diff, "\n\t"))
		}
	}
	t.Logf("mail-stalwart with what is disputed: %d of %d values (%.2f %%), %d of %d files", all.goodValues, all.values, 100*float64(all.goodValues)/float64(all.values), all.goodFiles, all.files)
	s.judge(t, "mail-stalwart")
}

type stalwart struct {
	HTMLBody    []int `json:"html_body"`
	TextBody    []int `json:"text_body"`
	Attachments []int
	Parts       []struct {
		Headers []struct{ Name, Value json.RawMessage }
		Body    json.RawMessage
	}
}

type stalwartAddress struct{ Name, Address string }

func (s stalwart) consensus() consensus {
	var c consensus
	empty := ""
	c.Subject, c.Date, c.MessageID = &empty, &empty, &empty
	for _, h := range s.Parts[0].Headers {
		var v struct {
			Text     string
			Address  stalwartAddresses
			DateTime *stalwartDate
		}
		_ = json.Unmarshal(h.Value, &v)
		pairs := v.Address.pairs()
		switch string(h.Name) {
		case `"from"`:
			c.From = pairs
		case `"to"`:
			c.To = pairs
		case `"subject"`:
			c.Subject = &v.Text
		case `"message_id"`:
			c.MessageID = &v.Text
		case `"date"`:
			if d := v.DateTime; d != nil {
				text := d.text()
				c.Date = &text
			}
		}
	}
	var texts []string
	onlyText := true
	for _, i := range s.TextBody {
		var b struct{ Text, HTML *string }
		_ = json.Unmarshal(s.Parts[i].Body, &b)
		if b.Text != nil {
			texts = append(texts, *b.Text)
		} else {
			onlyText = false
		}
	}
	if text := strings.Join(texts, "\n"); onlyText {
		c.Text = &text
	}
	html := false
	for _, i := range s.HTMLBody {
		html = html || strings.HasPrefix(string(s.Parts[i].Body), `{"Html"`) || strings.Contains(string(s.Parts[i].Body), `"Html":`)
	}
	c.HasHTML = &html
	names := []string{}
	for _, i := range s.Attachments {
		if strings.ReplaceAll(strings.ReplaceAll(string(s.Parts[i].Body), " ", ""), "\n", "") == `{"Text":""}` {
			continue // nothing in it that could be attached
		}
		names = append(names, strings.TrimPrefix(path.Base("/"+s.name(i)), "/"))
	}
	c.Attachments = &names
	return c
}

// name is the file name in a part's disposition or content type.
func (s stalwart) name(part int) string {
	found := map[string]string{}
	for _, h := range s.Parts[part].Headers {
		var v struct {
			ContentType struct {
				Attributes []struct{ Name, Value string }
			}
		}
		if json.Unmarshal(h.Value, &v) != nil {
			continue
		}
		for _, a := range v.ContentType.Attributes {
			found[a.Name] = a.Value
		}
	}
	if found["filename"] != "" {
		return found["filename"]
	}
	return found["name"]
}

// The field values of stalwartlabs/mail-parser: 60 of addresses, 40 of dates.
func TestFieldsAsStalwartReadsThem(t *testing.T) {
	dir := filepath.Join(corpus(t, "mail-stalwart"), "headers")
	var addresses []struct {
		Header   string
		Expected stalwartAddresses
	}
	readJSON(t, filepath.Join(dir, "address.json"), &addresses)
	var s score
	for _, a := range addresses {
		got := parseAddresses([]string{field(a.Header)})
		switch want := a.Expected.pairs(); {
		case sameList(asWeShow(want), got):
			s.add(1, 0)
		case !strings.Contains(a.Header, "@"): // a link of a list, a word: no address
		case strings.HasPrefix(a.Header, "Pete(A nice") || strings.HasPrefix(a.Header, "A Group(Some people)"):
			t.Logf("%q: comments are mixed into the names there", a.Header)
		default:
			s.add(1, 1)
			t.Logf("%q: got %q, want %q", a.Header, got, want)
		}
	}
	var dates []struct {
		Header   string
		Expected stalwartDate
	}
	readJSON(t, filepath.Join(dir, "date.json"), &dates)
	for _, d := range dates {
		got, want := dateText(parseDate(field(d.Header))), d.Expected.text()
		switch {
		case got == want:
			s.add(1, 0)
		case datesOtherwise[d.Header] != "":
			t.Logf("%q: %s", d.Header, datesOtherwise[d.Header])
		default:
			s.add(1, 1)
			t.Logf("%q: got %s, want %s", d.Header, got, want)
		}
	}
	s.judge(t, "fields of mail-stalwart")
}

// field is a header as the reader of headers hands it on: unfolded, without what follows it.
func field(h string) string {
	lines := strings.Split(h, "\n")
	out := lines[0]
	for _, l := range lines[1:] {
		if !strings.HasPrefix(l, " ") && !strings.HasPrefix(l, "\t") {
			break
		}
		out += strings.TrimSuffix(l, "\r")
	}
	return out
}

// asWeShow writes the author's reading in our way: comments are no part of a name that is there, a name that only repeats the
// address is none, an address has no blanks, no route and no "mailto:".
func asWeShow(pairs [][2]string) [][2]string {
	for i, p := range pairs {
		if name := withoutComments(p[0]); strings.TrimSpace(name) != "" {
			p[0] = name
		}
		if strings.EqualFold(p[0], p[1]) {
			p[0] = ""
		}
		p[1] = cleanAddr(p[1])
		if strings.HasPrefix(p[1], "@") {
			p[1] = p[1][strings.LastIndexByte(p[1], ':')+1:]
		}
		pairs[i] = p
	}
	return pairs
}

// datesOtherwise are strings that only another parser takes for a date, or not.
var datesOtherwise = map[string]string{
	" 4 8 15 16 23 42, 4 8 15 16 23 42, 4 8 15 16 23 42, ":            "numbers without a month or a colon are no date",
	"20 11 (some \n 44 comments(more comments\n )) 79 05:34:27 -0300": "the same",
	"Tue, 1 Jul 2003 ((invalid)\ncomment) 10:52:37 +0200":             "the day is there, the rest is not part of the field",
}

type stalwartAddresses struct {
	List  []stalwartAddress
	Group []struct{ Addresses []stalwartAddress }
}

func (a stalwartAddresses) pairs() (pairs [][2]string) {
	for _, g := range a.Group {
		a.List = append(a.List, g.Addresses...)
	}
	for _, x := range a.List {
		pairs = append(pairs, [2]string{x.Name, x.Address})
	}
	return pairs
}

type stalwartDate struct {
	Year, Month, Day, Hour, Minute, Second int
	Before                                 bool `json:"tz_before_gmt"`
	H                                      int  `json:"tz_hour"`
	M                                      int  `json:"tz_minute"`
}

func (d stalwartDate) text() string {
	if d.Month == 0 || d.Day == 0 {
		return ""
	}
	off := d.H*3600 + d.M*60
	if d.Before {
		off = -off
	}
	return dateText(time.Date(d.Year, time.Month(d.Month), d.Day, d.Hour, d.Minute, d.Second, 0, time.FixedZone("", off)))
}
