package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

const envPrefix = "PARLEY_"

// notOurs are variables with our prefix that are no settings.
var notOurs = []string{"PARLEY_CORPORA"} // tells the tests where the corpora are

// Load reads the YAML file at path (none when path is "") and, over it, the variables of env ("NAME=value", as os.Environ
// gives them). The error names every key that is unknown or badly set, one per line, with the value and what is allowed;
// passwords in it are masked.
func Load(path string, env []string) (Config, error) {
	var problems []error
	values, err := fromFile(path)
	if err != nil {
		return Config{}, err
	}
	c := Default()
	// derived anew from what was set
	c.Server.PublicURL, c.Database.URL, c.Blob.URL, c.Secrets.KeyFile = "", "", "", ""
	for _, key := range sortedKeys(values) {
		problems = append(problems, apply(&c, key, key+" in "+path, values[key]))
	}
	for _, v := range env {
		problems = append(problems, applyVariable(&c, v))
	}
	if err := errors.Join(problems...); err != nil {
		return Config{}, err
	}
	derive(&c)
	return c, nil
}

func fromFile(path string) (map[string]any, error) {
	if path == "" {
		return nil, nil
	}
	k := koanf.New(".")
	err := k.Load(file.Provider(path), yaml.Parser())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration file %s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration file %s: %w", path, err)
	}
	values := k.All()
	dropEmptySections(values)
	return values, nil
}

// dropEmptySections forgets "server:" with nothing below it.
func dropEmptySections(values map[string]any) {
	for key, v := range values {
		empty := v == nil
		if m, ok := v.(map[string]any); ok {
			empty = len(m) == 0
		}
		if empty && isSection(key) {
			delete(values, key)
		}
	}
}

func isSection(key string) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return strings.HasPrefix(s.Key, key+".") })
}

func applyVariable(c *Config, variable string) error {
	name, value, _ := strings.Cut(variable, "=")
	if !strings.HasPrefix(name, envPrefix) || slices.Contains(notOurs, name) {
		return nil
	}
	for _, s := range settings {
		if Variable(s.Key) == name {
			return apply(c, s.Key, name, value)
		}
	}
	return unknown(name, name, value, Variable)
}

// apply sets key to raw; where is how the key is named to people.
func apply(c *Config, key, where string, raw any) error {
	s, ok := find(key)
	if !ok {
		return unknown(key, where, printed(raw), func(k string) string { return k })
	}
	if err := s.assign(c, raw); err != nil {
		return fmt.Errorf("%s is %q, allowed is %s", where, s.show(raw), s.Allowed)
	}
	return nil
}

func unknown(name, where, value string, spell func(key string) string) error {
	known := make([]string, len(settings))
	for i, s := range settings {
		known[i] = spell(s.Key)
	}
	return fmt.Errorf("%s (set to %q) is no setting; the settings are %s", where, maskUnknown(name, value), strings.Join(known, ", "))
}

// Variable is the environment variable of a key: server.public_url is PARLEY_SERVER_PUBLIC_URL.
func Variable(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
