package calls_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/connectors"
	"parley/inbox/calls"
)

var nine = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return nine.Add(time.Duration(seconds) * time.Second) }

func event(typ string, second int, change ...func(*connectors.CallEvent)) connectors.CallEvent {
	e := connectors.CallEvent{CallID: "c1", Type: typ, Direction: "inbound", From: "+79161234567", To: "+74951234567", At: at(second)}
	for _, f := range change {
		f(&e)
	}
	return e
}

func outbound(e *connectors.CallEvent) { e.Direction = "outbound" }

func talk(seconds int) func(*connectors.CallEvent) {
	return func(e *connectors.CallEvent) { e.TalkSeconds = &seconds }
}

func answeredIs(yes bool) func(*connectors.CallEvent) {
	return func(e *connectors.CallEvent) { e.Answered = &yes }
}

func cause(text string) func(*connectors.CallEvent) {
	return func(e *connectors.CallEvent) { e.HangupCause = text }
}

func recorded(key, ref string) func(*connectors.CallEvent) {
	return func(e *connectors.CallEvent) { e.RecordingKey, e.RecordingRef = key, ref }
}

func extension(x string) func(*connectors.CallEvent) {
	return func(e *connectors.CallEvent) { e.Extension = x }
}

func TestStates(t *testing.T) {
	ringing, answered, ended := event("ringing", 0), event("answered", 8), event("ended", 50)
	cases := []struct {
		name    string
		events  []connectors.CallEvent
		state   string
		outcome string
		talk    int
	}{
		{"it rings", []connectors.CallEvent{ringing}, "ringing", "", 0},
		{"an agent answers", []connectors.CallEvent{ringing, answered}, "answered", "", 0},
		{"talk is what lies between answer and end", []connectors.CallEvent{ringing, answered, ended}, "ended", "answered", 42},
		{"the provider's talk goes before ours", []connectors.CallEvent{ringing, answered, event("ended", 50, talk(40))}, "ended", "answered", 40},
		{"nobody answers", []connectors.CallEvent{ringing, ended}, "missed", "missed", 0},
		{"late ringing does not reopen", []connectors.CallEvent{ended, event("ringing", 60)}, "missed", "missed", 0},
		{"late answer mends a missed call", []connectors.CallEvent{ringing, ended, answered}, "ended", "answered", 42},
		{"an answer alone is a call", []connectors.CallEvent{answered}, "answered", "", 0},
		{"an end alone is a call", []connectors.CallEvent{ended}, "missed", "missed", 0},
		{"an end with talk alone is an answered call", []connectors.CallEvent{event("ended", 50, talk(30))}, "ended", "answered", 30},
		{"talk with a menu is no answer", []connectors.CallEvent{ringing, event("ended", 50, talk(30), answeredIs(false))}, "missed", "missed", 0},
		{"the whole call's length says nothing against the leg's", []connectors.CallEvent{event("ended", 49, answeredIs(false)), event("ended", 50, talk(30))}, "missed", "missed", 0},
		{"a greeting heard to its end is no answer where the provider would have told of one", []connectors.CallEvent{event("ringing", 0, answeredIs(false)), event("ended", 50, talk(30))}, "missed", "missed", 0},
		{"one answered leg of two is enough", []connectors.CallEvent{event("ended", 20, answeredIs(false)), event("ended", 50, answeredIs(true), talk(25))}, "ended", "answered", 25},
		{"the agent's leg is the talk, not the whole call", []connectors.CallEvent{ringing, event("ended", 50, answeredIs(true), talk(38)), event("ended", 51, talk(51))}, "ended", "answered", 38},
		{"an answer after the end by a wrong clock", []connectors.CallEvent{ringing, event("answered", 60), ended}, "ended", "answered", 0},
		{"outbound, no answer", []connectors.CallEvent{event("ringing", 0, outbound), event("ended", 30, outbound, cause("NO ANSWER"))}, "ended", "no_answer", 0},
		{"outbound, busy", []connectors.CallEvent{event("ringing", 0, outbound), event("ended", 30, outbound, cause("USER_BUSY"))}, "ended", "busy", 0},
		{"outbound, failed", []connectors.CallEvent{event("ended", 30, outbound, cause("CHANUNAVAIL"))}, "failed", "failed", 0},
		{"inbound is missed whatever the cause", []connectors.CallEvent{ringing, event("ended", 30, cause("CHANUNAVAIL"))}, "missed", "missed", 0},
		{"a recording ends nothing", []connectors.CallEvent{ringing, answered, event("recording", 70, recorded("", "r"))}, "answered", "", 0},
		{"a recording alone", []connectors.CallEvent{event("recording", 70, recorded("", "r"))}, "ringing", "", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := calls.Reduce(c.events)
			if got.State != c.state || got.Outcome != c.outcome || got.TalkSeconds != c.talk || got.Missed != (c.state == "missed") {
				t.Errorf("state %q outcome %q talk %d missed %v, want %q %q %d", got.State, got.Outcome, got.TalkSeconds, got.Missed, c.state, c.outcome, c.talk)
			}
		})
	}
}

func TestTimesComeFromTheEvents(t *testing.T) {
	got := calls.Reduce([]connectors.CallEvent{event("ended", 50), event("answered", 9), event("recording", 99, recorded("", "r")), event("ringing", 0), event("answered", 8), event("ended", 49)})
	if !got.StartedAt.Equal(at(0)) || !got.AnsweredAt.Equal(at(8)) || !got.EndedAt.Equal(at(50)) {
		t.Errorf("%+v", got)
	}
	onlyEnd := calls.Reduce([]connectors.CallEvent{event("ended", 50, talk(30))})
	if !onlyEnd.StartedAt.Equal(at(20)) || !onlyEnd.AnsweredAt.Equal(at(20)) || !onlyEnd.EndedAt.Equal(at(50)) {
		t.Errorf("%+v", onlyEnd)
	}
	if none := calls.Reduce([]connectors.CallEvent{event("recording", 99, recorded("", "r"))}); !none.StartedAt.IsZero() || !none.EndedAt.IsZero() {
		t.Errorf("a recording's time became the call's: %+v", none)
	}
}

func TestExtensionIsTheOneThatAnswered(t *testing.T) {
	got := calls.Reduce([]connectors.CallEvent{event("ringing", 0, extension("101")), event("ringing", 5, extension("102")), event("answered", 8, extension("101")), event("ended", 20, extension("103"))})
	if got.Extension != "101" {
		t.Errorf("%q", got.Extension)
	}
	if got := calls.Reduce([]connectors.CallEvent{event("ringing", 5, extension("102")), event("ringing", 0, extension("101"))}); got.Extension != "102" {
		t.Errorf("while it rings: %q", got.Extension)
	}
}

func TestRecordings(t *testing.T) {
	got := calls.Reduce([]connectors.CallEvent{
		event("recording", 10, recorded("k1", "old link")), // before the end
		event("ended", 50, recorded("", "new link")),       // after it, without its id
		event("recording", 60, recorded("k1", "new link")),
		event("recording", 61, recorded("", "other")),
		event("recording", 62, recorded("", "other")),
	}).Recordings
	want := []calls.Recording{{Key: "k1", Ref: "new link", At: at(60)}, {Ref: "other", At: at(62)}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Providers send late, twice and out of order; what we say of a call must not depend on it (CHANNELS §6.4, CONTRACT §3).
func TestOrderAndRepetitionChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(anyEvent(), 1, 8).Draw(t, "events")
		want := calls.Reduce(events)
		again := slices.Concat(events, rapid.SliceOfN(rapid.SampledFrom(events), 0, 8).Draw(t, "again"))
		shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for range 5 {
			shuffle.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
			if got := calls.Reduce(again); !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v\nis %+v\nnot %+v", again, got, want)
			}
		}
	})
}

func TestOneMoreEventNeverTakesTheStateBack(t *testing.T) {
	order := map[string]int{calls.Ringing: 0, calls.Answered: 1, calls.Ended: 2, calls.Missed: 2, calls.Failed: 2}
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(anyEvent(), 1, 8).Draw(t, "events")
		before := calls.Reduce(events)
		after := calls.Reduce(append(slices.Clone(events), anyEvent().Draw(t, "more")))
		if order[after.State] < order[before.State] {
			t.Fatalf("%s became %s", before.State, after.State)
		}
		if len(after.Recordings) < len(before.Recordings)-1 { // an event may show two to be the same
			t.Fatalf("%d recordings became %d", len(before.Recordings), len(after.Recordings))
		}
	})
}

func TestEventsAreLeftAsTheyWere(t *testing.T) {
	events := []connectors.CallEvent{event("ended", 50), event("ringing", 0)}
	before := slices.Clone(events)
	calls.Reduce(events)
	if !reflect.DeepEqual(events, before) {
		t.Error("the caller's slice was sorted")
	}
}

func anyEvent() *rapid.Generator[connectors.CallEvent] {
	return rapid.Custom(func(t *rapid.T) connectors.CallEvent {
		e := connectors.CallEvent{
			CallID:       "c1",
			Type:         rapid.SampledFrom([]string{"ringing", "answered", "ended", "recording"}).Draw(t, "type"),
			Direction:    rapid.SampledFrom([]string{"inbound", "outbound", ""}).Draw(t, "direction"),
			From:         rapid.SampledFrom([]string{"", "+79161234567", "101"}).Draw(t, "from"),
			To:           rapid.SampledFrom([]string{"", "+74951234567"}).Draw(t, "to"),
			Extension:    rapid.SampledFrom([]string{"", "101", "102"}).Draw(t, "extension"),
			HangupCause:  rapid.SampledFrom([]string{"", "busy", "FAILED", "16"}).Draw(t, "cause"),
			RecordingKey: rapid.SampledFrom([]string{"", "k1", "k2"}).Draw(t, "key"),
			RecordingRef: rapid.SampledFrom([]string{"", "r1", "r2"}).Draw(t, "ref"),
		}
		if second := rapid.IntRange(-1, 4).Draw(t, "at"); second >= 0 {
			e.At = at(second)
		}
		if yes := rapid.SampledFrom([]string{"", "yes", "no"}).Draw(t, "answered"); yes != "" {
			answeredIs(yes == "yes")(&e)
		}
		if s := rapid.IntRange(-1, 3).Draw(t, "talk"); s >= 0 {
			talk(s)(&e)
		}
		return e
	})
}
