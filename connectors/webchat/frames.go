package webchat

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of what a visitor may send.
const (
	MaxFrame    = 16 << 10 // bytes of one frame; the one who reads the socket enforces it
	maxText     = 10_000   // characters of a message
	maxClientID = 100      // characters
)

// incoming is any frame of a visitor.
type incoming struct {
	Type     string            `json:"type"`
	Visitor  *string           `json:"visitor"`
	ClientID string            `json:"client_id"`
	Text     string            `json:"text"`
	Token    string            `json:"token"`
	ID       string            `json:"id"`
	Page     *page             `json:"page"`
	UTM      map[string]string `json:"utm"`
	Profile  *profile          `json:"profile"`

	raw []byte // the frame as it came
}

// page is where on the website the visitor is.
type page struct {
	URL      string `json:"url"`
	Title    string `json:"title"`
	Referrer string `json:"referrer"`
}

// profile is what the visitor says of themselves.
type profile struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Phone string `json:"phone"`
}

// Frame is something for the visitor to see: a Message or a Typing.
type Frame interface{ wire() any }

// Message is one message of the visitor's conversation, of either direction. Notes and activities are none.
type Message struct {
	ID          string
	ProviderID  string // Inbound.ProviderID as stored; "" for what we wrote
	Text        string
	Author      Author
	At          time.Time
	Attachments []Attachment
}

// Author is who wrote a message: AuthorVisitor, AuthorAgent or AuthorAutomation, and the name shown to the visitor.
type Author struct {
	Type string `json:"type"`
	Name string `json:"name,omitempty"`
}

// Types of authors, as in CONTRACT §2.
const (
	AuthorVisitor    = "contact"
	AuthorAgent      = "user"
	AuthorAutomation = "automation"
)

// Attachment is a file that the visitor may open; the URL is signed and needs nothing else.
type Attachment struct {
	Name string `json:"name"`
	MIME string `json:"mime_type"`
	Size int64  `json:"size"` // bytes
	URL  string `json:"url"`
}

// Typing says that an agent is writing just now.
type Typing struct{ Author Author }

type messageFrame struct {
	Type        string       `json:"type,omitempty"`
	ID          string       `json:"id"`
	ClientID    string       `json:"client_id,omitempty"`
	Text        string       `json:"text"`
	Author      Author       `json:"author"`
	At          string       `json:"at"`
	Attachments []Attachment `json:"attachments,omitempty"`
}

func (m Message) wire() any {
	f := m.item()
	f.Type = "message"
	return f
}

// item is the message as joined lists it. The client_id lets the visitor's own screen see which of its messages this is.
func (m Message) item() messageFrame {
	_, clientID, _ := strings.Cut(m.ProviderID, ":")
	if m.Author.Type != AuthorVisitor {
		clientID = ""
	}
	return messageFrame{ID: m.ID, ClientID: clientID, Text: m.Text, Author: m.Author, At: m.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Attachments: m.Attachments}
}

func (t Typing) wire() any {
	return struct {
		Type   string `json:"type"`
		Author Author `json:"author"`
	}{"typing", t.Author}
}

type joinedFrame struct {
	Type     string         `json:"type"`
	Visitor  string         `json:"visitor"`
	Messages []messageFrame `json:"messages"`
	Greeting string         `json:"greeting,omitempty"`
	Title    string         `json:"title,omitempty"`
	Color    string         `json:"color,omitempty"`
	Open     *bool          `json:"open,omitempty"`
}

type acceptedFrame struct {
	Type     string `json:"type"`
	ClientID string `json:"client_id"`
	ID       string `json:"id"`
}

type identifiedFrame struct {
	Type string `json:"type"`
	Name string `json:"name,omitempty"`
}

type plainFrame struct {
	Type string `json:"type"`
}

// errorFrame tells the visitor's program what was wrong. With RetryAfter (seconds) the same frame may be sent again then.
type errorFrame struct {
	Type       string  `json:"type"`
	ClientID   string  `json:"client_id,omitempty"`
	Code       string  `json:"code"`
	Message    string  `json:"message"`
	RetryAfter float64 `json:"retry_after,omitempty"`
}

func parseFrame(b []byte) (f incoming, complaint *errorFrame) {
	if err := json.Unmarshal(b, &f); err != nil {
		return f, &errorFrame{ClientID: cut(f.ClientID, maxClientID), Code: "malformed", Message: "a frame is one JSON object with fields of the right types"}
	}
	if f.Type == "" {
		return f, &errorFrame{Code: "malformed", Message: "a frame has a type"}
	}
	return f, nil
}

// checkMessage is what is wrong with a message frame, nil when nothing is.
func checkMessage(f incoming) *errorFrame {
	bad := func(code, message string) *errorFrame {
		return &errorFrame{ClientID: cut(f.ClientID, maxClientID), Code: code, Message: message}
	}
	switch {
	case f.ClientID == "" || utf8.RuneCountInString(f.ClientID) > maxClientID || strings.ContainsFunc(f.ClientID, unicode.IsControl):
		return bad("bad_client_id", "client_id is needed, of at most 100 characters")
	case clean(f.Text) == "":
		return bad("empty", "there is nothing to send")
	case utf8.RuneCountInString(f.Text) > maxText:
		return bad("too_long", "a message has at most 10,000 characters")
	}
	return nil
}

// clean takes out what no person types and no database keeps, and the space around.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s))
}

// cut is s shortened to n characters.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
