package form

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley/connectors"
)

// took is what a post became.
func took(t *testing.T, config, contentType, body string, headers ...string) connectors.Inbound {
	t.Helper()
	f, _ := newForm(t, config)
	box := newInbox()
	if a := f.Webhook(t.Context(), request(contentType, body, headers...), box); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	return box.last(t)
}

func TestFieldsAreRecognisedByTheirNames(t *testing.T) {
	for name, want := range map[string]meaning{
		"name": meansName, "Name": meansName, "your-name": meansName, "full_name": meansName, "fullName": meansName, "Ваше имя *": meansName, "Ф.И.О.": meansName, "Ім’я": meansName,
		"form_fields[name]": meansName, "nombre_completo": meansName, "contact.first_name": meansFirst, "Фамилия": meansLast, "прізвище": meansLast, "Отчество": meansMiddle,
		"Email": meansEmail, "e-mail": meansEmail, "E-MAIL": meansEmail, "Your E-Mail": meansEmail, "email_2": meansEmail, "Эл. почта": meansEmail, "Електронна пошта": meansEmail, "correo": meansEmail,
		"customer[email]": meansEmail, "phone": meansPhone, "Phone": meansPhone, "tel": meansPhone, "tel-123": meansPhone, "Ваш телефон": meansPhone, "Номер телефону": meansPhone, "teléfono": meansPhone, "mobilePhone": meansPhone,
		"message": meansMessage, "your-message": meansMessage, "Comments": meansMessage, "Комментарий": meansMessage, "Повідомлення": meansMessage, "mensaje": meansMessage,
		"Тема": meansSubject, "company": meansCompany, "Город": meansCity, "page_url": meansPage, "referer": meansReferrer, "formname": meansForm,
		"tranid": meansNothing, "_wpcf7_version": meansNothing, "csrf_token": meansNothing, "g-recaptcha-response": meansNothing,
		"friend_email": meansText, "phone_model": meansText, "Номер заказа": meansText, "username_history": meansText, "": meansText, "[]": meansText, "***": meansText,
	} {
		if got := (Config{}).means(name); got != want {
			t.Errorf("%q means %s, want %s", name, got, want)
		}
	}
}

func TestTheConfigHasTheLastWord(t *testing.T) {
	in := took(t, `{"fields": {"pole_3": "email", "email": "text", "q": "message", "x": "ignore"}}`, urlencoded, "pole_3=ann%40a.test&email=b%40b.test&q=hello&x=secret")
	if first(in, connectors.KindEmail) != "ann@a.test" || len(in.Sender.Claims) != 1 || in.Text != "hello\n\nemail: b@b.test" {
		t.Errorf("claims %v, text %q", in.Sender.Claims, in.Text)
	}
}

func TestAMessageIsTheTextAndNothingWrittenIsLost(t *testing.T) {
	for _, c := range []struct{ name, body, text string }{
		{"only a message", "name=Ann&email=a%40a.test&phone=%2B14155550101&message=Call+me", "Call me"},
		{"a message and more", "name=Ann&message=Call+me&budget=500&when%5B%5D=mon&when%5B%5D=fri&consent=on", "Call me\n\nbudget: 500\nwhen[]: mon, fri\nconsent: on"},
		{"no message", "name=Ann&phone=8+916+555-01-01&size=XL", "name: Ann\nphone: 8 916 555-01-01\n\nsize: XL"},
		{"words in the phone", "phone=89165550101+after+6&message=hi", "hi\n\nphone: 89165550101 after 6"},
		{"no number in the phone", "phone=none&message=hi", "hi\n\nphone: none"},
		{"half a number", "phone=12345&message=hi", "hi\n\nphone: 12345"},
		{"no address in the email", "email=none&message=hi", "hi\n\nemail: none"},
		{"a second name", "name=Ann&full_name=Ann+Lee&message=hi", "hi\n\nfull_name: Ann Lee"},
		{"two messages", "message=one&comment=two", "one\n\ntwo"},
		{"several lines", "message=one%0D%0Atwo&address=a%0Ab", "one\ntwo\n\naddress:\na\nb"},
		{"markup stays what it is", "message=%3Cscript%3Ealert(1)%3C%2Fscript%3E", "<script>alert(1)</script>"},
		{"control characters go", "message=a%00b%07c", "abc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if in := took(t, `{}`, urlencoded, c.body); in.Text != c.text || in.Kind != connectors.KindForm {
				t.Errorf("text %q, want %q", in.Text, c.text)
			}
		})
	}
}

func TestNamesAreAssembled(t *testing.T) {
	for body, want := range map[string]string{
		"name=Ann++Lee":                "Ann Lee",
		"first_name=Ann&last_name=Lee": "Ann Lee",
		"last_name=Lee&first_name=Ann": "Ann Lee",
		"Имя=Пётр&Фамилия=Иванов":      "Пётр Иванов",
		"Фамилия=Иванов&Имя=Пётр&Отчество=Сергеевич": "Пётр Сергеевич Иванов",
		"email=Ann+Lee+%3Cann%40a.test%3E":           "Ann Lee",
	} {
		if in := took(t, `{}`, urlencoded, body); in.Sender.Name != want {
			t.Errorf("%s: %q", body, in.Sender.Name)
		}
	}
}

func TestClaimsAreAddressesFirstAndOnlyAsserted(t *testing.T) {
	in := took(t, `{}`, "application/json", `{"phone": "8-916-555-01-01, 8(495)555-01-99 доб. 12; +1 415 555 0101 ext 7", "contact": {"email": "a@a.test; Ann <b@b.test>"}}`)
	var got []string
	for _, c := range in.Sender.Claims {
		if c.Trust != connectors.TrustAsserted {
			t.Errorf("%v is trusted", c)
		}
		got = append(got, c.Kind+" "+c.Value)
	}
	want := []string{"email a@a.test", "email b@b.test", "phone 8-916-555-01-01", "phone 8(495)555-01-99 доб. 12", "phone +1 415 555 0101 ext 7"}
	if !slices.Equal(got, want) {
		t.Errorf("claims %q", got)
	}
}

func TestAnExtensionStaysWithItsNumber(t *testing.T) {
	for value, want := range map[string][]string{
		"84955550199, доб. 12":        {"84955550199, доб. 12"},
		"84955550199 или 89165550101": {"84955550199", "89165550101"},
		"+44 20 7946 0018/19":         {"+44 20 7946 0018, 19"},
		"+7 (___) ___-__-__":          {"+7 (___) ___-__-__"},
		"":                            nil,
		"нет":                         nil,
	} {
		if got, _ := splitPhones(value); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

func TestUnnamedFieldsAreLookedInto(t *testing.T) {
	in := took(t, `{}`, urlencoded, "field_1=Ann&field_2=ann%40a.test&field_3=%2B1+415+555+0101&friend_email=f%40f.test")
	if first(in, connectors.KindEmail) != "ann@a.test" || first(in, connectors.KindPhone) != "+1 415 555 0101" || len(in.Sender.Claims) != 2 || !strings.Contains(in.Text, "field_2: ann@a.test") {
		t.Errorf("claims %v, text %q", in.Sender.Claims, in.Text)
	}
}

func TestOnePersonIsOneConversation(t *testing.T) {
	for body, want := range map[string]string{
		"email=Ann%40A.Test&phone=89165550101": "ann@a.test",
		"phone=8+(916)+555-01-01":              "89165550101",
		"phone=%2B7+(000)+000-00-00":           "",
		"phone=%2B7+(___)+___-__-__":           "",
		"email=none":                           "",
		"email=%40":                            "",
		"name=Ann":                             "",
	} {
		if in := took(t, `{}`, urlencoded, body); in.Thread.Key != want {
			t.Errorf("%s: key %q, want %q", body, in.Thread.Key, want)
		}
	}
}

func TestWhereThePersonCameFromIsKept(t *testing.T) {
	in := took(t, `{}`, urlencoded, "name=Ann&utm_source=yandex&UTM_Campaign=x&page=https%3A%2F%2Fshop.example%2Fa&referrer=https%3A%2F%2Fsearch.example&country=us",
		"Referer", "https://shop.example/other", "Accept-Language", "es-MX,es;q=0.8")
	if in.Source.URL != "https://shop.example/a" || in.Source.Referrer != "https://search.example" || in.Source.UTM["source"] != "yandex" || in.Source.UTM["campaign"] != "x" ||
		in.Sender.Locale != "es-MX" || in.Sender.Fields["country"] != "US" {
		t.Errorf("source %+v, sender %+v", in.Source, in.Sender)
	}
	in = took(t, `{}`, urlencoded, "name=Ann&page=javascript%3Aalert(1)", "Referer", "https://shop.example/a?utm_source=mail")
	if in.Source.URL != "https://shop.example/a?utm_source=mail" || in.Source.UTM["source"] != "mail" || !strings.Contains(in.Text, "page: javascript:alert(1)") {
		t.Errorf("source %+v, text %q", in.Source, in.Text)
	}
}

func TestOldCharsetsAreRead(t *testing.T) {
	for name, c := range map[string][3]string{
		"named in the header":     {`{}`, urlencoded + "; charset=windows-1251", "name=%CE%EB%FC%E3%E0"},
		"named in a field":        {`{}`, urlencoded, "_charset_=windows-1251&name=%CE%EB%FC%E3%E0"},
		"not named, in Russia":    {`{"default_region": "RU"}`, urlencoded, "name=%CE%EB%FC%E3%E0"},
		"UTF-8, another is named": {`{}`, urlencoded + "; charset=nonsense", "name=%D0%9E%D0%BB%D1%8C%D0%B3%D0%B0"},
	} {
		if in := took(t, c[0], c[1], c[2]); in.Sender.Name != "Ольга" {
			t.Errorf("%s: %q", name, in.Sender.Name)
		}
	}
}

func TestFilesAreKeptAndEmptyOnesAreNot(t *testing.T) {
	in := took(t, `{}`, "multipart/form-data; boundary=X", "--X\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nсм. файл\r\n"+
		"--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../../etc/план.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n"+
		"--X\r\nContent-Disposition: form-data; name=\"g\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--X--\r\n")
	if len(in.Parts) != 1 || in.Parts[0].Name != "план.pdf" || in.Parts[0].MIME != "application/pdf" || string(in.Parts[0].Data) != "%PDF" || in.Text != "см. файл" {
		t.Errorf("parts %+v, text %q", in.Parts, in.Text)
	}
}

func TestAnEmptyFormIsIgnored(t *testing.T) {
	if in := took(t, `{}`, urlencoded, "name=&email=&utm_source=x"); in.Ignore == "" {
		t.Error("not ignored")
	}
	if in := took(t, `{}`, "application/json", `{"a": {"b": {"c": [1, true, null, {"d": 1}]}}}`); in.Ignore != "" || in.Text != `a.b.c: [1, true, null, {"d": 1}]` {
		t.Errorf("ignored %q, text %q", in.Ignore, in.Text)
	}
}

// The time for a post grows with its size, not with its square (RELIABILITY 69).
func TestHugeValuesAreTextAndCostNoMoreThanTheirSize(t *testing.T) {
	const size = 4 << 20
	for name, body := range map[string]string{
		"phones":   "message=x&phone=" + strings.Repeat("1%2C", size/4),
		"emails":   "message=x&email=" + strings.Repeat("a%40b+", size/6),
		"repeated": strings.TrimSuffix(strings.Repeat("message="+strings.Repeat("x", size/800)+"&", 800), "&"),
		"name":     "name=" + strings.Repeat("Ann+", size/4),
	} {
		began := time.Now()
		in := took(t, `{}`, urlencoded, body)
		if spent := time.Since(began); spent > 2*time.Second || len(in.Sender.Claims) > 0 || len(in.Text) < size/800 {
			t.Errorf("%s: %s, %d claims, %d bytes of text", name, spent, len(in.Sender.Claims), len(in.Text))
		}
	}
}
