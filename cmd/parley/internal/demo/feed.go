package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// message is what the change feed says of one.
type message struct {
	ID             string `json:"id"`
	ConversationID string `json:"conversation_id"`
	ContactID      string `json:"contact_id"`
	ChannelID      string `json:"channel_id"`
	Direction      string `json:"direction"`
	Kind           string `json:"kind"`
	Text           string `json:"body_text"`
}

// feedMost is how many messages are remembered; whoever waits for one waits for the newest.
const feedMost = 1000

// feed listens to the change feed as the owner and remembers the messages that were created.
type feed struct {
	api *client

	mu       sync.Mutex
	news     chan struct{} // closed and made anew when messages came
	messages []message
	dropped  int
}

func newFeed(api *client) *feed { return &feed{api: api, news: make(chan struct{})} }

// run listens until ctx ends.
func (f *feed) run(ctx context.Context) {
	after := int64(0)
	for ctx.Err() == nil {
		var page struct {
			Data []struct {
				Type string          `json:"type"`
				Data json.RawMessage `json:"data"`
			} `json:"data"`
			Next int64 `json:"next_seq"`
		}
		if err := f.api.do(ctx, http.MethodGet, fmt.Sprintf("/events?after=%d&wait=25", after), nil, &page); err != nil {
			pause(ctx, 500*time.Millisecond)
			continue
		}
		after = page.Next
		for _, e := range page.Data {
			var m message
			if e.Type == "message.created" && json.Unmarshal(e.Data, &m) == nil {
				f.add(m)
			}
		}
	}
}

func (f *feed) add(m message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.messages = append(f.messages, m)
	if n := len(f.messages) - feedMost; n > 0 {
		f.messages = slices.Delete(f.messages, 0, n)
		f.dropped += n
	}
	close(f.news)
	f.news = make(chan struct{})
}

// mark is the place behind the last message.
func (f *feed) mark() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dropped + len(f.messages)
}

// await is the first message behind a mark that is wanted.
func (f *feed) await(ctx context.Context, mark int, wanted func(message) bool) (message, error) {
	for {
		f.mu.Lock()
		behind, news := slices.Clone(f.messages[max(0, mark-f.dropped):]), f.news
		mark = f.dropped + len(f.messages)
		f.mu.Unlock()
		if i := slices.IndexFunc(behind, wanted); i >= 0 {
			return behind[i], nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return message{}, fmt.Errorf("the message did not come: %w", ctx.Err())
		}
	}
}
