package twiliosig_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"parley/connectors/internal/twiliosig"
)

func signed(signature string) http.Header {
	return http.Header{"X-Twilio-Signature": {signature}}
}

// The public test vector of twilio-go v1.31.0.
func TestVector(t *testing.T) {
	const address, signature = "https://mycompany.com/myapp.php?foo=1&bar=2", "vOEb5UThFn24KEfnOFLQY2AE5FY="
	body := []byte(url.Values{"Digits": {"1234"}, "CallSid": {"CA1234567890ABCDE"}, "To": {"+18005551212"}, "Caller": {"+14158675309"},
		"From": {"+14158675309"}, "ReasonConferenceEnded": {"test"}, "Reason": {"Participant"}}.Encode())
	if !twiliosig.Valid("12345", address, signed(signature), body) {
		t.Error("the vector is refused")
	}
	if !twiliosig.Valid("12345", address+"#rc=3", signed(signature), body) {
		t.Error("refused because of connection overrides, which are not signed")
	}
	for name, c := range map[string]struct {
		token, address string
		header         http.Header
		body           []byte
	}{
		"other token":      {"12346", address, signed(signature), body},
		"other URL":        {"12345", address + "&baz=3", signed(signature), body},
		"other scheme":     {"12345", "http" + address[5:], signed(signature), body},
		"other body":       {"12345", address, signed(signature), append(body, "&x=y"...)},
		"no signature":     {"12345", address, http.Header{}, body},
		"no form":          {"12345", address, signed(signature), []byte("%zz")},
		"forged, no token": {"", "https://x.test/", signed("TH2bR+3Qj6NxpZMOsGQJlLx8j08="), nil},
	} {
		if twiliosig.Valid(c.token, c.address, c.header, c.body) {
			t.Errorf("%s: passes", name)
		}
	}
}

func TestCorpus(t *testing.T) {
	f, err := os.Open(filepath.Join(corpora(t), "webhooks-authored", "twilio.jsonl"))
	if err != nil {
		t.Skip("Twilio's signatures of webhooks-authored were not tested: no corpora here")
	}
	defer func() { _ = f.Close() }()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var c struct {
			Case      string            `json:"case"`
			URL       string            `json:"url"`
			Params    map[string]string `json:"params"`
			Signature string            `json:"x_twilio_signature"`
			Token     string            `json:"auth_token"`
			Expect    struct {
				Action string `json:"action"`
			} `json:"expect"`
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		form := url.Values{}
		for k, v := range c.Params {
			form.Set(k, v)
		}
		if got, want := twiliosig.Valid(c.Token, c.URL, signed(c.Signature), []byte(form.Encode())), c.Expect.Action != "reject_403"; got != want {
			t.Errorf("%s: valid %v, want %v", c.Case, got, want)
		}
	}
	if n < 15 {
		t.Errorf("only %d cases read", n)
	}
}

func corpora(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("PARLEY_CORPORA"); dir != "" {
		return dir
	}
	gomod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(string(bytes.TrimSpace(gomod))), "..", "shared", "corpora")
}
