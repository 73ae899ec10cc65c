package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"parley/connectors"
	"parley/crm"
	"parley/inbox/calls"
	"parley/internal/db"
	"parley/internal/ids"
	"parley/internal/jobs"
	"parley/internal/page"
	"parley/internal/sanitize"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// Call is a telephone call, as its events say.
type Call struct {
	ID             string `gorm:"primaryKey"`
	ChannelID      string
	ProviderCall   string
	Outcome        string
	Direction      string
	State          string
	FromNumber     string
	ToNumber       string
	Extension      string
	ContactID      string
	ConversationID string
	LeadID         string
	AgentID        string
	MessageID      string
	StartedAt      int64
	AnsweredAt     int64
	EndedAt        int64
	TalkSeconds    int
	HangupCause    string
	RecState       string
	RecProblem     string
	RecRef         string
	RecBlob        string
	RecSha256      string
	RecMime        string
	RecSize        int64
	RecMs          int64
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	UpdatedAt      int64 `gorm:"autoUpdateTime:false"`
	Version        int64
}

type callEvent struct {
	N      int64 `gorm:"primaryKey;autoIncrement"`
	CallID string
	Event  string
	At     int64
}

// RecordingView is a call's recording as the API shows it. Duration is in seconds.
type RecordingView struct {
	State    string   `json:"state" enum:"none,pending,ready,failed"`
	Duration *float64 `json:"duration"`
	URL      *string  `json:"url"`
	Problem  string   `json:"problem,omitempty"`
}

// CallView is a call as the API and the event log show it.
type CallView struct {
	ID             string        `json:"id"`
	ChannelID      string        `json:"channel_id"`
	Direction      string        `json:"direction" enum:"inbound,outbound"`
	State          string        `json:"state" enum:"ringing,answered,missed,ended,failed"`
	Outcome        string        `json:"outcome,omitempty"`
	From           string        `json:"from"`
	To             string        `json:"to"`
	Extension      string        `json:"extension,omitempty"`
	ContactID      *string       `json:"contact_id"`
	ContactName    string        `json:"contact_name"`
	ConversationID *string       `json:"conversation_id"`
	LeadID         *string       `json:"lead_id"`
	AgentID        *string       `json:"agent_id"`
	MessageID      *string       `json:"message_id"`
	StartedAt      *time.Time    `json:"started_at"`
	AnsweredAt     *time.Time    `json:"answered_at"`
	EndedAt        *time.Time    `json:"ended_at"`
	TalkSeconds    int           `json:"talk_seconds"`
	HangupCause    string        `json:"hangup_cause,omitempty"`
	Recording      RecordingView `json:"recording"`
	CreatedAt      time.Time     `json:"created_at"`
	Version        int64         `json:"version"`
}

func (b *Inbox) callView(c *Call, contactName string) CallView {
	v := CallView{
		ID: c.ID, ChannelID: c.ChannelID, Direction: c.Direction, State: c.State, Outcome: c.Outcome, From: c.FromNumber, To: c.ToNumber, Extension: c.Extension,
		ContactID: db.OrNull(c.ContactID), ContactName: contactName, ConversationID: db.OrNull(c.ConversationID), LeadID: db.OrNull(c.LeadID), AgentID: db.OrNull(c.AgentID),
		MessageID: db.OrNull(c.MessageID), StartedAt: db.TimeOrNull(c.StartedAt), AnsweredAt: db.TimeOrNull(c.AnsweredAt), EndedAt: db.TimeOrNull(c.EndedAt),
		TalkSeconds: c.TalkSeconds, HangupCause: c.HangupCause, CreatedAt: db.Time(c.CreatedAt), Version: c.Version,
		Recording: RecordingView{State: c.RecState, Problem: c.RecProblem},
	}
	if c.RecState == "ready" {
		url := b.Link("recordings", c.ID)
		v.Recording.URL = &url
		if c.RecMs > 0 {
			s := float64(c.RecMs) / 1000
			v.Recording.Duration = &s
		}
	}
	return v
}

// acceptCallTx adds one event to its call and tells what became of it. Events may come late, twice or out of order: the call is what
// all of its events together say. A recording may be told of before its call, and does not say who called: it waits for the rest.
func (b *Inbox) acceptCallTx(tx *gorm.DB, s *sight, it *item) error {
	call, err := callTx(tx, it.ch.ID, it.Call.CallID)
	if err != nil {
		return err
	}
	fresh := call == nil
	if fresh {
		if call, err = openCallTx(tx, it); err != nil {
			return err
		}
	}
	sum, err := addCallEventTx(tx, call, *it.Call, fresh)
	if err != nil {
		return err
	}
	was := *call
	if call.MessageID == "" {
		if it.Call.Type == connectors.CallRecording && len(it.Sender.Claims) == 0 {
			it.journal.Reason = "a recording whose call was not told of yet"
			return nil
		}
		if err := b.placeCallTx(tx, s, it, call); err != nil {
			return err
		}
	}
	it.journal.MessageID, it.journal.ConversationID, it.journal.ContactID = call.MessageID, call.ConversationID, call.ContactID
	call.become(sum, it.rules.DefaultRegion)
	if err := recordingTx(tx, it, call, sum); err != nil {
		return err
	}
	if was == *call {
		return nil
	}
	return b.saveCallTx(tx, it.now, call, was)
}

func callTx(tx *gorm.DB, channelID, providerCall string) (*Call, error) {
	c := &Call{}
	err := forUpdate(tx).Where("channel_id = ? AND provider_call = ?", channelID, providerCall).Take(c).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return c, err
}

// openCallTx stores a call that was not known. It has no place yet, and nobody sees it.
func openCallTx(tx *gorm.DB, it *item) (*Call, error) {
	now := it.now.UnixMilli()
	call := &Call{ID: ids.New(), ChannelID: it.ch.ID, ProviderCall: it.Call.CallID, Direction: it.Call.Direction, RecState: "none", CreatedAt: now, UpdatedAt: now}
	if err := tx.Create(call).Error; err != nil {
		return nil, fmt.Errorf("store call: %w", err)
	}
	return call, nil
}

// placeCallTx gives a call its place: contact, conversation, line in the thread, lead.
func (b *Inbox) placeCallTx(tx *gorm.DB, s *sight, it *item, call *Call) error {
	who, conv, fresh, err := b.placeTx(tx, s, it)
	if err != nil {
		return err
	}
	call.ContactID, call.ConversationID = who.Contact.ID, conv.ID
	if it.Call.Direction != "" {
		call.Direction = it.Call.Direction
	}
	m := b.inboundMessage(it, conv, who.Contact)
	m.Kind, m.CallID, call.MessageID = connectors.KindCall, call.ID, m.ID
	if call.Direction == "outbound" {
		m.Direction, m.Status, m.AuthorType, m.AuthorID, m.AuthorName = DirOutbound, Sent, "user", "", ""
	}
	m.BodyText = callText(call)
	before := conv.snapshot()
	conv.rang(m, it)
	if fresh {
		err = b.beginTx(tx, s, it, who, conv, m)
	} else {
		err = b.joinTx(tx, s, it, who, conv, before, m)
	}
	call.LeadID = conv.LeadID
	return err
}

// rang is what a call does to its conversation when it is first heard of.
func (c *Conversation) rang(m *Message, it *item) {
	c.headOf(m, m.BodyText)
	if peer := it.peer(); peer.Value != "" {
		c.PeerKind, c.Peer = peer.Kind, peer.Value
	}
	if m.Direction == DirInbound {
		c.Status, c.SnoozedUntil = Open, 0
	}
}

func addCallEventTx(tx *gorm.DB, c *Call, e connectors.CallEvent, fresh bool) (calls.Call, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return calls.Call{}, err
	}
	if err := tx.Create(&callEvent{CallID: c.ID, Event: string(text), At: e.At.UnixMilli()}).Error; err != nil {
		return calls.Call{}, fmt.Errorf("add event to call: %w", err)
	}
	if fresh {
		return calls.Reduce([]connectors.CallEvent{e}), nil
	}
	var rows []callEvent
	if err := tx.Where("call_id = ?", c.ID).Order("n").Find(&rows).Error; err != nil {
		return calls.Call{}, err
	}
	events := make([]connectors.CallEvent, len(rows))
	for i, r := range rows {
		if err := json.Unmarshal([]byte(r.Event), &events[i]); err != nil {
			return calls.Call{}, err
		}
	}
	return calls.Reduce(events), nil
}

// become takes over what the events say.
func (c *Call) become(s calls.Call, region string) {
	c.State, c.Outcome, c.TalkSeconds, c.HangupCause, c.Extension = s.State, s.Outcome, s.TalkSeconds, sanitize.Preview(s.HangupCause, 200), sanitize.Preview(s.Extension, 50)
	c.FromNumber, c.ToNumber = shownNumber(s.From, region), shownNumber(s.To, region)
	if s.Direction != "" {
		c.Direction = s.Direction
	}
	c.StartedAt, c.AnsweredAt, c.EndedAt = millis(s.StartedAt), millis(s.AnsweredAt), millis(s.EndedAt)
}

func shownNumber(raw, region string) string {
	if n := crm.NormalPhone(raw, region); n != "" {
		return n
	}
	return sanitize.Preview(raw, 60)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// saveCallTx writes the call and its line in the thread, and tells which step it took.
func (b *Inbox) saveCallTx(tx *gorm.DB, now time.Time, call *Call, was Call) error {
	call.UpdatedAt = now.UnixMilli()
	call.Version++
	if err := tx.Save(call).Error; err != nil {
		return fmt.Errorf("store call: %w", err)
	}
	c, m, err := lockMessageTx(tx, call.MessageID)
	if err != nil {
		return err
	}
	before := c.snapshot()
	missed := call.State == calls.Missed && was.State != calls.Missed
	if missed {
		c.UnreadCount++
		if c.WaitingSince == 0 {
			c.WaitingSince = now.UnixMilli()
		}
	}
	text := callText(call)
	changed := text != m.BodyText
	if m.BodyText = text; changed || was.RecState != call.RecState {
		if err := b.updateMessageTx(tx, c, m, map[string]any{"body_text": text}, nil); err != nil {
			return err
		}
	}
	if c.LastID == m.ID {
		c.LastPreview = text
	}
	if changed || missed {
		if err := b.saveTx(tx, c, before); err != nil {
			return err
		}
	}
	return b.tellCallTx(tx, c, call, was)
}

// tellCallTx tells the steps that a call took since was.
func (b *Inbox) tellCallTx(tx *gorm.DB, c *Conversation, call *Call, was Call) error {
	var contact crm.Contact
	if err := tx.Select("name").Where("id = ?", call.ContactID).Take(&contact).Error; err != nil {
		return err
	}
	tell := func(step string) error {
		return eventlog.AppendTx(tx, eventlog.Event{Type: "call." + step, Subject: call.ID, Conversation: c.ID, Audience: c.Audience(), Data: b.callView(call, contact.Name)})
	}
	if was.State != call.State && (call.State != calls.Ringing || call.EndedAt == 0 && call.StartedAt != 0) { // a recording alone rings nobody
		step := call.State
		if step == calls.Failed {
			step = calls.Ended
		}
		if err := tell(step); err != nil {
			return err
		}
	}
	if was.RecState != "ready" && call.RecState == "ready" {
		return tell("recording_ready")
	}
	return nil
}

// recordingTx has a recording fetched, where the channel is set to keep them.
func recordingTx(tx *gorm.DB, it *item, call *Call, sum calls.Call) error {
	if len(sum.Recordings) == 0 || call.RecState != "none" {
		return nil
	}
	var config struct {
		Recording struct {
			Fetch bool `json:"fetch"`
		} `json:"recording"`
	}
	if err := json.Unmarshal([]byte(it.ch.Config), &config); err != nil || !config.Recording.Fetch {
		return nil // off by default
	}
	call.RecState, call.RecRef = "pending", sum.Recordings[0].Ref
	return jobs.EnqueueTx(tx, jobs.New{Kind: jobRecording, Payload: recordingJob{call.ID}, At: it.now, Queue: "media:" + it.ch.ID, UniqueKey: "recording:" + call.ID})
}

// callText is a call's line in the thread, for readers who see nothing else (previews, search, plain clients).
func callText(c *Call) string {
	who := "Incoming call"
	if c.Direction == "outbound" {
		who = "Outgoing call"
	}
	switch c.State {
	case calls.Ringing, "":
		return who + ", ringing"
	case calls.Answered:
		return who + ", in progress"
	case calls.Missed:
		return "Missed call"
	case calls.Failed:
		return who + ", not connected"
	}
	if c.Outcome == calls.OutcomeNoAnswer || c.Outcome == calls.OutcomeBusy {
		return who + ", no answer"
	}
	return fmt.Sprintf("%s, %d:%02d", who, c.TalkSeconds/60, c.TalkSeconds%60)
}

// Calls lists the calls of conversations that v may see, newest first.
func (b *Inbox) Calls(ctx context.Context, v eventlog.Viewer, f CallFilter) (page.Of[CallView], error) {
	q := visible(b.db.Read(ctx).Table("calls").Select("calls.*, contacts.name AS contact_name").Joins("JOIN conversations ON conversations.id = calls.conversation_id").
		Joins("JOIN contacts ON contacts.id = calls.contact_id"), v)
	for column, value := range map[string]string{"state": f.State, "direction": f.Direction, "channel_id": f.Channel, "contact_id": f.Contact} {
		if value != "" {
			q = q.Where("calls."+column+" = ?", value)
		}
	}
	q, err := f.Apply(q, "calls.started_at", "calls.id", true)
	if err != nil {
		return page.Of[CallView]{}, err
	}
	var rows []namedCall
	if err := q.Scan(&rows).Error; err != nil {
		return page.Of[CallView]{}, fmt.Errorf("list calls: %w", err)
	}
	return page.Cut(f.Ask, rows, func(c namedCall) page.Key { return page.Key{At: c.StartedAt, ID: c.ID} }, func(c namedCall) CallView { return b.callView(&c.Call, c.ContactName) }), nil
}

type namedCall struct {
	Call        `gorm:"embedded"`
	ContactName string
}

// CallFilter narrows a list of calls.
type CallFilter struct {
	State, Direction, Channel, Contact string
	page.Ask
}

// Call is one call of a conversation that v may see.
func (b *Inbox) Call(ctx context.Context, v eventlog.Viewer, id string) (CallView, error) {
	var c namedCall
	err := visible(b.db.Read(ctx).Table("calls").Select("calls.*, contacts.name AS contact_name").Joins("JOIN conversations ON conversations.id = calls.conversation_id").
		Joins("JOIN contacts ON contacts.id = calls.contact_id"), v).Where("calls.id = ?", id).Take(&c).Error
	if err != nil {
		return CallView{}, notFound(err, "call")
	}
	return b.callView(&c.Call, c.ContactName), nil
}
