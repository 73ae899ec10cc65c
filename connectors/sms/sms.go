// Package sms connects text messages: SMS, MMS and WhatsApp, through a provider named in the channel's config.
package sms

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"parley/connectors"
)

// provider is a company that carries text messages.
type provider struct {
	check   func(config json.RawMessage) []connectors.FieldError
	connect func(ch connectors.Channel, host connectors.Host) (connectors.Connector, error)
}

var providers = map[string]provider{
	"twilio": {checkTwilio, connectTwilio},
}

// Factory makes channels for text messages.
func Factory() connectors.Factory {
	return connectors.Factory{
		Type:    connectors.SMS,
		Check:   check,
		Secrets: []string{"auth_token"},
		New: func(ch connectors.Channel, host connectors.Host) (connectors.Connector, error) {
			name, err := providerIn(ch.Config)
			if err != nil {
				return nil, fmt.Errorf("sms config: %w", err)
			}
			p, known := providers[name]
			if !known {
				return nil, fmt.Errorf("sms config: no provider %q", name)
			}
			return p.connect(ch, host)
		},
	}
}

func check(config json.RawMessage) []connectors.FieldError {
	name, err := providerIn(config)
	if err != nil {
		return []connectors.FieldError{{Field: "config", Code: "malformed", Message: "this is not an SMS channel's config"}}
	}
	p, known := providers[name]
	if !known {
		return []connectors.FieldError{{Field: "provider", Code: "invalid", Message: "the provider must be one of: " + strings.Join(providerNames(), ", ")}}
	}
	return p.check(config)
}

func providerIn(config json.RawMessage) (string, error) {
	var c struct {
		Provider string `json:"provider"`
	}
	err := json.Unmarshal(config, &c)
	return c.Provider, err
}

func providerNames() []string {
	var names []string
	for name := range providers {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
