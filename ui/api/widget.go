package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"parley/connectors"
	"parley/connectors/webchat"
	"parley/inbox"
	"parley/internal/fault"
	"parley/realtime"
	"parley/realtime/eventlog"

	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/websocket"
)

// visitorSocket is GET /widget/ws: the chat of one website, for pages that it allows.
func (a *API) visitorSocket(c *fiber.Ctx) error {
	ch, conn, err := a.chat(c)
	if err != nil {
		return a.answer(c, err)
	}
	if !webchat.OriginAllowed(json.RawMessage(ch.Config), c.Get("Origin"), a.hubOrigin(c)) {
		return a.refuse(c, http.StatusForbidden, "this website is not among those that the chat allows")
	}
	if wait, ok := a.visits.Take(a.address(c)); !ok {
		return a.answer(c, fault.Busy(wait, "too many visits from this address"))
	}
	visit := webchat.Visit{Sink: a.Inbox.Sink(ch.ID), Feed: visitorFeed{a, ch.ID}}
	return Upgrade(c, func(w http.ResponseWriter, r *http.Request) (func(), error) {
		line, err := a.visitors.Upgrade(w, r)
		if err != nil {
			return nil, err
		}
		return func() { a.serveVisitor(line, conn, visit) }, nil
	})
}

// hubOrigin is our own origin: the public one, or the loopback name by which the page was opened.
func (a *API) hubOrigin(c *fiber.Ctx) string {
	for _, o := range a.origins {
		if o == c.Get("Origin") {
			return o
		}
	}
	return a.PublicURL
}

func (a *API) chat(c *fiber.Ctx) (*inbox.Channel, *webchat.Connector, error) {
	ch, err := a.Inbox.Channel(c.UserContext(), c.Query("channel"))
	if err != nil || ch.Type != connectors.Webchat {
		return nil, nil, errors.Join(err, fault.NotFound("there is no such chat"))
	}
	conn, ok, err := connectorAs[*webchat.Connector](a.Live, ch.ID)
	if err != nil || !ok {
		return nil, nil, errors.Join(err, fault.NotFound("there is no such chat"))
	}
	return ch, conn, nil
}

// panel is the page inside the widget's frame. Which websites may frame it is the chat's to say.
func (a *API) panel(c *fiber.Ctx) error {
	ch, _, err := a.chat(c)
	if err != nil {
		return a.answer(c, err)
	}
	b, err := fs.ReadFile(a.Widget, "widget/panel.html")
	if err != nil {
		return a.refuse(c, http.StatusNotFound, "this binary was built without the widget: make build")
	}
	c.Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; "+
		webchat.FrameAncestors(json.RawMessage(ch.Config)))
	c.Set("Cross-Origin-Opener-Policy", "unsafe-none")
	return sendAsset(c, "panel.html", b, "no-cache")
}

// visitorFeed is what one chat's visitors may read.
type visitorFeed struct {
	a       *API
	channel string
}

func (f visitorFeed) History(ctx context.Context, visitorID string) ([]webchat.Message, int64, error) {
	_, all, seq, err := f.a.Inbox.Visitor(ctx, f.channel, visitorID)
	if err != nil {
		return nil, 0, err
	}
	out := make([]webchat.Message, 0, len(all))
	for _, m := range all {
		out = append(out, f.a.forVisitor(m))
	}
	return out, seq, nil
}

// Follow reads the log behind after. A message of ours is for the visitor once it is sent: what is held, queued or cancelled is not.
func (f visitorFeed) Follow(ctx context.Context, visitorID string, after int64, push func(webchat.Frame) error) error {
	conversation, _, _, err := f.a.Inbox.Visitor(ctx, f.channel, visitorID)
	if err != nil {
		return err
	}
	news := make(chan struct{}, 1)
	stop := f.a.Tail.Follow(func([]eventlog.Entry) {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	defer stop()
	for {
		entries, err := f.a.Tail.After(ctx, after, 200)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Seq != after+1 {
				return errors.New("the log no longer reaches back")
			}
			after = e.Seq
			if conversation == "" && e.Type == "conversation.created" && f.mine(e) { // only then can it be this visitor's
				if conversation, _, _, err = f.a.Inbox.Visitor(ctx, f.channel, visitorID); err != nil {
					return err
				}
			}
			if conversation == "" || e.Conversation != conversation {
				continue
			}
			if m, ok := f.a.newForVisitor(e); ok {
				if err := push(m); err != nil {
					return err
				}
			}
		}
		if len(entries) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-news:
		}
	}
}

// mine tells whether a new conversation is one of this chat.
func (f visitorFeed) mine(e eventlog.Entry) bool { return bytes.Contains(e.Frame, []byte(f.channel)) }

// newForVisitor is an entry's message if this is the entry by which the visitor should hear of it.
func (a *API) newForVisitor(e eventlog.Entry) (webchat.Message, bool) {
	var f struct {
		Data    inbox.MessageView
		Changes map[string]struct{ From, To any }
	}
	if json.Unmarshal(e.Frame, &f) != nil {
		return webchat.Message{}, false
	}
	m := f.Data
	reached := m.Status == inbox.Sent || m.Status == inbox.Delivered || m.Status == inbox.Read
	was, _ := f.Changes["status"].From.(string)
	switch {
	case m.Direction == inbox.DirInbound && e.Type == "message.created":
	case m.Direction == inbox.DirOutbound && reached && was != inbox.Sent && was != inbox.Delivered && (e.Type == "message.created" || was != ""):
	default:
		return webchat.Message{}, false
	}
	return a.forVisitor(m), true
}

func (a *API) forVisitor(m inbox.MessageView) webchat.Message {
	out := webchat.Message{ID: m.ID, Text: m.BodyText, At: m.CreatedAt, Author: webchat.Author{Type: m.Author.Type, Name: m.Author.Name}}
	if m.ProviderID != nil {
		out.ProviderID = *m.ProviderID
	}
	if m.Direction == inbox.DirInbound {
		out.Author = webchat.Author{Type: webchat.AuthorVisitor}
	}
	for _, p := range m.Attachments {
		if p.URL != "" {
			out.Attachments = append(out.Attachments, webchat.Attachment{Name: p.Name, MIME: p.MimeType, Size: p.Size, URL: p.URL})
		}
	}
	return out
}

// serveVisitor runs one visitor's socket until it is closed.
func (a *API) serveVisitor(line *realtime.Line, conn *webchat.Connector, visit webchat.Visit) {
	ctx, cancel := context.WithCancel(context.Background())
	talk := &visitorTalk{line: line, in: make(chan []byte), out: make(chan []byte, 64), gone: make(chan struct{})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		defer line.Close(websocket.CloseNormalClosure, "")
		defer func() {
			if p := recover(); p != nil {
				slog.Error("a visitor's socket panicked", "panic", p, "stack", string(debug.Stack()))
			}
		}()
		if err := conn.Serve(ctx, talk, visit); err != nil {
			slog.Warn("a visitor's socket failed", "error", err)
			line.Close(websocket.CloseTryAgainLater, "come again")
		}
	}()
	line.Run(talk)
	cancel()
	<-served
}

// visitorTalk lets the chat's protocol, which reads and writes frame by frame, speak over a line.
type visitorTalk struct {
	line *realtime.Line
	in   chan []byte
	out  chan []byte // bounded: a visitor who does not read makes WriteFrame fail
	gone chan struct{}
}

const visitorPatience = 10 * time.Second

var errGone = errors.New("the visitor is gone")

func (t *visitorTalk) Heard(frame []byte) error {
	select {
	case t.in <- bytes.Clone(frame):
	case <-t.gone:
	}
	return nil
}

func (t *visitorTalk) Fill(out *realtime.Batch) error {
	for !out.Full() {
		select {
		case b := <-t.out:
			out.Text(b)
		default:
			return nil
		}
	}
	return nil
}

func (t *visitorTalk) Beat() {}
func (t *visitorTalk) Left() { close(t.gone) }

func (t *visitorTalk) ReadFrame() ([]byte, error) {
	select {
	case b := <-t.in:
		return b, nil
	case <-t.gone:
		return nil, errGone
	}
}

func (t *visitorTalk) WriteFrame(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	patience := time.NewTimer(visitorPatience)
	defer patience.Stop()
	select {
	case t.out <- b:
		t.line.Wake()
		return nil
	case <-t.gone:
		return errGone
	case <-patience.C:
		return errors.New("the visitor does not read")
	}
}

func (t *visitorTalk) Close(code int, reason string) { t.line.Close(code, reason) }
