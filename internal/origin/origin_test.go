package origin_test

import (
	"testing"

	"parley/internal/origin"
)

func TestParseBringsOriginsToTheFormBrowsersSend(t *testing.T) {
	for in, want := range map[string]string{
		"https://shop.example":      "https://shop.example",
		"HTTPS://Shop.Example:443":  "https://shop.example",
		"http://shop.example:80":    "http://shop.example",
		"http://shop.example:8080":  "http://shop.example:8080",
		"https://пример.рф":         "https://xn--e1afmkfd.xn--p1ai",
		"http://[::1]:3000":         "http://[::1]:3000",
		"https://shop.example/":     "",
		"https://shop.example/a":    "",
		"https://shop.example?a":    "",
		"https://shop.example#":     "",
		"https://u:p@shop.example":  "",
		"shop.example":              "",
		"*.shop.example":            "",
		"ftp://shop.example":        "",
		"null":                      "",
		"":                          "",
		"https://":                  "",
		"https://a b":               "",
		"javascript://shop.example": "",
	} {
		got, err := origin.Parse(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Parse(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestOnlyListedOriginsAndTheHubAreAllowed(t *testing.T) {
	const hub = "https://hub.example"
	list := []string{"https://shop.example", "http://shop.example:8080"}
	cases := []struct {
		name   string
		list   []string
		origin string
		hub    string
		want   bool
	}{
		{"listed", list, "https://shop.example", hub, true},
		{"listed with its default port", list, "https://shop.example:443", hub, true},
		{"another scheme", list, "http://shop.example", hub, false},
		{"another port", list, "https://shop.example:8443", hub, false},
		{"a host that only ends alike", list, "https://evilshop.example", hub, false},
		{"a host that only begins alike", list, "https://shop.example.evil.test", hub, false},
		{"a subdomain", list, "https://www.shop.example", hub, false},
		{"the hub's own", nil, "https://hub.example", hub, true},
		{"the hub's host on another port", nil, "https://hub.example:444", hub, false},
		{"loopback by its other name", nil, "http://127.0.0.1:8080", "http://localhost:8080", true},
		{"loopback on another port", nil, "http://127.0.0.1:8081", "http://localhost:8080", false},
		{"loopback is not the hub when the hub is public", nil, "http://localhost", hub, false},
		{"any", []string{"*"}, "https://whoever.example", hub, true},
		{"any, sandboxed page", []string{"*"}, "null", hub, true},
		{"sandboxed page", list, "null", hub, false},
		{"none", list, "", hub, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := origin.Allowed(c.list, c.origin, c.hub); got != c.want {
				t.Errorf("Allowed(%q, %q, %q) = %v", c.list, c.origin, c.hub, got)
			}
		})
	}
}
