package realtime

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"parley/realtime/eventlog"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"
)

// socket is one agent's screen. It owns a position in the log and nothing else that grows.
type socket struct {
	hub  *Hub
	line *Line
	who  Session

	since, epoch string       // as the client asked, until it has begun
	pos          atomic.Int64 // moved by Fill alone
	begun        bool         // Fill's: hello is out
	inForce      *watch       // Fill's
	page         int          // Fill's: entries to read at once

	watch  atomic.Pointer[watch] // nil: everything
	marked atomic.Bool           // a mark is due

	// the reader's own
	typing  *rate.Limiter
	state   string
	viewing string
}

// watch narrows what a screen gets to what is on it.
type watch struct {
	conversations map[string]bool
	list          bool // some list of conversations is shown
}

func newSocket(h *Hub, l *Line, who Session, since, epoch string) *socket {
	s := &socket{hub: h, line: l, who: who, since: since, epoch: epoch, page: 32, typing: rate.NewLimiter(2, 6), state: online}
	s.pos.Store(h.o.Tail.Head())
	h.present.change(who.UserID, "", online)
	return s
}

// wants tells whether e belongs on the screen. What leaves someone's sight is always told.
func (w *watch) wants(e *eventlog.Entry) bool {
	switch {
	case w == nil || e.Before != nil:
		return true
	case strings.HasPrefix(e.Type, "message."):
		return w.conversations[e.Conversation]
	case strings.HasPrefix(e.Type, "conversation."):
		return w.list || w.conversations[e.Conversation]
	}
	return true
}

// Fill puts in hello first, then what the log holds after the socket's position and the person may see now.
func (s *socket) Fill(out *Batch) error {
	v, ok := s.hub.o.Rights(s.who.UserID)
	if !ok {
		return &websocket.CloseError{Code: closeSignedOut, Text: "signed out"}
	}
	if !s.begun {
		if err := s.hello(out); err != nil {
			return err
		}
	}
	if w := s.watch.Load(); w != s.inForce {
		s.inForce = w
		out.Text(encode(map[string]any{"type": "watching", "last_seq": s.pos.Load()}))
	}
	caughtUp, err := s.events(out, v)
	if s.hub.ctx.Err() != nil {
		return nil
	}
	if err != nil {
		slog.WarnContext(s.hub.ctx, "a socket waits until the event log can be read", "error", err)
		return nil // watchOver tries again
	}
	if caughtUp && s.marked.Swap(false) {
		out.Text(encode(map[string]any{"type": "mark", "last_seq": s.pos.Load()}))
	}
	return nil
}

func (s *socket) hello(out *Batch) error {
	pos, last, resync, err := s.hub.begin(s.since, s.epoch)
	if err != nil {
		return err
	}
	s.begun, s.since, s.epoch = true, "", ""
	s.pos.Store(pos)
	// last and pos are of one moment: a screen that begins here counts from hello, and an event that came between would be at or below it
	out.Text(encode(map[string]any{"type": "hello", "seq": last, "epoch": s.hub.o.Epoch}))
	if resync {
		s.resync(out, pos)
	}
	return nil
}

// resync tells the client to read anew; live goes on after pos.
func (s *socket) resync(out *Batch, pos int64) {
	s.hub.resyncs.Add(1)
	s.pos.Store(pos)
	out.Text(encode(map[string]any{"type": "resync", "last_seq": pos}))
}

// events fills out from the log; caughtUp when nothing was left.
func (s *socket) events(out *Batch, v eventlog.Viewer) (caughtUp bool, err error) {
	for !out.Full() {
		pos := s.pos.Load()
		behind := s.hub.released.Load() - pos
		if behind <= 0 {
			return true, nil
		}
		page, err := s.hub.read(s.hub.ctx, pos, min(s.page, int(behind)))
		switch {
		case err != nil:
			return false, err
		case len(page) == 0:
			return true, nil
		case page[0].Seq != pos+1:
			s.resync(out, s.hub.o.Tail.Head())
			continue
		}
		n := s.put(out, v, page)
		s.page = min(max(2*n, 4), pageSize) // entries may be long, and what is read but does not fit is read again
	}
	return false, nil
}

// put answers how many entries of the page have been dealt with.
func (s *socket) put(out *Batch, v eventlog.Viewer, page []eventlog.Entry) int {
	for i := range page {
		if out.Full() {
			return i
		}
		e := &page[i]
		s.pos.Store(e.Seq)
		if !s.inForce.wants(e) {
			continue
		}
		if frame, ok := e.For(v); ok {
			out.Text(frame)
		}
	}
	return len(page)
}

// Beat makes a mark due: it moves the client over what was not for it.
func (s *socket) Beat() { s.marked.Store(true) }

// Left takes the person's traces off the others' screens.
func (s *socket) Left() {
	if s.viewing != "" {
		s.tellViewing(s.viewing, false)
	}
	s.hub.present.change(s.who.UserID, s.state, "")
}

type clientFrame struct {
	Type           string   `json:"type"`
	ConversationID string   `json:"conversation_id"`
	On             *bool    `json:"on"`
	State          string   `json:"state"`
	Conversations  []string `json:"conversations"`
	Views          []string `json:"views"`
}

// Heard takes a client's frame. What it can't make sense of is answered with an error frame.
func (s *socket) Heard(frame []byte) error {
	var f clientFrame
	if err := json.Unmarshal(frame, &f); err != nil {
		s.complain("not a JSON object of the expected shape")
		return nil
	}
	switch f.Type {
	case "ping":
		s.line.Push([]byte(`{"type":"pong"}`))
	case "watch":
		s.narrow(f)
	case "typing", "viewing":
		if !s.typing.AllowN(s.hub.o.Now(), 1) {
			s.hub.throttle.Add(1)
		} else if f.Type == "typing" {
			s.tellTyping(f.ConversationID)
		} else {
			s.view(f.ConversationID, f.On == nil || *f.On)
		}
	case "presence":
		if f.State != online && f.State != away {
			s.complain(`state must be "online" or "away"`)
			return nil
		}
		s.hub.present.change(s.who.UserID, s.state, f.State)
		s.state = f.State
	default:
		s.complain("unknown type")
	}
	return nil
}

func (s *socket) complain(detail string) {
	s.line.Push(encode(map[string]any{"type": "error", "detail": detail}))
}

func (s *socket) narrow(f clientFrame) {
	w := &watch{conversations: map[string]bool{}, list: len(f.Views) > 0}
	for _, id := range f.Conversations {
		w.conversations[id] = true
	}
	s.watch.Store(w)
	s.line.Wake()
}

func (s *socket) view(conversation string, on bool) {
	if s.viewing != "" && (s.viewing != conversation || !on) {
		s.tellViewing(s.viewing, false)
		s.viewing = ""
	}
	if on && s.tellViewing(conversation, true) {
		s.viewing = conversation
	}
}

// audience is who may see a conversation, ok false when this person may not.
func (s *socket) audience(conversation string) (a eventlog.Audience, ok bool) {
	v, ok := s.hub.o.Rights(s.who.UserID)
	if !ok || conversation == "" {
		return a, false
	}
	ctx, cancel := context.WithTimeout(s.hub.ctx, 2*time.Second)
	defer cancel()
	return s.hub.o.CanSee(ctx, v, conversation)
}
