package realtime

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/clock"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/realtime/broker"
	"parley/realtime/eventlog"

	"github.com/gorilla/websocket"
)

// closeSignedOut is the code of a close after which the client must sign in again.
const closeSignedOut = 4401

const (
	checkEvery   = 3                     // seconds between two looks at everybody's credentials
	perSocket    = 20 * time.Microsecond // pause between two waves, about twice what a write costs
	longestPause = 50 * time.Millisecond
)

// Options are what a hub stands on.
type Options struct {
	Tail   *Tail
	Epoch  string // of the log
	Broker broker.Broker
	Now    clock.Clock
	// Origins are the values of the Origin header that a browser with a session cookie may send, exactly.
	Origins []string
	// Rights answers from memory what a user may see at this moment; ok false when they may not listen at all.
	Rights func(userID string) (v eventlog.Viewer, ok bool)
	// CanSee answers who may see a conversation, ok false when v is not among them.
	CanSee func(ctx context.Context, v eventlog.Viewer, conversationID string) (a eventlog.Audience, ok bool)
	// Valid answers which of these credentials (tokens, sessions) still hold, in one question. What is missing in the answer does not.
	Valid func(ctx context.Context, credentials []string) (map[string]bool, error)
}

// Session is who opens a socket.
type Session struct {
	Credential string // id of the token or session, as Valid takes it
	UserID     string
	Name       string
	Cookie     bool // the browser sent the credential by itself, so its Origin counts
}

// Hub is the agents' sockets of this node.
type Hub struct {
	o        Options
	node     string
	lines    *Lines
	present  *presence
	recheck  chan struct{}
	ctx      context.Context // ends with the hub; readers of the log hold on to it
	cancel   context.CancelFunc
	read     func(ctx context.Context, pos int64, limit int) ([]eventlog.Entry, error)
	released atomic.Int64 // position up to which sockets read now
	resyncs  atomic.Int64
	throttle atomic.Int64 // typing and viewing frames that were over the limit
}

// NewHub readies a hub; Run makes it live.
func NewHub(o Options) *Hub {
	h := &Hub{o: o, node: ids.New(), recheck: make(chan struct{}, 1), read: o.Tail.After}
	h.released.Store(o.Tail.Head())
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.lines = NewLines(o.Now, h.originAllowed)
	h.present = newPresence(h)
	return h
}

type cookieKey struct{}

// originAllowed: a foreign page can't send a token, but the browser would send it our cookie.
func (h *Hub) originAllowed(r *http.Request) bool {
	if byCookie, _ := r.Context().Value(cookieKey{}).(bool); !byCookie {
		return true
	}
	return slices.Contains(h.o.Origins, r.Header.Get("Origin"))
}

// Serve upgrades a request whose session is known; ?since= and &epoch= of its URL resume. run is the socket's life: it blocks until
// the socket is closed. On an error the refusal is already written to w.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, who Session) (run func(), err error) {
	if _, ok := h.o.Rights(who.UserID); !ok {
		err = fault.Unauthorized("you are signed out")
		refuse(w, r, http.StatusUnauthorized, err)
		return nil, err
	}
	line, err := h.lines.Upgrade(w, r.WithContext(context.WithValue(r.Context(), cookieKey{}, who.Cookie)))
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	since, epoch := q.Get("since"), q.Get("epoch")
	return func() { line.Run(newSocket(h, line, who, since, epoch)) }, nil
}

// Run keeps the hub until ctx ends; then every socket is told 1001 and within two seconds none is left.
func (h *Hub) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, h.cancel)()
	defer h.o.Broker.Subscribe(whisperTopic, h.overhear)()
	var parts sync.WaitGroup
	for _, part := range []func(context.Context){h.push, h.watchOver, h.present.run} {
		parts.Go(func() { part(ctx) })
	}
	err := h.lines.Run(ctx)
	parts.Wait()
	return err
}

// push releases news to all sockets in waves. The first goes out at once; then comes a pause that grows with the number of sockets, because
// one write that brings many events costs what one with a single event does.
func (h *Hub) push(ctx context.Context) {
	for {
		news := h.o.Tail.News()
		h.released.Store(h.o.Tail.Head())
		sockets := 0
		h.lines.Each(func(l *Line) {
			sockets++
			l.Wake()
		})
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(time.Duration(sockets)*perSocket, longestPause)):
		}
		select {
		case <-ctx.Done():
			return
		case <-news:
		}
	}
}

// watchOver closes the sockets of those who may no longer listen, and wakes those that fell behind because the log could not be read.
func (h *Hub) watchOver(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.each(h.lookAfter)
			if n%checkEvery == checkEvery-1 {
				h.checkCredentials(ctx)
			}
		case <-h.recheck:
			h.each(h.lookAfter)
			h.checkCredentials(ctx)
		}
	}
}

func (h *Hub) each(f func(*socket)) {
	h.lines.Each(func(l *Line) {
		if s, ok := l.talk.(*socket); ok {
			f(s)
		}
	})
}

func (h *Hub) lookAfter(s *socket) {
	if _, ok := h.o.Rights(s.who.UserID); !ok {
		s.line.Close(closeSignedOut, "signed out")
	} else if s.pos.Load() < h.released.Load() {
		s.line.Wake()
	}
}

// Recheck looks at everybody's rights and credentials now: call it when a token, a session or a person has changed.
func (h *Hub) Recheck() {
	select {
	case h.recheck <- struct{}{}:
	default:
	}
}

func (h *Hub) checkCredentials(ctx context.Context) {
	var all []string
	h.each(func(s *socket) { all = append(all, s.who.Credential) })
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	all = slices.Compact(all)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	valid, err := h.o.Valid(ctx, all)
	if err != nil {
		slog.WarnContext(ctx, "the sockets' credentials can't be checked", "error", err)
		return
	}
	h.each(func(s *socket) {
		if _, asked := slices.BinarySearch(all, s.who.Credential); asked && !valid[s.who.Credential] {
			s.line.Close(closeSignedOut, "signed out")
		}
	})
}

// Present is who is here, on all nodes as far as known: user id → "online" or "away".
func (h *Hub) Present() map[string]string { return h.present.snapshot() }

// Stats are figures of this moment and counts since the start.
type Stats struct {
	Sockets int
	Lag     int64 // entries that the slowest socket is behind
	Dropped int64 // frames that may be lost and were
	TooSlow int64 // sockets closed because they did not read
	Resyncs int64 // clients that had to read anew
	Limited int64 // typing and viewing frames over the limit
}

// Stats answers for metrics.
func (h *Hub) Stats() Stats {
	s := Stats{Dropped: h.lines.dropped.Load(), TooSlow: h.lines.tooSlow.Load(), Resyncs: h.resyncs.Load(), Limited: h.throttle.Load()}
	head := h.o.Tail.Head()
	h.each(func(c *socket) {
		s.Sockets++
		s.Lag = max(s.Lag, head-c.pos.Load())
	})
	return s
}

// begin decides where a socket starts: after since where everything that followed can still be had, else at the head, with a resync.
// last is the newest position at that moment.
func (h *Hub) begin(since, epoch string) (pos, last int64, resync bool, err error) {
	head := h.o.Tail.Head()
	if since == "" {
		return head, head, false, nil
	}
	pos, err = strconv.ParseInt(since, 10, 64)
	if err != nil || pos < 0 || epoch != "" && epoch != h.o.Epoch {
		return head, head, true, nil
	}
	ok, err := h.o.Tail.ReachesBack(h.ctx, pos)
	if err != nil {
		return 0, 0, false, &websocket.CloseError{Code: websocket.CloseTryAgainLater, Text: "the event log can't be read now"}
	}
	if !ok {
		return head, head, true, nil
	}
	return pos, max(pos, head), false, nil
}

// Feed is the change feed for one person: up to limit (1 to 200) frames after a position, counted after filtering by rights. With none it waits for
// up to wait (at most 30 s) for one that the person may see. next is the position up to which they have been served, frames or not.
// It returns fault.Unauthorized when the person may not listen.
func (h *Hub) Feed(ctx context.Context, userID string, after int64, limit int, wait time.Duration) (frames [][]byte, next int64, err error) {
	limit = min(max(limit, 1), 200)
	end := time.NewTimer(min(wait, 30*time.Second))
	defer end.Stop()
	for fresh := true; ; fresh = false {
		news := h.o.Tail.News()
		if frames, after, err = h.feedPage(ctx, userID, after, limit, fresh); err != nil || len(frames) > 0 || wait <= 0 {
			return frames, after, err
		}
		select {
		case <-news:
		case <-end.C:
			return nil, after, nil
		case <-h.ctx.Done(): // answer at once, so that the server can stop
			return nil, after, nil
		case <-ctx.Done():
			return nil, after, ctx.Err()
		}
	}
}

// feedPage collects what is there, to the end if need be. For a fresh reader the end is the log's, not the tail's: they may have written a
// moment ago.
func (h *Hub) feedPage(ctx context.Context, userID string, pos int64, limit int, fresh bool) (frames [][]byte, next int64, err error) {
	for {
		v, ok := h.o.Rights(userID)
		if !ok {
			return nil, pos, fault.Unauthorized("you are signed out")
		}
		read := h.o.Tail.After
		if fresh && pos >= h.o.Tail.Head() {
			read = h.o.Tail.fromLog
		}
		page, err := read(ctx, pos, min(2*limit, pageSize))
		if err != nil || len(page) == 0 {
			return frames, pos, err
		}
		for _, e := range page {
			pos = e.Seq
			if f, ok := e.For(v); ok {
				if frames = append(frames, f); len(frames) == limit {
					return frames, pos, nil
				}
			}
		}
	}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a frame of our own can't be encoded: %v", err))
	}
	return b
}
