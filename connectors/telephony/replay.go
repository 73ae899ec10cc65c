package telephony

import (
	"fmt"
	"net/url"
	"strings"

	"parley/connectors"
)

// Replay reads an event of the journal again.
func (l *line) Replay(raw []byte, _, key string) (connectors.Inbound, error) {
	switch p := l.provider.(type) {
	case *generic:
		return p.read(raw)
	case *twilio:
		return p.replay(raw, key, l)
	}
	return connectors.Inbound{}, fmt.Errorf("events of %q can't be read again", l.cfg.Provider)
}

// replay knows by the key which hook was called.
func (t *twilio) replay(raw []byte, key string, l *line) (connectors.Inbound, error) {
	path, _, _ := strings.Cut(key, ":")
	read, _ := t.reader(path)
	if read == nil {
		return connectors.Inbound{}, fmt.Errorf("there is no hook %q", path)
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return connectors.Inbound{}, err
	}
	return t.understand(read, form, l.host.Now())
}
