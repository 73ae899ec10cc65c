// Package archtest holds the plan of the house (docs/architecture.md) as a test: which room may know which, who may import what
// from outside, and that time comes from a clock. A new arrow is talked over before it is written here.
package archtest

import (
	"slices"
	"strings"
)

// floors numbers the rooms from the ground up. A room knows rooms below it, never above; the exact arrows are in mayKnow.
var floors = []struct {
	room  string
	floor int
}{ // the first that fits counts
	{"internal", 0},
	{"configs", 0},
	{"realtime/eventlog", 1},
	{"connectors", 2},
	{"crm", 2},
	{"realtime", 2},
	{"inbox", 3},
	{"ui", 4},
	{"cmd", 5},
	{"deploy", 5},
	{"docs", 5},
}

// floorOf is the floor of a package, given by its folder; ok is false for a folder that is on no plan.
func floorOf(pkg string) (floor int, ok bool) {
	for _, f := range floors {
		if within(pkg, f.room) {
			return f.floor, true
		}
	}
	return 0, false
}

// within tells whether pkg is room or a folder below it.
func within(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

func withinAny(pkg string, rooms ...string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool { return within(pkg, r) })
}

// groundOfChannels is all of the ground floor that a channel's folder may know.
var groundOfChannels = []string{"internal/netguard", "internal/fault", "internal/clock", "internal/origin"}

// mayKnow tells whether code (not tests) of the package in folder from may import the one in folder to.
func mayKnow(from, to string) bool {
	switch {
	case withinAny(from, "cmd", "deploy", "docs"):
		return true
	case within(to, "connectors/connectortest"): // fakes of providers; cmd's demo uses them too
		return within(from, "connectors/connectortest")
	case within(from, "ui"):
		return to != "cmd" && !within(to, "cmd") && !within(to, "configs")
	case within(from, "inbox"):
		return withinAny(to, "inbox", "crm", "realtime/eventlog", "internal") || to == "connectors"
	case within(from, "crm"): // the port's words for identities (Claim, Trust) are crm's too; channels are not
		return withinAny(to, "crm", "realtime/eventlog", "internal") || to == "connectors"
	case from == "connectors":
		return withinAny(to, "realtime/eventlog", "internal")
	case within(from, "connectors/internal"), within(from, "connectors/connectortest"):
		return to == "connectors" || withinAny(to, append([]string{"connectors/internal"}, groundOfChannels...)...)
	case within(from, "connectors"):
		return to == "connectors" || withinAny(to, append([]string{"connectors/internal", channelOf(from)}, groundOfChannels...)...)
	case within(from, "realtime/eventlog"):
		return withinAny(to, "realtime/eventlog", "internal")
	case within(from, "realtime"):
		return withinAny(to, "realtime", "internal")
	case within(from, "internal"):
		return within(to, "internal")
	}
	return false // configs and whatever is on no plan know no room
}

// channelOf is the folder of the channel that a package belongs to: connectors/email/mime belongs to connectors/email.
func channelOf(pkg string) string {
	parts := strings.SplitN(pkg, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// testMayKnow is mayKnow for tests: they may join what lies on their own floor or below.
func testMayKnow(from, to string) bool {
	f, known := floorOf(from)
	t, alsoKnown := floorOf(to)
	return known && alsoKnown && t <= f || within(to, "connectors/connectortest")
}

// onlyIn says which packages from outside stay in which rooms, tests included where they are not excepted.
var onlyIn = []struct {
	module string
	rooms  []string
	why    string
}{
	{"github.com/glebarez", []string{"internal/db"}, "the dialect is known in internal/db alone"},
	{"gorm.io/driver/postgres", []string{"internal/db"}, "the dialect is known in internal/db alone"},
	{"modernc.org/sqlite", []string{"internal/db"}, "the dialect is known in internal/db alone"},
	{"github.com/gofiber/fiber", []string{"ui/api", "cmd"}, "the bridge in ui/api alone knows fiber"},
	{"github.com/valyala/fasthttp", []string{"ui/api"}, "the bridge in ui/api alone knows fiber"},
	{"github.com/knadh/koanf", []string{"configs"}, "rooms are given values, not a configuration"},
	{"github.com/microcosm-cc/bluemonday", []string{"internal/sanitize"}, "what may be shown is decided in one place"},
}

// clockless are the files that may ask the machine for the time although they are neither tests nor internal/clock.
var clockless = map[string]string{
	"connectors/email/receiver/limit.go": "a connection's lifetime ends in deadlines, which the system compares with its own clock",
	"internal/blob/disk.go":              "compares with the file system's own times of files that were left behind",
}
