// Package configs holds every setting of Parley: its key, default, meaning and check, in one list (settings.go), and the
// typed Config that the program gets.
//
// A YAML file is read first, environment variables go over it. Anything that is not understood stops the start: a typing
// mistake in a setting must not become a default in silence.
package configs

import (
	"net"
	"path/filepath"
	"strconv"
)

// Config is the whole configuration, checked and with derived defaults filled in.
type Config struct {
	Server   Server
	DataDir  string // the embedded database, blobs and the key file, unless their own settings say otherwise
	Database Database
	Broker   Broker
	Blob     Blob
	Secrets  Secrets
	Email    Email
	Log      Log
}

// Server is the one port for pages, API, webhooks and sockets.
type Server struct {
	Host              string
	Port              int
	PublicURL         string   // without a trailing slash
	TrustedProxies    []string // IP addresses and CIDRs
	AllowPrivateHosts []string // host names, IP addresses and CIDRs
}

// Address is host:port to listen on.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// Database says where rows are kept.
type Database struct {
	URL         string // sqlite://PATH or postgres://…
	AutoMigrate bool
}

// Broker wakes the other nodes.
type Broker struct {
	URL string // memory:// or nats://…
}

// Blob says where attachments and recordings are kept.
type Blob struct {
	URL string // file://PATH or s3://BUCKET?…
}

// Secrets says where the installation's key is.
type Secrets struct {
	KeyFile string
}

// Email is the part of e-mail that belongs to the installation and not to a channel.
type Email struct {
	Receiver Receiver
}

// Receiver is the built-in mail receiver; an empty address means off.
type Receiver struct {
	Listen     string // host:port of SMTP
	LMTPListen string // host:port of LMTP
}

// Log says what is logged and how.
type Log struct {
	Level  string // debug, info, warn, error
	Format string // text, json
}

// Default is the configuration of an installation where nothing was set.
func Default() Config {
	var c Config
	for _, s := range settings {
		if err := s.assign(&c, s.value); err != nil {
			panic("configs: the default of " + s.Key + " is not allowed: " + err.Error())
		}
	}
	derive(&c)
	return c
}

// derive fills in what follows from other settings.
func derive(c *Config) {
	if c.Server.PublicURL == "" {
		c.Server.PublicURL = "http://localhost:" + strconv.Itoa(c.Server.Port)
	}
	if c.Database.URL == "" {
		c.Database.URL = "sqlite://" + filepath.Join(c.DataDir, "parley.db")
	}
	if c.Blob.URL == "" {
		c.Blob.URL = "file://" + filepath.Join(c.DataDir, "blobs")
	}
	if c.Secrets.KeyFile == "" {
		c.Secrets.KeyFile = filepath.Join(c.DataDir, "secret.key")
	}
}
