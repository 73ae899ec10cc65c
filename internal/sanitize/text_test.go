package sanitize

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestTextCanBeStoredAnywhere(t *testing.T) {
	cases := map[string]string{
		"plain\tand\nlines":          "plain\tand\nlines",
		"one\r\ntwo\rthree":          "one\ntwo\nthree",
		"nul\x00 bell\a esc\x1b[31m": "nul bell esc[31m",
		"c1\u0085\u009b":             "c1",
		"\xff\xfebroken \xe2\x82":    "\uFFFDbroken \uFFFD",
		"\uFEFFwith a mark":          "with a mark",
		"café ☎ 日本語 👩‍👩‍👧 مرحبا":     "café ☎ 日本語 👩‍👩‍👧 مرحبا",
		"": "",
	}
	for in, want := range cases {
		if got := Text(in); got != want {
			t.Errorf("Text(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestAPreviewIsOneLineAndNoLonger(t *testing.T) {
	cases := []struct {
		in   string
		n    int
		want string
	}{
		{"Hello\n\n  there,\tyou", 80, "Hello there, you"},
		{"Hello there", 11, "Hello there"},
		{"Hello there", 10, "Hello the…"},
		{"Hello there", 7, "Hello…"},
		{"привет всем", 7, "привет…"},
		{"日本語日本語", 4, "日本語…"},
		{"x\x00y", 5, "xy"},
		{"", 5, ""},
		{"abc", 1, "a"},
		{"abc", 0, ""},
	}
	for _, c := range cases {
		if got := Preview(c.in, c.n); got != c.want {
			t.Errorf("Preview(%q, %d) is %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestAPreviewOfAHugeTextTellsThatThereIsMore(t *testing.T) {
	if got := Preview(strings.Repeat(" ", 1<<20)+"word", 20); got != "…" {
		t.Errorf("%q", got)
	}
	if got := Preview(strings.Repeat("слово ", 1<<18), 20); got != "слово слово слово с…" {
		t.Errorf("%q", got)
	}
}

func TestFilenamesAreHarmlessEverywhere(t *testing.T) {
	cases := map[string]string{
		"invoice.pdf":                      "invoice.pdf",
		"Счёт за май.pdf":                  "Счёт за май.pdf",
		"../../etc/passwd":                 "passwd",
		`C:\Users\me\photo.jpg`:            "photo.jpg",
		"..":                               "file",
		"":                                 "file",
		"  .bashrc. ":                      "bashrc",
		"a\r\nSet-Cookie: x.txt":           "a Set-Cookie_ x.txt",
		"gpj\u202Eexe.jpg":                 "gpjexe.jpg",
		"na\x00me<1>|\"?*.txt":             "name_1_____.txt",
		"con.txt":                          "_con.txt",
		"LPT1":                             "_LPT1",
		"\xff\xfe.doc":                     "\uFFFD.doc",
		strings.Repeat("ж", 200) + ".jpeg": strings.Repeat("ж", 72) + ".jpeg",
	}
	for in, want := range cases {
		if got := Filename(in); got != want {
			t.Errorf("Filename(%q) is %q, want %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"a\r\nb", "\xff\xfe\x00", "../..\\x", strings.Repeat("é", 300)} {
		f.Add(s, 20)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		got := Text(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
			t.Errorf("Text(%q) is %q", s, got)
		}
		if Text(got) != got && !strings.HasPrefix(got, "\uFEFF") {
			t.Errorf("Text of Text differs: %q", got)
		}
		if n >= 0 && n < 1000 {
			if p := Preview(s, n); utf8.RuneCountInString(p) > n || strings.ContainsAny(p, "\n\t") || !utf8.ValidString(p) {
				t.Errorf("Preview(%q, %d) is %q", s, n, p)
			}
		}
		name := Filename(s)
		if name == "" || name == "." || name == ".." || len(name) > maxFilename || !utf8.ValidString(name) ||
			strings.ContainsAny(name, "/\\\x00\n:") {
			t.Errorf("Filename(%q) is %q", s, name)
		}
	})
}
