package configs

import (
	"fmt"
	"strings"
)

// Example is the example file: every key with its default and what it is for.
func Example() string {
	var b strings.Builder
	b.WriteString("# Every setting of Parley with its default. A file needs to hold only what differs.\n" +
		"# Over the file go environment variables: PARLEY_ and the key in capitals with . as _, lists with commas,\n" +
		"# for example PARLEY_SERVER_PUBLIC_URL=https://desk.example.com\n" +
		"# Made from configs/settings.go by `make generate`; a test holds them equal.\n")
	var open []string // the sections that we are in
	for _, s := range settings {
		path := strings.Split(s.Key, ".")
		sections := path[:len(path)-1]
		if len(open) == 0 || len(sections) == 0 || open[0] != sections[0] {
			b.WriteString("\n")
		}
		writeSections(&b, open, sections)
		open = sections
		indent := strings.Repeat("  ", len(sections))
		fmt.Fprintf(&b, "%s# %s\n%s%s: %s\n", indent, s.Doc, indent, path[len(path)-1], exampleValue(s))
	}
	return b.String()
}

// writeSections opens those of want that are not open yet.
func writeSections(b *strings.Builder, open, want []string) {
	same := 0
	for same < len(open) && same < len(want) && open[same] == want[same] {
		same++
	}
	for i := same; i < len(want); i++ {
		fmt.Fprintf(b, "%s%s:\n", strings.Repeat("  ", i), want[i])
	}
}

func exampleValue(s setting) string {
	if s.Type == "text" {
		return fmt.Sprintf("%q", s.Default)
	}
	return s.Default
}

// Reference is the list of settings as a page of the documentation.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\n" +
		"Parley runs without any configuration. What you want different goes into a YAML file (`parley serve --config FILE`) or into\n" +
		"environment variables, which win over the file. A variable's name is `PARLEY_` and the key in capitals with `.` as `_`;\n" +
		"lists have commas. An unknown key or a bad value stops the start with the key, the value and what is allowed.\n\n" +
		"[`configs/parley.example.yaml`](../../configs/parley.example.yaml) is a file with every key and its default.\n\n" +
		"This page is made from `configs/settings.go` by `make generate`.\n\n" +
		"| key | variable | default | allowed | what it is for |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range settings {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", s.Key, Variable(s.Key), shownDefault(s), s.Allowed, s.Doc)
	}
	return b.String()
}

func shownDefault(s setting) string {
	if s.Default == "" || s.Default == "[]" {
		return "none"
	}
	return "`" + s.Default + "`"
}
