package inbox

import (
	"time"

	"parley/internal/db"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// The states of a conversation.
const (
	Open     = "open"
	Pending  = "pending"
	Snoozed  = "snoozed"
	Resolved = "resolved"
)

// Conversation is one thread with one contact.
type Conversation struct {
	ID            string `gorm:"primaryKey"`
	Number        int64
	Status        string
	Priority      string
	Subject       string
	ChannelID     string
	ChannelType   string
	ContactID     string
	LeadID        string
	AssigneeID    string
	TeamID        string
	Labels        db.Strings
	UnreadCount   int
	ThreadKey     string
	ReplyToken    string
	PeerKind      string
	Peer          string
	PeerName      string
	MatchHow      string
	MatchEvidence string
	LastID        string
	LastPreview   string
	LastDirection string
	LastAt        int64
	ActivityAt    int64
	WaitingSince  int64
	SnoozedUntil  int64
	LastSeq       int64
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	UpdatedAt     int64 `gorm:"autoUpdateTime:false"`
	Version       int64
}

// LastMessage is the head of a conversation's newest message.
type LastMessage struct {
	ID        string    `json:"id"`
	Preview   string    `json:"preview"`
	Direction string    `json:"direction"`
	CreatedAt time.Time `json:"created_at"`
}

// Match says how a conversation found its contact.
type Match struct {
	How      string `json:"how" enum:"identity,thread,created"`
	Evidence string `json:"evidence"`
}

// ConversationView is a conversation as the API and the event log show it.
type ConversationView struct {
	ID           string       `json:"id"`
	Number       int64        `json:"number"`
	Status       string       `json:"status" enum:"open,pending,snoozed,resolved"`
	Priority     string       `json:"priority" enum:"low,normal,high,urgent"`
	Subject      string       `json:"subject"`
	ChannelID    string       `json:"channel_id"`
	ChannelType  string       `json:"channel_type"`
	ContactID    string       `json:"contact_id"`
	LeadID       *string      `json:"lead_id"`
	AssigneeID   *string      `json:"assignee_id"`
	TeamID       *string      `json:"team_id"`
	Labels       []string     `json:"labels"`
	UnreadCount  int          `json:"unread_count"`
	LastMessage  *LastMessage `json:"last_message"`
	Match        Match        `json:"match"`
	Peer         string       `json:"peer" doc:"the address that answers go to"`
	PeerName     string       `json:"peer_name"`
	WaitingSince *time.Time   `json:"waiting_since"`
	SnoozedUntil *time.Time   `json:"snoozed_until"`
	CreatedAt    time.Time    `json:"created_at"`
	UpdatedAt    time.Time    `json:"updated_at"`
	LastSeq      int64        `json:"last_seq"`
	Version      int64        `json:"version"`
}

// View is c as the API shows it.
func (c *Conversation) View() ConversationView {
	v := ConversationView{
		ID: c.ID, Number: c.Number, Status: c.Status, Priority: c.Priority, Subject: c.Subject, ChannelID: c.ChannelID, ChannelType: c.ChannelType,
		ContactID: c.ContactID, LeadID: db.OrNull(c.LeadID), AssigneeID: db.OrNull(c.AssigneeID), TeamID: db.OrNull(c.TeamID), Labels: c.Labels.List(),
		UnreadCount: c.UnreadCount, Match: Match{c.MatchHow, c.MatchEvidence}, Peer: c.Peer, PeerName: c.PeerName, WaitingSince: db.TimeOrNull(c.WaitingSince),
		SnoozedUntil: db.TimeOrNull(c.SnoozedUntil), CreatedAt: db.Time(c.CreatedAt), UpdatedAt: db.Time(c.UpdatedAt), LastSeq: c.LastSeq, Version: c.Version,
	}
	if c.LastID != "" {
		v.LastMessage = &LastMessage{c.LastID, c.LastPreview, c.LastDirection, db.Time(c.LastAt)}
	}
	return v
}

// Audience is who may see c, besides those who see everything: its assignee and its team, or everybody while it has neither.
func (c *Conversation) Audience() eventlog.Audience { return audienceOf(c.AssigneeID, c.TeamID) }

func audienceOf(assigneeID, teamID string) eventlog.Audience {
	a := eventlog.Audience{Open: assigneeID == "" && teamID == ""}
	if assigneeID != "" {
		a.Users = []string{assigneeID}
	}
	if teamID != "" {
		a.Teams = []string{teamID}
	}
	return a
}

// visible narrows q, a question about conversations, to what v may see: the same rule as Audience.
func visible(q *gorm.DB, v eventlog.Viewer) *gorm.DB {
	if v.All {
		return q
	}
	return q.Where("(conversations.assignee_id = ? OR conversations.team_id IN ? OR conversations.assignee_id = '' AND conversations.team_id = '')",
		v.UserID, append([]string{"-"}, v.Teams...))
}

// conversationTx reads and locks a conversation that v may see.
func conversationTx(tx *gorm.DB, v eventlog.Viewer, id string) (*Conversation, error) {
	c, err := lockTx(visible(tx, v).Where("id = ?", id))
	return c, notFound(err, "conversation")
}

// lockTx reads and locks the conversation that q names. Each transaction has one copy of it.
func lockTx(q *gorm.DB) (*Conversation, error) {
	c := &Conversation{}
	if err := forUpdate(q).Take(c).Error; err != nil {
		return nil, err
	}
	return db.Same(q, c.ID, c), nil
}

// snapshot is what changes are told against.
type snapshot struct {
	view     ConversationView
	audience eventlog.Audience
}

func (c *Conversation) snapshot() snapshot { return snapshot{c.View(), c.Audience()} }

// saveTx writes c, which was read in this transaction, and tells what changed since before.
func (b *Inbox) saveTx(tx *gorm.DB, c *Conversation, before snapshot) error {
	c.Version++
	c.UpdatedAt = b.now().UnixMilli()
	if err := db.ReplaceTx(tx, c); err != nil {
		return err
	}
	e := eventlog.Event{Type: "conversation.updated", Subject: c.ID, Conversation: c.ID, Audience: c.Audience(),
		Data: late(func() any { return c.View() }), Changes: changes(before.view, c.View())}
	if !sameAudience(before.audience, e.Audience) {
		e.Before = &before.audience
	}
	return eventlog.AppendTx(tx, e)
}

func sameAudience(a, b eventlog.Audience) bool {
	same := func(x, y []string) bool { return len(x) == len(y) && (len(x) == 0 || x[0] == y[0]) }
	return a.Open == b.Open && same(a.Users, b.Users) && same(a.Teams, b.Teams)
}

// changes are the fields that people care about, old and new.
func changes(from, to ConversationView) map[string]eventlog.Change {
	out := map[string]eventlog.Change{}
	text := func(name string, a, b *string) {
		if (a == nil) != (b == nil) || a != nil && *a != *b {
			out[name] = eventlog.Change{From: a, To: b}
		}
	}
	text("status", &from.Status, &to.Status)
	text("priority", &from.Priority, &to.Priority)
	text("subject", &from.Subject, &to.Subject)
	text("contact_id", &from.ContactID, &to.ContactID)
	text("lead_id", from.LeadID, to.LeadID)
	text("assignee_id", from.AssigneeID, to.AssigneeID)
	text("team_id", from.TeamID, to.TeamID)
	if from.UnreadCount != to.UnreadCount {
		out["unread_count"] = eventlog.Change{From: from.UnreadCount, To: to.UnreadCount}
	}
	if len(from.Labels) != len(to.Labels) || !equal(from.Labels, to.Labels) {
		out["labels"] = eventlog.Change{From: from.Labels, To: to.Labels}
	}
	return out
}

func equal(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
