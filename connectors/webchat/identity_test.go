package webchat

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"parley/connectors"
)

const identitySecret = "a secret of the website's backend"

func signed(t *testing.T, secret string, header, claims any) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	body := part(header) + "." + part(claims)
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(body))
	return body + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

type object = map[string]any

func TestOnlyAWholeIdentityTokenIsBelieved(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	hs256 := object{"alg": "HS256", "typ": "JWT"}
	with := func(change object) object {
		c := object{"sub": "u-17", "email": "ann@example.test", "name": "Ann", "aud": channelID, "exp": now.Unix() + 60}
		for k, v := range change {
			c[k] = v
		}
		return c
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	good := signed(t, identitySecret, hs256, with(nil))
	cases := []struct {
		name, token string
		want        error
	}{
		{"good", good, nil},
		{"audience in a list", signed(t, identitySecret, hs256, with(object{"aud": []string{"other", channelID}})), nil},
		{"without email", signed(t, identitySecret, hs256, with(object{"email": nil})), nil},
		{"with a far expiry", signed(t, identitySecret, hs256, with(object{"exp": 1e300})), nil},
		{"expired this second", signed(t, identitySecret, hs256, with(object{"exp": now.Unix()})), errIdentityExpired},
		{"not yet", signed(t, identitySecret, hs256, with(object{"nbf": now.Unix() + 5})), errIdentityWrong},
		{"no expiry", signed(t, identitySecret, hs256, with(object{"exp": nil})), errIdentityWrong},
		{"no subject", signed(t, identitySecret, hs256, with(object{"sub": ""})), errIdentityWrong},
		{"another channel's", signed(t, identitySecret, hs256, with(object{"aud": "other"})), errIdentityWrong},
		{"no audience", signed(t, identitySecret, hs256, with(object{"aud": nil})), errIdentityWrong},
		{"another secret", signed(t, "another secret, long enough", hs256, with(nil)), errIdentityWrong},
		{"alg none", none + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"u-17"}`)) + ".", errIdentityWrong},
		{"alg HS512", signed(t, identitySecret, object{"alg": "HS512"}, with(nil)), errIdentityWrong},
		{"critical extension", signed(t, identitySecret, object{"alg": "HS256", "crit": []string{"b64"}}, with(nil)), errIdentityWrong},
		{"cut", good[:len(good)-3], errIdentityWrong},
		{"empty", "", errIdentityWrong},
		{"dots", "..", errIdentityWrong},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := verifyIdentity(c.token, identitySecret, channelID, now); err != c.want {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	if _, err := verifyIdentity(signed(t, "", hs256, with(nil)), "", channelID, now); err != errIdentityOff {
		t.Errorf("with no secret: %v", err)
	}
}

func TestASignedIdentityIsConfirmedAndAWrongOneLeavesTheVisitorAnonymous(t *testing.T) {
	s, _ := joined(t, newChat(t, `{"identity_secret": "`+identitySecret+`"}`), newFeed(), "")
	claims := object{"sub": "u-17", "email": "ann@example.test", "name": "Ann", "aud": channelID, "exp": time.Now().Unix() + 60}
	kinds := func() (out []string) {
		items := s.box.stored()
		for _, c := range items[len(items)-1].Sender.Claims {
			out = append(out, c.Kind+" "+string(c.Trust))
		}
		return out
	}
	s.say(t, object{"type": "identify", "token": signed(t, identitySecret, object{"alg": "HS256"}, claims)})
	if f := s.hear(t, "identified"); f["name"] != "Ann" {
		t.Errorf("identified as %v", f)
	}
	s.say(t, object{"type": "message", "client_id": "1", "text": "x"})
	s.hear(t, "accepted")
	if got := kinds(); !slices.Equal(got, []string{"external confirmed", "email confirmed", "webchat channel"}) || s.box.stored()[0].Sender.Name != "Ann" {
		t.Errorf("claims %v", got)
	}

	s.say(t, object{"type": "identify", "token": signed(t, "wrong wrong wrong wrong", object{"alg": "HS256"}, claims)})
	if e := s.hear(t, "error"); e["code"] != "bad_identity" {
		t.Errorf("error is %v", e)
	}
	s.say(t, object{"type": "message", "client_id": "2", "text": "x"})
	s.hear(t, "accepted")
	if got := kinds(); !slices.Equal(got, []string{connectors.KindWebchat + " channel"}) {
		t.Errorf("after a wrong token the claims are %v", got)
	}
}
