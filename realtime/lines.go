package realtime

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/clock"

	"github.com/gorilla/websocket"
)

// Lines are the open WebSockets of one kind: it pings them, buries the dead and says goodbye when the program ends.
type Lines struct {
	now      clock.Clock
	upgrader websocket.Upgrader
	patience time.Duration // longest time one write may take
	silence  time.Duration // after which a client counts as gone
	beat     int           // seconds between two pings

	dropped, tooSlow atomic.Int64

	wg     sync.WaitGroup // readers and writers
	mu     sync.Mutex
	all    map[*Line]struct{}
	joined int
	over   bool
}

// NewLines readies lines whose handshake is refused with 403 unless origin says yes.
func NewLines(now clock.Clock, origin func(*http.Request) bool) *Lines {
	return &Lines{
		now: now, patience: 10 * time.Second, silence: 60 * time.Second, beat: 25,
		all: map[*Line]struct{}{},
		upgrader: websocket.Upgrader{
			HandshakeTimeout: 5 * time.Second,
			ReadBufferSize:   512,
			WriteBufferPool:  &sync.Pool{}, // gorilla allocates a buffer for each socket without one
			Subprotocols:     []string{"parley.v1"},
			CheckOrigin:      origin,
			Error:            refuse,
		},
	}
}

func refuse(w http.ResponseWriter, _ *http.Request, status int, reason error) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Sec-Websocket-Version", "13")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": reason.Error()})
}

// Run keeps the lines until ctx ends. Then every client is told 1001, and two seconds later none is left.
func (s *Lines) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
			s.pulse(n)
		case <-ctx.Done():
			s.shut()
			return nil
		}
	}
}

// pulse is called each second: every line has its own second for the ping.
func (s *Lines) pulse(n int) {
	dead := s.now().Add(-s.silence).UnixNano()
	ping := appendFrame(nil, websocket.PingMessage, nil)
	s.Each(func(l *Line) {
		if l.heard.Load() < dead {
			_ = l.raw.Close()
			return
		}
		if l.phase == n%s.beat {
			l.talk.Beat()
			l.push(ping)
		}
	})
}

func (s *Lines) shut() {
	s.mu.Lock()
	s.over = true
	for l := range s.all {
		l.Close(websocket.CloseGoingAway, "the server is restarting")
	}
	s.mu.Unlock()
	hard := time.AfterFunc(2*goodbye-goodbye/4, func() {
		s.Each(func(l *Line) { _ = l.raw.Close() })
	})
	defer hard.Stop()
	s.wg.Wait()
}

// Each calls f for every line. f must not block.
func (s *Lines) Each(f func(*Line)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.all {
		f(l)
	}
}

// Count is the number of open lines.
func (s *Lines) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

func (s *Lines) join(l *Line) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.wg.Add(1)
	s.joined++
	l.phase = s.joined % s.beat
	s.all[l] = struct{}{}
	return true
}

func (s *Lines) leave(l *Line) {
	s.mu.Lock()
	delete(s.all, l)
	s.mu.Unlock()
	s.wg.Done()
}
