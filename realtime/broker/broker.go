// Package broker wakes the other nodes. It holds nothing that the database does not: what it loses costs time, never data.
package broker

import (
	"context"
	"errors"
	"net/url"
)

// Broker carries hints between the nodes of one installation.
type Broker interface {
	// Publish hands payload to the other nodes' subscribers, at most once. It never blocks and never fails: without a
	// connection the hint is gone. This node does not hear itself.
	Publish(topic string, payload []byte)
	// Subscribe calls f, in one goroutine, with what other nodes publish under topic. f must not block for long.
	Subscribe(topic string, f func(payload []byte)) (cancel func())
	// Ping asks whether hints get through now.
	Ping(ctx context.Context) error
	// Close ends the connection; what is on its way out is still sent.
	Close()
}

// Open answers the broker that rawURL names: memory:// for one node alone, nats://[USER:PASSWORD@]HOST:PORT (also tls://, and several
// with commas) for many. A NATS that does not answer yet is not an error: it is tried for ever.
func Open(rawURL string) (Broker, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("broker.url is not a URL") // err repeats the URL and with it the password
	}
	switch u.Scheme {
	case "memory":
		return alone{}, nil
	case "nats", "tls":
		return openNATS(rawURL)
	}
	return nil, errors.New("broker.url must begin with memory:// or nats://")
}

// alone is the broker of a node that has no others to wake.
type alone struct{}

func (alone) Publish(string, []byte)                {}
func (alone) Subscribe(string, func([]byte)) func() { return func() {} }
func (alone) Ping(context.Context) error            { return nil }
func (alone) Close()                                {}
