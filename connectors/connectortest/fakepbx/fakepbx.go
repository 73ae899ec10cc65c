// Package fakepbx plays a telephone exchange that posts signed generic events (CONTRACT §3) and serves recordings, for tests and for
// `parley demo`. It can be told to behave badly.
package fakepbx

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// OwnNumber is the line that customers call.
const OwnNumber = "+74951234567"

// Event is one generic event.
type Event struct {
	Event        string    `json:"event"` // ringing, answered, ended, recording
	CallID       string    `json:"call_id"`
	Direction    string    `json:"direction,omitempty"`
	From         string    `json:"from"`
	To           string    `json:"to"`
	Extension    string    `json:"extension,omitempty"`
	At           time.Time `json:"at"`
	TalkSeconds  *int      `json:"talk_seconds,omitempty"`
	HangupCause  string    `json:"hangup_cause,omitempty"`
	RecordingURL string    `json:"recording_url,omitempty"`
}

// Faults is how the recordings are served badly.
type Faults struct {
	NotFound    int    // so many requests for each recording are answered 404 first
	CutAfter    int    // the connection is cut after so many bytes; 0: never
	ContentType string // instead of audio/wav
	Redirects   int    // so many times the link leads on to another
}

// PBX is the exchange.
type PBX struct {
	now    func() time.Time
	secret string
	key    []byte
	base   string
	server *http.Server
	served chan struct{}
	client *http.Client

	mu           sync.Mutex
	faults       Faults
	asked        map[string]int // requests for each recording
	acknowledged map[string]bool
}

// New starts an exchange that serves recordings on 127.0.0.1. now is its clock; nil is the machine's.
func New(now func() time.Time) (*PBX, error) {
	if now == nil {
		now = time.Now
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fake PBX: %w", err)
	}
	p := &PBX{
		now: now, key: make([]byte, 24), base: "http://" + l.Addr().String(),
		served: make(chan struct{}), client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second},
		asked: map[string]int{}, acknowledged: map[string]bool{},
	}
	_, _ = rand.Read(p.key) // never fails
	p.secret = "whsec_" + base64.StdEncoding.EncodeToString(p.key)
	p.server = &http.Server{Handler: http.HandlerFunc(p.serveRecording), ReadHeaderTimeout: 10 * time.Second}
	go func() { defer close(p.served); _ = p.server.Serve(l) }()
	return p, nil
}

// Close ends it and waits for it.
func (p *PBX) Close() {
	_ = p.server.Close()
	<-p.served
}

// Secret is what it signs with.
func (p *PBX) Secret() string { return p.secret }

// URL is where its recordings lie.
func (p *PBX) URL() string { return p.base }

// Config is the config of a channel that listens to it and fetches its recordings.
func (p *PBX) Config() any {
	return map[string]any{"provider": "generic", "secret": p.secret, "numbers": []string{OwnNumber}, "api_url": p.base, "recording": map[string]any{"fetch": true}}
}

// SetFaults makes it serve recordings badly from now on.
func (p *PBX) SetFaults(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
}

// Post signs an event and posts it to hookURL under a message id, "" for a fresh one. An answer that is not 2xx is an error.
func (p *PBX) Post(ctx context.Context, hookURL, id string, e Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("fake PBX: %w", err)
	}
	if id == "" {
		id = "msg_" + randomHex()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hookURL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("fake PBX: %w", err)
	}
	req.Header = Sign(p.secret, id, p.now(), body)
	res, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("fake PBX: %w", err)
	}
	said, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
	_ = res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("fake PBX: %s: %s", res.Status, bytes.TrimSpace(said))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acknowledged[id] = true
	return nil
}

// Sign makes the headers of a Standard Webhook: HMAC-SHA256 over id.timestamp.body.
func Sign(secret, id string, at time.Time, body []byte) http.Header {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || !strings.HasPrefix(secret, "whsec_") {
		key = []byte(secret)
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return h
}

// Deliver posts item n, an incoming call that rings, once; the same n is the same event under the same id. A refusal is
// no error: Acknowledged tells.
func (p *PBX) Deliver(hookURL string, n int) error {
	e := Event{Event: "ringing", CallID: fmt.Sprint("call-", n), Direction: "inbound", From: fmt.Sprintf("+7916123%04d", n), To: OwnNumber, Extension: "101", At: p.now()}
	_ = p.Post(context.Background(), hookURL, fmt.Sprint("msg_item_", n), e)
	return nil
}

// Acknowledged tells whether item n was answered 2xx.
func (p *PBX) Acknowledged(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acknowledged[fmt.Sprint("msg_item_", n)]
}

func randomHex() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
