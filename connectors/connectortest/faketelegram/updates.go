package faketelegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Update is one update as it goes over the wire.
type Update struct {
	ID   int64
	JSON json.RawMessage
}

// Person is a Telegram user.
type Person struct {
	ID                  int64
	First, Last, Handle string
	Language            string
}

// Message is an update with a message of p in their private chat with the bot; more goes over the message's fields, nil deletes one.
func (s *Server) Message(p Person, text string, more Object) Update {
	s.mu.Lock()
	s.lastID++
	id := s.lastID
	s.mu.Unlock()
	m := Object{
		"message_id": id, "date": time.Now().Unix(), "text": text,
		"from": Object{"id": p.ID, "is_bot": false, "first_name": p.First, "last_name": p.Last, "username": p.Handle, "language_code": p.Language},
		"chat": Object{"id": p.ID, "type": "private", "first_name": p.First, "last_name": p.Last, "username": p.Handle},
	}
	for k, v := range more {
		if v == nil {
			delete(m, k)
		} else {
			m[k] = v
		}
	}
	return s.Update("message", m)
}

// Update makes an update of any kind with the next update_id.
func (s *Server) Update(kind string, content any) Update {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastUpdate++
	b, err := json.Marshal(Object{"update_id": s.lastUpdate, kind: content})
	if err != nil {
		panic(err) // content is the test's own
	}
	return Update{s.lastUpdate, b}
}

// Push makes u available: to the next getUpdates, or posted to the webhook until that answers 2xx. The same update may be
// pushed again, as after a confirmation that got lost; while it waits, that changes nothing.
func (s *Server) Push(u Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.waiting {
		if w.ID == u.ID {
			return
		}
	}
	s.waiting = append(s.waiting, u)
	s.wake()
	if s.webhook.url != "" {
		s.goPost()
	}
}

// Confirmed tells whether an offset, or a webhook's answer, confirmed update id.
func (s *Server) Confirmed(id int64) bool { s.mu.Lock(); defer s.mu.Unlock(); return s.confirmed[id] }

// Waiting is how many updates nobody has confirmed yet.
func (s *Server) Waiting() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.waiting) }

// Webhook is the URL set last, "" for none.
func (s *Server) Webhook() string { s.mu.Lock(); defer s.mu.Unlock(); return s.webhook.url }

// wake lets waiting pollers look again. The caller holds mu.
func (s *Server) wake() {
	close(s.woken)
	s.woken = make(chan struct{})
}

func (s *Server) getUpdates(w http.ResponseWriter, r *http.Request, p url.Values) {
	offset, _ := strconv.ParseInt(p.Get("offset"), 10, 64)
	limit, _ := strconv.Atoi(p.Get("limit"))
	if limit < 1 || limit > 100 {
		limit = 100
	}
	seconds, _ := strconv.ParseFloat(p.Get("timeout"), 64)
	ousted, err := s.beginPoll()
	if err != nil {
		refuse(w, http.StatusConflict, "Conflict: "+err.Error(), nil)
		return
	}
	defer s.endPoll(ousted)
	late := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer late.Stop()
	for {
		batch, woken := s.batch(offset, limit)
		if len(batch) > 0 {
			ok200(w, batch)
			return
		}
		select {
		case <-woken:
		case <-ousted:
			refuse(w, http.StatusConflict, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", nil)
			return
		case <-r.Context().Done():
			return
		case <-late.C:
			ok200(w, []any{})
			return
		}
	}
}

// beginPoll ends the poll that is waiting, as Telegram does: the newcomer wins. ousted is closed when that happens to this one.
func (s *Server) beginPoll() (ousted chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.webhook.url != "" {
		return nil, errors.New("can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
	}
	if s.poll != nil {
		close(s.poll)
	}
	s.poll = make(chan struct{})
	return s.poll, nil
}

func (s *Server) endPoll(mine chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poll == mine {
		s.poll = nil
	}
}

// batch confirms what lies below offset and gives what comes next. A negative offset counts from the end and forgets the rest.
func (s *Server) batch(offset int64, limit int) ([]json.RawMessage, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := s.waiting[:0:0]
	for i, u := range s.waiting {
		if (offset > 0 && u.ID < offset) || (offset < 0 && int64(len(s.waiting)-i) > -offset) {
			s.confirmed[u.ID] = true
			continue
		}
		keep = append(keep, u)
	}
	s.waiting = keep
	var batch []json.RawMessage
	for _, u := range s.waiting[:min(limit, len(s.waiting))] {
		batch = append(batch, u.JSON)
	}
	return batch, s.woken
}

func (s *Server) setWebhook(w http.ResponseWriter, p url.Values) {
	s.mu.Lock()
	s.webhook = webhook{p.Get("url"), p.Get("secret_token")}
	if p.Get("drop_pending_updates") == "true" {
		s.waiting = nil
	}
	if s.webhook.url != "" {
		s.goPost()
	}
	s.mu.Unlock()
	ok200(w, true)
}

func (s *Server) getWebhookInfo(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok200(w, Object{"url": s.webhook.url, "has_custom_certificate": false, "pending_update_count": len(s.waiting)})
}

// goPost starts posting what waits, one update after another, unless that goes on already. The caller holds mu.
func (s *Server) goPost() {
	if s.posting || s.ctx.Err() != nil {
		return
	}
	s.posting = true
	s.busy.Add(1)
	go func() {
		defer s.busy.Done()
		for s.postNext() {
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
}

// postNext posts the oldest update and tells whether to go on.
func (s *Server) postNext() (more bool) {
	s.mu.Lock()
	if len(s.waiting) == 0 || s.webhook.url == "" {
		s.posting = false
		s.mu.Unlock()
		return false
	}
	u, hook := s.waiting[0], s.webhook
	s.mu.Unlock()
	status, err := s.Post(s.ctx, hook.url, hook.secret, u.JSON)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && status/100 == 2 {
		s.confirm(u.ID)
	}
	return true
}

func (s *Server) confirm(id int64) {
	s.confirmed[id] = true
	for i, u := range s.waiting {
		if u.ID == id {
			s.waiting = append(s.waiting[:i:i], s.waiting[i+1:]...)
			return
		}
	}
}

// Post posts any body to a webhook as Telegram would, once, and tells the status.
func (s *Server) Post(ctx context.Context, hookURL, secret string, body []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hookURL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("telegram fake: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Telegram-Bot-Api-Secret-Token", secret)
	res, err := (&http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, fmt.Errorf("telegram fake: post update: %w", err)
	}
	return res.StatusCode, res.Body.Close()
}
