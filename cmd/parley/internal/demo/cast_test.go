package demo

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"parley/internal/clock"
)

// Mail domains are those of RFC 2606, numbers those that Ofcom keeps for drama: the demo must never name somebody who exists.
func TestNobodyInTheDemoCanExist(t *testing.T) {
	domain := regexp.MustCompile(`@([a-z0-9-]+\.test|example\.(com|net|org))$`)
	number := regexp.MustCompile(`^\+44(7700900|2079460)\d{3}$`)
	s := &Show{named: map[string]int{}}
	all := []*customer{byTelephone("", 400+newcomersMost)}
	for _, st := range stories() {
		all = append(all, st.who)
	}
	for _, on := range round {
		all = append(all, s.newcomer(on, "en", newcomersMost-1))
	}
	for _, c := range all {
		if c.mail != "" && !domain.MatchString(c.mail) {
			t.Errorf("%s may belong to somebody", c.mail)
		}
		if c.phone != "" && !number.MatchString(c.phone) {
			t.Errorf("%s may belong to somebody", c.phone)
		}
		if _, speaks := smallTalk[c.language]; !speaks {
			t.Errorf("%s has nothing to say in %q", c.name, c.language)
		}
	}
}

func TestNamesComeInAllPairsBeforeOneComesAgain(t *testing.T) {
	s := &Show{named: map[string]int{}}
	for language, names := range nameBook {
		seen := map[string]bool{}
		for range len(names.first) * len(names.last) {
			first, last := s.nextName(language)
			if name := fmt.Sprint(first, " ", last); seen[name] {
				t.Fatalf("%s came twice", name)
			} else {
				seen[name] = true
			}
		}
	}
}

func TestTheDemosClockNeverGoesBack(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	c := NewClock(clock.Clock(func() time.Time { return now }), 48*time.Hour)
	c.MoveTo(now.Add(-10 * time.Hour))
	c.MoveTo(now.Add(-20 * time.Hour))
	c.MoveTo(now.Add(time.Hour))
	if at := c.Now(); !at.Equal(now.Add(-10 * time.Hour)) {
		t.Errorf("it is %v", at)
	}
	c.Home()
	if at := c.Now(); !at.Equal(now) {
		t.Errorf("it is %v", at)
	}
}
