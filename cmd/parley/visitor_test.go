package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// visitor is the page of a website's chat, as the widget speaks.
type visitor struct {
	conn  *websocket.Conn
	token string
}

type visitorFrame struct {
	Type, Visitor, ID, Text, Code string
	ClientID                      string `json:"client_id"`
}

// visit opens the chat of a website; token is "" the first time.
func (h *hub) visit(channelID, token string) (*visitor, error) {
	conn, _, err := websocketFrom(h, channelID, "https://shop.test")
	if err != nil {
		return nil, err
	}
	v := &visitor{conn: conn}
	join := object{"type": "join", "visitor": nil}
	if token != "" {
		join["visitor"] = token
	}
	if err := conn.WriteJSON(join); err != nil {
		_ = conn.Close()
		return nil, err
	}
	f, err := v.next("joined")
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	v.token = f.Visitor
	return v, nil
}

// next reads on to a frame of a type.
func (v *visitor) next(typ string) (visitorFrame, error) {
	_ = v.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		var f visitorFrame
		if err := v.conn.ReadJSON(&f); err != nil || f.Type == typ {
			return f, err
		}
		if f.Type == "error" {
			return f, &refusedFrame{f.Code}
		}
	}
}

type refusedFrame struct{ code string }

func (r *refusedFrame) Error() string { return "the chat refused: " + r.code }

// say answers nil once the message is stored.
func (v *visitor) say(clientID, text string) error {
	if err := v.conn.WriteJSON(object{"type": "message", "client_id": clientID, "text": text}); err != nil {
		return err
	}
	_, err := v.next("accepted")
	return err
}

func websocketFrom(h *hub, channelID, origin string) (*websocket.Conn, *http.Response, error) {
	return websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(h.url, "http")+"/widget/ws?channel="+channelID, http.Header{"Origin": {origin}})
}
