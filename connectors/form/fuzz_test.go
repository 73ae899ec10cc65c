package form

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever is posted gets an answer that the contract knows, and what is stored is text that every database keeps.
func FuzzPosts(f *testing.F) {
	for _, seed := range [][2]string{
		{urlencoded, "name=Ann&email=a%40a.test&phone=8+916+555-01-01%2C+8(495)555-01-99+%D0%B4%D0%BE%D0%B1.+12&message=hi"},
		{urlencoded + "; charset=windows-1251", "name=%CE%EB%FC%E3%E0"}, {urlencoded, "=&&=a&%00=%00"}, {urlencoded, "%zz"}, {urlencoded, "utm_=x&utm_\xff=y"},
		{"application/json", `{"name": "Ann", "contact": {"email": "a@a.test"}, "list": [1, "a", {"b": null}]}`}, {"application/json", `{"a":"\ud800\u0000"}`},
		{"application/json", strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50)}, {"application/json", "[]"}, {"", "{}"}, {"text/plain", "a=b"},
		{"multipart/form-data; boundary=XX", "--XX\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAnn\r\n--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\xff.txt\"\r\n\r\nx\r\n--XX--\r\n"},
		{"multipart/form-data; boundary=XX", "--XX\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n\xc1\r\n--XX--"},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		c, _ := newForm(t, `{"allowed_origins": ["*"], "default_region": "RU"}`)
		box := newInbox()
		req := request("", string(body))
		req.Header["Content-Type"] = []string{contentType}
		a := c.Webhook(t.Context(), req, box)
		if stored := len(box.items) == 1; a.Status != 200 && a.Status != 400 && a.Status != 415 || stored != (a.Status == 200) {
			t.Fatalf("answered %d, %d stored", a.Status, len(box.items))
		}
		for _, in := range box.items {
			texts := []string{in.Key, in.Text, in.Subject, in.Sender.Name, in.Sender.Locale, in.Thread.Key, in.Source.URL, in.Source.Referrer}
			for _, claim := range in.Sender.Claims {
				texts = append(texts, claim.Value)
			}
			for _, p := range in.Parts {
				texts = append(texts, p.Name, p.MIME)
			}
			for k, v := range in.Source.UTM {
				texts = append(texts, k, v)
			}
			for _, s := range texts {
				if strings.Contains(s, "\x00") || !utf8.ValidString(s) {
					t.Fatalf("stored %q", s)
				}
			}
		}
	})
}
