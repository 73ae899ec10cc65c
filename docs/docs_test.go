// Package docs is written for people; its tests hold it to what is there.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/configs"
)

// pages are the texts of all pages, by path from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	paths := []string{"../README.md", "../CONTRIBUTING.md", "../SECURITY.md"}
	err := filepath.WalkDir(".", func(p string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(p, ".md") {
			paths = append(paths, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[p] = string(text)
	}
	return out
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for page, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, part, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "docs/images/") {
				continue
			}
			at := filepath.Join(filepath.Dir(page), target)
			if _, err := os.Stat(at); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
			if part != "" && !slices.Contains(headings(all[at]), part) {
				t.Errorf("%s links to %s, which has no such heading", page, m[1])
			}
		}
	}
}

// headings are the anchors of a page.
func headings(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if title := strings.TrimLeft(line, "#"); title != line {
			out = append(out, strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-"))
		}
	}
	return out
}

var (
	variable = regexp.MustCompile(`PARLEY_[A-Z_]+[A-Z]`)
	key      = regexp.MustCompile("`((?:server|database|broker|blob|secrets|email|log)\\.[a-z_.]+)`")
)

func TestSettingsThatAreTalkedOfExist(t *testing.T) {
	for page, text := range pages(t) {
		for _, name := range variable.FindAllString(text, -1) {
			if !slices.ContainsFunc(configs.Settings(), func(s configs.Setting) bool { return configs.Variable(s.Key) == name }) {
				t.Errorf("%s talks of %s, which is no setting", page, name)
			}
		}
		for _, m := range key.FindAllStringSubmatch(text, -1) {
			if !configs.Known(m[1]) {
				t.Errorf("%s talks of %s, which is no setting", page, m[1])
			}
		}
	}
}

var makeCommand = regexp.MustCompile("(?m)(?:^ {4}|`)make ([a-z-]+)")

func TestCommandsOfMakeThatAreTalkedOfExist(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for page, text := range pages(t) {
		for _, m := range makeCommand.FindAllStringSubmatch(text, -1) {
			seen[m[1]] = true
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s talks of make %s", page, m[1])
			}
		}
	}
	ci, err := os.ReadFile("../.ci/run")
	if err != nil || !strings.Contains(string(ci), "\nmake test\n") || !seen["test"] || !seen["run"] {
		t.Errorf("CI does not run the README's test command (%v)", err)
	}
}
