package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley/internal/db/dbtest"
)

// say runs a command to its end.
func (h *hub) say(in string, args ...string) (status int, out, errOut string) {
	cmd := h.command(args...)
	var o, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &o, &e
	return exitCode(cmd.Run()), o.String(), e.String()
}

func TestCommandLinesThatAreNotUnderstoodEndWith2(t *testing.T) {
	h := newHub(t, "", "")
	for _, args := range [][]string{{}, {"frobnicate"}, {"serve", "--prot", "8080"}, {"serve", "now"}, {"user", "create", "--email", "a@hub.test"}, {"user"},
		{"token", "create", "--name", "x"}, {"token", "create", "--email", "a@hub.test", "--name", "x", "--expires", "soon"}, {"version", "please"}} {
		status, _, errOut := h.say("", args...)
		if status != 2 || len(args) > 0 && errOut == "" {
			t.Errorf("parley %s ends with %d and says %q", strings.Join(args, " "), status, errOut)
		}
	}
	if _, err := os.Stat(filepath.Join(h.dir, "data")); err == nil {
		t.Error("a command line that was not understood made a data directory")
	}
}

func TestHelpAndVersionNeedNothing(t *testing.T) {
	h := newHub(t, "", "")
	status, out, _ := h.say("", "version")
	if status != 0 || !regexp.MustCompile(`^parley \S+, commit \S+, built \S+\n$`).MatchString(out) {
		t.Errorf("version ends with %d: %q", status, out)
	}
	status, out, _ = h.say("", "--help")
	for _, c := range commands() {
		if status != 0 || !strings.Contains(out, c.name) || !strings.Contains(out, c.example) {
			t.Errorf("--help (%d) does not show %q with its example", status, c.name)
		}
	}
}

func TestASettingThatIsWrongStopsTheStart(t *testing.T) {
	for _, c := range []struct {
		env  string
		want []string // in what is said
	}{
		{"PARLEY_SERVER_PROT=8080", []string{"PARLEY_SERVER_PROT"}},
		{"PARLEY_SERVER_PORT=eighty", []string{"PARLEY_SERVER_PORT", "eighty", "65535"}},
		{"PARLEY_DATABASE_URL=mysql://x", []string{"PARLEY_DATABASE_URL", "postgres://"}},
		{"PARLEY_LOG_LEVEL=loud", []string{"PARLEY_LOG_LEVEL", "loud", "debug"}},
		{"PARLEY_SERVER_ALLOW_PRIVATE_HOSTS=10.0.0.0/99", []string{"PARLEY_SERVER_ALLOW_PRIVATE_HOSTS", "10.0.0.0/99"}},
	} {
		h := newHub(t, "", "", c.env)
		status, _, errOut := h.say("", "serve")
		for _, want := range c.want {
			if status == 0 || !strings.Contains(errOut, want) {
				t.Errorf("with %s serve ends with %d and says %q; want %q in it", c.env, status, errOut, want)
			}
		}
	}
	h := newHub(t, "", "")
	file := filepath.Join(h.dir, "parley.yaml")
	if err := os.WriteFile(file, []byte("server:\n  port: 8080\n  colour: red\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, errOut := h.say("", "serve", "--config", file); status == 0 || !strings.Contains(errOut, "server.colour") {
		t.Errorf("with an unknown key in the file serve ends with %d and says %q", status, errOut)
	}
}

func TestPeopleAndTokensAreMadeWhileItServes(t *testing.T) {
	eachDatabase(t, dbtest.DurablePostgresURL, func(t *testing.T, databaseURL string) {
		h := newHub(t, "", databaseURL)
		if status, _, errOut := h.say("", "migrate"); status != 0 {
			t.Fatalf("migrate ends with %d: %s", status, errOut)
		}
		h.serve()
		if status, out, errOut := h.say("a long password\n", "user", "create", "--email", "olga@hub.test", "--name", "Olga", "--role", "owner", "--password-stdin"); status != 0 || out != "" {
			t.Fatalf("user create ends with %d: %q %s", status, out, errOut)
		}
		if status, _, errOut := h.say("x\n", "user", "create", "--email", "OLGA@hub.test", "--name", "Olga", "--role", "owner", "--password-stdin"); status != 1 || errOut == "" {
			t.Errorf("a second person with the same address: %d %q", status, errOut)
		}
		status, link, errOut := h.say("", "user", "create", "--email", "anna@hub.test", "--name", "Anna", "--role", "agent")
		if status != 0 || !strings.HasPrefix(link, h.url+"/set-password#") {
			t.Fatalf("user create ends with %d: %q %s", status, link, errOut)
		}
		var setup struct{ Needed bool }
		h.must(http.MethodGet, "/setup", nil, &setup)
		if setup.Needed {
			t.Error("with an owner made by the command line the browser's set-up is still open")
		}
		_, secret, _ := strings.Cut(strings.TrimSpace(link), "#")
		h.must(http.MethodPost, "/password", object{"link": secret, "password": "another long password"}, nil)
		h.must(http.MethodPost, "/session", object{"email": "anna@hub.test", "password": "another long password"}, nil)
		if status, _, _ := h.do(http.MethodPost, "/api/v1/password", nil, object{"link": secret, "password": "a third long password"}); status/100 != 4 {
			t.Errorf("a link that was used answers %d the second time", status)
		}
		status, token, errOut := h.say("", "token", "create", "--email", "olga@hub.test", "--name", "script", "--scopes", "read", "--expires", "1h")
		if status != 0 || strings.Count(token, "\n") != 1 {
			t.Fatalf("token create ends with %d: %q %s", status, token, errOut)
		}
		h.token = strings.TrimSpace(token)
		var me struct{ User struct{ Email string } }
		if h.must(http.MethodGet, "/session", nil, &me); me.User.Email != "olga@hub.test" {
			t.Errorf("the token is %q's", me.User.Email)
		}
		if status, _, _ := h.do(http.MethodPost, "/api/v1/teams", nil, object{"name": "Sales"}); status != http.StatusForbidden {
			t.Errorf("a token that may only read made a team: %d", status)
		}
		if status, _, errOut := h.say("", "token", "create", "--email", "nobody@hub.test", "--name", "script"); status != 1 || errOut == "" {
			t.Errorf("a token for nobody: %d %q", status, errOut)
		}
	})
}
