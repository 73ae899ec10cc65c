package webchat

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever frames come, the socket answers or closes, and what is stored is text that every database keeps.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{
		`{"type":"message","client_id":"c1","text":"hello"}`,
		`{"type":"message","client_id":"c1","text":"\u0000\ud800 x"}`,
		`{"type":"message","client_id":"c1","text":"x","page":{"url":"http://[::1","referrer":"%zz"},"utm":{"utm_":"x"," ":"y"}}`,
		`{"type":"join","visitor":null}`, `{"type":"typing"}`, `{"type":"read","id":"a1"}`, `{"type":"identify","token":"a.b.c"}`,
		`{"type":"page","page":{"url":"https://a.test/?utm_source=%ff"}}`, `{`, ``, "\xff\xfe", `null`, `[]`, strings.Repeat("[", 9000),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		s, _ := joined(t, newChat(t, `{"identity_secret":"`+identitySecret+`"}`), newFeed(agent("a1", "x")), "")
		s.say(t, string(frame))
		select {
		case s.in <- []byte(`{"type":"ping"}`):
			for (<-s.out)["type"] != "pong" {
			}
		case <-s.gone:
			if len(frame) <= MaxFrame {
				t.Fatalf("closed with %d after %q", s.code, frame)
			}
		}
		for _, in := range s.box.stored() {
			for _, text := range []string{in.Key, in.Text, in.Source.URL, in.Source.Referrer, in.Sender.Name} {
				if strings.Contains(text, "\x00") || !utf8.ValidString(text) {
					t.Fatalf("stored %q", text)
				}
			}
			for k, v := range in.Source.UTM {
				if strings.Contains(k+v, "\x00") || k == "" {
					t.Fatalf("stored utm %q=%q", k, v)
				}
			}
			if in.Text == "" || len([]rune(in.Text)) > maxText {
				t.Fatalf("stored a text of %d bytes", len(in.Text))
			}
		}
	})
}
