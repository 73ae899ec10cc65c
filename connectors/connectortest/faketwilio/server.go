// Package faketwilio is the part of Twilio's REST API that carries messages (twilio.com/docs/messaging/api), and the side
// of Twilio that calls webhooks, signed. It serves tests and `parley demo`.
package faketwilio

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Object is a JSON object.
type Object = map[string]any

// Server is Twilio for one account with one number.
type Server struct {
	URL        string // without a trailing slash, for a channel's api_url
	AccountSID string
	AuthToken  string
	Number     string

	http   *http.Server
	gone   chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	busy   sync.WaitGroup

	mu       sync.Mutex
	requests []url.Values // of all creates, also those not taken
	messages []Message    // taken, oldest first
	media    map[string]media
	faults   []Fault
	refusing bool
	onCreate func(Message)
}

// Message is one that Twilio took.
type Message struct {
	SID    string
	Form   url.Values // as it was asked for
	At     time.Time
	Status string
}

type media struct {
	mime string
	data []byte
}

// Start listens on a free port of 127.0.0.1.
func Start() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("twilio fake: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		URL: "http://" + l.Addr().String(), AccountSID: sid("AC"), AuthToken: sid(""), Number: "+14155550100",
		gone: make(chan struct{}), ctx: ctx, cancel: cancel, media: map[string]media{},
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() {
		defer close(s.gone)
		_ = s.http.Serve(l)
	}()
	return s, nil
}

// Close ends the server, also the answers that are held back, and waits for all that it started.
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

// Config is the config of a channel that sends from the account's number.
func (s *Server) Config() map[string]string {
	return map[string]string{"provider": "twilio", "account_sid": s.AccountSID, "auth_token": s.AuthToken, "from": s.Number, "api_url": s.URL}
}

// RefuseCredentials makes every call answer 401 from now on.
func (s *Server) RefuseCredentials() { s.mu.Lock(); s.refusing = true; s.mu.Unlock() }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if key, ok := strings.CutPrefix(r.URL.Path, "/cdn/"); ok {
		s.serveBytes(w, r, key)
		return
	}
	user, password, _ := r.BasicAuth()
	s.mu.Lock()
	refusing := s.refusing
	s.mu.Unlock()
	if refusing || user != s.AccountSID || password != s.AuthToken {
		refuse(w, http.StatusUnauthorized, 20003, "Authenticate")
		return
	}
	account := "/2010-04-01/Accounts/" + s.AccountSID
	path := r.URL.Path
	switch {
	case path == account+".json" && r.Method == http.MethodGet:
		answer(w, http.StatusOK, s.account())
	case path == account+"/Messages.json" && r.Method == http.MethodPost:
		s.create(w, r)
	case path == account+"/Messages.json" && r.Method == http.MethodGet:
		s.list(w, r)
	case strings.HasPrefix(path, account+"/Messages/") && strings.Contains(path, "/Media/"):
		// The real one answers with a redirect to a signed address of its store.
		http.Redirect(w, r, s.URL+"/cdn/"+path[strings.LastIndex(path, "/")+1:], http.StatusTemporaryRedirect)
	case strings.HasPrefix(path, account+"/Messages/") && r.Method == http.MethodGet:
		s.get(w, strings.TrimSuffix(strings.TrimPrefix(path, account+"/Messages/"), ".json"))
	default:
		refuse(w, http.StatusNotFound, 20404, "The requested resource "+path+" was not found")
	}
}

func (s *Server) account() Object {
	return Object{"sid": s.AccountSID, "status": "active", "type": "Full", "friendly_name": "Parley", "auth_token": "", "owner_account_sid": s.AccountSID,
		"date_created": s.stamp(time.Now()), "date_updated": s.stamp(time.Now()), "uri": "/2010-04-01/Accounts/" + s.AccountSID + ".json", "subresource_uris": Object{}}
}

// AddMedia makes a file of an MMS. Its address asks for the account's credentials and leads on to a store that takes none.
func (s *Server) AddMedia(mime string, data []byte) (mediaURL string) {
	key := sid("ME")
	s.mu.Lock()
	s.media[key] = media{mime, data}
	s.mu.Unlock()
	return s.URL + "/2010-04-01/Accounts/" + s.AccountSID + "/Messages/" + sid("MM") + "/Media/" + key
}

func (s *Server) serveBytes(w http.ResponseWriter, r *http.Request, key string) {
	s.mu.Lock()
	m, known := s.media[key]
	s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "": // as S3 does beside a signed query
		http.Error(w, "Only one auth mechanism allowed", http.StatusBadRequest)
	case !known:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", m.mime)
		w.Header().Set("Content-Length", fmt.Sprint(len(m.data)))
		_, _ = w.Write(m.data)
	}
}

// sid is a new identifier of a kind: two letters and 32 hex digits.
func sid(kind string) string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return kind + hex.EncodeToString(b[:])
}

func (s *Server) stamp(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }

func refuse(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, Object{"code": code, "message": message, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code), "status": status})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
