package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest/faketelegram"
	"parley/connectors/email/mailtest"
)

// story is one customer's conversation of the past week.
type story struct {
	who   *customer
	on    string // channel type
	at    moment
	steps []step
}

// moment is when a story begins: so many days ago at an hour of the machine's zone, or, on day 0, so many minutes ago.
type moment struct {
	days, hour, minute int
}

func (m moment) before(now time.Time) time.Time {
	if m.days == 0 {
		return now.Add(-time.Duration(m.minute) * time.Minute)
	}
	y, mo, d := now.Local().Date()
	return time.Date(y, mo, d-m.days, m.hour, m.minute, 17*m.minute%60, 0, time.Local)
}

// step is something that happens so long after the step before.
type step struct {
	after time.Duration
	do    func(ctx context.Context, n *scene) error
}

// scene is a story that is going on.
type scene struct {
	*Show
	story
	conversation, contact string
	mails                 int // of the shop to the customer
	lastTelegram          faketelegram.Object
	call                  call
}

// past lets the stories of the week happen in the order of their times.
func (s *Show) past(ctx context.Context) error {
	type due struct {
		at    time.Time
		scene *scene
		step  step
	}
	now := s.o.Clock.real()
	var all []due
	for _, st := range stories() {
		s.customers.add(st.who)
		n := &scene{Show: s, story: st}
		at := st.at.before(now)
		for _, x := range st.steps {
			at = at.Add(x.after)
			all = append(all, due{at, n, x})
		}
	}
	slices.SortStableFunc(all, func(a, b due) int { return a.at.Compare(b.at) })
	for _, d := range all {
		s.o.Clock.MoveTo(d.at)
		if err := d.step.do(ctx, d.scene); err != nil {
			return fmt.Errorf("the story of %s (%s): %w", d.scene.who.name, d.scene.on, err)
		}
	}
	return nil
}

// soon bounds how long a step waits for what must come of it.
const soon = 30 * time.Second

// heard does something that makes an inbound message and waits for that in the story's channel. Stories happen one step at a time, so it
// can be no other's.
func (n *scene) heard(ctx context.Context, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	channelID, mark := n.office.channels[n.on].ID, n.feed.mark()
	if err := do(ctx); err != nil {
		return err
	}
	m, err := n.feed.await(ctx, mark, func(m message) bool { return m.ChannelID == channelID && m.Direction == "inbound" })
	if err != nil {
		return err
	}
	n.conversation, n.contact = m.ConversationID, m.ContactID
	return nil
}

// says is the customer writing.
func says(after time.Duration, w saying) step {
	return step{after, func(ctx context.Context, n *scene) error {
		return n.heard(ctx, func(ctx context.Context) (err error) {
			switch {
			case n.on == connectors.Email && n.mails > 0:
				var m mailtest.Mail
				if m, err = n.mailTo(ctx, n.who.mail, n.mails); err == nil {
					err = n.writeMail(n.who, w, &m)
				}
			case n.on == connectors.Telegram:
				n.lastTelegram, err = n.writeTelegram(n.who, w)
			default:
				err = n.write(ctx, n.who, n.on, w)
			}
			return err
		})
	}}
}

// text is a saying of nothing but words.
func text(after time.Duration, words string) step { return says(after, saying{text: words}) }

// corrects edits what was just written on Telegram.
func corrects(after time.Duration, words string) step {
	return step{after, func(_ context.Context, n *scene) error {
		if n.lastTelegram == nil {
			return errors.New("there is nothing to correct")
		}
		n.editTelegram(n.lastTelegram, words)
		return nil
	}}
}

// fills is the customer posting the form.
func fills(fields map[string]string) step {
	return step{0, func(ctx context.Context, n *scene) error {
		return n.heard(ctx, func(ctx context.Context) error { return n.fillIn(ctx, fields) })
	}}
}

// calls and talks: the line rings, somebody at an extension answers after a few seconds, and talk later it is over.
func calls(after time.Duration, extension string, talk time.Duration) []step {
	return []step{rings(after),
		{6 * time.Second, func(ctx context.Context, n *scene) error { return n.call.isAnswered(ctx, extension) }},
		{talk, func(ctx context.Context, n *scene) error { return n.call.ends(ctx, extension, talk) }}}
}

func rings(after time.Duration) step {
	return step{after, func(ctx context.Context, n *scene) error {
		n.call = n.newCall(n.who.phone)
		return n.heard(ctx, n.call.rings)
	}}
}

// misses: nobody answers a call.
func misses(after time.Duration) []step {
	return []step{rings(after), {25 * time.Second, func(ctx context.Context, n *scene) error { return n.call.isMissed(ctx) }}}
}

// automatic: the customer's mail system answers the shop's last mail.
func automatic(after time.Duration, subject, words string) step {
	return step{after, func(ctx context.Context, n *scene) error {
		m, err := n.mailTo(ctx, n.who.mail, n.mails)
		if err != nil {
			return err
		}
		return n.autoReply(n.who, m, subject, words)
	}}
}

// bounces: the customer's mail system can't deliver the shop's last mail.
func bounces(after time.Duration) step {
	return step{after, func(ctx context.Context, n *scene) error {
		m, err := n.mailTo(ctx, n.who.mail, n.mails)
		if err != nil {
			return err
		}
		return n.bounce(n.who, m)
	}}
}

// as is one of the shop's people doing something through the API.
func as(after time.Duration, who string, do func(ctx context.Context, api *client, n *scene) error) step {
	return step{after, func(ctx context.Context, n *scene) error { return do(ctx, n.office.people[who].api, n) }}
}

func answers(after time.Duration, who, words string) step {
	return answersWith(after, who, map[string]any{"body": words})
}

// answersWith sends a draft as the API takes it. What answers a form goes out by mail.
func answersWith(after time.Duration, who string, draft map[string]any) step {
	return as(after, who, func(ctx context.Context, api *client, n *scene) error {
		if n.on == connectors.Form {
			draft["channel_id"] = n.office.channels[connectors.Email].ID
		}
		n.mails++
		return api.do(ctx, http.MethodPost, "/conversations/"+n.conversation+"/messages", draft, nil)
	})
}

func notes(after time.Duration, who, words string) step {
	return as(after, who, func(ctx context.Context, api *client, n *scene) error {
		return api.do(ctx, http.MethodPost, "/conversations/"+n.conversation+"/messages", map[string]any{"body": words, "note": true}, nil)
	})
}

// change is a merge patch of the conversation; {"assignee": name} and {"team": name} are looked up.
type change map[string]any

func changes(after time.Duration, who string, c change) step {
	return as(after, who, func(ctx context.Context, api *client, n *scene) error {
		patch := map[string]any{}
		for k, v := range c {
			switch k {
			case "assignee":
				patch["assignee_id"] = n.office.people[v.(string)].id
			case "team":
				patch["team_id"] = n.office.teams[v.(string)]
			case "snoozed_for":
				patch["snoozed_until"] = n.o.Clock.real().Add(v.(time.Duration))
			default:
				patch[k] = v
			}
		}
		return api.do(ctx, http.MethodPatch, "/conversations/"+n.conversation, patch, nil)
	})
}

// takes is somebody making the conversation theirs.
func takes(after time.Duration, who string, labels ...string) step {
	c := change{"assignee": who}
	if len(labels) > 0 {
		c["labels"] = labels
	}
	return changes(after, who, c)
}

func resolves(after time.Duration, who string) step {
	return changes(after, who, change{"status": "resolved"})
}

// moves brings the story's lead to a stage, with how warm it is and its value in euros ("" for none).
func moves(after time.Duration, who, stage, temperature, euros string) step {
	return as(after, who, func(ctx context.Context, api *client, n *scene) error {
		var conv struct {
			Lead *string `json:"lead_id"`
		}
		if err := api.do(ctx, http.MethodGet, "/conversations/"+n.conversation, nil, &conv); err != nil {
			return err
		}
		if conv.Lead == nil {
			return errors.New("there is no lead to move")
		}
		patch := map[string]any{"stage_id": n.office.stages[stage], "temperature": temperature}
		if euros != "" {
			patch["value"] = map[string]string{"amount": euros, "currency": "EUR"}
		}
		if who != nora {
			patch["owner_id"] = n.office.people[who].id
		}
		return api.do(ctx, http.MethodPatch, "/leads/"+*conv.Lead, patch, nil)
	})
}

// knows writes on the contact's card.
func knows(after time.Duration, who string, card map[string]any) step {
	return as(after, who, func(ctx context.Context, api *client, n *scene) error {
		return api.do(ctx, http.MethodPatch, "/contacts/"+n.contact, card, nil)
	})
}

func in(parts ...any) []step {
	var out []step
	for _, p := range parts {
		switch x := p.(type) {
		case step:
			out = append(out, x)
		case []step:
			out = append(out, x...)
		}
	}
	return out
}
