package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/crm"
	"parley/inbox"

	"github.com/gorilla/websocket"
)

// watcher is an agent's screen: a socket on /ws and all that came over it.
type watcher struct {
	t testing.TB
	*feed
}

func (w *watcher) in(t testing.TB) *watcher { return &watcher{t, w.feed} }

type feed struct {
	conn *websocket.Conn

	mu     sync.Mutex
	frames []wireFrame
	news   chan struct{} // closed and made anew with each frame
	closed error         // why the socket ended
}

type wireFrame struct {
	Type string
	Seq  int64
	Data json.RawMessage
}

func (h *hub) watch() *watcher {
	h.t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(h.url, "http")+"/ws", http.Header{"Authorization": {"Bearer " + h.token}})
	if err != nil {
		h.t.Fatal(err)
	}
	w := &watcher{h.t, &feed{conn: conn, news: make(chan struct{})}}
	read := make(chan struct{})
	go func() { defer close(read); w.read() }()
	h.t.Cleanup(func() { _ = conn.Close(); <-read })
	return w
}

func (w *feed) read() {
	for {
		var f wireFrame
		err := w.conn.ReadJSON(&f)
		w.mu.Lock()
		if err != nil {
			w.closed = err
		} else {
			w.frames = append(w.frames, f)
		}
		close(w.news)
		w.news = make(chan struct{})
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// ended is why the socket was closed, once it was.
func (w *watcher) ended() error {
	for late := time.After(10 * time.Second); ; {
		w.mu.Lock()
		news, closed := w.news, w.closed
		w.mu.Unlock()
		if closed != nil {
			return closed
		}
		select {
		case <-news:
		case <-late:
			return nil
		}
	}
}

// await is the first frame, past or to come, of a type whose data is wanted.
func await[T any](w *watcher, what, types string, wanted func(T) bool) T {
	w.t.Helper()
	late := time.After(30 * time.Second)
	for at := 0; ; {
		w.mu.Lock()
		frames, news, closed := w.frames[at:], w.news, w.closed
		at = len(w.frames)
		w.mu.Unlock()
		for _, f := range frames {
			var v T
			if strings.HasPrefix(f.Type, types) && json.Unmarshal(f.Data, &v) == nil && wanted(v) {
				return v
			}
		}
		if closed != nil {
			w.t.Fatalf("the socket ended (%v) and %s was not told", closed, what)
		}
		select {
		case <-news:
		case <-late:
			w.t.Fatalf("in 30 s %s was not told", what)
		}
	}
}

// inbound is a customer's message with these words, as it comes to the screen.
func (w *watcher) inbound(text string) inbox.MessageView {
	w.t.Helper()
	return await(w, "the message "+text, "message.created", func(m inbox.MessageView) bool {
		return m.Direction == inbox.DirInbound && strings.Contains(m.BodyText, text)
	})
}

// becomes waits until a message is shown in one of the given states.
func (w *watcher) becomes(id string, states ...string) inbox.MessageView {
	w.t.Helper()
	return await(w, "message "+id+" as "+strings.Join(states, " or "), "message.", func(m inbox.MessageView) bool {
		for _, s := range states {
			if m.ID == id && m.Status == s {
				return true
			}
		}
		return false
	})
}

func (w *watcher) call(what string, wanted func(inbox.CallView) bool) inbox.CallView {
	w.t.Helper()
	return await(w, "a call "+what, "call.", wanted)
}

// knows checks that a conversation has its person's card and a new lead beside it.
func (h *hub) knows(conversationID, kind, value string) inbox.ConversationView {
	h.t.Helper()
	var c inbox.ConversationView
	h.must(http.MethodGet, "/conversations/"+conversationID, nil, &c)
	var person crm.ContactView
	h.must(http.MethodGet, "/contacts/"+c.ContactID, nil, &person)
	for _, i := range person.Identities {
		if i.Kind == kind && (i.Value == value || value == "") {
			if c.LeadID == nil {
				h.t.Errorf("a new person by %s has no lead", c.ChannelType)
			}
			return c
		}
	}
	h.t.Errorf("the contact of %s has identities %v, want %s %s", c.ChannelType, person.Identities, kind, value)
	return c
}

// answer writes a reply to a conversation.
func (h *hub) answer(conversationID, text string) inbox.MessageView {
	h.t.Helper()
	var m inbox.MessageView
	h.must(http.MethodPost, "/conversations/"+conversationID+"/messages", object{"body": text}, &m)
	return m
}
