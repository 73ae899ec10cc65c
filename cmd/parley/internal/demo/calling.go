package demo

import (
	"context"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest/fakepbx"
)

// call is one call to the shop's line, told step by step.
type call struct {
	s    *Show
	id   string
	from string // "" for a hidden number
}

func (s *Show) newCall(from string) call { return call{s, newID("pbx.test"), from} }

func (c call) tell(ctx context.Context, e fakepbx.Event) error {
	e.CallID, e.Direction, e.From, e.To, e.At = c.id, "inbound", c.from, shopLine, c.s.o.Clock.Now()
	return c.s.providers.pbx.Post(ctx, c.s.office.channels[connectors.Telephony].hook(), "", e)
}

func (c call) rings(ctx context.Context) error {
	return c.tell(ctx, fakepbx.Event{Event: connectors.CallRinging})
}

func (c call) isAnswered(ctx context.Context, extension string) error {
	return c.tell(ctx, fakepbx.Event{Event: connectors.CallAnswered, Extension: extension})
}

// ends hangs up after so much talk; the exchange has a recording of it.
func (c call) ends(ctx context.Context, extension string, talk time.Duration) error {
	seconds := int(talk.Seconds())
	if err := c.tell(ctx, fakepbx.Event{Event: connectors.CallEnded, Extension: extension, TalkSeconds: &seconds, HangupCause: "normal_clearing"}); err != nil {
		return err
	}
	return c.tell(ctx, fakepbx.Event{Event: connectors.CallRecording, RecordingURL: c.s.providers.pbx.RecordingURL(c.id, seconds)})
}

// isMissed: the caller gave up.
func (c call) isMissed(ctx context.Context) error {
	return c.tell(ctx, fakepbx.Event{Event: connectors.CallEnded, HangupCause: "originator_cancel"})
}
