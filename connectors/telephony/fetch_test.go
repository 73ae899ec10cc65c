package telephony_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest/fakepbx"
	"parley/internal/netguard"
)

func fetch(t *testing.T, p *phone, ref string) (connectors.Media, []byte, error) {
	t.Helper()
	m, err := p.line.(connectors.MediaFetcher).Fetch(t.Context(), ref)
	if err != nil {
		return m, nil, err
	}
	b, err := io.ReadAll(m.Body)
	_ = m.Body.Close()
	return m, b, err
}

func recordingPhone(t *testing.T) (*phone, *fakepbx.PBX) {
	t.Helper()
	pbx, err := fakepbx.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pbx.Close)
	return newPhone(t, pbx.Config()), pbx
}

func TestFetch(t *testing.T) {
	tone := fakepbx.Tone(440, 2*time.Second)
	if len(tone) != 44+2*2*8000 || binary.LittleEndian.Uint32(tone[40:]) != 2*2*8000 {
		t.Fatalf("the tone has %d bytes", len(tone))
	}
	cases := []struct {
		name   string
		faults fakepbx.Faults
		check  func(t *testing.T, m connectors.Media, b []byte, err error)
	}{
		{"comes whole", fakepbx.Faults{}, whole(tone)},
		{"over three redirects", fakepbx.Faults{Redirects: 3}, whole(tone)},
		{"over four", fakepbx.Faults{Redirects: 4}, func(t *testing.T, _ connectors.Media, _ []byte, err error) {
			if !connectors.IsPermanent(err) {
				t.Errorf("%v, want it given up", err)
			}
		}},
		{"is not there yet", fakepbx.Faults{NotFound: 1}, func(t *testing.T, _ connectors.Media, _ []byte, err error) {
			if _, again := connectors.IsRetry(err); !again {
				t.Errorf("%v, want another try", err)
			}
		}},
		{"is cut", fakepbx.Faults{CutAfter: 1000}, func(t *testing.T, _ connectors.Media, b []byte, err error) {
			if !errors.Is(err, io.ErrUnexpectedEOF) || len(b) > 1000 {
				t.Errorf("%d bytes, %v: the cut is not noticed", len(b), err)
			}
		}},
		{"is a page", fakepbx.Faults{ContentType: "text/html; charset=utf-8"}, func(t *testing.T, m connectors.Media, _ []byte, err error) {
			if err != nil || m.MIME != "text/html" {
				t.Errorf("%q, %v: the caller must be told what it is", m.MIME, err)
			}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, pbx := recordingPhone(t)
			pbx.SetFaults(c.faults)
			m, b, err := fetch(t, p, pbx.RecordingURL("call-1", 2))
			c.check(t, m, b, err)
		})
	}
}

func whole(want []byte) func(*testing.T, connectors.Media, []byte, error) {
	return func(t *testing.T, m connectors.Media, b []byte, err error) {
		if err != nil || !bytes.Equal(b, want) || m.Size != int64(len(want)) || m.MIME != "audio/wav" || m.Name != "call-1.wav" {
			t.Errorf("%d bytes, size %d, %q, %q, %v", len(b), m.Size, m.MIME, m.Name, err)
		}
	}
}

func TestSecondTryFindsIt(t *testing.T) {
	p, pbx := recordingPhone(t)
	pbx.SetFaults(fakepbx.Faults{NotFound: 1})
	link := pbx.RecordingURL("call-1", 1)
	if _, _, err := fetch(t, p, link); err == nil {
		t.Error("found at once")
	}
	if _, b, err := fetch(t, p, link); err != nil || len(b) == 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestStatusesOfRecordings(t *testing.T) {
	var status int
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(status)
	})
	p := newPhone(t, object{"provider": "generic", "secret": secret, "api_url": base})
	for s, want := range map[int]string{404: "retry", 409: "retry", 429: "retry", 500: "retry", 503: "retry", 202: "retry", 204: "retry", 401: "unauthorized", 403: "unauthorized", 400: "permanent", 410: "permanent", 304: "permanent"} {
		status = s
		_, _, err := fetch(t, p, base+"/r")
		after, again := connectors.IsRetry(err)
		got := map[bool]string{connectors.IsPermanent(err): "permanent", connectors.IsUnauthorized(err): "unauthorized", again && !connectors.IsUnauthorized(err): "retry"}[true]
		if got != want {
			t.Errorf("%d: %v is %q, want %q", s, err, got, want)
		}
		if s == 503 && after != 90*time.Second {
			t.Errorf("%d: again after %s", s, after)
		}
	}
}

func TestLinksThatAreNotFollowed(t *testing.T) {
	asked := 0
	inside := serve(t, func(http.ResponseWriter, *http.Request) { asked++ })
	elsewhere := "http://recordings.example" // plain http in the open
	door := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, map[string]string{"/open": elsewhere, "/file": "file:///etc/passwd", "/user": "https://u:p@recordings.example/"}[r.URL.Path], http.StatusFound)
	})
	p := newPhone(t, object{"provider": "generic", "secret": secret})
	for _, link := range []string{"", "recording.wav", "file:///etc/passwd", "ftp://pbx.example/1", elsewhere, "https://u:p@pbx.example/1", "http://8.8.8.8/1", door + "/open", door + "/file", door + "/user"} {
		if _, _, err := fetch(t, p, link); !connectors.IsPermanent(err) {
			t.Errorf("%q: %v", link, err)
		}
	}

	guard, err := netguard.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.host.HTTP = guard.Client()
	p.line = newPhoneIn(t, p, object{"provider": "generic", "secret": secret})
	_, _, err = fetch(t, p, inside+"/r")
	var refused *netguard.Refused
	if !connectors.IsPermanent(err) || !errors.As(err, &refused) || asked != 0 {
		t.Errorf("a private address: %v, asked %d times", err, asked)
	}
}

func TestTwilioRecordingAsksWithTheAccount(t *testing.T) {
	var asked []string
	store := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, "store "+r.URL.Path+" "+r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "audio/mpeg")
		_, _ = w.Write([]byte("ID3"))
	})
	api := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		asked = append(asked, "api "+r.URL.Path+" "+user+" "+password)
		if r.URL.Path == "/inside.mp3" {
			http.Redirect(w, r, "/moved.mp3", http.StatusFound)
			return
		}
		http.Redirect(w, r, store+"/signed", http.StatusFound)
	})
	p := newPhone(t, object{"provider": "twilio", "account_sid": "AC0", "auth_token": "t0", "api_url": api, "recording": object{"fetch": true}})
	for _, ref := range []string{"https://api.twilio.com/2010-04-01/Accounts/AC0/Recordings/RE1", api + "/2010-04-01/Accounts/AC0/Recordings/RE1.mp3"} {
		asked = nil
		m, b, err := fetch(t, p, ref)
		if err != nil || string(b) != "ID3" || m.MIME != "audio/mpeg" {
			t.Errorf("%s: %q %q %v", ref, b, m.MIME, err)
		}
		if want := "api /2010-04-01/Accounts/AC0/Recordings/RE1.mp3 AC0 t0; store /signed "; strings.Join(asked, "; ") != want {
			t.Errorf("%s: asked %q, want %q", ref, strings.Join(asked, "; "), want)
		}
	}
	asked = nil
	if _, _, err := fetch(t, p, api+"/inside.mp3"); err != nil || strings.Join(asked, "; ") != "api /inside.mp3 AC0 t0; api /moved.mp3  ; store /signed " {
		t.Errorf("credentials after a redirect: %q, %v", asked, err)
	}
	asked = nil
	if _, _, err := fetch(t, p, store+"/stranger"); err != nil || len(asked) != 1 || asked[0] != "store /stranger.mp3 " {
		t.Errorf("credentials for a stranger: %q, %v", asked, err)
	}
}
