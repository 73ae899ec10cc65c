package inbox

import (
	"fmt"

	"parley/connectors"
	"parley/crm"
	"parley/internal/db"

	"gorm.io/gorm"
)

// sight is what the tables say of the items of one commit, asked with one question for each table. Taking items in keeps it true.
type sight struct {
	seen    map[itemKey]*connectors.Accepted
	people  *crm.Known
	threads map[threadKey]*Conversation // locked
}

type (
	itemKey   struct{ channel, key string }
	threadKey struct{ channel, key string }
)

func (it *item) key() itemKey      { return itemKey{it.ch.ID, it.Key} }
func (it *item) thread() threadKey { return threadKey{it.ch.ID, it.Thread.Key} }

func sightTx(tx *gorm.DB, items []*item) (*sight, error) {
	s := &sight{}
	var err error
	if s.seen, err = seen(tx, items); err != nil {
		return nil, err
	}
	var senders []crm.Who
	for _, it := range items {
		if s.seen[it.key()] == nil || it.replay {
			senders = append(senders, it.who())
		}
	}
	if s.people, err = crm.KnownTx(tx, senders); err != nil {
		return nil, err
	}
	s.threads, err = threadsTx(tx, items)
	return s, err
}

// seen are those of the items that the journal holds already.
func seen(q *gorm.DB, items []*item) (map[itemKey]*connectors.Accepted, error) {
	var keys [][]string
	for _, it := range items {
		keys = append(keys, []string{it.ch.ID, it.Key})
	}
	var rows []Journal
	q = db.Matching(q, "journal", []string{"channel_id", "item_key"}, keys)
	if err := q.Select("channel_id", "item_key", "message_id", "conversation_id", "contact_id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("look into the journal: %w", err)
	}
	out := map[itemKey]*connectors.Accepted{}
	for _, j := range rows {
		out[itemKey{j.ChannelID, j.ItemKey}] = &connectors.Accepted{MessageID: j.MessageID, ConversationID: j.ConversationID, ContactID: j.ContactID, Duplicate: true}
	}
	return out, nil
}

// threadsTx reads and locks the conversations that the providers' own threads lead to, in one order for all nodes.
func threadsTx(tx *gorm.DB, items []*item) (map[threadKey]*Conversation, error) {
	var keys [][]string
	for _, it := range items {
		if it.Thread.Key != "" {
			keys = append(keys, []string{it.ch.ID, it.Thread.Key})
		}
	}
	out := map[threadKey]*Conversation{}
	if len(keys) == 0 {
		return out, nil
	}
	var rows []*Conversation
	q := db.Matching(tx, "conversations", []string{"channel_id", "thread_key"}, keys).Where("conversations.thread_key <> ''") // that is how its index begins
	if err := forUpdateOf(q, "conversations").Order("conversations.id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("look up threads: %w", err)
	}
	for _, c := range rows {
		out[threadKey{c.ChannelID, c.ThreadKey}] = db.Same(tx, c.ID, c)
	}
	return out, nil
}
