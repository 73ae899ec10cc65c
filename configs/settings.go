package configs

// Setting is one key of the configuration as people read about it.
type Setting struct {
	Key     string
	Type    string // "text", "number", "yes or no", "list"
	Default string // as the example file and the documentation show it
	Doc     string // one line: what it is for
	Allowed string // what may stand there
}

// setting is a Setting that can be applied.
type setting struct {
	Setting
	value  any                            // the default, as YAML would give it
	secret bool                           // may hold a password: shown masked
	assign func(c *Config, raw any) error // checks raw (from YAML or the environment) and stores it
}

// settings is every setting there is, in the order of the example file.
var settings = []setting{
	text("server.host", "127.0.0.1", "address to listen on; 0.0.0.0 for all of the machine's",
		hostName, func(c *Config) *string { return &c.Server.Host }),
	number("server.port", 8080, "one port for pages, API, webhooks and WebSockets",
		1, 65535, func(c *Config) *int { return &c.Server.Port }),
	text("server.public_url", "", "what providers and customers see; signatures, links and allowed origins are built from it alone",
		publicURL, func(c *Config) *string { return &c.Server.PublicURL }).derived("http://localhost:8080", "server.port"),
	list("server.trusted_proxies", "only from these are X-Forwarded-* headers believed",
		network, func(c *Config) *[]string { return &c.Server.TrustedProxies }),
	list("server.allow_private_hosts", "what outgoing connections may reach although it is private (a local mail server, an emulator)",
		hostOrNetwork, func(c *Config) *[]string { return &c.Server.AllowPrivateHosts }),
	text("data_dir", "./data", "embedded database, attachments and the key file",
		anyPath, func(c *Config) *string { return &c.DataDir }),
	text("database.url", "", "where rows are kept: one embedded file, or PostgreSQL 15 and newer for several nodes",
		databaseURL, func(c *Config) *string { return &c.Database.URL }).derived("sqlite://data/parley.db", "data_dir").masked(),
	yesNo("database.auto_migrate", true, "serve brings the database to the newest schema; false: only `parley migrate` does",
		func(c *Config) *bool { return &c.Database.AutoMigrate }),
	text("broker.url", "memory://", "wakes the other nodes; holds nothing that the database does not",
		brokerURL, func(c *Config) *string { return &c.Broker.URL }).masked(),
	text("blob.url", "", "attachments and recordings: a folder, or S3-compatible storage for several nodes",
		blobURL, func(c *Config) *string { return &c.Blob.URL }).derived("file://data/blobs", "data_dir").masked(),
	text("secrets.key_file", "", "encrypts credentials at rest; made at the first start, mode 0600. Keep a copy apart from the backups",
		maybePath, func(c *Config) *string { return &c.Secrets.KeyFile }).derived("data/secret.key", "data_dir"),
	text("email.receiver.listen", "", "the built-in SMTP receiver; empty is off",
		maybeHostPort, func(c *Config) *string { return &c.Email.Receiver.Listen }),
	text("email.receiver.lmtp_listen", "", "the built-in LMTP receiver, for a mail server on the same machine; empty is off",
		maybeHostPort, func(c *Config) *string { return &c.Email.Receiver.LMTPListen }),
	text("log.level", "info", "how much is logged",
		oneOf("debug", "info", "warn", "error"), func(c *Config) *string { return &c.Log.Level }),
	text("log.format", "text", "json for machines",
		oneOf("text", "json"), func(c *Config) *string { return &c.Log.Format }),
}

// Settings lists every setting, in the order of the example file.
func Settings() []Setting {
	out := make([]Setting, len(settings))
	for i, s := range settings {
		out[i] = s.Setting
	}
	return out
}

// Known tells whether there is a setting with this key.
func Known(key string) bool { _, ok := find(key); return ok }

func find(key string) (setting, bool) {
	for _, s := range settings {
		if s.Key == key {
			return s, true
		}
	}
	return setting{}, false
}

// derived marks a setting whose default follows from another one; shown is that default when nothing is set.
func (s setting) derived(shown, from string) setting {
	s.Default = shown
	s.Doc += " (left out: follows " + from + ")"
	return s
}

func (s setting) masked() setting { s.secret = true; return s }

// show is raw as it may be printed.
func (s setting) show(raw any) string {
	if s.secret {
		return MaskURL(printed(raw))
	}
	return printed(raw)
}
