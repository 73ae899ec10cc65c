package telegram

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"parley/connectors"
)

// What we read of the Bot API's objects (core.telegram.org/bots/api#available-types).

type user struct {
	ID       int64  `json:"id"`
	IsBot    bool   `json:"is_bot"`
	First    string `json:"first_name"`
	Last     string `json:"last_name"`
	Username string `json:"username"`
	Language string `json:"language_code"`
}

func (u *user) name() string { return strings.TrimSpace(u.First + " " + u.Last) }

type chat struct {
	ID       int64  `json:"id"`
	Type     string `json:"type"`
	Title    string `json:"title"`
	First    string `json:"first_name"`
	Last     string `json:"last_name"`
	Username string `json:"username"`
}

func (c *chat) name() string {
	if c.Title != "" {
		return c.Title
	}
	return strings.TrimSpace(c.First + " " + c.Last)
}

type entity struct {
	Type   string `json:"type"`
	Offset int    `json:"offset"` // in UTF-16 units
	Length int    `json:"length"`
	URL    string `json:"url"`
}

type file struct {
	ID     string `json:"file_id"`
	Name   string `json:"file_name"`
	MIME   string `json:"mime_type"`
	Size   int64  `json:"file_size"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

type sticker struct {
	file
	Emoji    string `json:"emoji"`
	Animated bool   `json:"is_animated"`
	Video    bool   `json:"is_video"`
}

type location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

type venue struct {
	Location location `json:"location"`
	Title    string   `json:"title"`
	Address  string   `json:"address"`
}

type contact struct {
	Phone  string `json:"phone_number"`
	First  string `json:"first_name"`
	Last   string `json:"last_name"`
	UserID int64  `json:"user_id"`
}

type poll struct {
	Question string `json:"question"`
	Options  []struct {
		Text string `json:"text"`
	} `json:"options"`
}

type dice struct {
	Emoji string `json:"emoji"`
	Value int    `json:"value"`
}

type origin struct {
	Type       string `json:"type"`
	SenderUser *user  `json:"sender_user"`
	SenderName string `json:"sender_user_name"`
	SenderChat *chat  `json:"sender_chat"`
	Chat       *chat  `json:"chat"`
}

type message struct {
	ID          int64   `json:"message_id"`
	Topic       int64   `json:"message_thread_id"`
	IsTopic     bool    `json:"is_topic_message"`
	From        *user   `json:"from"`
	SenderChat  *chat   `json:"sender_chat"`
	BusinessBot *user   `json:"sender_business_bot"`
	Business    string  `json:"business_connection_id"`
	Date        int64   `json:"date"`
	EditDate    int64   `json:"edit_date"`
	Chat        chat    `json:"chat"`
	Origin      *origin `json:"forward_origin"`
	ForwardFrom *user   `json:"forward_from"` // before Bot API 7.0
	ForwardName string  `json:"forward_sender_name"`
	ReplyTo     *struct {
		ID int64 `json:"message_id"`
	} `json:"reply_to_message"`
	MediaGroup string `json:"media_group_id"`
	MigrateTo  int64  `json:"migrate_to_chat_id"`

	Text            string    `json:"text"`
	Entities        []entity  `json:"entities"`
	Caption         string    `json:"caption"`
	CaptionEntities []entity  `json:"caption_entities"`
	Photo           []file    `json:"photo"`
	Voice           *file     `json:"voice"`
	Audio           *file     `json:"audio"`
	Video           *file     `json:"video"`
	VideoNote       *file     `json:"video_note"`
	Animation       *file     `json:"animation"`
	Document        *file     `json:"document"`
	Sticker         *sticker  `json:"sticker"`
	Location        *location `json:"location"`
	Venue           *venue    `json:"venue"`
	Contact         *contact  `json:"contact"`
	Poll            *poll     `json:"poll"`
	Dice            *dice     `json:"dice"`

	fields []string // the names of all fields, also of those that are not known here
}

func (m *message) UnmarshalJSON(b []byte) error {
	type plain message
	if err := json.Unmarshal(b, (*plain)(m)); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for name := range all {
		m.fields = append(m.fields, name)
	}
	return nil
}

func (m *message) place() place {
	p := place{chat: fmt.Sprint(m.Chat.ID), business: m.Business}
	if m.IsTopic && m.Topic != 0 {
		p.topic = fmt.Sprint(m.Topic)
	}
	return p
}

func (m *message) at() time.Time {
	if m.EditDate != 0 {
		return unix(m.EditDate)
	}
	return unix(m.Date)
}

func unix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

type callback struct {
	ID      string   `json:"id"`
	From    user     `json:"from"`
	Message *message `json:"message"`
	Data    string   `json:"data"`
}

type membership struct {
	Chat chat  `json:"chat"`
	From user  `json:"from"`
	Date int64 `json:"date"`
	New  struct {
		Status string `json:"status"`
	} `json:"new_chat_member"`
}

func senderOf(u *user) connectors.Sender {
	s := connectors.Sender{
		Name:   u.name(),
		Claims: []connectors.Claim{{Kind: connectors.KindTelegram, Value: fmt.Sprint(u.ID), Trust: connectors.TrustChannel}},
		Locale: u.Language,
	}
	for field, value := range map[string]string{"username": u.Username, "language": u.Language} {
		if value != "" {
			if s.Fields == nil {
				s.Fields = map[string]string{}
			}
			s.Fields[field] = value
		}
	}
	return s
}
