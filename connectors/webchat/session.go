package webchat

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"parley/connectors"
)

// Conn is one visitor's socket.
type Conn interface {
	// ReadFrame waits for the next text frame, of at most MaxFrame bytes. It fails once the socket is closed by either side.
	ReadFrame() ([]byte, error)
	// WriteFrame sends v as one JSON text frame. It is safe for concurrent use, waits no longer than its own deadline, and
	// fails when the visitor does not read.
	WriteFrame(v any) error
	// Close ends the socket with a close code (RFC 6455 §7.4) and makes ReadFrame fail. It may be called more than once.
	Close(code int, reason string)
}

// Feed is what a visitor may read.
type Feed interface {
	// History is the visitor's conversation, oldest first, at most the last 200 messages, without notes; and a position in the
	// event log that was read before the messages were, so that whatever they lack lies behind it.
	History(ctx context.Context, visitorID string) (msgs []Message, position int64, err error)
	// Follow pushes each message of the visitor's conversation that the log has behind the position, in order, and what
	// happens from then on, until ctx ends (nil), push fails (its error) or the log no longer reaches back (an error).
	Follow(ctx context.Context, visitorID string, after int64, push func(Frame) error) error
}

// Visit is what one socket is served with.
type Visit struct {
	Sink connectors.Sink
	Feed Feed
	// Typing hears that the visitor is writing, at most once a second. It may be nil.
	Typing func(ctx context.Context, visitorID string)
	// Open tells whether somebody is there to answer now. Nil: not known.
	Open func(ctx context.Context) bool
}

const (
	joinWithin  = 10 * time.Second
	typingEvery = time.Second

	// A person is far below, a program that sends what it kept through an outage is not stopped, a flood is.
	messageBurst, messageEvery = 100, 200 * time.Millisecond
	frameBurst, frameEvery     = 400, 20 * time.Millisecond

	closeGoingAway = 1001
	closePolicy    = 1008
	closeTryLater  = 1013
	closeRestart   = 1012
)

// session is one socket's life. Its fields belong to the goroutine that reads; the one that follows the log only writes frames
// and adds to answers.
type session struct {
	chat     *Connector
	conn     Conn
	visit    Visit
	visitor  visitor
	source   connectors.Source
	title    string
	profile  profile
	identity *identity
	messages bucket
	frames   bucket
	typed    time.Time

	mu      sync.Mutex      // guards answers
	answers map[string]bool // ids of messages not by the visitor that this socket was shown → read
}

// Serve runs a visitor's socket until it is closed or ctx ends, and waits for all it started. The caller has checked the
// origin and closes the connection afterwards. A returned error is a failure of ours (the feed); a visitor who leaves,
// misbehaves or stays silent is none.
func (c *Connector) Serve(ctx context.Context, conn Conn, v Visit) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	goodbye := context.AfterFunc(ctx, func() { conn.Close(closeGoingAway, "the server is going away") })
	defer goodbye()
	s := &session{
		chat: c, conn: conn, visit: v, answers: map[string]bool{},
		messages: bucket{burst: messageBurst, every: messageEvery}, frames: bucket{burst: frameBurst, every: frameEvery},
	}
	c.enter(s)
	defer c.leave(s)

	join, ok := s.awaitJoin()
	if !ok {
		return nil
	}
	position, err := s.join(ctx, join)
	if err != nil {
		conn.Close(closeTryLater, "please join again")
		return fmt.Errorf("join: %w", err)
	}
	var following sync.WaitGroup
	var failed error
	following.Go(func() { failed = s.follow(ctx, position) })
	s.read(ctx)
	cancel()
	following.Wait()
	return failed
}

// awaitJoin waits for the frame that says who it is. Other frames before it are answered with an error.
func (s *session) awaitJoin() (incoming, bool) {
	late := time.AfterFunc(joinWithin, func() { s.conn.Close(closePolicy, "no join came") })
	defer late.Stop()
	for {
		f, ok := s.next()
		if !ok {
			return incoming{}, false
		}
		if f.Type == "join" {
			return f, true
		}
		if f.Type != "" && s.complain(errorFrame{Code: "join_first", Message: "the first frame is join"}) != nil {
			return incoming{}, false
		}
	}
}

// next is the next frame that is JSON at all; ones that are not are answered and come back empty.
func (s *session) next() (incoming, bool) {
	b, err := s.conn.ReadFrame()
	if err != nil {
		return incoming{}, false
	}
	if _, ok := s.frames.take(s.chat.host.Now()); !ok || len(b) > MaxFrame {
		s.conn.Close(closePolicy, "too much at once")
		return incoming{}, false
	}
	f, complaint := parseFrame(b)
	if complaint != nil {
		return incoming{}, s.complain(*complaint) == nil
	}
	f.raw = b
	return f, true
}

func (s *session) complain(e errorFrame) error {
	e.Type = "error"
	return s.conn.WriteFrame(e)
}

// join tells the visitor who they are and what was said, and the position behind which the log is to be followed.
func (s *session) join(ctx context.Context, f incoming) (int64, error) {
	token := ""
	if f.Visitor != nil {
		token = *f.Visitor
	}
	s.visitor, _ = s.chat.recognise(token)
	s.learn(f)
	msgs, position, err := s.visit.Feed.History(ctx, s.visitor.id)
	if err != nil {
		_ = s.complain(errorFrame{Code: "try_again", Message: "the conversation can't be read just now", RetryAfter: 2})
		return 0, fmt.Errorf("history: %w", err)
	}
	joined := joinedFrame{Type: "joined", Visitor: s.visitor.token, Messages: make([]messageFrame, 0, len(msgs)),
		Greeting: s.chat.config.Greeting, Title: s.chat.config.Title, Color: s.chat.config.Color}
	for _, m := range msgs {
		s.show(m)
		joined.Messages = append(joined.Messages, m.item())
	}
	if s.visit.Open != nil {
		open := s.visit.Open(ctx)
		joined.Open = &open
	}
	if err := s.conn.WriteFrame(joined); err != nil {
		s.conn.Close(closeTryLater, "not read in time")
	}
	return position, nil
}

// show notes that the visitor gets an answer to see, and tells whether it is the first time on this socket.
func (s *session) show(m Message) bool {
	if m.Author.Type == AuthorVisitor {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, shown := s.answers[m.ID]; shown {
		return false
	}
	s.answers[m.ID] = false
	return true
}

// follow passes on what the log brings. When it ends early the socket ends too: the visitor joins again and misses nothing.
func (s *session) follow(ctx context.Context, position int64) error {
	err := s.visit.Feed.Follow(ctx, s.visitor.id, position, func(f Frame) error {
		if m, ok := f.(Message); ok && !s.show(m) {
			return nil
		}
		if err := s.conn.WriteFrame(f.wire()); err != nil {
			return gone{err}
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil
	}
	s.conn.Close(closeTryLater, "please join again")
	if left := (gone{}); err == nil || errors.As(err, &left) {
		return nil
	}
	return fmt.Errorf("follow: %w", err)
}

// gone is the visitor's socket failing, which is no failure of the feed.
type gone struct{ error }

// read takes the visitor's frames one after the other, so that their messages are stored in the order of writing.
func (s *session) read(ctx context.Context) {
	for {
		f, ok := s.next()
		if !ok || s.take(ctx, f) != nil {
			return
		}
	}
}

// take does what one frame asks for. An error means that the socket can't be written to any more.
func (s *session) take(ctx context.Context, f incoming) error {
	switch f.Type {
	case "":
		return nil // answered by next
	case "message":
		return s.accept(ctx, f)
	case "page":
		s.learn(f)
		return nil
	case "typing":
		s.typing(ctx)
		return nil
	case "read":
		s.markRead(ctx, f.ID)
		return nil
	case "identify":
		return s.identify(f.Token)
	case "ping":
		return s.conn.WriteFrame(plainFrame{Type: "pong"})
	case "join":
		return s.complain(errorFrame{Code: "joined_already", Message: "this socket has joined already"})
	default:
		return s.complain(errorFrame{Code: "unknown_type", Message: "this type of frame is not known"})
	}
}

// learn keeps what a frame says of the page and the person.
func (s *session) learn(f incoming) {
	if f.Page != nil {
		s.source.URL, s.source.Referrer, s.title = webAddress(f.Page.URL), webAddress(f.Page.Referrer), cut(clean(f.Page.Title), 300)
	}
	if utm := campaign(f); len(utm) > 0 {
		s.source.UTM = utm
	}
	if f.Profile != nil {
		s.profile = profile{Name: cut(clean(f.Profile.Name), 200), Email: cut(clean(f.Profile.Email), 320), Phone: cut(clean(f.Profile.Phone), 64)}
	}
}

// webAddress is s when it is one that agents can safely be shown as a link, else "".
func webAddress(s string) string {
	s = clean(s)
	if u, err := url.Parse(s); err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return s
}

// campaign is the UTM marks of a frame, without their prefix: as told, else as in the page's address.
func campaign(f incoming) map[string]string {
	utm := map[string]string{}
	if f.Page != nil {
		if u, err := url.Parse(f.Page.URL); err == nil {
			for k, v := range u.Query() {
				if name, ok := strings.CutPrefix(strings.ToLower(k), "utm_"); ok && name != "" && v[0] != "" {
					utm[clean(name)] = clean(v[0])
				}
			}
		}
	}
	for k, v := range f.UTM {
		if name := clean(strings.TrimPrefix(strings.ToLower(k), "utm_")); name != "" {
			utm[name] = clean(v)
		}
	}
	return utm
}

// accept stores one message and says so. The same client_id again has the answer of the first time.
func (s *session) accept(ctx context.Context, f incoming) error {
	if complaint := checkMessage(f); complaint != nil {
		return s.complain(*complaint)
	}
	if wait, ok := s.messages.take(s.chat.host.Now()); !ok {
		return s.complain(errorFrame{ClientID: f.ClientID, Code: "slow_down", Message: "too many messages at once", RetryAfter: wait.Seconds()})
	}
	s.learn(f)
	got, err := s.visit.Sink.Accept(ctx, s.inbound(f))
	if err != nil {
		s.chat.host.Log.ErrorContext(ctx, "a visitor's message was not stored", "channel", s.chat.channel.ID, "visitor", s.visitor.id, "error", err)
		return s.complain(errorFrame{ClientID: f.ClientID, Code: "try_again", Message: "the message could not be stored, please send it again", RetryAfter: 2})
	}
	return s.conn.WriteFrame(acceptedFrame{Type: "accepted", ClientID: f.ClientID, ID: got.MessageID})
}

func (s *session) inbound(f incoming) connectors.Inbound {
	key := s.visitor.id + ":" + f.ClientID
	return connectors.Inbound{
		Key: key, ProviderID: key, Raw: f.raw, RawType: "application/json", At: s.chat.host.Now(),
		Sender: s.sender(), Thread: connectors.Thread{Key: s.visitor.id}, Kind: connectors.KindText, Text: clean(f.Text), Source: s.source,
	}
}

// sender is the visitor with every identity they have shown, the most trusted first.
func (s *session) sender() connectors.Sender {
	who := connectors.Sender{Name: s.profile.Name}
	if s.identity != nil && s.chat.host.Now().Before(s.identity.Expires) {
		who.Claims = s.identity.claims()
		if s.identity.Name != "" {
			who.Name = s.identity.Name
		}
	}
	who.Claims = append(who.Claims, connectors.Claim{Kind: connectors.KindWebchat, Value: s.visitor.id, Trust: connectors.TrustChannel})
	if s.profile.Email != "" {
		who.Claims = append(who.Claims, connectors.Claim{Kind: connectors.KindEmail, Value: s.profile.Email, Trust: connectors.TrustAsserted})
	}
	if s.profile.Phone != "" {
		who.Claims = append(who.Claims, connectors.Claim{Kind: connectors.KindPhone, Value: s.profile.Phone, Trust: connectors.TrustAsserted})
	}
	if s.title != "" {
		who.Fields = map[string]string{"page_title": s.title}
	}
	return who
}

func (s *session) typing(ctx context.Context) {
	now := s.chat.host.Now()
	if s.visit.Typing == nil || now.Sub(s.typed) < typingEvery && !s.typed.IsZero() {
		return
	}
	s.typed = now
	s.visit.Typing(ctx, s.visitor.id)
}

// markRead tells the inbox that the visitor saw an answer. Ids that this socket was not shown are not theirs to mark.
func (s *session) markRead(ctx context.Context, id string) {
	s.mu.Lock()
	read, shown := s.answers[id]
	if shown {
		s.answers[id] = true
	}
	s.mu.Unlock()
	if !shown || read {
		return
	}
	d := connectors.Delivery{MessageID: id, State: connectors.DeliveryRead, At: s.chat.host.Now()}
	if err := s.visit.Sink.Delivered(ctx, d); err != nil {
		s.chat.host.Log.ErrorContext(ctx, "a read mark was not stored", "channel", s.chat.channel.ID, "message", id, "error", err)
	}
}

func (s *session) identify(token string) error {
	id, err := verifyIdentity(token, s.chat.config.IdentitySecret, s.chat.channel.ID, s.chat.host.Now())
	if err != nil {
		s.identity = nil
		return s.complain(errorFrame{Code: "bad_identity", Message: err.Error()})
	}
	s.identity = &id
	return s.conn.WriteFrame(identifiedFrame{Type: "identified", Name: id.Name})
}
