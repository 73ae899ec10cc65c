// Package deploy holds what an installation is made with. No image can be built where the tests run, so its tests read the
// files and hold them against the repository.
package deploy

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/configs"
)

// instruction is one of a Dockerfile, with its stage.
type instruction struct {
	stage      string // name of the stage, "" for the last
	verb, args string
}

func dockerfile(t *testing.T) []instruction {
	t.Helper()
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var out []instruction
	stage := ""
	for _, line := range strings.Split(strings.ReplaceAll(string(text), "\\\n", " "), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		verb, args, _ := strings.Cut(line, " ")
		if verb == "FROM" {
			_, stage, _ = strings.Cut(args, " AS ")
		}
		out = append(out, instruction{stage, verb, strings.Join(strings.Fields(args), " ")})
	}
	return out
}

// last are the arguments of the final image's instructions of one kind.
func last(t *testing.T, verb string) []string {
	t.Helper()
	var out []string
	for _, i := range dockerfile(t) {
		if i.stage == "" && i.verb == verb {
			out = append(out, i.args)
		}
	}
	return out
}

func only(t *testing.T, verb string) string {
	t.Helper()
	all := last(t, verb)
	if len(all) != 1 {
		t.Fatalf("the final image has %d %s, want one", len(all), verb)
	}
	return all[0]
}

// needs skips a test until the rooms that it looks into are there.
func needs(t *testing.T, rooms ...string) {
	t.Helper()
	for _, room := range rooms {
		if _, err := os.Stat("../" + room); err != nil {
			t.Skipf("not tested: there is no %s yet", room)
		}
	}
}

func TestWhatIsCopiedExists(t *testing.T) {
	needs(t, "ui/app/package.json", "ui/widget/package.json")
	stages := map[string]bool{}
	for _, i := range dockerfile(t) {
		if i.verb == "FROM" {
			stages[i.stage] = true
		}
		if i.verb != "COPY" {
			continue
		}
		var from string
		var paths []string
		for _, word := range strings.Fields(i.args) {
			if name, ok := strings.CutPrefix(word, "--from="); ok {
				from = name
			} else if !strings.HasPrefix(word, "--") {
				paths = append(paths, word)
			}
		}
		if from != "" {
			if !stages[from] {
				t.Errorf("COPY %s: there is no stage %s before it", i.args, from)
			}
			continue
		}
		for _, p := range paths[:len(paths)-1] {
			if _, err := os.Stat(filepath.Join("..", p)); err != nil {
				t.Errorf("COPY %s: %v", i.args, err)
			}
			if ignored(t, p) {
				t.Errorf("COPY %s: .dockerignore keeps %s out", i.args, p)
			}
		}
	}
}

// ignored tells whether a line of .dockerignore names the path itself or a folder that it is in.
func ignored(t *testing.T, p string) bool {
	t.Helper()
	text, err := os.ReadFile("../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(text)) {
		for at := path.Clean(p); at != "."; at = path.Dir(at) {
			if ok, _ := path.Match(line, at); ok {
				return true
			}
		}
	}
	return false
}

func TestTheWebSideLandsWhereItIsEmbedded(t *testing.T) {
	needs(t, "ui/app/package.json", "ui/widget/package.json")
	for _, dir := range []string{"ui/app", "ui/widget"} {
		want := fmt.Sprintf("--from=web /src/%s/dist %s/dist", dir, dir)
		if !slices.ContainsFunc(dockerfile(t), func(i instruction) bool { return i.verb == "COPY" && i.args == want }) {
			t.Errorf("no COPY %s", want)
		}
		if _, err := os.Stat("../" + dir + "/dist"); err != nil {
			t.Errorf("%s has no dist to embed: %v", dir, err)
		}
		var manifest struct{ Scripts map[string]string }
		text, err := os.ReadFile("../" + dir + "/package.json")
		if err != nil || json.Unmarshal(text, &manifest) != nil || manifest.Scripts["build"] == "" {
			t.Errorf("%s has no npm run build: %v", dir, err)
		}
	}
}

var buildLine = regexp.MustCompile(`CGO_ENABLED=0 go build .*-o (\S+) \./(\S+)$`)

func TestTheProgramIsBuiltStaticAndStarted(t *testing.T) {
	needs(t, "cmd")
	var built, source string
	for _, i := range dockerfile(t) {
		if m := buildLine.FindStringSubmatch(i.args); i.verb == "RUN" && m != nil {
			built, source = m[1], m[2]
		}
	}
	if built == "" {
		t.Fatal("no static build")
	}
	if _, err := os.Stat(filepath.Join("..", source, "main.go")); err != nil {
		t.Errorf("it builds ./%s: %v", source, err)
	}
	entry := words(t, only(t, "ENTRYPOINT"))
	if !slices.Contains(last(t, "COPY"), "--from=program "+built+" "+entry[0]) {
		t.Errorf("%s is not copied to %s, which is started", built, entry[0])
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil || !strings.Contains(string(makefile), "go build -trimpath -ldflags '$(LDFLAGS)' -o bin/parley ./"+source) {
		t.Errorf("the Makefile builds another package (%v)", err)
	}
}

// words reads the JSON form of an instruction, the only one that works without a shell.
func words(t *testing.T, args string) []string {
	t.Helper()
	var out []string
	if err := json.Unmarshal([]byte(args), &out); err != nil || len(out) == 0 {
		t.Fatalf("%s is not in the JSON form, and there is no shell in the image", args)
	}
	return out
}

func TestTheCommandsOfTheImageExist(t *testing.T) {
	needs(t, "cmd")
	commands := commandWords(t)
	_, health, _ := strings.Cut(only(t, "HEALTHCHECK"), "CMD ")
	entry, check := words(t, only(t, "ENTRYPOINT")), words(t, health)
	if check[0] != entry[0] {
		t.Errorf("the health check starts %s, which is not in the image", check[0])
	}
	for _, command := range []string{words(t, only(t, "CMD"))[0], check[1]} {
		if !commands[command] {
			t.Errorf("cmd/parley has no command %q", command)
		}
	}
}

// commandWords are the texts in the source of cmd/parley, its commands among them.
func commandWords(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../cmd/parley/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("cmd/parley has no source: %v", err)
	}
	found := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					found[text] = true
				}
			}
			return true
		})
	}
	return found
}

func TestTheImageIsConfiguredWithSettingsThatExist(t *testing.T) {
	var env []string
	for _, args := range last(t, "ENV") {
		env = append(env, strings.Fields(args)...)
	}
	c, err := configs.Load("", env)
	if err != nil {
		t.Fatal(err)
	}
	if c.Server.Host != "0.0.0.0" {
		t.Errorf("it listens on %s: nobody outside the container can reach it", c.Server.Host)
	}
	if port := only(t, "EXPOSE"); port != strconv.Itoa(c.Server.Port) {
		t.Errorf("EXPOSE %s, but it listens on %d", port, c.Server.Port)
	}
	if volume := only(t, "VOLUME"); volume != c.DataDir {
		t.Errorf("VOLUME %s, but data_dir is %s", volume, c.DataDir)
	}
	if c.Database.URL != "sqlite:///data/parley.db" || c.Secrets.KeyFile != "/data/secret.key" {
		t.Errorf("what must be kept lies outside the volume: %s, %s", c.Database.URL, c.Secrets.KeyFile)
	}
}

func TestTheImageRunsAsNobody(t *testing.T) {
	user := only(t, "USER")
	id, _, _ := strings.Cut(user, ":")
	if n, err := strconv.Atoi(id); err != nil || n == 0 {
		t.Errorf("USER %s: there is no user list in the image, and it must not be root", user)
	}
	if !slices.ContainsFunc(last(t, "COPY"), func(args string) bool {
		return strings.Contains(args, "--chown="+user) && strings.HasSuffix(args, " /data")
	}) {
		t.Errorf("/data does not belong to %s", user)
	}
}

func TestTheBuilderIsNewEnough(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]
	if !slices.ContainsFunc(dockerfile(t), func(i instruction) bool { return i.verb == "FROM" && strings.HasPrefix(i.args, "golang:"+want+"-") }) {
		t.Errorf("go.mod wants Go %s, the Dockerfile builds with another", want)
	}
}
