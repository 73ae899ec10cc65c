package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/internal/jobs"
	"parley/internal/page"
	"parley/internal/sanitize"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// Filter narrows a list of conversations; "" leaves a field alone.
type Filter struct {
	Status, Assignee, Team, Channel, ChannelType, Label, Contact, Q string
	// Sort is newest (activity, the default), oldest, or waiting (who has been waiting longest, first).
	Sort string
	page.Ask
}

// Conversations lists what v may see.
func (b *Inbox) Conversations(ctx context.Context, v eventlog.Viewer, f Filter) (page.Of[ConversationView], error) {
	q, err := b.filtered(b.db.Read(ctx), v, f)
	if err != nil {
		return page.Of[ConversationView]{}, err
	}
	column, newest := "conversations.activity_at", true
	key := func(c *Conversation) page.Key { return page.Key{At: c.ActivityAt, ID: c.ID} }
	switch f.Sort {
	case "", "newest":
	case "oldest":
		newest = false
	case "waiting":
		column, newest = "conversations.waiting_since", false
		q = q.Where("conversations.waiting_since > 0")
		key = func(c *Conversation) page.Key { return page.Key{At: c.WaitingSince, ID: c.ID} }
	default:
		return page.Of[ConversationView]{}, fault.Invalid("sort", "unknown", "newest, oldest or waiting")
	}
	place := func(q *gorm.DB) (*gorm.DB, error) { return f.Apply(q, column, "conversations.id", newest) }
	if q, err = withinSight(q, v, f.Status, place); err != nil {
		return page.Of[ConversationView]{}, err
	}
	var rows []*Conversation
	if err := q.Find(&rows).Error; err != nil {
		return page.Of[ConversationView]{}, fmt.Errorf("list conversations: %w", err)
	}
	return page.Cut(f.Ask, rows, key, (*Conversation).View), nil
}

// withinSight is the page of q, as place cuts it, that v may see. The rule has three ways to be let in, and an index leads down each of them, for
// each status: the page is the best of the first rows of all ways, however little of the whole somebody sees.
func withinSight(q *gorm.DB, v eventlog.Viewer, status string, place func(*gorm.DB) (*gorm.DB, error)) (*gorm.DB, error) {
	if v.All {
		return place(q)
	}
	among := statuses
	if status != "" {
		among = []string{status}
	}
	narrow := func(rule string, a ...any) *gorm.DB { return q.Session(&gorm.Session{}).Where(rule, a...) }
	ways := []*gorm.DB{narrow("conversations.assignee_id = '' AND conversations.team_id = ''"), narrow("conversations.assignee_id = ?", v.UserID)}
	for _, t := range v.Teams {
		ways = append(ways, narrow("conversations.team_id = ? AND conversations.assignee_id <> ?", t, v.UserID))
	}
	var parts []string
	var firsts []any
	for i, way := range ways {
		for j, s := range among {
			first, err := place(way.Session(&gorm.Session{}).Where("conversations.status = ?", s))
			if err != nil {
				return nil, err
			}
			parts = append(parts, fmt.Sprintf("SELECT * FROM (?) AS way%d_%d", i, j))
			firsts = append(firsts, first)
		}
	}
	return place(q.Session(&gorm.Session{NewDB: true}).Table("("+strings.Join(parts, " UNION ALL ")+") AS conversations", firsts...))
}

func (b *Inbox) filtered(q *gorm.DB, v eventlog.Viewer, f Filter) (*gorm.DB, error) {
	q = q.Model(&Conversation{})
	if f.Status != "" {
		if !slices.Contains(statuses, f.Status) {
			return nil, fault.Invalid("status", "unknown", "open, pending, snoozed or resolved")
		}
		q = q.Where("conversations.status = ?", f.Status)
	}
	switch f.Assignee {
	case "":
	case "me":
		q = q.Where("conversations.assignee_id = ?", v.UserID)
	case "none":
		q = q.Where("conversations.assignee_id = ''")
	default:
		q = q.Where("conversations.assignee_id = ?", f.Assignee)
	}
	for column, value := range map[string]string{"team_id": f.Team, "channel_id": f.Channel, "channel_type": f.ChannelType, "contact_id": f.Contact} {
		if value != "" {
			q = q.Where("conversations."+column+" = ?", value)
		}
	}
	if f.Label != "" {
		q = q.Where(`conversations.labels LIKE ? ESCAPE '\'`, "%"+likeEscape(quoted(f.Label))+"%")
	}
	if f.Q != "" {
		q = b.matching(q, f.Q)
	}
	return q, nil
}

// Counts are the numbers on the inbox's tabs: open conversations of each view.
type Counts struct {
	Mine       int64 `json:"mine"`
	Unassigned int64 `json:"unassigned"`
	All        int64 `json:"all"`
	Snoozed    int64 `json:"snoozed"`
}

// Count is how many conversations v may see; the database keeps the numbers up to date with every change.
func (b *Inbox) Count(ctx context.Context, v eventlog.Viewer) (c Counts, err error) {
	var rows []struct {
		AssigneeID, TeamID, Status string
		N                          int64
	}
	err = b.db.Read(ctx).Raw("SELECT assignee_id, team_id, status, n FROM conversation_counts WHERE status IN ?", []string{Open, Snoozed}).Scan(&rows).Error
	if err != nil {
		return c, fmt.Errorf("count conversations: %w", err)
	}
	for _, r := range rows {
		if !audienceOf(r.AssigneeID, r.TeamID).Sees(v) {
			continue
		}
		if r.Status == Snoozed {
			c.Snoozed += r.N
			continue
		}
		c.All += r.N
		switch r.AssigneeID {
		case "":
			c.Unassigned += r.N
		case v.UserID:
			c.Mine += r.N
		}
	}
	return c, nil
}

// Conversation is one that v may see.
func (b *Inbox) Conversation(ctx context.Context, v eventlog.Viewer, id string) (ConversationView, error) {
	c := &Conversation{}
	if err := visible(b.db.Read(ctx), v).Where("id = ?", id).Take(c).Error; err != nil {
		return ConversationView{}, notFound(err, "conversation")
	}
	return c.View(), nil
}

// Messages is a page of a thread, oldest first within it; the first page holds the newest messages, and its next cursor leads back in time.
func (b *Inbox) Messages(ctx context.Context, v eventlog.Viewer, conversationID string, ask page.Ask) (page.Of[MessageView], error) {
	if _, err := b.Conversation(ctx, v, conversationID); err != nil {
		return page.Of[MessageView]{}, err
	}
	q, err := ask.Apply(b.db.Read(ctx).Where("conversation_id = ?", conversationID), "created_at", "id", true)
	if err != nil {
		return page.Of[MessageView]{}, err
	}
	var rows []*Message
	if err := q.Find(&rows).Error; err != nil {
		return page.Of[MessageView]{}, fmt.Errorf("read thread: %w", err)
	}
	if err := loadParts(b.db.Read(ctx), rows); err != nil {
		return page.Of[MessageView]{}, err
	}
	p := page.Cut(ask, rows, func(m *Message) page.Key { return page.Key{At: m.CreatedAt, ID: m.ID} }, b.messageView)
	slices.Reverse(p.Data)
	return p, nil
}

// Message is one of a conversation that v may see.
func (b *Inbox) Message(ctx context.Context, v eventlog.Viewer, id string) (MessageView, error) {
	m := &Message{}
	if err := b.db.Read(ctx).Where("id = ?", id).Take(m).Error; err != nil {
		return MessageView{}, notFound(err, "message")
	}
	if _, err := b.Conversation(ctx, v, m.ConversationID); err != nil {
		return MessageView{}, notFound(err, "message")
	}
	if err := loadParts(b.db.Read(ctx), []*Message{m}); err != nil {
		return MessageView{}, err
	}
	return b.messageView(m), nil
}

var (
	statuses   = []string{Open, Pending, Snoozed, Resolved}
	priorities = []string{"low", "normal", "high", "urgent"}
)

// Patch is what may be changed of a conversation; nil leaves a field, "" empties it.
type Patch struct {
	Status, AssigneeID, TeamID, Priority, Subject *string
	Labels                                        *[]string
	SnoozedUntil                                  *time.Time // zero: not snoozed any more
	IfVersion                                     int64
}

// PatchConversation changes a conversation; what people should know stands in the thread afterwards.
func (b *Inbox) PatchConversation(ctx context.Context, v eventlog.Viewer, id string, p Patch) (ConversationView, error) {
	var c *Conversation
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		var err error
		if c, err = conversationTx(tx, v, id); err != nil {
			return err
		}
		if p.IfVersion != 0 && p.IfVersion != c.Version {
			return fault.Stale("the conversation was changed meanwhile")
		}
		before, was := c.snapshot(), *c
		if err := b.applyTx(tx, c, p); err != nil {
			return err
		}
		if len(changes(before.view, c.View())) == 0 && was.SnoozedUntil == c.SnoozedUntil {
			return nil
		}
		if err := b.activityTx(tx, c, was, eventlog.ActorOf(ctx)); err != nil {
			return err
		}
		return b.saveTx(tx, c, before)
	})
	if err != nil {
		return ConversationView{}, err
	}
	return c.View(), nil
}

func (b *Inbox) applyTx(tx *gorm.DB, c *Conversation, p Patch) error {
	if p.Priority != nil {
		if !slices.Contains(priorities, *p.Priority) {
			return fault.Invalid("priority", "unknown", "low, normal, high or urgent")
		}
		c.Priority = *p.Priority
	}
	if p.Subject != nil {
		c.Subject = sanitize.Preview(*p.Subject, 300)
	}
	if p.Labels != nil {
		labels, err := cleanLabels(*p.Labels)
		if err != nil {
			return err
		}
		c.Labels = labels
	}
	if err := assignTx(tx, c, p); err != nil {
		return err
	}
	return b.statusTx(tx, c, p)
}

// assignTx gives the conversation to a person or a team that exist.
func assignTx(tx *gorm.DB, c *Conversation, p Patch) error {
	if p.AssigneeID != nil && *p.AssigneeID != c.AssigneeID {
		if *p.AssigneeID != "" {
			var n int64
			if err := tx.Table("users").Where("id = ? AND NOT disabled", *p.AssigneeID).Count(&n).Error; err != nil {
				return err
			}
			if n == 0 {
				return fault.Invalid("assignee_id", "unknown", "there is no such person, or they are disabled")
			}
		}
		c.AssigneeID = *p.AssigneeID
	}
	if p.TeamID != nil && *p.TeamID != c.TeamID {
		if *p.TeamID != "" {
			var n int64
			if err := tx.Table("teams").Where("id = ?", *p.TeamID).Count(&n).Error; err != nil {
				return err
			}
			if n == 0 {
				return fault.Invalid("team_id", "unknown", "there is no such team")
			}
		}
		c.TeamID = *p.TeamID
	}
	return nil
}

// statusTx moves between open, pending, snoozed and resolved; snoozed has a time at which it opens again.
func (b *Inbox) statusTx(tx *gorm.DB, c *Conversation, p Patch) error {
	if p.SnoozedUntil != nil && p.Status == nil {
		s := Snoozed
		if p.SnoozedUntil.IsZero() {
			if c.Status != Snoozed {
				return nil
			}
			s = Open
		}
		p.Status = &s
	}
	if p.Status == nil {
		return nil
	}
	if !slices.Contains(statuses, *p.Status) {
		return fault.Invalid("status", "unknown", "open, pending, snoozed or resolved")
	}
	c.Status = *p.Status
	if _, err := jobs.CancelTx(tx, wakeKey(c.ID)); err != nil {
		return err
	}
	if c.Status != Snoozed {
		c.SnoozedUntil = 0
		if c.Status == Resolved {
			c.WaitingSince, c.UnreadCount = 0, 0
		}
		return nil
	}
	if p.SnoozedUntil == nil || !p.SnoozedUntil.After(b.now()) {
		return fault.Invalid("snoozed_until", "in_the_past", "a snoozed conversation needs a time to come back that is yet to come")
	}
	c.SnoozedUntil = p.SnoozedUntil.UnixMilli()
	return jobs.EnqueueTx(tx, jobs.New{Kind: jobWakeUp, Payload: wakeJob{c.ID}, RunAt: *p.SnoozedUntil, At: b.now(), UniqueKey: wakeKey(c.ID)})
}

const jobWakeUp = "wake_up"

type wakeJob struct {
	ConversationID string `json:"conversation_id"`
}

func wakeKey(id string) string { return "wake:" + id }

// wakeUp opens a conversation whose snooze is over.
func (b *Inbox) wakeUp(ctx context.Context, j jobs.Job) error {
	var p wakeJob
	if err := j.Into(&p); err != nil {
		return err
	}
	return b.log.Transaction(ctx, func(tx *gorm.DB) error {
		c, err := lockTx(tx.Where("id = ?", p.ConversationID))
		if err != nil {
			return err
		}
		if left := db.Time(c.SnoozedUntil).Sub(b.now()); c.Status == Snoozed && left > 0 { // snoozed anew while this job was in hand
			return jobs.Later(errors.New("snoozed for longer"), left)
		}
		if c.Status != Snoozed {
			return nil
		}
		before := c.snapshot()
		c.Status, c.SnoozedUntil = Open, 0
		c.ActivityAt = b.now().UnixMilli()
		return b.saveTx(tx, c, before)
	})
}

// activityTx leaves a thin line in the thread for what people should know.
func (b *Inbox) activityTx(tx *gorm.DB, c *Conversation, was Conversation, by eventlog.Actor) error {
	var lines []string
	if c.Status != was.Status {
		lines = append(lines, "status: "+was.Status+" → "+c.Status)
	}
	if c.AssigneeID != was.AssigneeID {
		name, err := nameTx(tx, "users", c.AssigneeID)
		if err != nil {
			return err
		}
		lines = append(lines, "assignee: "+name)
	}
	if c.TeamID != was.TeamID {
		name, err := nameTx(tx, "teams", c.TeamID)
		if err != nil {
			return err
		}
		lines = append(lines, "team: "+name)
	}
	if c.Priority != was.Priority {
		lines = append(lines, "priority: "+was.Priority+" → "+c.Priority)
	}
	if len(lines) == 0 {
		return nil
	}
	now := b.now().UnixMilli()
	author := "automation"
	if by.Type == "user" {
		author = "user"
	}
	return b.createMessageTx(tx, c, &Message{ID: ids.New(), ConversationID: c.ID, ContactID: c.ContactID, Direction: DirActivity, Kind: "activity", AuthorType: author,
		AuthorID: by.ID, AuthorName: by.Name, Status: Sent, BodyText: strings.Join(lines, "\n"), CreatedAt: now, UpdatedAt: now})
}

func nameTx(tx *gorm.DB, table, id string) (name string, err error) {
	if id == "" {
		return "nobody", nil
	}
	err = tx.Table(table).Select("name").Where("id = ?", id).Scan(&name).Error
	return name, err
}

// MarkRead takes the conversation's unread count to zero; MarkUnread to at least one.
func (b *Inbox) MarkRead(ctx context.Context, v eventlog.Viewer, id string) (ConversationView, error) {
	return b.mark(ctx, v, id, func(c *Conversation) { c.UnreadCount = 0 })
}

func (b *Inbox) MarkUnread(ctx context.Context, v eventlog.Viewer, id string) (ConversationView, error) {
	return b.mark(ctx, v, id, func(c *Conversation) { c.UnreadCount = max(1, c.UnreadCount) })
}

func (b *Inbox) mark(ctx context.Context, v eventlog.Viewer, id string, change func(*Conversation)) (ConversationView, error) {
	var c *Conversation
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		var err error
		if c, err = conversationTx(tx, v, id); err != nil {
			return err
		}
		before, n := c.snapshot(), c.UnreadCount
		if change(c); c.UnreadCount == n {
			return nil
		}
		return b.saveTx(tx, c, before)
	})
	if err != nil {
		return ConversationView{}, err
	}
	return c.View(), nil
}

// Sees tells whether v may see a conversation, and who else may.
func (b *Inbox) Sees(ctx context.Context, v eventlog.Viewer, id string) (eventlog.Audience, bool) {
	c := &Conversation{}
	if err := b.db.Read(ctx).Select("assignee_id", "team_id").Where("id = ?", id).Take(c).Error; err != nil {
		return eventlog.Audience{}, false
	}
	a := c.Audience()
	return a, a.Sees(v)
}

func cleanLabels(in []string) (db.Strings, error) {
	out := db.Strings{}
	for _, l := range in {
		l = strings.TrimSpace(sanitize.Line(l))
		if l == "" || len([]rune(l)) > 60 || strings.ContainsAny(l, `"\`) {
			return nil, fault.Invalid("labels", "invalid", "a label has 1 to 60 characters and neither quotes nor backslashes")
		}
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	if len(out) > 50 {
		return nil, fault.Invalid("labels", "too_many", "at most 50 labels")
	}
	return out, nil
}
