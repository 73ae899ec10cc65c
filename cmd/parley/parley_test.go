package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/internal/db/dbtest"

	"github.com/gorilla/websocket"
)

// The whole program on a free port: on each channel a word comes in and is on an agent's screen without a reload, with its person
// and a lead, and the answer goes back and shows its true state.
func TestOneMessageBothWaysOnEveryChannel(t *testing.T) {
	eachDatabase(t, dbtest.DurablePostgresURL, func(t *testing.T, databaseURL string) {
		receiver := fmt.Sprintf("127.0.0.1:%d", freePort(t))
		h := serving(t, "", databaseURL, "PARLEY_EMAIL_RECEIVER_LISTEN="+receiver)
		screen := h.watch()
		for _, c := range []struct {
			name string
			talk func(*hub, *watcher)
		}{
			{"mail by IMAP and SMTP", talkByMail},
			{"mail by the built-in receiver", func(h *hub, w *watcher) { talkByReceiver(h, w, receiver) }},
			{"sms", talkBySMS},
			{"telegram, polling", func(h *hub, w *watcher) { talkByTelegram(h, w, "polling") }},
			{"telegram, webhook", func(h *hub, w *watcher) { talkByTelegram(h, w, "webhook") }},
			{"website chat", talkByChat},
			{"telephone", talkByTelephone},
			{"website form", talkByForm},
		} {
			t.Run(c.name, func(t *testing.T) {
				c.talk(h.in(t), screen.in(t))
			})
		}
		status, took := h.stop()
		if status != 0 || took > 10*time.Second {
			t.Errorf("after SIGTERM it ended with %d in %s", status, took)
		}
		var closed *websocket.CloseError
		if !errors.As(screen.ended(), &closed) || closed.Code != websocket.CloseGoingAway {
			t.Errorf("the open socket ended with %v, want 1001", screen.ended())
		}
	})
}
