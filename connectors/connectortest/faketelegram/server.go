// Package faketelegram is a Telegram Bot API server for one bot, as core.telegram.org/bots/api describes it: updates are
// kept until a higher offset confirms them, getUpdates waits, a webhook is posted to until it answers 2xx. It serves
// tests and `parley demo`.
package faketelegram

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Object is a JSON object.
type Object = map[string]any

// Server is the API for one bot.
type Server struct {
	URL   string // without a trailing slash, for a channel's api_url
	Token string

	http   *http.Server
	gone   chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	busy   sync.WaitGroup

	mu         sync.Mutex
	woken      chan struct{} // closed and replaced when updates came
	lastUpdate int64
	lastID     int64 // of a message
	waiting    []Update
	confirmed  map[int64]bool
	poll       chan struct{} // of the getUpdates that is waiting
	webhook    webhook
	posting    bool
	files      map[string]file
	faults     []Fault
	revoked    bool
	blocked    map[string]bool
	calls      []Call
	onSend     func(Call)
}

type webhook struct{ url, secret string }

type file struct {
	data []byte
	path string
}

// Start listens on a free port of 127.0.0.1.
func Start() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("telegram fake: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		URL: "http://" + l.Addr().String(), Token: "7000000001:AAFakeTelegramTokenForTestsOnly0001",
		gone: make(chan struct{}), ctx: ctx, cancel: cancel, woken: make(chan struct{}),
		lastUpdate: 900000000, lastID: 100, confirmed: map[int64]bool{}, files: map[string]file{}, blocked: map[string]bool{},
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() {
		defer close(s.gone)
		_ = s.http.Serve(l)
	}()
	return s, nil
}

// Close ends the server, also the calls that are waiting, and waits for all that it started.
func (s *Server) Close() {
	s.mu.Lock() // so that nothing is started any more once cancel was called
	s.cancel()
	s.mu.Unlock()
	ctx, done := context.WithTimeout(context.Background(), time.Second)
	defer done()
	_ = s.http.Shutdown(ctx)
	_ = s.http.Close()
	<-s.gone
	s.busy.Wait()
}

// Config is the config of a channel in the given mode, "polling" or "webhook".
func (s *Server) Config(mode string) map[string]string {
	return map[string]string{"token": s.Token, "mode": mode, "api_url": s.URL}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	revoked := s.revoked
	s.mu.Unlock()
	if revoked {
		refuse(w, http.StatusUnauthorized, "Unauthorized", nil)
		return
	}
	if path, ok := strings.CutPrefix(r.URL.Path, "/file/bot"+s.Token+"/"); ok {
		s.download(w, path)
		return
	}
	method, ok := strings.CutPrefix(r.URL.Path, "/bot"+s.Token+"/")
	if !ok {
		refuse(w, http.StatusUnauthorized, "Unauthorized", nil)
		return
	}
	p, err := paramsOf(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "Bad Request: "+err.Error(), nil)
		return
	}
	switch {
	case method == "getMe":
		ok200(w, bot())
	case method == "getUpdates":
		s.getUpdates(w, r, p)
	case method == "setWebhook", method == "deleteWebhook":
		s.setWebhook(w, p)
	case method == "getWebhookInfo":
		s.getWebhookInfo(w)
	case method == "getFile":
		s.getFile(w, p.Get("file_id"))
	case strings.HasPrefix(method, "send"):
		s.send(w, r, method, p)
	default:
		refuse(w, http.StatusNotFound, "Not Found: method not found", nil)
	}
}

// Revoke makes the token invalid.
func (s *Server) Revoke() { s.mu.Lock(); s.revoked = true; s.mu.Unlock() }

func bot() Object {
	return Object{"id": 7000000001, "is_bot": true, "first_name": "Parley", "username": "parley_fake_bot", "can_join_groups": true}
}

func ok200(w http.ResponseWriter, result any) {
	answer(w, http.StatusOK, Object{"ok": true, "result": result})
}

func refuse(w http.ResponseWriter, status int, description string, parameters Object) {
	o := Object{"ok": false, "error_code": status, "description": description}
	if parameters != nil {
		o["parameters"] = parameters
	}
	answer(w, status, o)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// AddFile makes a file that getFile and the download know. The answer is its file_id.
func (s *Server) AddFile(name string, data []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := "BQACAgIAAxk" + strconv.Itoa(len(s.files)+1)
	s.files[id] = file{data, "documents/" + strconv.Itoa(len(s.files)+1) + "/" + name}
	return id
}

func (s *Server) getFile(w http.ResponseWriter, id string) {
	s.mu.Lock()
	f, known := s.files[id]
	s.mu.Unlock()
	switch {
	case !known:
		refuse(w, http.StatusBadRequest, "Bad Request: invalid file_id", nil)
	case len(f.data) > 20<<20:
		refuse(w, http.StatusBadRequest, "Bad Request: file is too big", nil)
	default:
		ok200(w, Object{"file_id": id, "file_unique_id": "U" + id, "file_size": len(f.data), "file_path": f.path})
	}
}

func (s *Server) download(w http.ResponseWriter, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if f.path == path {
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Length", strconv.Itoa(len(f.data)))
			_, _ = w.Write(f.data)
			return
		}
	}
	refuse(w, http.StatusNotFound, "Not Found", nil)
}
