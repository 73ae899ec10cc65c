package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest/faketelegram"
)

const (
	newcomersMost = 300 // then nobody new comes; those who are here go on answering
	between       = 6 * time.Second
)

// round is the order in which new customers come; "" is somebody who has written before.
var round = []string{connectors.Webchat, connectors.Telegram, connectors.Email, connectors.Telephony, connectors.SMS, connectors.Form, "",
	connectors.Telegram, connectors.Telephony, connectors.Webchat, "", connectors.SMS, connectors.Email, ""}

// present lets customers come, one every few seconds, until there were enough or ctx ends.
func (s *Show) present(ctx context.Context) {
	for n := 0; n < newcomersMost; n++ {
		on := round[n%len(round)]
		s.later(0, func(ctx context.Context) error { return s.arrive(ctx, on, n) })
		if pause(ctx, s.about(between)); ctx.Err() != nil {
			return
		}
	}
	fmt.Fprintln(s.o.Out, "No new customers come any more; those who are here still answer.")
}

func (s *Show) arrive(ctx context.Context, on string, n int) error {
	switch on {
	case "":
		return s.comeBack(ctx)
	case connectors.Telephony:
		return s.phone(ctx, n)
	case connectors.Form:
		return s.ask(ctx, n)
	}
	p := plays[(n*7+n/len(round))%len(plays)]
	c := s.newcomer(on, p.language, n)
	c.lines = []string{p.second}
	attended := n%3 == 1
	mark := s.feed.mark()
	w := p.first(n)
	s.customers.add(c)
	if err := s.write(ctx, c, on, w); err != nil {
		return err
	}
	if !attended {
		return nil
	}
	return s.attend(ctx, on, mark, w.text, p)
}

// newcomer is somebody new whom a channel can carry.
func (s *Show) newcomer(on, language string, n int) *customer {
	names := nameBook[language]
	first, last := s.nextName(language)
	c := &customer{name: first + " " + last, language: language}
	switch on {
	case connectors.Email:
		c.mail = fmt.Sprintf("%s%d@example.com", names.address, 100+n)
	case connectors.SMS:
		c.phone = fmt.Sprintf("+447700900%03d", 300+n)
	case connectors.Telegram:
		c.telegram = faketelegram.Person{ID: 6_000_000_000 + int64(n), First: first, Last: last, Language: language}
	case connectors.Webchat:
		if n%2 == 0 {
			c.mail = fmt.Sprintf("%s%d@example.org", names.address, 100+n)
		} else {
			c.name = "" // somebody who did not say
		}
	}
	return c
}

// nextName goes through all pairs of a language's names: their counts have no common divisor.
func (s *Show) nextName(language string) (first, last string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, k := nameBook[language], s.named[language]
	s.named[language]++
	return names.first[k%len(names.first)], names.last[k%len(names.last)]
}

// attend is a colleague who takes the conversation that began with these words, answers, and closes it once the customer is content.
func (s *Show) attend(ctx context.Context, on string, mark int, words string, p play) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	who := []string{mara, tomas}[rand.IntN(2)]
	channelID := s.office.channels[on].ID
	m, err := s.feed.await(ctx, mark, func(m message) bool {
		return m.ChannelID == channelID && m.Direction == "inbound" && strings.HasPrefix(m.Text, words)
	})
	if err != nil {
		return err
	}
	err = s.serveCustomer(ctx, s.office.people[who], m.ConversationID, p.answer)
	var refused *refusal
	if errors.As(err, &refused) && refused.status < 500 {
		return nil // somebody took it away from them
	}
	return err
}

func (s *Show) serveCustomer(ctx context.Context, who *colleague, conversation, answer string) error {
	at := "/conversations/" + conversation
	if pause(ctx, s.about(5*time.Second)); ctx.Err() != nil {
		return nil
	}
	var now struct {
		Assignee *string `json:"assignee_id"`
	}
	if err := who.api.do(ctx, http.MethodGet, at, nil, &now); err != nil || now.Assignee != nil {
		return err
	}
	if err := who.api.do(ctx, http.MethodPatch, at, map[string]any{"assignee_id": who.id}, nil); err != nil {
		return err
	}
	pause(ctx, s.about(6*time.Second))
	mark := s.feed.mark()
	if err := who.api.do(ctx, http.MethodPost, at+"/messages", map[string]any{"body": answer}, nil); err != nil {
		return err
	}
	if _, err := s.feed.await(ctx, mark, func(m message) bool { return m.ConversationID == conversation && m.Direction == "inbound" }); err != nil {
		return err
	}
	pause(ctx, s.about(8*time.Second))
	return who.api.do(ctx, http.MethodPatch, at, map[string]any{"status": "resolved"}, nil)
}

// comeBack has one of the latest customers ask once more.
func (s *Show) comeBack(ctx context.Context) error {
	all := s.customers.everybody()
	for range 20 {
		c := all[len(all)-1-rand.IntN(min(30, len(all)))]
		again := smallTalk[c.language].again
		line := again[rand.IntN(len(again))]
		c.mu.Lock()
		chatting := c.visit != nil
		c.mu.Unlock()
		switch {
		case c.telegram.ID != 0:
			return s.write(ctx, c, connectors.Telegram, saying{text: line})
		case chatting:
			return s.write(ctx, c, connectors.Webchat, saying{text: line})
		}
	}
	return nil
}

// phone is a call: two of three are answered.
func (s *Show) phone(ctx context.Context, n int) error {
	who := byTelephone("", 400+n)
	if n%5 == 0 {
		who.phone = "" // hidden
	}
	s.customers.add(who)
	c := s.newCall(who.phone)
	if err := c.rings(ctx); err != nil {
		return err
	}
	if n%3 == 2 {
		if pause(ctx, s.about(15*time.Second)); ctx.Err() != nil {
			return nil
		}
		return c.isMissed(ctx)
	}
	pause(ctx, s.about(5*time.Second))
	extension := []string{"21", "22"}[n%2]
	if err := c.isAnswered(ctx, extension); err != nil {
		return err
	}
	began := s.o.Clock.Now()
	pause(ctx, s.about(18*time.Second))
	return c.ends(ctx, extension, s.o.Clock.Now().Sub(began))
}

// ask fills in the form for offices.
func (s *Show) ask(ctx context.Context, n int) error {
	first, last := s.nextName("en")
	c := byMail(first+" "+last, "en", fmt.Sprintf("office%d@example.com", 100+n), "Next week would be best for us.")
	s.customers.add(c)
	o := offices[n%len(offices)]
	return s.fillIn(ctx, map[string]string{"name": c.name, "email": c.mail, "company": o.company, "message": o.message, "budget": o.budget,
		"utm_source": []string{"search", "newsletter", "friend"}[n%3], "utm_campaign": "office-plants"})
}
