package telegram

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"parley/connectors"
)

// place is where a conversation is held: a chat, in a forum group one topic of it, and the business account in whose
// name the bot answers there. As a thread key it is CHAT[:TOPIC][@BUSINESS].
type place struct{ chat, topic, business string }

var placeForm = regexp.MustCompile(`^(-?[0-9]+)(?::([0-9]+))?(?:@(.+))?$`)

func parsePlace(key string) (place, error) {
	m := placeForm.FindStringSubmatch(key)
	if m == nil {
		return place{}, connectors.Permanent(errors.New("this is no Telegram chat: " + strconv.Quote(key)))
	}
	return place{chat: m[1], topic: m[2], business: m[3]}, nil
}

func (p place) key() string {
	if p.topic != "" {
		return p.chat + ":" + p.topic + p.account()
	}
	return p.chat + p.account()
}

// messageID names a message for the whole channel. A business account counts its messages for itself.
func (p place) messageID(id int64) string {
	return p.chat + p.account() + "/" + strconv.FormatInt(id, 10)
}

func (p place) account() string {
	if p.business == "" {
		return ""
	}
	return "@" + p.business
}

func (p place) params() tgbotapi.Params {
	params := tgbotapi.Params{"chat_id": p.chat}
	params.AddNonEmpty("message_thread_id", p.topic)
	params.AddNonEmpty("business_connection_id", p.business)
	return params
}

// ownMessage is the message_id in a provider id of this place, "" when it is of another.
func (p place) ownMessage(providerID string) string {
	id, ok := strings.CutPrefix(providerID, p.chat+p.account()+"/")
	if !ok {
		return ""
	}
	return id
}
