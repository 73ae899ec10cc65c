package configs

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func written(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNothingSetIsTheDefault(t *testing.T) {
	c, err := Load("", []string{"HOME=/root", "PATH=/bin", "PARLEY_CORPORA=/x"})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("got %+v, want the defaults", c)
	}
	if c.Server.Address() != "127.0.0.1:8080" || c.Server.PublicURL != "http://localhost:8080" {
		t.Errorf("listens on %s as %s", c.Server.Address(), c.Server.PublicURL)
	}
	if c.Database.URL != "sqlite://data/parley.db" || c.Blob.URL != "file://data/blobs" || c.Secrets.KeyFile != "data/secret.key" {
		t.Errorf("derived: %q %q %q", c.Database.URL, c.Blob.URL, c.Secrets.KeyFile)
	}
	if !c.Database.AutoMigrate || c.Broker.URL != "memory://" {
		t.Errorf("database %+v, broker %+v", c.Database, c.Broker)
	}
}

func TestTheEnvironmentWinsOverTheFile(t *testing.T) {
	path := written(t, "data_dir: /from/file\nserver:\n  port: 9000\n  trusted_proxies: [10.0.0.0/8, '::1']\ndatabase:\n  auto_migrate: false\nemail:\n")
	c, err := Load(path, []string{
		"PARLEY_SERVER_PORT=9001",
		"PARLEY_SERVER_ALLOW_PRIVATE_HOSTS=127.0.0.1, mail.local,fd00::/8",
		"PARLEY_EMAIL_RECEIVER_LMTP_LISTEN=127.0.0.1:2424",
		"PARLEY_LOG_FORMAT=json",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.DataDir = "/from/file"
	want.Server.Port = 9001
	want.Server.PublicURL = "http://localhost:9001"
	want.Server.TrustedProxies = []string{"10.0.0.0/8", "::1"}
	want.Server.AllowPrivateHosts = []string{"127.0.0.1", "mail.local", "fd00::/8"}
	want.Database = Database{URL: "sqlite:///from/file/parley.db"}
	want.Blob.URL = "file:///from/file/blobs"
	want.Secrets.KeyFile = "/from/file/secret.key"
	want.Email.Receiver.LMTPListen = "127.0.0.1:2424"
	want.Log.Format = "json"
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestEverySettingCanBeSetByItsVariable(t *testing.T) {
	other := map[string]string{
		"server.host": "0.0.0.0", "server.port": "81", "server.public_url": "https://desk.example.com/", "server.trusted_proxies": "10.1.2.3",
		"server.allow_private_hosts": "emulator", "data_dir": "/srv/parley", "database.url": "postgres://u:p@db/parley", "database.auto_migrate": "false",
		"broker.url": "nats://a:4222,nats://b:4222", "blob.url": "s3://bucket?endpoint=x", "secrets.key_file": "/run/key",
		"email.receiver.listen": ":25", "email.receiver.lmtp_listen": "127.0.0.1:24", "log.level": "debug", "log.format": "json",
	}
	for _, s := range Settings() {
		value, ok := other[s.Key]
		if !ok {
			t.Errorf("%s is not tried here", s.Key)
			continue
		}
		c, err := Load("", []string{Variable(s.Key) + "=" + value})
		if err != nil {
			t.Errorf("%s=%s: %v", s.Key, value, err)
		} else if reflect.DeepEqual(c, Default()) {
			t.Errorf("%s=%s changed nothing", s.Key, value)
		}
	}
}

func TestWhatIsNotUnderstoodStopsTheStart(t *testing.T) {
	cases := []struct {
		name, yaml, env string
		want            []string // in the error
		hide            string   // must not be in it
	}{
		{"unknown key", "server:\n  prot: 81", "", []string{"server.prot", `"81"`, "server.port"}, ""},
		{"unknown section", "sever:\n  port: 81", "", []string{"sever.port", `"81"`, "server.port"}, ""},
		{"unknown variable", "", "PARLEY_SERVER_PROT=81", []string{"PARLEY_SERVER_PROT", `"81"`, "PARLEY_SERVER_PORT"}, ""},
		{"unknown key that may be a secret", "smtp_password: hunter2", "", []string{"smtp_password"}, "hunter2"},
		{"port too high", "server: {port: 65536}", "", []string{"server.port", `"65536"`, "1 to 65535"}, ""},
		{"port no number", "", "PARLEY_SERVER_PORT=http", []string{"PARLEY_SERVER_PORT", `"http"`, "1 to 65535"}, ""},
		{"port a fraction", "server: {port: 80.5}", "", []string{"server.port", "80.5"}, ""},
		{"section given a value", "server: 8080", "", []string{"server", "8080"}, ""},
		{"key given a section", "data_dir: {path: x}", "", []string{"data_dir.path"}, ""},
		{"list in place of a text", "data_dir: [a, b]", "", []string{"data_dir", "a, b", "a path"}, ""},
		{"number in a list", "server: {trusted_proxies: [1]}", "", []string{"server.trusted_proxies", "10.0.0.0/8"}, ""},
		{"host name as a proxy", "", "PARLEY_SERVER_TRUSTED_PROXIES=proxy.local", []string{"PARLEY_SERVER_TRUSTED_PROXIES", "proxy.local"}, ""},
		{"public URL with a path", "", "PARLEY_SERVER_PUBLIC_URL=https://example.com/parley", []string{"https://example.com/parley", "nothing behind it"}, ""},
		{"public URL without scheme", "", "PARLEY_SERVER_PUBLIC_URL=example.com", []string{`"example.com"`}, ""},
		{"database nobody has", "database: {url: 'mysql://me:hunter2@db/x'}", "", []string{"database.url", "mysql://me:***@db/x", "postgres://"}, "hunter2"},
		{"password with a slash", "database: {url: 'mysql://me:hun/ter2@db/x'}", "", []string{"database.url"}, "ter2"},
		{"password in words", "", "PARLEY_DATABASE_URL=host=db password=hunter2", []string{"PARLEY_DATABASE_URL"}, "hunter2"},
		{"broker with a token", "", "PARLEY_BROKER_URL=redis://hunter2@b", []string{"redis://***", "memory://"}, "hunter2"},
		{"storage with a secret", "", "PARLEY_BLOB_URL=gs://b?secret_key=hunter2&x=1", []string{"gs://b", "s3://"}, "hunter2"},
		{"yes for true", "database: {auto_migrate: maybe}", "", []string{"database.auto_migrate", "maybe", "true or false"}, ""},
		{"receiver without a port", "", "PARLEY_EMAIL_RECEIVER_LISTEN=localhost", []string{"host:port"}, ""},
		{"unknown level", "log: {level: loud}", "", []string{"loud", "debug, info, warn, error"}, ""},
		{"empty port", "", "PARLEY_SERVER_PORT=", []string{"PARLEY_SERVER_PORT", `""`}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(written(t, c.yaml), []string{c.env})
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not tell %q", err, w)
				}
			}
			if c.hide != "" && strings.Contains(err.Error(), c.hide) {
				t.Errorf("%q tells the secret", err)
			}
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, err := Load(written(t, "server: {port: 0}\nlog: {level: loud}"), []string{"PARLEY_X=1"})
	for _, w := range []string{"server.port", "log.level", "PARLEY_X"} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%v does not tell %s", err, w)
		}
	}
}

func TestAnEmptyFileIsTheDefault(t *testing.T) {
	for _, yaml := range []string{"", "# nothing\n", "server:\nlog: {}\n"} {
		c, err := Load(written(t, yaml), nil)
		if err != nil || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: %+v, %v", yaml, c, err)
		}
	}
}

func TestAMissingOrBrokenFileIsNamed(t *testing.T) {
	_, err := Load("/no/such/parley.yaml", nil)
	if err == nil || !strings.Contains(err.Error(), "there is no configuration file /no/such/parley.yaml") {
		t.Errorf("missing: %v", err)
	}
	path := written(t, "server: [")
	if _, err = Load(path, nil); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("broken: %v", err)
	}
}

func TestMaskedURLsKeepTheirHost(t *testing.T) {
	cases := map[string]string{
		"postgres://u:pw@db:5432/x?sslmode=disable": "postgres://u:***@db:5432/x?sslmode=disable",
		"nats://token@b:4222":                       "nats://***:***@b:4222",
		"sqlite://data/parley.db":                   "sqlite://data/parley.db",
		"s3://b?endpoint=e&secret_key=s":            "s3://b?endpoint=e&secret_key=***",
		"postgres://db/x?password=pw&sslmode=x":     "postgres://db/x?password=***&sslmode=x",
	}
	for in, want := range cases {
		if got := MaskURL(in); got != want {
			t.Errorf("MaskURL(%q) is %q, want %q", in, got, want)
		}
	}
}
