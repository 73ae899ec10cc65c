package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"parley/crm"
	"parley/inbox"
)

// tally is what a storm left, read over the API as a stranger would.
type tally struct {
	lost, doubled int
	example       string
	complaints    []string
}

func (y *tally) complain(format string, a ...any) {
	y.complaints = append(y.complaints, fmt.Sprintf(format, a...))
}

var stormText = regexp.MustCompile(`storm-[a-z]+-\d{6}\.`)

func (s *tempest) count() *tally {
	s.t.Helper()
	y := &tally{}
	times, owners := s.found()
	for _, it := range s.items {
		n := times[it.mark()]
		if n == 0 {
			y.lost++
			y.example = it.mark()
		}
		if n > 1 {
			y.doubled++
			y.example = it.mark()
		}
	}
	s.countCalls(y)
	s.countPeople(y, owners)
	s.countJournal(y)
	s.countEvents(y)
	return y
}

// mark is by what an item can be found: its words, or the second its call began.
func (it *item) mark() string {
	if it.kind == "call" {
		return "call at " + it.at.Format(time.RFC3339)
	}
	return it.text
}

func (it *item) person() string { return fmt.Sprint(it.kind, " ", it.sender) }

// found says how often each mark is there, and which conversations and contacts each person has.
func (s *tempest) found() (times map[string]int, owners map[string]map[[2]string]bool) {
	times, owners = map[string]int{}, map[string]map[[2]string]bool{}
	people := map[string]string{}
	for _, it := range s.items {
		people[it.mark()] = it.person()
	}
	note := func(mark, conversation, contact string) {
		times[mark]++
		who := people[mark]
		if owners[who] == nil {
			owners[who] = map[[2]string]bool{}
		}
		owners[who][[2]string{conversation, contact}] = true
	}
	for _, c := range all[inbox.ConversationView](s.hub, "/conversations") {
		for _, m := range all[inbox.MessageView](s.hub, "/conversations/"+c.ID+"/messages") {
			if mark := stormText.FindString(m.BodyText); mark != "" && m.Direction == inbox.DirInbound {
				note(mark, c.ID, c.ContactID)
			}
		}
	}
	for _, c := range all[inbox.CallView](s.hub, "/calls") {
		if c.StartedAt != nil && c.ContactID != nil && c.ConversationID != nil {
			note("call at "+c.StartedAt.Format(time.RFC3339), *c.ConversationID, *c.ContactID)
		}
	}
	return times, owners
}

// countCalls checks that each call is what its steps together say.
func (s *tempest) countCalls(y *tally) {
	last := map[string]string{}
	for _, it := range s.items {
		if it.kind == "call" && it.acked {
			last[it.at.Format(time.RFC3339)] = it.step // the steps of a call come in order
		}
	}
	for _, c := range all[inbox.CallView](s.hub, "/calls") {
		want := last[c.StartedAt.Format(time.RFC3339)]
		if c.State != want || want == "ended" && c.TalkSeconds != 7 {
			y.complain("a call whose last step was %q is %s with %d s of talk", want, c.State, c.TalkSeconds)
		}
	}
}

func (s *tempest) countPeople(y *tally, owners map[string]map[[2]string]bool) {
	leads := map[string]int{}
	for _, l := range all[crm.LeadView](s.hub, "/leads") {
		leads[l.ContactID]++
	}
	for who, has := range owners {
		if len(has) != 1 {
			y.complain("%s has %d conversations or contacts", who, len(has))
		}
		for at := range has {
			if leads[at[1]] != 1 {
				y.complain("%s has %d leads", who, leads[at[1]])
			}
		}
	}
	if contacts := all[crm.ContactView](s.hub, "/contacts"); len(contacts) != len(owners) {
		y.complain("%d people are %d contacts", len(owners), len(contacts))
	}
}

func (s *tempest) countJournal(y *tally) {
	states := map[string]int{}
	for _, j := range all[inbox.JournalView](s.hub, "/inbound") {
		states[j.State]++
	}
	if states[inbox.Processed] != len(s.items) || len(states) != 1 {
		y.complain("the journal has %v, want %d processed", states, len(s.items))
	}
}

// countEvents checks that the log tells of every message once, without a hole.
func (s *tempest) countEvents(y *tally) {
	told := map[string]int{}
	for after := int64(0); ; {
		var p struct {
			Data []struct {
				Seq  int64
				Type string
				Data struct{ ID, Direction string }
			}
			NextSeq int64 `json:"next_seq"`
		}
		status, b, err := s.do(http.MethodGet, fmt.Sprintf("/api/v1/events?after=%d", after), nil, nil)
		if err != nil || status != http.StatusOK || json.Unmarshal(b, &p) != nil {
			s.t.Fatalf("events: %d %s %v", status, b, err)
		}
		if len(p.Data) == 0 {
			break
		}
		for _, e := range p.Data {
			if e.Seq != after+1 {
				y.complain("after event %d comes %d", after, e.Seq)
			}
			after = e.Seq
			if e.Type == "message.created" && e.Data.Direction == inbox.DirInbound {
				told[e.Data.ID]++
			}
		}
	}
	want := 0
	for _, it := range s.items {
		if it.kind != "call" || it.step == callSteps[0] {
			want++
		}
	}
	for id, n := range told {
		if n != 1 {
			y.complain("message %s was told %d times", id, n)
		}
	}
	if len(told) != want {
		y.complain("%d messages were told of, want %d", len(told), want)
	}
}
