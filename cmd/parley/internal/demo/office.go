package demo

import (
	"context"
	"fmt"
	"net/http"

	"parley/connectors"
)

// Password is everybody's in the demo: it is reachable from this machine alone, and gone with it.
const Password = "green-leaves-by-post"

// The people of the shop.
const (
	ownerMail, agentMail, otherMail = "owner@demo.test", "mara@demo.test", "tomas@demo.test"
	nora, mara, tomas               = "Nora Lindqvist", "Mara Okafor", "Tomás Vidal"
	sales, care                     = "Sales", "Plant care"
)

// office is the shop's side: its people, each with a token, its teams and its channels.
type office struct {
	people   map[string]*colleague // by name
	teams    map[string]string     // name → id
	stages   map[string]string     // of the default pipeline: name → id
	channels map[string]channel    // by type
}

type colleague struct {
	id  string
	api *client
}

type channel struct {
	ID    string            `json:"id"`
	Hooks map[string]string `json:"webhook_urls"`
}

// hook is where the channel's provider posts what came in.
func (c channel) hook() string {
	for _, name := range []string{"inbound", "events", "submit"} {
		if at := c.Hooks[name]; at != "" {
			return at
		}
	}
	return ""
}

type created struct {
	ID string `json:"id"`
}

// openOffice does what a shop's owner does on the first day.
func openOffice(ctx context.Context, base string, p *providers) (*office, error) {
	o := &office{people: map[string]*colleague{}, teams: map[string]string{}, stages: map[string]string{}, channels: map[string]channel{}}
	door := newClient(base)
	id, api, err := door.enter(ctx, "/setup", map[string]any{"name": nora, "email": ownerMail, "password": Password})
	if err != nil {
		return nil, err
	}
	o.people[nora] = &colleague{id, api}
	for name, address := range map[string]string{mara: agentMail, tomas: otherMail} {
		if err := o.hire(ctx, door, name, address); err != nil {
			return nil, err
		}
	}
	for name, members := range map[string][]string{sales: {mara, tomas}, care: {tomas}} {
		if err := o.form(ctx, name, members); err != nil {
			return nil, err
		}
	}
	if err := o.learnStages(ctx); err != nil {
		return nil, err
	}
	for _, c := range channelsOf(p) {
		if err := o.connect(ctx, c); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *office) hire(ctx context.Context, door *client, name, address string) error {
	who := map[string]any{"name": name, "email": address, "role": "agent", "password": Password}
	if err := o.people[nora].api.do(ctx, http.MethodPost, "/users", who, nil); err != nil {
		return err
	}
	id, api, err := door.enter(ctx, "/session", map[string]any{"email": address, "password": Password})
	if err != nil {
		return err
	}
	o.people[name] = &colleague{id, api}
	return api.do(ctx, http.MethodPatch, "/session", map[string]any{"availability": "online"}, nil)
}

func (o *office) form(ctx context.Context, team string, members []string) error {
	ids := []string{}
	for _, m := range members {
		ids = append(ids, o.people[m].id)
	}
	var made created
	err := o.people[nora].api.do(ctx, http.MethodPost, "/teams", map[string]any{"name": team, "member_ids": ids}, &made)
	o.teams[team] = made.ID
	return err
}

func (o *office) learnStages(ctx context.Context) error {
	var list struct {
		Data []struct {
			Stages []struct{ ID, Name string }
		}
	}
	if err := o.people[nora].api.do(ctx, http.MethodGet, "/pipelines", nil, &list); err != nil {
		return err
	}
	for _, p := range list.Data {
		for _, s := range p.Stages {
			o.stages[s.Name] = s.ID
		}
	}
	return nil
}

type newChannel struct {
	Type   string         `json:"type"`
	Name   string         `json:"name"`
	Config map[string]any `json:"config"`
}

func channelsOf(p *providers) []newChannel {
	twilio := map[string]any{"default_region": "GB"}
	for k, v := range p.twilio.Config() {
		twilio[k] = v
	}
	telegram := map[string]any{}
	for k, v := range p.telegram.Config("polling") {
		telegram[k] = v
	}
	return []newChannel{
		{connectors.Webchat, "Shop chat", map[string]any{"allowed_origins": []string{}, "title": "Fernleaf", "greeting": "Hello! Ask us anything about plants, orders and delivery.", "color": "#2f6b4f"}},
		{connectors.Email, "hello@fernleaf.test", map[string]any{"address": shopMail, "name": "Fernleaf", "imap": p.mailbox.Config(), "smtp": p.post.Config(), "plus_addressing": true}},
		{connectors.SMS, "Text messages", twilio},
		{connectors.Telegram, "Telegram bot", telegram},
		{connectors.Telephony, "Shop telephone", map[string]any{"provider": "generic", "secret": p.pbx.Secret(), "numbers": []string{shopLine}, "api_url": p.pbx.URL(),
			"recording": map[string]any{"fetch": true}, "default_region": "GB"}},
		{connectors.Form, "Plants for offices", map[string]any{"allowed_origins": []string{}, "default_region": "GB", "lead": map[string]any{"create": "always"}}},
	}
}

func (o *office) connect(ctx context.Context, n newChannel) error {
	var made channel
	if err := o.people[nora].api.do(ctx, http.MethodPost, "/channels", n, &made); err != nil {
		return fmt.Errorf("connect %s: %w", n.Type, err)
	}
	o.channels[n.Type] = made
	return nil
}
