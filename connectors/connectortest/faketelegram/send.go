package faketelegram

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf16"
)

// Fault is what happens to one sending call instead of the ordinary answer.
type Fault struct {
	Status      int    // answered with the description; 0 for none
	Description string // "" for the usual one
	RetryAfter  int    // seconds, goes with 429
	Taken       bool   // the message was taken all the same
	Cut         bool   // the connection is cut instead of an answer
	Stall       bool   // no answer until the caller gives up
	Garbage     bool   // the answer is no JSON
}

// The faults that the Bot API is known for.
var (
	Limited        = Fault{Status: http.StatusTooManyRequests, RetryAfter: 3}
	Broken         = Fault{Status: http.StatusInternalServerError, Description: "Internal Server Error"}
	BrokenButTaken = Fault{Status: http.StatusBadGateway, Description: "Bad Gateway", Taken: true}
	CutBefore      = Fault{Cut: true}
	CutAfter       = Fault{Cut: true, Taken: true}
	StalledTaken   = Fault{Stall: true, Taken: true}
)

// Call is one call of a method that sends.
type Call struct {
	Method    string
	Params    url.Values
	Files     map[string]string // form field → content of the upload
	FileNames map[string]string
	At        time.Time
	MessageID int64 // 0 when it was not taken
}

// ChatID is whom it was for.
func (c Call) ChatID() int64 { id, _ := strconv.ParseInt(c.Params.Get("chat_id"), 10, 64); return id }

// Next makes the next sending calls fare like this, one fault each.
func (s *Server) Next(faults ...Fault) {
	s.mu.Lock()
	s.faults = append(s.faults, faults...)
	s.mu.Unlock()
}

// Block makes a person block the bot.
func (s *Server) Block(chatID int64) {
	s.mu.Lock()
	s.blocked[strconv.FormatInt(chatID, 10)] = true
	s.mu.Unlock()
}

// OnSend has f called, on a goroutine of its own, for each message that was taken.
func (s *Server) OnSend(f func(Call)) { s.mu.Lock(); s.onSend = f; s.mu.Unlock() }

// Calls is every sending call so far, also those not taken; chat actions are among them.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Taken is the messages that were taken.
func (s *Server) Taken() []Call {
	var taken []Call
	for _, c := range s.Calls() {
		if c.MessageID != 0 {
			taken = append(taken, c)
		}
	}
	return taken
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, method string, p url.Values) {
	c := Call{Method: method, Params: p, At: time.Now(), Files: map[string]string{}, FileNames: map[string]string{}}
	if err := c.readFiles(r); err != nil {
		refuse(w, http.StatusBadRequest, "Bad Request: "+err.Error(), nil)
		return
	}
	if method == "sendChatAction" {
		s.record(c, false)
		ok200(w, true)
		return
	}
	fault, refusal := s.fate(c)
	if refusal != "" {
		s.record(c, false)
		refuse(w, statusOf(refusal), refusal, nil)
		return
	}
	c = s.record(c, fault == Fault{} || fault.Taken)
	fault.play(w, r, c)
}

// fate says what becomes of a call: a programmed fault, a refusal by the rules of the API, or neither.
func (s *Server) fate(c Call) (Fault, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chat := c.Params.Get("chat_id")
	switch {
	case chat == "":
		return Fault{}, "Bad Request: chat_id is empty"
	case s.blocked[chat]:
		return Fault{}, "Forbidden: bot was blocked by the user"
	case c.Method == "sendMessage" && c.Params.Get("text") == "":
		return Fault{}, "Bad Request: message text is empty"
	case len(utf16.Encode([]rune(c.Params.Get("text")))) > 4096:
		return Fault{}, "Bad Request: message is too long"
	case len(utf16.Encode([]rune(c.Params.Get("caption")))) > 1024:
		return Fault{}, "Bad Request: message caption is too long"
	}
	if len(s.faults) == 0 {
		return Fault{}, ""
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f, ""
}

func statusOf(refusal string) int {
	if refusal[0] == 'F' {
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

func (s *Server) record(c Call, taken bool) Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if taken {
		s.lastID++
		c.MessageID = s.lastID
	}
	s.calls = append(s.calls, c)
	if f := s.onSend; taken && f != nil && s.ctx.Err() == nil {
		s.busy.Add(1)
		go func() { defer s.busy.Done(); f(c) }()
	}
	return c
}

func (f Fault) play(w http.ResponseWriter, r *http.Request, c Call) {
	switch {
	case f.Stall:
		<-r.Context().Done()
	case f.Garbage:
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, "<html>welcome to nginx")
	case f.Cut:
		cut(w)
	case f.Status == http.StatusTooManyRequests:
		refuse(w, f.Status, fmt.Sprintf("Too Many Requests: retry after %d", f.RetryAfter), Object{"retry_after": f.RetryAfter})
	case f.Status != 0:
		refuse(w, f.Status, f.Description, nil)
	case c.Method == "sendMediaGroup":
		ok200(w, []Object{c.message()})
	default:
		ok200(w, c.message())
	}
}

func (c Call) message() Object {
	return Object{"message_id": c.MessageID, "date": c.At.Unix(), "text": c.Params.Get("text"), "from": bot(), "chat": Object{"id": c.ChatID(), "type": "private"}}
}

// cut resets the connection.
func cut(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}

// paramsOf reads a call's parameters from the query and a urlencoded or multipart body.
func paramsOf(r *http.Request) (url.Values, error) {
	err := r.ParseMultipartForm(64 << 20)
	if err != nil && err != http.ErrNotMultipart {
		return nil, err
	}
	return r.Form, nil
}

func (c *Call) readFiles(r *http.Request) error {
	if r.MultipartForm == nil {
		return nil
	}
	for field, headers := range r.MultipartForm.File {
		f, err := headers[0].Open()
		if err != nil {
			return err
		}
		b, err := io.ReadAll(f)
		_ = f.Close()
		if err != nil {
			return err
		}
		c.Files[field], c.FileNames[field] = string(b), headers[0].Filename
	}
	return nil
}
