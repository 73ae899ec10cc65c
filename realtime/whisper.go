package realtime

import (
	"encoding/json"
	"log/slog"

	"parley/realtime/eventlog"
)

const whisperTopic = "parley.ephemeral"

// whisper is what nodes tell each other and may lose: who types, who looks, who is here.
type whisper struct {
	Epoch string `json:"epoch"` // other installations may share the NATS
	Node  string `json:"node"`

	Conversation string             `json:"conversation,omitempty"`
	Sender       string             `json:"sender,omitempty"`
	Audience     *eventlog.Audience `json:"audience,omitempty"`
	Frame        json.RawMessage    `json:"frame,omitempty"`

	Presence map[string]string `json:"presence,omitempty"` // of the node's users
	All      bool              `json:"all,omitempty"`      // nobody else is there
	Ask      bool              `json:"ask,omitempty"`      // a node has started and wants to know who is here
}

type person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (s *socket) tellTyping(conversation string) {
	s.tell(conversation, map[string]any{"type": "typing", "conversation_id": conversation, "user": person{s.who.UserID, s.who.Name}})
}

func (s *socket) tellViewing(conversation string, on bool) bool {
	return s.tell(conversation, map[string]any{"type": "viewing", "conversation_id": conversation, "user": person{s.who.UserID, s.who.Name}, "on": on})
}

// tell shows frame to the others who may see the conversation; false when the sender may not.
func (s *socket) tell(conversation string, frame any) bool {
	a, ok := s.audience(conversation)
	if !ok {
		return false
	}
	w := whisper{Conversation: conversation, Sender: s.who.UserID, Audience: &a, Frame: encode(frame)}
	s.hub.show(w)
	s.hub.whisper(w)
	return true
}

// whisper tells the other nodes.
func (h *Hub) whisper(w whisper) {
	w.Epoch, w.Node = h.o.Epoch, h.node
	h.o.Broker.Publish(whisperTopic, encode(w))
}

// overhear takes what another node whispers.
func (h *Hub) overhear(b []byte) {
	var w whisper
	if err := json.Unmarshal(b, &w); err != nil {
		slog.Debug("a whisper that can't be read", "error", err)
		return
	}
	switch {
	case w.Epoch != h.o.Epoch || w.Node == h.node:
	case w.Audience != nil:
		h.show(w)
	default:
		h.present.overhear(w)
	}
}

// show brings a frame to this node's screens that show the conversation or a list, and whose person may see it.
func (h *Hub) show(w whisper) {
	h.each(func(s *socket) {
		if s.who.UserID == w.Sender {
			return
		}
		if on := s.watch.Load(); on != nil && !on.list && !on.conversations[w.Conversation] {
			return
		}
		if v, ok := h.o.Rights(s.who.UserID); ok && w.Audience.Sees(v) {
			s.line.Push(w.Frame)
		}
	})
}
