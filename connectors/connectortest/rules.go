package connectortest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/goleak"

	"parley/connectors"
)

const patience = 5 * time.Second

type rule[P Provider] struct {
	name  string
	holds func(context.Context, *stage[P]) error
}

func rules[P Provider]() []rule[P] {
	return []rule[P]{
		{"ItemArrivesWhole", arrives[P]},
		{"RefusedIsNotAcknowledged", refused[P]},
		{"TwiceIsOnce", twice[P]},
		{"LostCursorLosesNothing", cursorFails[P]},
		{"EndsWithItsContext", ends[P]},
	}
}

func arrives[P Provider](_ context.Context, s *stage[P]) error {
	s.run()
	if err := s.stores(0); err != nil {
		return err
	}
	in := s.sink.Items()[0]
	if in.Key == "" || len(in.Raw) == 0 || in.RawType == "" {
		return fmt.Errorf("key %q, %d raw bytes of type %q: all three must be there", in.Key, len(in.Raw), in.RawType)
	}
	if in.Quarantine != "" || in.Reject != "" || in.Ignore != "" {
		return fmt.Errorf("an ordinary item was put aside: %s%s%s", in.Quarantine, in.Reject, in.Ignore)
	}
	err := s.sink.Await(patience, "a report that the channel is connected", func(k *Sink) bool {
		r := k.Reports()
		return len(r) > 0 && r[len(r)-1].State == connectors.StateConnected
	})
	return errors.Join(err, s.acknowledges(0))
}

// refused: while the sink fails the provider must not hear yes, and afterwards the item comes by itself or on redelivery.
func refused[P Provider](_ context.Context, s *stage[P]) error {
	s.sink.Fail(OpAccept, Always)
	s.run()
	for try := 1; try <= 2; try++ {
		if err := s.provider.Deliver(s.hookURL, 0); err != nil {
			return err
		}
		err := s.sink.Await(patience, fmt.Sprintf("attempt %d to store the item", try), func(k *Sink) bool { return k.Failures(OpAccept) >= try })
		if err != nil {
			return err
		}
		if s.provider.Acknowledged(0) {
			return errors.New("the provider was told yes although the item was not stored")
		}
	}
	s.sink.Fail(OpAccept, 0)
	if err := s.provider.Deliver(s.hookURL, 0); err != nil {
		return err
	}
	if err := s.sink.Await(patience, "the item to be had again", func(k *Sink) bool { return len(k.Items()) > 0 }); err != nil {
		return err
	}
	if n := len(s.sink.Items()); n != 1 {
		return fmt.Errorf("%d items stored of one", n)
	}
	return errors.Join(s.oneKey(), s.acknowledges(0))
}

func twice[P Provider](_ context.Context, s *stage[P]) error {
	s.run()
	if err := errors.Join(s.stores(0), s.acknowledges(0), s.provider.Deliver(s.hookURL, 0), s.provider.Deliver(s.hookURL, 1), s.acknowledges(1)); err != nil {
		return err
	}
	items := s.sink.Items()
	if len(items) != 2 {
		return fmt.Errorf("two items, one of them twice, make %d", len(items))
	}
	return nil
}

// cursorFails: a connector that cannot read its position must not start anywhere else.
func cursorFails[P Provider](_ context.Context, s *stage[P]) error {
	s.sink.Fail(OpCursor, 3)
	s.run()
	return errors.Join(s.stores(0), s.acknowledges(0))
}

func ends[P Provider](_ context.Context, s *stage[P]) error {
	before := goleak.IgnoreCurrent()
	s.run()
	if err := s.stores(0); err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	s.host.Close()
	if err := goleak.Find(before); err != nil {
		return fmt.Errorf("left running after Run returned: %w", err)
	}
	return nil
}

// unreachable: Run survives it, and what is asked meanwhile says so without a secret.
func unreachable[P Provider](ctx context.Context, s *stage[P]) error {
	s.run()
	err := s.sink.Await(patience, "a word on the provider that cannot be reached", func(k *Sink) bool { return len(k.Reports()) > 0 || len(s.endings()) > 0 })
	if err != nil {
		return err
	}
	if t, ok := s.conn.(connectors.Tester); ok && !s.ch.Local {
		err := t.Test(ctx)
		s.hear(err)
		if err == nil {
			return errors.New("Test is content although nobody can be reached")
		}
	}
	if len(s.ch.Sends) > 0 && !s.ch.Local {
		_, err := s.conn.Send(ctx, s.ch.Sends[0].Out)
		s.hear(err)
		if got := OutcomeOf(err); got != Retry {
			return fmt.Errorf("a message that never left is %q (%v), want %q", got, err, Retry)
		}
	}
	return s.stop()
}

func fares[P Provider](ctx context.Context, s *stage[P], c Send[P]) error {
	if c.Given != nil {
		c.Given(s.provider)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	receipt, err := s.conn.Send(ctx, c.Out)
	s.hear(err)
	if got := OutcomeOf(err); got != c.Want {
		return fmt.Errorf("the message counts as %q (%v), want %q", got, err, c.Want)
	}
	if after, _ := connectors.IsRetry(err); after < c.After {
		return fmt.Errorf("asks to wait %s, the provider wants %s", after, c.After)
	}
	if c.Want == Taken && receipt.ProviderID == "" {
		return errors.New("taken, but without the provider's id")
	}
	return nil
}

// stores delivers item n and waits until one more item is stored.
func (s *stage[P]) stores(n int) error {
	before := len(s.sink.Items())
	if err := s.provider.Deliver(s.hookURL, n); err != nil {
		return err
	}
	return s.sink.Await(patience, fmt.Sprintf("item %d to be stored", n), func(k *Sink) bool { return len(k.Items()) > before })
}

// acknowledges waits until the provider has heard that n is taken. A poll tells it with the next question.
func (s *stage[P]) acknowledges(n int) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if s.provider.Acknowledged(n) {
			return nil
		}
	}
	return fmt.Errorf("the provider never heard that item %d is taken", n)
}

func (s *stage[P]) oneKey() error {
	keys := map[string]bool{}
	for _, in := range s.sink.Offered() {
		keys[in.Key] = true
	}
	if len(keys) != 1 {
		return fmt.Errorf("one item was offered under %d keys", len(keys))
	}
	return nil
}
