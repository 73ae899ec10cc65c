package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"parley/connectors"

	"github.com/gorilla/websocket"
)

// visit is a customer's chat on the shop's website: a real socket to /widget/ws.
type visit struct {
	ws *websocket.Conn

	mu       sync.Mutex // guards writing, and accepted
	accepted map[string]chan error
	n        int
}

// chatFrame is what the hub says to a visitor.
type chatFrame struct {
	Type     string `json:"type"`
	ClientID string `json:"client_id"`
	ID       string `json:"id"`
	Text     string `json:"text"`
	Code     string `json:"code"`
	Message  string `json:"message"`
	Author   struct {
		Type string `json:"type"`
	} `json:"author"`
}

// join opens a customer's chat; they read in it until ctx ends.
func (s *Show) join(ctx context.Context, c *customer) (*visit, error) {
	address := "ws" + strings.TrimPrefix(s.o.Base, "http") + "/widget/ws?channel=" + s.office.channels[connectors.Webchat].ID
	ws, res, err := websocket.DefaultDialer.DialContext(ctx, address, http.Header{"Origin": {s.o.Base}})
	if res != nil {
		_ = res.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("open a chat: %w", err)
	}
	v := &visit{ws: ws, accepted: map[string]chan error{}}
	hello := map[string]any{"type": "join", "visitor": nil, "profile": map[string]string{"name": c.name, "email": c.mail},
		"page": map[string]string{"url": s.o.Base + "/demo?utm_source=newsletter&utm_campaign=autumn", "title": "Fernleaf · houseplants by post"}}
	if err := v.write(hello); err != nil {
		return nil, errors.Join(err, ws.Close())
	}
	if !s.start(func(ctx context.Context) { s.follow(ctx, c, v) }) {
		return nil, errors.Join(ctx.Err(), ws.Close())
	}
	return v, nil
}

// follow reads what comes until the socket or ctx ends.
func (s *Show) follow(ctx context.Context, c *customer, v *visit) {
	leave := context.AfterFunc(ctx, func() { _ = v.ws.Close() })
	defer leave()
	for {
		var f chatFrame
		if err := v.ws.ReadJSON(&f); err != nil {
			_ = v.ws.Close()
			v.over()
			return
		}
		switch {
		case f.Type == "accepted":
			v.settle(f.ClientID, nil)
		case f.Type == "error":
			v.settle(f.ClientID, fmt.Errorf("the chat said %s: %s", f.Code, f.Message))
		case f.Type == "message" && f.Author.Type == "user":
			_ = v.write(map[string]string{"type": "read", "id": f.ID}) // a socket that is gone ends the reading above
			s.react(c, f.Text, func(ctx context.Context, line string) error { return v.say(ctx, line) })
		}
	}
}

func (v *visit) write(frame any) error {
	b, err := json.Marshal(frame)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.ws.SetWriteDeadline(time.Now().Add(5 * time.Second))
	return v.ws.WriteMessage(websocket.TextMessage, b)
}

// say writes a message and waits until the hub has it.
func (v *visit) say(ctx context.Context, text string) error {
	v.mu.Lock()
	v.n++
	id := fmt.Sprint("m", v.n)
	answer := make(chan error, 1)
	if v.accepted == nil {
		v.mu.Unlock()
		return errors.New("the chat is over")
	}
	v.accepted[id] = answer
	v.mu.Unlock()
	if err := v.write(map[string]string{"type": "message", "client_id": id, "text": text}); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *visit) settle(clientID string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if answer := v.accepted[clientID]; answer != nil {
		answer <- err
		delete(v.accepted, clientID)
	}
}

// over tells all who wait that no answer will come.
func (v *visit) over() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, answer := range v.accepted {
		answer <- errors.New("the chat broke off")
	}
	v.accepted = nil
}

// chat says something on the website, in the chat that is open or in a new one.
func (s *Show) chat(ctx context.Context, c *customer, text string) error {
	c.mu.Lock()
	v := c.visit
	c.mu.Unlock()
	if v == nil {
		var err error
		if v, err = s.join(ctx, c); err != nil {
			return err
		}
		c.mu.Lock()
		c.visit = v
		c.mu.Unlock()
	}
	return v.say(ctx, text)
}
