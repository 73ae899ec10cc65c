// Package connectortest holds what every channel must pass, whatever its provider: nothing acknowledged before it is
// stored, nothing stored twice, no goroutine left behind, honest errors, silent secrets. The providers' fakes lie below it.
package connectortest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"parley/connectors"
)

// Provider is the other side of a channel, played by a fake.
type Provider interface {
	// Config is the config (CONTRACT §3) of a channel that talks to it. All its secrets are set.
	Config() any
	// Deliver offers item n, 0 or higher; the same n is the very same item. A provider that calls in posts it below hookURL,
	// once, and returns when it was answered; one that is polled puts it where it is found, unless it lies there already.
	Deliver(hookURL string, n int) error
	// Acknowledged tells whether it was ever told that n is taken: it will not offer n by itself again.
	Acknowledged(n int) bool
	// Close ends it and waits for it.
	Close()
}

// Channel is what Exercise needs to know of a type of channel.
type Channel[P Provider] struct {
	Factory connectors.Factory
	New     func() (P, error)
	// Sends are the ways in which a message can fare, at least one of each Outcome that the provider can cause.
	Sends []Send[P]
	// Door serves at the hook URL what the provider calls, where that is no webhook. Nil: Webhook.
	Door func(conn connectors.Connector, sink connectors.Sink) http.Handler
	// Local says that Send reaches the recipient without dialling anybody (a visitor's socket).
	Local bool
}

// Send is one way in which a message can fare.
type Send[P Provider] struct {
	Name  string
	Given func(P) // prepares the provider; nil for nothing
	Out   connectors.Outbound
	Want  Outcome
	After time.Duration // the least pause that a Retry must ask for
}

// Outcome is what is known after Send.
type Outcome string

const (
	Taken        Outcome = "taken"
	Retry        Outcome = "surely not taken"
	Permanent    Outcome = "refused for good"
	Unauthorized Outcome = "credentials refused"
	Unknown      Outcome = "may have been taken"
)

// OutcomeOf says what an error of Send means.
func OutcomeOf(err error) Outcome {
	_, retry := connectors.IsRetry(err)
	switch {
	case err == nil:
		return Taken
	case connectors.IsPermanent(err):
		return Permanent
	case connectors.IsUnauthorized(err):
		return Unauthorized
	case retry:
		return Retry
	}
	return Unknown
}

// Exercise shows that a type of channel keeps the port's promises. It counts goroutines: no parallel tests beside it.
func Exercise[P Provider](t *testing.T, ch Channel[P]) {
	t.Helper()
	for _, r := range rules[P]() {
		t.Run(r.name, func(t *testing.T) {
			if err := play(ch, NewHost(), r.holds); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("SaysWhenNobodyCanBeReached", func(t *testing.T) {
		if err := play(ch, NewDeadHost(), unreachable); err != nil {
			t.Error(err)
		}
	})
	for _, s := range ch.Sends {
		t.Run("Send/"+s.Name, func(t *testing.T) {
			err := play(ch, NewHost(), func(ctx context.Context, s2 *stage[P]) error { return fares(ctx, s2, s) })
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// play sets a stage, plays one rule on it, and listens for secrets at the end.
func play[P Provider](ch Channel[P], host *Host, rule func(context.Context, *stage[P]) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s, err := newStage(ch, host)
	if err != nil {
		return fmt.Errorf("setting the stage: %w", err)
	}
	defer s.clear()
	if err := rule(ctx, s); err != nil {
		return fmt.Errorf("%w\nRun ended with: %v\nreported: %v\nlog:\n%s", err, s.endings(), s.sink.Reports(), host.Logged())
	}
	return s.leaked()
}

func configOf(p Provider) (json.RawMessage, error) {
	b, err := json.Marshal(p.Config())
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return b, nil
}
