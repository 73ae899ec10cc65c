// Package calls holds telephone calls: what a provider's events say about a call, its recordings, and the desk where they are reviewed.
package calls

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"parley/connectors"
)

// The states of a call. They only go forward: ringing, answered, and then one of the three last.
const (
	Ringing  = "ringing"
	Answered = "answered" // an agent's leg was answered; a menu, a queue or a mailbox does not count
	Ended    = "ended"
	Missed   = "missed" // inbound, over, and no agent ever answered
	Failed   = "failed" // outbound, and the network could not make it
)

// What became of a call that is over.
const (
	OutcomeAnswered = "answered"
	OutcomeMissed   = "missed"
	OutcomeNoAnswer = "no_answer"
	OutcomeBusy     = "busy"
	OutcomeFailed   = "failed"
)

// Call is what the events of a call amount to.
type Call struct {
	Direction   string // "inbound", "outbound", "" when no event told
	From, To    string // as the provider gives them; "" or "anonymous" when hidden
	Extension   string // of the agent who answered, else of the one who was called last
	State       string
	Outcome     string // "" until the call is over
	Missed      bool
	StartedAt   time.Time // zero when no event told, like the other two
	AnsweredAt  time.Time
	EndedAt     time.Time
	TalkSeconds int // 0 until the call is over
	HangupCause string
	Recordings  []Recording // by time
}

// Recording is a recording that the provider has.
type Recording struct {
	Key string // the provider's id, "" when it has none
	Ref string // for connectors.MediaFetcher
	At  time.Time
}

// Reduce makes a call of its events. It is a function of their set: in any order, and however often each is given, the result
// is the same. One more event never takes the state back. Events may be missing: an answer or an end without ringing is a call too.
func Reduce(events []connectors.CallEvent) Call {
	steps := slices.SortedFunc(slices.Values(events), compare)
	c := Call{
		Direction:   first(steps, func(e connectors.CallEvent) string { return e.Direction }),
		From:        first(steps, func(e connectors.CallEvent) string { return e.From }),
		To:          first(steps, func(e connectors.CallEvent) string { return e.To }),
		Extension:   extension(steps),
		HangupCause: last(steps, func(e connectors.CallEvent) string { return e.HangupCause }),
		Recordings:  recordings(steps),
	}
	ends := ofType(steps, connectors.CallEnded)
	answered := wasAnswered(steps)
	c.times(steps, answered)
	c.State = Ringing
	switch {
	case len(ends) > 0:
		c.Outcome = outcome(c.Direction, c.HangupCause, answered)
		c.State = finalState(c.Outcome)
	case answered:
		c.State = Answered
	}
	c.Missed = c.State == Missed
	return c
}

// times sets when the call started, was answered and ended, and how long they talked.
func (c *Call) times(steps []connectors.CallEvent, answered bool) {
	for _, e := range steps { // earliest first
		if e.Type == connectors.CallRecording || e.At.IsZero() {
			continue
		}
		if c.StartedAt.IsZero() {
			c.StartedAt = e.At
		}
		if e.Type == connectors.CallAnswered && c.AnsweredAt.IsZero() {
			c.AnsweredAt = e.At
		}
		if e.Type == connectors.CallEnded {
			c.EndedAt = e.At
		}
	}
	ends := ofType(steps, connectors.CallEnded)
	if !answered || len(ends) == 0 {
		return
	}
	talk, told := talkSeconds(ends)
	switch {
	case told:
		c.TalkSeconds = talk
	case !c.AnsweredAt.IsZero() && c.EndedAt.After(c.AnsweredAt):
		c.TalkSeconds = int(c.EndedAt.Sub(c.AnsweredAt) / time.Second)
	}
	if c.AnsweredAt.IsZero() && told && !c.EndedAt.IsZero() {
		c.AnsweredAt = c.EndedAt.Add(-time.Duration(talk) * time.Second)
		c.StartedAt = earlier(c.StartedAt, c.AnsweredAt)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// wasAnswered tells whether an agent's leg was. Who says so outright is believed, first those who say yes (one leg of
// several is enough); seconds of talk count only when nobody does, since a provider may count its menu's among them.
func wasAnswered(steps []connectors.CallEvent) bool {
	denied, talked := false, false
	for _, e := range steps {
		switch {
		case e.Type == connectors.CallAnswered:
			return true
		case e.Answered != nil && *e.Answered:
			return true
		case e.Answered != nil:
			denied = true
		case e.Type == connectors.CallEnded && e.TalkSeconds != nil && *e.TalkSeconds > 0:
			talked = true
		}
	}
	return talked && !denied
}

// talkSeconds prefers what an event tells about an agent's leg to what one tells about the whole call.
func talkSeconds(ends []connectors.CallEvent) (seconds int, told bool) {
	agents, whole := -1, -1
	for _, e := range ends {
		switch {
		case e.TalkSeconds == nil:
		case e.Answered != nil && *e.Answered:
			agents = max(agents, *e.TalkSeconds)
		default:
			whole = max(whole, *e.TalkSeconds)
		}
	}
	if agents >= 0 {
		return agents, true
	}
	return max(whole, 0), whole >= 0
}

func outcome(direction, cause string, answered bool) string {
	switch {
	case answered:
		return OutcomeAnswered
	case direction == "inbound":
		return OutcomeMissed // whatever the cause says: it is not about our agents
	case isCause(cause, busyCauses):
		return OutcomeBusy
	case isCause(cause, failureCauses):
		return OutcomeFailed
	}
	return OutcomeNoAnswer
}

func finalState(outcome string) string {
	switch outcome {
	case OutcomeMissed:
		return Missed
	case OutcomeFailed:
		return Failed
	}
	return Ended
}

var (
	busyCauses = []string{"busy", "userbusy"}
	// Asterisk's dial states, Twilio's call status and FreeSWITCH's names of the Q.850 causes, letters only.
	failureCauses = []string{"failed", "congestion", "chanunavail", "unallocatednumber", "invalidnumberformat", "invalidnumber", "noroutedestination",
		"networkoutoforder", "normaltemporaryfailure", "switchcongestion", "callrejected"}
)

func isCause(cause string, of []string) bool {
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(cause))
	return slices.Contains(of, letters)
}

func extension(steps []connectors.CallEvent) string {
	of := func(e connectors.CallEvent) string { return e.Extension }
	if answered := last(ofType(steps, connectors.CallAnswered), of); answered != "" {
		return answered
	}
	return last(steps, of)
}

// recordings lists each recording once, under the newest reference. One that has no id is known by its reference.
func recordings(steps []connectors.CallEvent) []Recording {
	newest, keyed := map[string]Recording{}, map[string]bool{}
	for _, e := range steps {
		if e.RecordingRef != "" && e.RecordingKey != "" {
			newest["key "+e.RecordingKey] = Recording{e.RecordingKey, e.RecordingRef, e.At}
			keyed[e.RecordingRef] = true
		}
	}
	for _, e := range steps {
		if e.RecordingRef != "" && e.RecordingKey == "" && !keyed[e.RecordingRef] {
			newest["ref "+e.RecordingRef] = Recording{"", e.RecordingRef, e.At}
		}
	}
	var all []Recording
	for _, r := range newest {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Recording) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Ref, b.Ref))
	})
	return all
}

func ofType(steps []connectors.CallEvent, typ string) []connectors.CallEvent {
	var some []connectors.CallEvent
	for _, e := range steps {
		if e.Type == typ {
			some = append(some, e)
		}
	}
	return some
}

// first is the earliest value that is told.
func first(steps []connectors.CallEvent, of func(connectors.CallEvent) string) string {
	for _, e := range steps {
		if v := of(e); v != "" {
			return v
		}
	}
	return ""
}

func last(steps []connectors.CallEvent, of func(connectors.CallEvent) string) string {
	for _, e := range slices.Backward(steps) {
		if v := of(e); v != "" {
			return v
		}
	}
	return ""
}

// compare puts any two different events into the same order always: by time, then by the course of a call, then by whatever differs.
func compare(a, b connectors.CallEvent) int {
	return cmp.Or(
		a.At.Compare(b.At),
		cmp.Compare(rank(a.Type), rank(b.Type)),
		cmp.Compare(a.Type, b.Type),
		cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.From, b.From),
		cmp.Compare(a.To, b.To),
		cmp.Compare(a.Extension, b.Extension),
		cmp.Compare(a.HangupCause, b.HangupCause),
		cmp.Compare(a.RecordingKey, b.RecordingKey),
		cmp.Compare(a.RecordingRef, b.RecordingRef),
		// The rest is never chosen by order.
	)
}

func rank(typ string) int {
	return slices.Index([]string{connectors.CallRinging, connectors.CallAnswered, connectors.CallEnded, connectors.CallRecording}, typ)
}
