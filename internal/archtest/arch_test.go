package archtest

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func ourHouse(t *testing.T) []sourceFile {
	t.Helper()
	files, err := house("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d Go files found", len(files))
	}
	return files
}

func TestRoomsKnowOnlyWhatThePlanAllows(t *testing.T) {
	for _, f := range ourHouse(t) {
		if within(f.path, "internal/probe") { // pins modules that no room imports yet
			continue
		}
		if _, ok := floorOf(f.pkg()); !ok {
			t.Errorf("%s is in no room of the plan", f.path)
		}
		for _, imported := range f.imports {
			to, ok := ours(imported)
			if !ok || to == f.pkg() {
				continue
			}
			allowed := mayKnow(f.pkg(), to)
			if f.isForTests() {
				allowed = allowed || testMayKnow(f.pkg(), to)
			}
			if !allowed {
				t.Errorf("%s must not know %s", f.path, to)
			}
		}
	}
}

func TestThePortKnowsTheStandardLibraryOnly(t *testing.T) {
	found := false
	for _, f := range ourHouse(t) {
		if f.path != "connectors/connector.go" {
			continue
		}
		found = true
		for _, imported := range f.imports {
			if !isStandard(imported) {
				t.Errorf("%s imports %s", f.path, imported)
			}
		}
	}
	if !found {
		t.Error("connectors/connector.go is gone")
	}
}

func TestModulesStayInTheirRooms(t *testing.T) {
	for _, f := range ourHouse(t) {
		if within(f.path, "internal/probe") || f.isForTests() {
			continue
		}
		for _, imported := range f.imports {
			for _, rule := range onlyIn {
				if within(imported, rule.module) && !withinAny(f.pkg(), rule.rooms...) {
					t.Errorf("%s imports %s: %s", f.path, imported, rule.why)
				}
			}
		}
	}
}

func TestTimeComesFromAClock(t *testing.T) {
	unneeded := map[string]bool{}
	for _, f := range ourHouse(t) {
		if f.isForTests() || within(f.path, "internal/clock") {
			continue
		}
		reads := clockReads(f)
		if _, ok := clockless[f.path]; ok {
			unneeded[f.path] = len(reads) == 0
			continue
		}
		for _, at := range reads {
			t.Errorf("%s: take a clock.Clock or the Host's Now", at)
		}
	}
	for path, is := range unneeded {
		if is {
			t.Errorf("%s is excepted and does not need it", path)
		}
	}
}

func TestThePlanRefusesWrongArrows(t *testing.T) {
	cases := []struct {
		from, to string
		want     bool
	}{
		{"cmd/parley", "connectors/email", true},
		{"cmd/parley", "configs", true},
		{"ui/api", "inbox", true},
		{"ui/api", "internal/staff", true},
		{"ui/api", "configs", false},
		{"inbox", "ui/api", false},
		{"inbox", "crm/identity", true},
		{"inbox/calls", "inbox", true},
		{"inbox", "connectors", true},
		{"inbox", "connectors/email", false},
		{"inbox", "realtime/eventlog", true},
		{"inbox", "realtime", false},
		{"crm", "inbox", false},
		{"crm", "connectors", true},
		{"crm", "connectors/sms", false},
		{"crm", "realtime/eventlog", true},
		{"connectors", "internal/db", true},
		{"connectors", "crm", false},
		{"connectors/email", "connectors", true},
		{"connectors/email/mime", "connectors/email", true},
		{"connectors/email", "connectors/sms", false},
		{"connectors/email", "connectors/internal/webhook", true},
		{"connectors/email", "internal/netguard", true},
		{"connectors/email", "internal/db", false},
		{"connectors/email", "connectors/connectortest", false},
		{"cmd/parley", "connectors/connectortest/faketelegram", true},
		{"realtime", "realtime/eventlog", true},
		{"realtime", "inbox", false},
		{"realtime/eventlog", "realtime", false},
		{"internal/auth", "internal/fault", true},
		{"internal/db", "crm", false},
		{"configs", "internal/db", false},
		{"helpers", "internal/db", false},
	}
	for _, c := range cases {
		if got := mayKnow(c.from, c.to); got != c.want {
			t.Errorf("%s → %s: %v, want %v", c.from, c.to, got, c.want)
		}
	}
	if testMayKnow("crm", "inbox") || !testMayKnow("inbox", "connectors/connectortest/faketelegram") || !testMayKnow("connectors/email", "internal/db/dbtest") {
		t.Error("tests may join what is on their floor or below, and nothing above")
	}
}

func TestTheClockRuleSeesEveryWayToAsk(t *testing.T) {
	f, err := read("testdata", "testdata/clock.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := clockReads(f); len(got) != 4 {
		t.Errorf("found %v, want 4 places", got)
	}
}

// fiber's own tests fail above fasthttp 1.69.0 and huma does not compile below it; fiber before 2.52.15 has known holes.
func TestFrameworkVersionsAreTheOnesThatFit(t *testing.T) {
	if v := version(t, "github.com/valyala/fasthttp"); v != "v1.69.0" {
		t.Errorf("fasthttp is %s, it must be exactly v1.69.0 (docs/decisions/0002)", v)
	}
	if v := version(t, "github.com/gofiber/fiber/v2"); !atLeast(v, "v2.52.15") {
		t.Errorf("fiber is %s, it must be at least v2.52.15", v)
	}
	if v := version(t, "modernc.org/libc"); v != "v1.77.1" {
		t.Errorf("modernc.org/libc is %s; modernc.org/sqlite v1.60.1 wants exactly v1.77.1 (docs/decisions/0003)", v)
	}
}

func version(t *testing.T, module string) string {
	t.Helper()
	const format = "{{if .Replace}}{{.Replace.Version}}{{else}}{{.Version}}{{end}}"
	out, err := exec.Command("go", "list", "-m", "-f", format, module).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}

func atLeast(v, least string) bool {
	return slices.Compare(numbers(v), numbers(least)) >= 0
}

func numbers(v string) []int {
	var out []int
	for _, part := range strings.Split(strings.TrimPrefix(v, "v"), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil // a pre-release or pseudo-version counts as nothing
		}
		out = append(out, n)
	}
	return out
}

func TestVersionsAreComparedAsNumbers(t *testing.T) {
	for v, want := range map[string]bool{"v2.52.15": true, "v2.52.9": false, "v2.53.0": true, "v3.0.0": true, "v2.52.16-beta": false} {
		if atLeast(v, "v2.52.15") != want {
			t.Errorf("%s at least v2.52.15 should be %v", v, want)
		}
	}
}
