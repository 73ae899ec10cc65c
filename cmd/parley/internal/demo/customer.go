package demo

import (
	"strings"
	"sync"

	"parley/connectors/connectortest/faketelegram"
)

// customer is somebody who writes or calls. Nobody of them exists.
type customer struct {
	name     string
	language string // BCP 47
	mail     string
	phone    string // E.164
	telegram faketelegram.Person

	mu        sync.Mutex
	lines     []string // what they answer next, in order
	reactions int      // how often they have answered
	pending   bool     // they are about to
	visit     *visit   // of the chat on the website
}

// reactionsMost: nobody talks for ever.
const reactionsMost = 12

// begin is what the customer answers to words of the shop. It is "" when they have nothing to say, or are about to answer anyway.
func (c *customer) begin(words string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending || c.reactions >= reactionsMost {
		return ""
	}
	c.pending = true
	c.reactions++
	if len(c.lines) > 0 {
		line := c.lines[0]
		c.lines = c.lines[1:]
		return line
	}
	small := smallTalk[c.language]
	kind := small.thanks
	if strings.ContainsAny(words, "?؟") {
		kind = small.yes
	}
	return kind[c.reactions%len(kind)]
}

func (c *customer) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = false
}

// directory finds customers by what their providers call them.
type directory struct {
	mu         sync.Mutex
	all        []*customer
	byMail     map[string]*customer
	byPhone    map[string]*customer
	byTelegram map[int64]*customer
}

func newDirectory() *directory {
	return &directory{byMail: map[string]*customer{}, byPhone: map[string]*customer{}, byTelegram: map[int64]*customer{}}
}

func (d *directory) add(c *customer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, c)
	if c.mail != "" {
		d.byMail[c.mail] = c
	}
	if c.phone != "" {
		d.byPhone[c.phone] = c
	}
	if c.telegram.ID != 0 {
		d.byTelegram[c.telegram.ID] = c
	}
}

func (d *directory) withMail(address string) *customer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.byMail[strings.ToLower(address)]
}

func (d *directory) withPhone(number string) *customer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.byPhone[number]
}

func (d *directory) withTelegram(id int64) *customer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.byTelegram[id]
}

// everybody is who was added so far, the newest last.
func (d *directory) everybody() []*customer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*customer(nil), d.all...)
}
