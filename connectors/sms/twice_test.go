package sms

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest"
	"parley/connectors/connectortest/faketwilio"
)

// Whoever repeats after Retry alone sends nothing twice, and nothing that was called sent or refused is otherwise.
func TestNothingIsSentTwice(t *testing.T) {
	b := newBench(t, nil)
	weather := []faketwilio.Fault{{}, {}, {}, faketwilio.Limited, faketwilio.Overloaded, faketwilio.NoSuchNumber, faketwilio.Unavailable,
		faketwilio.Broken, faketwilio.BrokenButTaken, faketwilio.CutBefore, faketwilio.CutAfter, faketwilio.StalledTaken, faketwilio.GarbageTaken}
	seed := uint64(time.Now().UnixNano())
	dice := rand.New(rand.NewPCG(seed, 1))
	const messages = 300
	ended := map[string]connectortest.Outcome{}
	for i := range messages {
		out := connectors.Outbound{MessageID: fmt.Sprint(i), To: customer, Text: fmt.Sprintf("reply %d", i)}
		for ended[out.Text] == "" || ended[out.Text] == connectortest.Retry {
			b.api.Next(weather[dice.IntN(len(weather))])
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			_, err := b.Send(ctx, out)
			cancel()
			ended[out.Text] = connectortest.OutcomeOf(err)
		}
	}
	taken := map[string]int{}
	for _, m := range b.api.Taken() {
		taken[m.Form.Get("Body")]++
	}
	for text, outcome := range ended {
		n := taken[text]
		if n > 1 || (outcome == connectortest.Taken && n != 1) || (outcome == connectortest.Permanent && n != 0) {
			t.Errorf("seed %d: %s ended as %q and was taken %d times", seed, text, outcome, n)
		}
	}
}
