package deploy

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/knadh/koanf/parsers/yaml"

	"parley/configs"
)

// ${NAME:?why} of a compose file
var composeVariable = regexp.MustCompile(`\$\{[A-Z0-9_]+(:\?[^}]*)?\}`)

func TestTheComposeFileSetsWhatExists(t *testing.T) {
	text, err := os.ReadFile("docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	text = composeVariable.ReplaceAllFunc(text, func(v []byte) []byte {
		if strings.HasPrefix(string(v), "${PUBLIC_URL") {
			return []byte("https://desk.example.com")
		}
		return []byte("x")
	})
	file, err := yaml.Parser().Unmarshal(text)
	if err != nil {
		t.Fatal(err)
	}
	services := file["services"].(map[string]any)
	parley := services["parley"].(map[string]any)
	var env []string
	for name, value := range parley["environment"].(map[string]any) {
		env = append(env, name+"="+value.(string))
	}
	c, err := configs.Load("", env)
	if err != nil {
		t.Fatal(err)
	}
	for needed, url := range map[string]string{"postgres": c.Database.URL, "nats": c.Broker.URL, "storage": c.Blob.URL} {
		if _, ok := services[needed]; !ok || !strings.Contains(url, needed+":") {
			t.Errorf("%s does not lead to the service %s", configs.MaskURL(url), needed)
		}
	}
}

func TestTheUnitStartsTheServerWithSettingsThatExist(t *testing.T) {
	text, err := os.ReadFile("parley.service")
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	for _, line := range strings.Split(string(text), "\n") {
		if v, ok := strings.CutPrefix(line, "Environment="); ok {
			env = append(env, v)
		}
	}
	c, err := configs.Load("", env)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "StateDirectory="+strings.TrimPrefix(c.DataDir, "/var/lib/")+"\n") {
		t.Errorf("data_dir %s is not the unit's state directory", c.DataDir)
	}
	if !strings.Contains(string(text), "ExecStart=/usr/local/bin/parley serve --config ") {
		t.Error("it does not start the server")
	}
}
