package form

import (
	"encoding/json"
	"strings"
	"testing"

	"parley/connectors"
)

func TestOnlyAllowedWebsitesMayPost(t *testing.T) {
	const body = "name=Ann&message=hi"
	for _, c := range []struct {
		name, config, origin string
		status               int
		allow                string
	}{
		{"listed", `{"allowed_origins": ["https://shop.example"]}`, "https://shop.example", 200, "https://shop.example"},
		{"another", `{"allowed_origins": ["https://shop.example"]}`, "https://evil.example", 403, ""},
		{"none sent", `{"allowed_origins": ["https://shop.example"]}`, "", 200, ""},
		{"the hub's own", `{"allowed_origins": []}`, "https://hub.example", 200, "https://hub.example"},
		{"all allowed", `{"allowed_origins": ["*"]}`, "https://whoever.example", 200, "*"},
		{"a page without an origin", `{"allowed_origins": ["https://shop.example"]}`, "null", 403, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := newForm(t, c.config)
			box := newInbox()
			req := request(urlencoded, body)
			if c.origin != "" {
				req.Header.Set("Origin", c.origin)
			}
			a := f.Webhook(t.Context(), req, box)
			if a.Status != c.status || a.Header["Access-Control-Allow-Origin"] != c.allow || (len(box.items) == 1) != (c.status == 200) {
				t.Errorf("answered %d, %v; %d stored", a.Status, a.Header, len(box.items))
			}
			req.Method = "OPTIONS"
			if a := f.Webhook(t.Context(), req, box); (a.Status == 204) != (c.status == 200) || a.Status == 204 && !strings.Contains(a.Header["Access-Control-Allow-Headers"], "Idempotency-Key") {
				t.Errorf("preflight answered %d, %v", a.Status, a.Header)
			}
		})
	}
}

func TestOtherMethodsAndPathsAreRefused(t *testing.T) {
	f, _ := newForm(t, `{}`)
	box := newInbox()
	get := request(urlencoded, "a=b")
	get.Method = "GET"
	if a := f.Webhook(t.Context(), get, box); a.Status != 405 || a.Header["Allow"] == "" {
		t.Errorf("GET: %d %v", a.Status, a.Header)
	}
	below := request(urlencoded, "a=b")
	below.Path = "/status"
	if a := f.Webhook(t.Context(), below, box); a.Status != 404 {
		t.Errorf("below: %d", a.Status)
	}
	if len(box.items) != 0 {
		t.Errorf("%d stored", len(box.items))
	}
}

func TestABodyThatIsNotOfItsTypeIsRefusedAndNotStored(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body string
		status                  int
	}{
		{"no JSON", "application/json", "{name: Ann}", 400},
		{"two JSON", "application/json", `{"name":"Ann"}{}`, 400},
		{"nothing as JSON", "application/json", "", 400},
		{"nothing as a form", urlencoded, "", 400},
		{"bytes as a form", urlencoded, "\x00\xff\xfe garbage", 400},
		{"a bad escape", urlencoded, "name=%zz", 400},
		{"multipart without its boundary", "multipart/form-data", "--XX\r\n", 400},
		{"multipart cut off", "multipart/form-data; boundary=XX", "--XX\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAnn", 400},
		{"multipart of another boundary", "multipart/form-data; boundary=YY", "--XX\r\n\r\n--XX--", 400},
		{"a picture", "image/png", "\x89PNG=", 415},
		{"XML", "text/xml", "<a b='c'/>", 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := newForm(t, `{}`)
			box := newInbox()
			if a := f.Webhook(t.Context(), request(c.contentType, c.body), box); a.Status != c.status || len(box.items) != 0 {
				t.Errorf("answered %d, %d stored", a.Status, len(box.items))
			}
		})
	}
}

func TestWellFormedAndNotUnderstoodIsQuarantined(t *testing.T) {
	for name, body := range map[string]string{
		"a list": `[{"name": "Ann"}]`, "a text": `"hello"`, "a number": `5`, "null": `null`, "no fields": `{}`,
		"too many fields": `{` + strings.Repeat(`"a":1,`, maxFields) + `"b":2}`,
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := newForm(t, `{}`)
			box := newInbox()
			a := f.Webhook(t.Context(), request("application/json", body), box)
			if in := box.last(t); a.Status != 200 || in.Quarantine == "" || in.Ignore != "" || string(in.Raw) != body || in.RawType != "application/json" {
				t.Errorf("answered %d, quarantine %q, raw %q", a.Status, in.Quarantine, in.Raw)
			}
		})
	}
}

func TestRefusedIsNotThanked(t *testing.T) {
	f, _ := newForm(t, `{"redirect_url": "https://shop.example/thanks"}`)
	box := newInbox()
	box.fail = true
	req := request(urlencoded, "name=Ann", "Accept", "text/html")
	a := f.Webhook(t.Context(), req, box)
	if a.Status != 503 || a.Header["Retry-After"] == "" || a.Header["Location"] != "" {
		t.Errorf("answered %d %v", a.Status, a.Header)
	}
	box.fail = false
	if a = f.Webhook(t.Context(), req, box); a.Status != 303 || len(box.items) != 1 {
		t.Errorf("the second time answered %d, %d stored", a.Status, len(box.items))
	}
}

func TestABrowserIsSentOnAndAScriptIsAnswered(t *testing.T) {
	f, _ := newForm(t, `{"redirect_url": "https://shop.example/thanks"}`)
	for _, c := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"a form submitted by a browser", []string{"Accept", "text/html,*/*;q=0.8", "Sec-Fetch-Mode", "navigate"}, 303},
		{"an older browser", []string{"Accept", "text/html,*/*;q=0.8"}, 303},
		{"a script in a page", []string{"Accept", "*/*", "Sec-Fetch-Mode", "cors"}, 200},
		{"a program", nil, 200},
	} {
		a := f.Webhook(t.Context(), request(urlencoded, "name=Ann", c.headers...), newInbox())
		if a.Status != c.status || c.status == 303 && a.Header["Location"] != "https://shop.example/thanks" || c.status == 200 && string(a.Body) != `{"ok":true}` {
			t.Errorf("%s: %d %v %s", c.name, a.Status, a.Header, a.Body)
		}
	}
}

func TestATrappedBotIsThankedAndMakesNoLead(t *testing.T) {
	const human = `{"allowed_origins": ["*"]}`
	for _, c := range []struct {
		name, config, body string
		headers            []string
		rejected           bool
	}{
		{"the usual trap", human, "name=x&_hp=1", nil, true},
		{"the usual trap, left empty", human, "name=x&_hp=", nil, false},
		{"a trap of its own", `{"honeypot": "fax"}`, "name=x&fax=1", nil, true},
		{"the usual name is a field when another is the trap", `{"honeypot": "fax"}`, "name=x&_hp=1", nil, false},
		{"website as the trap", `{"honeypot": "website"}`, "name=x&website=http%3A%2F%2Fa.example&message=hi", []string{"Origin", "https://hub.example"}, true},
		{"a website from nowhere", human, "name=x&email=bot%40example.test&website=http%3A%2F%2Fspam.example", nil, true},
		{"a website with a message", human, "name=x&website=http%3A%2F%2Fa.example&message=audit+please", nil, false},
		{"a website from a page", human, "name=x&website=http%3A%2F%2Fa.example", []string{"Origin", "https://agency.example"}, false},
		{"a website that the config knows", `{"fields": {"website": "text"}}`, "name=x&website=http%3A%2F%2Fa.example", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := newForm(t, c.config)
			box := newInbox()
			a := f.Webhook(t.Context(), request(urlencoded, c.body, c.headers...), box)
			if in := box.last(t); a.Status != 200 || string(a.Body) != `{"ok":true}` || (in.Reject != "") != c.rejected {
				t.Errorf("answered %d %s, reject %q", a.Status, a.Body, in.Reject)
			}
		})
	}
}

func TestCheckNamesTheBadField(t *testing.T) {
	for config, field := range map[string]string{
		`{}`: "",
		`{"allowed_origins": ["*", "https://a.example"], "fields": {"pole_3": "email"}, "redirect_url": "https://a.example/ok", "lead": {"create": "always"}}`: "",
		`{"allowed_origins": ["a.example"]}`:     "allowed_origins.0",
		`{"fields": {"pole_3": "e-mail"}}`:       "fields.pole_3",
		`{"redirect_url": "javascript:alert()"}`: "redirect_url",
		`{"redirect_url": "/thanks"}`:            "redirect_url",
		`{"allowed_origins": {}}`:                "config",
	} {
		bad := Factory.Check(json.RawMessage(config))
		if field == "" && len(bad) != 0 || field != "" && (len(bad) != 1 || bad[0].Field != field) {
			t.Errorf("%s: %v, want a complaint about %q", config, bad, field)
		}
	}
}

func TestAFormHasNoWayBack(t *testing.T) {
	f, _ := newForm(t, `{}`)
	if _, err := f.Send(t.Context(), connectors.Outbound{}); !connectors.IsPermanent(err) {
		t.Errorf("%v", err)
	}
}
