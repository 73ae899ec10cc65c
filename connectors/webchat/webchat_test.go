package webchat

import (
	"encoding/json"
	"testing"

	"parley/connectors"
)

func TestCheckNamesTheBadField(t *testing.T) {
	for config, field := range map[string]string{
		`{}`:                         "",
		`{"allowed_origins": ["*"]}`: "",
		`{"allowed_origins": ["https://shop.example", "http://localhost:3000"], "default_region": "RU", "color": "#1C64C8", "position": "left"}`: "",
		`{"allowed_origins": ["https://shop.example/"]}`:          "allowed_origins.0",
		`{"allowed_origins": ["https://a.example", "b.example"]}`: "allowed_origins.1",
		`{"allowed_origins": "https://a.example"}`:                "config",
		`{"identity_secret": "short"}`:                            "identity_secret",
		`{"color": "red;background:url(//evil)"}`:                 "color",
		`{"position": "top"}`:                                     "position",
		`[]`:                                                      "config",
	} {
		bad := Factory.Check(json.RawMessage(config))
		if field == "" && len(bad) != 0 || field != "" && (len(bad) != 1 || bad[0].Field != field) {
			t.Errorf("%s: %v, want a complaint about %q", config, bad, field)
		}
	}
}

func TestASocketNeedsAnAllowedOrigin(t *testing.T) {
	const hub = "https://hub.example"
	for _, c := range []struct {
		config, origin string
		want           bool
	}{
		{`{"allowed_origins": ["https://shop.example"]}`, "https://shop.example", true},
		{`{"allowed_origins": ["https://shop.example"]}`, "https://evil.example", false},
		{`{"allowed_origins": ["https://shop.example"]}`, hub, true},
		{`{"allowed_origins": ["*"]}`, "https://evil.example", true},
		{`{"allowed_origins": ["*"]}`, "", false},
		{`{}`, "", false},
		{`nonsense`, hub, false},
	} {
		if got := OriginAllowed(json.RawMessage(c.config), c.origin, hub); got != c.want {
			t.Errorf("OriginAllowed(%s, %q) = %v", c.config, c.origin, got)
		}
	}
}

func TestOnlyAllowedSitesMayFrameThePanel(t *testing.T) {
	for config, want := range map[string]string{
		`{"allowed_origins": ["https://Shop.example", "http://localhost:3000"]}`: "frame-ancestors 'self' https://shop.example http://localhost:3000",
		`{"allowed_origins": ["https://a.example; script-src *"]}`:               "frame-ancestors 'self'",
		`{"allowed_origins": ["*"]}`:                                             "frame-ancestors *",
		`{}`:                                                                     "frame-ancestors 'self'",
	} {
		if got := FrameAncestors(json.RawMessage(config)); got != want {
			t.Errorf("%s: %q", config, got)
		}
	}
}

func TestSendingIsTheEventLogsWork(t *testing.T) {
	r, err := newChat(t, `{}`).Send(t.Context(), connectors.Outbound{MessageID: "m7"})
	if err != nil || r.ProviderID != "m7" || r.Delivered {
		t.Errorf("%+v, %v", r, err)
	}
}
