package telegram

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest"
	"parley/connectors/connectortest/faketelegram"
)

// Whoever repeats after Retry alone sends nothing twice, and nothing that was called sent or refused is otherwise.
func TestNothingIsSentTwice(t *testing.T) {
	b := newBench(t, modePolling)
	refused := faketelegram.Fault{Status: 400, Description: "Bad Request: chat not found"}
	garbage := faketelegram.Fault{Status: 200, Garbage: true, Taken: true}
	weather := []faketelegram.Fault{{}, {}, {}, faketelegram.Limited, refused, garbage, faketelegram.Broken, faketelegram.BrokenButTaken,
		faketelegram.CutBefore, faketelegram.CutAfter, faketelegram.StalledTaken}
	seed := uint64(time.Now().UnixNano())
	dice := rand.New(rand.NewPCG(seed, 1))
	const messages = 300
	ended := map[string]connectortest.Outcome{}
	for i := range messages {
		out := connectors.Outbound{MessageID: fmt.Sprint(i), To: fmt.Sprint(1000 + i), Text: fmt.Sprintf("reply %d", i)}
		for ended[out.Text] == "" || ended[out.Text] == connectortest.Retry {
			b.host.Clock.Add(5 * time.Second) // past every pause
			b.api.Next(weather[dice.IntN(len(weather))])
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			_, err := b.Send(ctx, out)
			cancel()
			ended[out.Text] = connectortest.OutcomeOf(err)
		}
	}
	taken := map[string]int{}
	for _, c := range b.api.Taken() {
		taken[c.Params.Get("text")]++
	}
	for text, outcome := range ended {
		n := taken[text]
		if n > 1 || (outcome == connectortest.Taken && n != 1) || (outcome == connectortest.Permanent && n != 0) {
			t.Errorf("seed %d: %s ended as %q and was taken %d times", seed, text, outcome, n)
		}
	}
}
