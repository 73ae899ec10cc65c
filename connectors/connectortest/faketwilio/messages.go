package faketwilio

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Fault is what happens to one create instead of the ordinary answer.
type Fault struct {
	Status     int // answered with Code and Message; 0 for none
	Code       int
	Message    string
	RetryAfter int  // seconds; 0 for no header
	Taken      bool // the message was taken all the same
	Cut        bool // the connection is cut instead of an answer
	Stall      bool // no answer until the caller gives up
	Garbage    bool // the answer is no JSON
}

// The faults that Twilio is known for.
var (
	Limited        = Fault{Status: http.StatusTooManyRequests, Code: 20429, Message: "Too Many Requests", RetryAfter: 2}
	NoSuchNumber   = Fault{Status: http.StatusBadRequest, Code: 21211, Message: "The 'To' number is not a valid phone number."}
	Unsubscribed   = Fault{Status: http.StatusBadRequest, Code: 21610, Message: "Attempt to send to unsubscribed recipient"}
	Forbidden      = Fault{Status: http.StatusForbidden, Code: 20003, Message: "Permission Denied"}
	Overloaded     = Fault{Status: http.StatusServiceUnavailable, Code: 20503, Message: "Service Unavailable", RetryAfter: 4}
	Unavailable    = Fault{Status: http.StatusServiceUnavailable, Code: 20503, Message: "Service Unavailable"}
	Broken         = Fault{Status: http.StatusInternalServerError, Code: 20500, Message: "Internal Server Error"}
	BrokenButTaken = Fault{Status: http.StatusInternalServerError, Code: 20500, Message: "Internal Server Error", Taken: true}
	CutBefore      = Fault{Cut: true}
	CutAfter       = Fault{Cut: true, Taken: true}
	StalledTaken   = Fault{Stall: true, Taken: true}
	GarbageTaken   = Fault{Status: http.StatusCreated, Garbage: true, Taken: true}
)

// Next makes the next creates fare like this, one fault each; the zero Fault is the ordinary answer.
func (s *Server) Next(faults ...Fault) {
	s.mu.Lock()
	s.faults = append(s.faults, faults...)
	s.mu.Unlock()
}

// OnCreate has f called, on a goroutine of its own, for each message that was taken.
func (s *Server) OnCreate(f func(Message)) { s.mu.Lock(); s.onCreate = f; s.mu.Unlock() }

// Requests is every create that came in, also those that were not taken.
func (s *Server) Requests() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]url.Values(nil), s.requests...)
}

// Taken is the messages that were taken, oldest first.
func (s *Server) Taken() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, 20001, err.Error())
		return
	}
	if refused := s.check(r.PostForm); refused != (Fault{}) {
		s.record(r.PostForm, false)
		refused.play(w, r, nil)
		return
	}
	fault := s.next()
	m := s.record(r.PostForm, fault == Fault{} || fault.Taken)
	fault.play(w, r, s.resource(m))
}

// check is what Twilio finds wrong by itself.
func (s *Server) check(form url.Values) Fault {
	bad := func(code int, message string) Fault {
		return Fault{Status: http.StatusBadRequest, Code: code, Message: message}
	}
	switch {
	case form.Get("To") == "":
		return bad(21604, "A 'To' phone number is required.")
	case form.Get("From") == "" && form.Get("MessagingServiceSid") == "":
		return bad(21603, "A 'From' phone number is required.")
	case form.Get("Body") == "" && form.Get("MediaUrl") == "":
		return bad(21602, "Message body is required.")
	case len([]rune(form.Get("Body"))) > 1600:
		return bad(21617, "The concatenated message body exceeds the 1600 character limit.")
	}
	return Fault{}
}

func (s *Server) next() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return Fault{}
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f
}

func (s *Server) record(form url.Values, taken bool) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, form)
	m := Message{SID: sid("SM"), Form: form, At: time.Now(), Status: "queued"}
	if !taken {
		return m
	}
	s.messages = append(s.messages, m)
	if f := s.onCreate; f != nil && s.ctx.Err() == nil {
		s.busy.Add(1)
		go func() { defer s.busy.Done(); f(m) }()
	}
	return m
}

func (f Fault) play(w http.ResponseWriter, r *http.Request, resource Object) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	switch {
	case f.Stall:
		<-r.Context().Done()
	case f.Cut:
		cut(w)
	case f.Garbage:
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, "<html>welcome to nginx")
	case f.Status != 0:
		refuse(w, f.Status, f.Code, f.Message)
	default:
		answer(w, http.StatusCreated, resource)
	}
}

// resource is a message as the API shows it.
func (s *Server) resource(m Message) Object {
	orNull := func(field string) any {
		if v := m.Form.Get(field); v != "" {
			return v
		}
		return nil
	}
	return Object{"sid": m.SID, "account_sid": s.AccountSID, "api_version": "2010-04-01", "status": m.Status, "direction": "outbound-api",
		"to": m.Form.Get("To"), "from": orNull("From"), "messaging_service_sid": orNull("MessagingServiceSid"), "body": m.Form.Get("Body"),
		"num_segments": "1", "num_media": strconv.Itoa(len(m.Form["MediaUrl"])), "error_code": nil, "error_message": nil, "price": nil, "price_unit": "USD",
		"date_created": s.stamp(m.At), "date_updated": s.stamp(m.At), "date_sent": nil,
		"uri": "/2010-04-01/Accounts/" + s.AccountSID + "/Messages/" + m.SID + ".json", "subresource_uris": Object{}}
}

func (s *Server) get(w http.ResponseWriter, id string) {
	for _, m := range s.Taken() {
		if m.SID == id {
			answer(w, http.StatusOK, s.resource(m))
			return
		}
	}
	refuse(w, http.StatusNotFound, 20404, "The requested resource was not found")
}

// list gives the messages, newest first, a page at a time.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, _ := strconv.Atoi(q.Get("PageSize"))
	if size < 1 || size > 1000 {
		size = 50
	}
	page, _ := strconv.Atoi(q.Get("Page"))
	var all []Object
	taken := s.Taken()
	for i := len(taken) - 1; i >= 0; i-- {
		f := taken[i].Form
		if (q.Get("To") == "" || f.Get("To") == q.Get("To")) && (q.Get("From") == "" || f.Get("From") == q.Get("From")) {
			all = append(all, s.resource(taken[i]))
		}
	}
	from := min(page*size, len(all))
	to := min(from+size, len(all))
	var next any
	if to < len(all) {
		q.Set("Page", strconv.Itoa(page+1))
		q.Set("PageToken", "PA"+taken[0].SID)
		next = r.URL.Path + "?" + q.Encode()
	}
	answer(w, http.StatusOK, Object{"messages": append([]Object{}, all[from:to]...), "page": page, "page_size": size, "start": from, "end": max(to-1, 0),
		"first_page_uri": r.URL.Path, "next_page_uri": next, "previous_page_uri": nil, "uri": r.URL.RequestURI()})
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
