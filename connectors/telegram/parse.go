package telegram

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"

	"parley/connectors"
)

// ErrNotAnUpdate says that the bytes are no JSON object at all.
var ErrNotAnUpdate = errors.New("this is not a Telegram update")

// Parse makes an item of one update. It fails only with ErrNotAnUpdate: an object that it does not understand becomes
// an item in quarantine, a kind of update that the inbox has no use for one to ignore.
func Parse(raw []byte) (connectors.Inbound, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return connectors.Inbound{}, ErrNotAnUpdate
	}
	in := connectors.Inbound{Raw: bytes.Clone(raw), RawType: "application/json"}
	id, ok := updateID(raw)
	if !ok {
		sum := sha256.Sum256(raw)
		in.Key, in.Quarantine = "sha256:"+hex.EncodeToString(sum[:]), "an update without a number"
		return in, nil
	}
	in.Key = "u" + strconv.FormatInt(id, 10)
	if err := fill(&in, fields); err != nil {
		return connectors.Inbound{Key: in.Key, Raw: in.Raw, RawType: in.RawType, Quarantine: "an update that is not understood: " + err.Error()}, nil
	}
	return in, nil
}

func updateID(raw []byte) (int64, bool) {
	var u struct {
		ID *int64 `json:"update_id"`
	}
	if err := json.Unmarshal(raw, &u); err != nil || u.ID == nil {
		return 0, false
	}
	return *u.ID, true
}

// kinds are the updates that mean something here, each with what reads it.
var kinds = []struct {
	name string
	fill func(*connectors.Inbound, json.RawMessage) error
}{
	{"message", fillNew}, {"business_message", fillNew},
	{"edited_message", fillEdited}, {"edited_business_message", fillEdited},
	{"callback_query", fillCallback}, {"my_chat_member", fillMembership},
}

func fill(in *connectors.Inbound, update map[string]json.RawMessage) error {
	for _, k := range kinds {
		if content, there := update[k.name]; there {
			return k.fill(in, content)
		}
	}
	in.Ignore = "Telegram update of kind " + kindOf(update)
	return nil
}

func kindOf(update map[string]json.RawMessage) string {
	var names []string
	for name := range update {
		if name != "update_id" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	sort.Strings(names)
	return names[0]
}

func fillNew(in *connectors.Inbound, content json.RawMessage) error {
	var m message
	if err := json.Unmarshal(content, &m); err != nil {
		return err
	}
	return m.fill(in)
}

func fillEdited(in *connectors.Inbound, content json.RawMessage) error {
	if err := fillNew(in, content); err != nil {
		return err
	}
	in.Edit = &connectors.Edit{ProviderID: in.ProviderID}
	return nil
}

func (m *message) fill(in *connectors.Inbound) error {
	if m.Chat.ID == 0 || m.ID == 0 {
		return errors.New("a message without a chat or a number")
	}
	in.At = m.at()
	in.Thread.Key = m.place().key()
	in.ProviderID = m.place().messageID(m.ID)
	if in.Ignore = m.noneOfOurs(); in.Ignore != "" {
		return nil
	}
	in.Sender = senderOf(m.From)
	if m.ReplyTo != nil && m.ReplyTo.ID != 0 {
		in.Thread.ReplyTo = []string{m.place().messageID(m.ReplyTo.ID)}
	}
	if m.Business != "" && m.From.ID != m.Chat.ID { // the owner of the business account wrote it in their own app
		in.Outgoing, in.Recipients = true, []string{fmt.Sprint(m.Chat.ID)}
	}
	m.fillContent(in)
	m.fillHeaders(in)
	return nil
}

// noneOfOurs says why a message is nothing for the inbox, "" when it is.
func (m *message) noneOfOurs() string {
	switch {
	case m.MigrateTo != 0:
		return fmt.Sprintf("the Telegram group %d became the supergroup %d", m.Chat.ID, m.MigrateTo)
	case m.Chat.Type == "channel":
		return "a post in a Telegram channel"
	case m.SenderChat != nil:
		return "written in the name of a chat, not by a person"
	case m.From == nil:
		return "a message without a sender"
	case m.BusinessBot != nil:
		return "sent by a bot in the name of the business account"
	case m.From.IsBot:
		return "written by a bot"
	}
	for _, f := range m.fields {
		if serviceFields[f] {
			return "Telegram's note that the chat changed (" + f + ")"
		}
	}
	return ""
}

// serviceFields mark messages that Telegram itself writes into a chat.
var serviceFields = set("new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo",
	"group_chat_created", "supergroup_chat_created", "channel_chat_created", "migrate_from_chat_id", "pinned_message",
	"message_auto_delete_timer_changed", "forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened",
	"general_forum_topic_hidden", "general_forum_topic_unhidden", "video_chat_scheduled", "video_chat_started", "video_chat_ended",
	"video_chat_participants_invited", "chat_background_set", "boost_added", "write_access_allowed", "proximity_alert_triggered")

func set(names ...string) map[string]bool {
	s := map[string]bool{}
	for _, n := range names {
		s[n] = true
	}
	return s
}

func (m *message) fillHeaders(in *connectors.Inbound) {
	for name, value := range map[string]string{"Forwarded-From": m.forwardedFrom(), "Media-Group": m.MediaGroup, "Group": m.Chat.Title} {
		if value == "" {
			continue
		}
		if in.Headers == nil {
			in.Headers = map[string]string{}
		}
		in.Headers[name] = value
	}
}

// forwardedFrom names whose words these were, "" when nobody else's.
func (m *message) forwardedFrom() string {
	o := m.Origin
	switch {
	case o != nil && o.SenderUser != nil:
		return o.SenderUser.name()
	case o != nil && o.SenderName != "":
		return o.SenderName
	case o != nil && o.SenderChat != nil:
		return o.SenderChat.name()
	case o != nil && o.Chat != nil:
		return o.Chat.name()
	case o != nil:
		return "somebody on Telegram"
	case m.ForwardFrom != nil:
		return m.ForwardFrom.name()
	}
	return m.ForwardName
}

func fillCallback(in *connectors.Inbound, content json.RawMessage) error {
	var c callback
	if err := json.Unmarshal(content, &c); err != nil {
		return err
	}
	if c.From.ID == 0 {
		return errors.New("a pressed button without a person")
	}
	in.Sender = senderOf(&c.From)
	in.Text = "▸ " + c.Data
	in.Thread.Key = fmt.Sprint(c.From.ID)
	if m := c.Message; m != nil && m.Chat.ID != 0 {
		in.Thread.Key = m.place().key()
		if m.ID != 0 {
			in.Thread.ReplyTo = []string{m.place().messageID(m.ID)}
		}
	}
	return nil
}

func fillMembership(in *connectors.Inbound, content json.RawMessage) error {
	var m membership
	if err := json.Unmarshal(content, &m); err != nil {
		return err
	}
	in.At = unix(m.Date)
	in.Thread.Key = fmt.Sprint(m.Chat.ID)
	if m.From.ID != 0 {
		in.Sender = senderOf(&m.From)
	}
	in.Ignore = "the bot's membership in the chat changed to " + strconv.Quote(m.New.Status)
	if m.Chat.Type == "private" && m.New.Status == "kicked" {
		in.Ignore = "this person has blocked the bot"
	}
	return nil
}

// Replay reads an update of the journal again.
func (c *Connector) Replay(raw []byte, _, _ string) (connectors.Inbound, error) { return Parse(raw) }
