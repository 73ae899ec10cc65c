package inbox_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"parley/inbox"
	"parley/internal/db"
	"parley/internal/page"
	"parley/realtime/eventlog"
)

// fill makes count conversations with a contact and a message each, of many days, people and teams: of ten, four belong to nobody, three to
// one of 20 agents, three to one of 6 teams; three are open.
func (k *desk) fill(b *testing.B, count int) {
	b.Helper()
	numbers := fmt.Sprintf("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", count)
	k.exec(b, numbers+`INSERT INTO contacts (id, name, created_at, updated_at) SELECT 'p' || i, 'Person ' || i, i, i FROM n`)
	k.exec(b, numbers+`INSERT INTO identities (id, contact_id, kind, value, trust, channel_id, created_at) SELECT 'i' || i, 'p' || i, 'phone', '+4930' || (1000000 + i), 'channel', ?, i FROM n`, k.channel)
	k.exec(b, numbers+`INSERT INTO conversations (id, number, status, channel_id, channel_type, contact_id, assignee_id, team_id, thread_key, reply_token, last_preview, activity_at, created_at, updated_at)
		SELECT 'c' || i, i, CASE WHEN i % 10 < 3 THEN 'open' WHEN i % 20 = 9 THEN 'snoozed' ELSE 'resolved' END, ?, 'telegram', 'p' || i,
			CASE WHEN i / 10 % 10 IN (4, 5, 6) THEN 'agent' || (i / 100 % 20) ELSE '' END, CASE WHEN i / 10 % 10 > 6 THEN 'team' || (i / 100 % 6) ELSE '' END,
			'k' || i, 't' || i, 'Good morning, where is my order?', 1700000000000 + i * 1000, 1, 1 FROM n`, k.channel)
	k.exec(b, numbers+`INSERT INTO messages (id, conversation_id, contact_id, channel_id, direction, body_text, author_type, status, provider_id, created_at, updated_at)
		SELECT 'm' || i, 'c' || i, 'p' || i, ?, 'inbound', 'Good morning, order ' || i || ' of the ' || (i % 31) || 'th has not arrived, carrier code' || (i % 997) || ' says nothing since Monday', 'contact', 'received',
			'x' || i, 1700000000000 + i * 1000, 1 FROM n`, k.channel)
	if k.db.Dialect == db.Postgres {
		k.exec(b, "VACUUM ANALYZE")
	}
}

// BenchmarkDesk is what an agent's screen asks for, seen by an agent with a team and by a manager.
func BenchmarkDesk(b *testing.B) {
	for _, count := range []int{10_000, 200_000} {
		b.Run(fmt.Sprintf("%dk", count/1000), func(b *testing.B) {
			onBoth(b, func(b *testing.B, d *db.DB) {
				k := openDesk(b, d)
				k.fill(b, count)
				for _, v := range []struct {
					name string
					eventlog.Viewer
				}{{"agent", eventlog.Viewer{UserID: "agent7", Teams: []string{"team1"}}}, {"manager", eventlog.Viewer{UserID: "agent7", All: true}}} {
					k.benchDesk(b, v.name, v.Viewer, count)
				}
			})
		})
	}
}

func (k *desk) benchDesk(b *testing.B, who string, v eventlog.Viewer, count int) {
	ctx := context.Background()
	deep := k.deepCursor(b, v, count)
	list := func(f inbox.Filter) func() error {
		return func() error {
			p, err := k.Conversations(ctx, v, f)
			if err == nil && len(p.Data) != 50 {
				err = fmt.Errorf("%d conversations", len(p.Data))
			}
			return err
		}
	}
	for _, x := range []struct {
		name string
		do   func() error
	}{
		{"open", list(inbox.Filter{Status: inbox.Open})},
		{"all", list(inbox.Filter{})},
		{"all-deep", list(inbox.Filter{Ask: page.Ask{Cursor: deep}})},
		{"counts", func() error { _, err := k.Count(ctx, v); return err }},
		{"thread", func() error { _, err := k.Messages(ctx, v, "c10", page.Ask{}); return err }},
		{"search-word", func() error { _, err := k.Search(ctx, v, "morning carrier", "DE"); return err }},
		{"search-rare", func() error { _, err := k.Search(ctx, v, "code77", "DE"); return err }},
		{"search-phone", func() error { _, err := k.Search(ctx, v, "030 1000010", "DE"); return err }},
	} {
		b.Run(who+"-"+x.name, func(b *testing.B) {
			var late []time.Duration
			began := time.Now()
			for b.Loop() {
				at := time.Now()
				if err := x.do(); err != nil {
					b.Fatal(err)
				}
				late = append(late, time.Since(at))
			}
			report(b, late, time.Since(began))
		})
	}
}

// deepCursor leads to the last tenth of the list.
func (k *desk) deepCursor(b *testing.B, v eventlog.Viewer, count int) string {
	p, err := k.Conversations(context.Background(), v, inbox.Filter{Sort: "oldest", Ask: page.Ask{Limit: 200}})
	for err == nil && p.Next != nil && p.Data[len(p.Data)-1].Number < int64(count/10) {
		p, err = k.Conversations(context.Background(), v, inbox.Filter{Sort: "oldest", Ask: page.Ask{Limit: 200, Cursor: *p.Next}})
	}
	if err != nil {
		b.Fatal(err)
	}
	return *p.Next
}
