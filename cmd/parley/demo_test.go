package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	demoshop "parley/cmd/parley/internal/demo"
	"parley/connectors"
)

// newcomer is somebody who tries the demo in a browser.
type newcomer struct {
	t    *testing.T
	base string
	http *http.Client
	csrf string
}

func (n *newcomer) ask(method, path string, body, out any) int {
	n.t.Helper()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			n.t.Fatal(err)
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, n.base+"/api/v1"+path, content)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", n.csrf)
	res, err := n.http.Do(req)
	if err != nil {
		n.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	if out != nil && res.StatusCode/100 == 2 {
		if err := json.Unmarshal(b, out); err != nil {
			n.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	if res.StatusCode >= 500 {
		n.t.Fatalf("%s %s: %s %s", method, path, res.Status, b)
	}
	return res.StatusCode
}

// until asks again and again until it is so.
func (n *newcomer) until(what string, within time.Duration, so func() bool) {
	n.t.Helper()
	for end := time.Now().Add(within); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("%s did not happen within %v", what, within)
		}
	}
}

type seenConversation struct {
	ID          string `json:"id"`
	ChannelType string `json:"channel_type"`
	Peer        string `json:"peer"`
	Status      string `json:"status"`
}

type seenMessage struct {
	ID, Direction, Status, Error string
	Text                         string `json:"body_text"`
}

func (n *newcomer) conversations(channelType string) []seenConversation {
	var list struct{ Data []seenConversation }
	n.ask("GET", "/conversations?limit=200&channel_type="+channelType, nil, &list)
	return list.Data
}

func (n *newcomer) thread(id string) []seenMessage {
	var list struct{ Data []seenMessage }
	n.ask("GET", "/conversations/"+id+"/messages?limit=200", nil, &list)
	return list.Data
}

// said is what the demo prints.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// openDemo starts the demo at a fast pace and signs in as its owner once it says how.
func openDemo(t *testing.T) (n *newcomer, out *said, stop func()) {
	t.Setenv("TMPDIR", t.TempDir())
	port, began := freePort(t), time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	out = &said{}
	done := make(chan error, 1)
	go func() { done <- runDemo(ctx, out, port, 8) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the demo did not stop within 10 seconds")
		}
	})
	t.Cleanup(stop)
	jar, _ := cookiejar.New(nil) // never fails
	n = &newcomer{t: t, base: fmt.Sprintf("http://127.0.0.1:%d", port), http: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
	n.until("the page", 20*time.Second, func() bool {
		res, err := n.http.Get(n.base + "/")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	t.Logf("the page answered after %v", time.Since(began).Round(time.Millisecond))
	n.until("the welcome", 20*time.Second, func() bool { return strings.Contains(out.String(), demoshop.Password) })
	var me struct {
		CSRF string `json:"csrf_token"`
	}
	if status := n.ask("POST", "/session", map[string]string{"email": "owner@demo.test", "password": demoshop.Password}, &me); status != http.StatusOK {
		t.Fatalf("signing in: %d", status)
	}
	n.csrf = me.CSRF
	return n, out, stop
}

func TestDemoIsAliveOnEveryChannelAndLeavesNothingBehind(t *testing.T) {
	n, out, stop := openDemo(t)
	began := time.Now()
	types := []string{connectors.Email, connectors.SMS, connectors.Telegram, connectors.Webchat, connectors.Telephony, connectors.Form}
	for _, typ := range types {
		n.until("a conversation by "+typ, 30*time.Second, func() bool { return len(n.conversations(typ)) > 0 })
	}
	n.until("the end of the past week", 60*time.Second, func() bool { return strings.Contains(out.String(), "From now on") })
	t.Logf("all six channels and the past week were there after %v", time.Since(began).Round(time.Millisecond))
	before := map[string]int{}
	for _, typ := range types {
		before[typ] = len(n.conversations(typ))
	}
	for _, typ := range []string{connectors.Email, connectors.SMS, connectors.Telegram, connectors.Webchat, connectors.Form} {
		n.hasAnAnswer(typ)
	}
	for _, typ := range types {
		n.until("another conversation by "+typ, 45*time.Second, func() bool { return len(n.conversations(typ)) > before[typ] })
	}
	t.Logf("all was seen after %v", time.Since(began).Round(time.Millisecond))
	stop()
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "parley-demo-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	for _, word := range []string{"owner@demo.test", "mara@demo.test", "tomas@demo.test", n.base, "/demo"} {
		if !strings.Contains(out.String(), word) {
			t.Errorf("the welcome does not say %s:\n%s", word, out)
		}
	}
}

// hasAnAnswer: what an agent answers on that channel reaches the customer, who answers in the same conversation.
func (n *newcomer) hasAnAnswer(typ string) {
	t := n.t
	var emailID string
	var channels struct{ Data []struct{ ID, Type string } }
	n.ask("GET", "/channels", nil, &channels)
	for _, c := range channels.Data {
		if c.Type == connectors.Email {
			emailID = c.ID
		}
	}
	all := n.conversations(typ)
	conv := all[slices.IndexFunc(all, func(c seenConversation) bool { return c.Status == "open" && !strings.HasSuffix(c.Peer, ".test") })] // some addresses bounce
	draft := map[string]any{"body": "Shall we call you about that?"}
	if typ == connectors.Form { // it has no way back of its own
		draft["channel_id"] = emailID
	}
	var mine seenMessage
	if status := n.ask("POST", "/conversations/"+conv.ID+"/messages", draft, &mine); status != http.StatusAccepted {
		t.Errorf("%s: the answer to %s was refused: %d", typ, conv.Peer, status)
		return
	}
	var thread []seenMessage
	end := time.Now().Add(30 * time.Second)
	for time.Now().Before(end) {
		thread = n.thread(conv.ID)
		at := slices.IndexFunc(thread, func(m seenMessage) bool { return m.ID == mine.ID })
		arrived := at >= 0 && slices.Contains([]string{"sent", "delivered", "read"}, thread[at].Status)
		if arrived && slices.ContainsFunc(thread[at:], func(m seenMessage) bool { return m.Direction == "inbound" }) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%s: %s did not answer: %+v", typ, conv.Peer, thread)
}

func TestDemoSaysWhenItsPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	var errOut bytes.Buffer
	code := run(context.Background(), environment{nil, strings.NewReader(""), io.Discard, &errOut}, []string{"demo", "--port", fmt.Sprint(port)})
	if code != 1 || !strings.Contains(errOut.String(), "--port") {
		t.Errorf("%d %s", code, errOut.String())
	}
}
