package email

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

func readJSON(t testing.TB, file string, into any) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func readText(t testing.TB, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(raw), "\r\n", "\n")
}

// filled are the lines of s that hold something, without blanks around.
func filled(s string) []string {
	out := []string{}
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// packed is s without white space.
func packed(s string) string { return strings.Join(strings.Fields(s), "") }

func sameLines(a, b string) bool {
	return strings.Join(filled(a), "\n") == strings.Join(filled(b), "\n")
}

// shown is what a reader sees of text when nothing but own words is.
func shown(text string, o Origin) string {
	if v := Visible(text, o); v != "" {
		return v
	}
	return text
}

// without drops the passages of one role.
func without(text string, r Role) string {
	var out strings.Builder
	for _, p := range Fold(text, Origin{}) {
		if p.Role != r {
			out.WriteString(p.Text)
		}
	}
	return out.String()
}

func TestQuotesAndSignaturesOfTalon(t *testing.T) {
	dir := corpus(t, "mail-reply-talon")
	var want struct {
		Standard   map[string]string                             `json:"standard_replies"`
		HTML       map[string]string                             `json:"html_replies"`
		Signatures map[string]struct{ Sender, Signature string } `json:"signature_stripped"`
	}
	readJSON(t, filepath.Join(dir, "expected.json"), &want)
	right := 0
	for file, reply := range want.Standard {
		m := Parse([]byte(readText(t, filepath.Join(dir, "standard_replies", file))))
		if got := without(m.Text, Quote); sameLines(got, reply) {
			right++
		} else {
			t.Errorf("%s: got %q, want %q", file, got, reply)
		}
	}
	for file, reply := range want.HTML {
		page := readText(t, filepath.Join(dir, "html_replies", file))
		marked, got := FoldHTML(page, Origin{})
		if got == "" {
			got = htmlText(page)
		}
		if packed(got) == packed(reply) && packed(htmlText(marked)) == packed(htmlText(page)) {
			right++
		} else {
			t.Errorf("%s: got %q, want %q", file, got, reply)
		}
	}
	for name, s := range want.Signatures {
		body := readText(t, filepath.Join(dir, "signature", "emails", "stripped", name+"_body"))
		var got strings.Builder
		from := Address{Name: s.Sender}
		if strings.Contains(s.Sender, "@") {
			from = Address{Addr: s.Sender}
		}
		for _, p := range Fold(body, Origin{From: from}) {
			if p.Role == Signature {
				got.WriteString(p.Text)
			}
		}
		if sameLines(got.String(), s.Signature) {
			right++
		} else {
			t.Errorf("%s: signature %q, want %q", name, got.String(), s.Signature)
		}
	}
	for file, reply := range map[string]string{"OLK_SRC_BODY_SECTION.html": "Reply", "reply-separated-by-hr.html": "Hi there Bob"} {
		if _, got := FoldHTML(readText(t, filepath.Join(dir, file)), Origin{}); packed(got) != packed(reply) {
			t.Errorf("%s: got %q, want %q", file, got, reply)
		}
	}
	t.Logf("mail-reply-talon: %d of %d right", right, len(want.Standard)+len(want.HTML)+len(want.Signatures))
}

// betterThanCrisp are the bodies whose expectation, the output of another library, is visibly wrong; here is what is right, and why.
var betterThanCrisp = map[string]struct{ visible, why string }{
	"email_2_1.txt":                        {"Outlook with a reply", "the whole quoted mail is left standing there"},
	"email_custom_quote_header.txt":        {"Thank you!", "the Hungarian line that introduces the quote is left standing there"},
	"email_sent_from_my_not_signature.txt": {"Here is another email\nSent from my desk, is much easier then my mobile phone.", "a sentence of the writer's is lost there"},
}

func TestVisibleTextOfCrisp(t *testing.T) {
	dir := corpus(t, "mail-reply-crisp")
	var want map[string]struct {
		Visible string `json:"visible_text"`
	}
	readJSON(t, filepath.Join(dir, "expected.json"), &want)
	verbatim, right := 0, 0
	for _, file := range sorted(want) {
		text := readText(t, filepath.Join(dir, file))
		got := shown(text, Origin{})
		if sameLines(got, want[file].Visible) {
			verbatim++
		}
		expected, better := want[file].Visible, betterThanCrisp[file]
		if better.why != "" {
			expected = better.visible
			t.Logf("%s: %s", file, better.why)
		}
		if sameLines(got, expected) {
			right++
		} else {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, expected)
		}
		if better.why == "" {
			lostLines(t, file, got, expected)
		}
	}
	t.Logf("mail-reply-crisp: %d of %d right; %d of %d equal to the other library, which is wrong in %d", right, len(want), verbatim, len(want), len(betterThanCrisp))
}

// lostLines complains of every line that should be seen and is not.
func lostLines(t *testing.T, file, got, want string) {
	have := map[string]bool{}
	for _, l := range filled(got) {
		have[l] = true
	}
	for _, l := range filled(want) {
		if !have[l] {
			t.Errorf("%s: this line of new text is lost: %q", file, l)
		}
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// otherThanGitHub are bodies that we show otherwise than GitHub's library on purpose.
var otherThanGitHub = map[string]string{
	"email_1_2.txt":        "quotes between answers are folded too",
	"email_1_8.txt":        "the same",
	"email_long_quote.txt": "a line of 767 kB that begins with \">\" is a quote",
}

func TestVisibleTextOfGitHub(t *testing.T) {
	dir := corpus(t, "mail-reply-github")
	var want map[string]struct {
		Visible string `json:"visible_text"`
	}
	readJSON(t, filepath.Join(dir, "expected.json"), &want)
	right := 0
	for _, file := range sorted(want) {
		got := shown(readText(t, filepath.Join(dir, file)), Origin{})
		switch why := otherThanGitHub[file]; {
		case sameLines(got, want[file].Visible):
			right++
		case why != "":
			t.Logf("%s: %s", file, why)
		default:
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want[file].Visible)
		}
	}
	t.Logf("mail-reply-github: %d of %d equal", right, len(want))
}
