package configs

import (
	"flag"
	"os"
	"reflect"
	"testing"
)

var update = flag.Bool("update", false, "write the generated files anew")

// `make generate` runs this with -update.
func TestGeneratedFilesAreUpToDate(t *testing.T) {
	for path, want := range map[string]string{
		"parley.example.yaml":            Example(),
		"../docs/admin/configuration.md": Reference(),
	} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%s is not what configs/settings.go says (%v): make generate", path, err)
		}
	}
}

func TestTheExampleFileIsTheDefaults(t *testing.T) {
	c, err := Load("parley.example.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("the example gives %+v\nthe defaults are %+v", c, Default())
	}
}

func TestEverySettingIsExplained(t *testing.T) {
	for _, s := range Settings() {
		if s.Doc == "" || s.Allowed == "" || s.Type == "" {
			t.Errorf("%+v lacks a word", s)
		}
	}
}
