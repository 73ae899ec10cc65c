// Package connectors is the port between Parley and the providers that carry people's words: mailboxes, SMS and
// telephone providers, bots, the website's chat and forms. This file holds the port's words and knows the standard library only.
//
// A channel (connected mailbox, number, bot …) is run by one Connector, made by the Factory of its type. What a
// provider brings becomes an Inbound and goes into a Sink; what an agent answers comes as an Outbound.
package connectors

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The types of channels, as the API names them.
const (
	Email     = "email"
	SMS       = "sms"
	Telegram  = "telegram"
	Webchat   = "webchat"
	Telephony = "telephony"
	Form      = "form"
)

// Connector is one live channel: a mailbox, a bot, a phone line.
type Connector interface {
	// Run receives until ctx ends. It acknowledges to its provider only after sink.Accept returned nil; after an error it
	// leaves the item where it can be had again. A connector that only takes webhooks waits for ctx. Run returns nil when
	// ctx ended; any other error makes the supervisor start it again after a pause, Unauthorized stops the channel until
	// somebody mends its credentials.
	Run(ctx context.Context, sink Sink) error
	// Send hands one message over and returns the provider's id for it. The error says what is known: Retry (the provider
	// surely did not get it), Permanent (it refuses for good); any other error means that it may have got it.
	Send(ctx context.Context, out Outbound) (Receipt, error)
}

// Sink takes what one channel received. It is safe for concurrent use.
type Sink interface {
	// Accept returns nil when the item is stored with everything it causes, or was already. It moves in.Cursor in the same
	// transaction. After an error nothing was stored.
	Accept(ctx context.Context, in Inbound) (Accepted, error)
	// Delivered notes what became of an outbound message. A delivery for a message that is not known (yet) is no error.
	Delivered(ctx context.Context, d Delivery) error
	// Cursor is the value last stored under name, or "" when there is none.
	Cursor(ctx context.Context, name string) (string, error)
	// Advance moves a cursor over something that is not an item (a gap, a vanished mail).
	Advance(ctx context.Context, c Cursor) error
	// Known tells whether the channel has an item whose raw bytes have this SHA-256 (Inbound.Raw), whatever its key.
	Known(ctx context.Context, sha256 [32]byte) (bool, error)
	// Seen tells what became of the items with these keys, in their order; Absent for one that the channel does not have.
	Seen(ctx context.Context, keys []string) ([]Standing, error)
	// Report tells the channel's health in words for the admin. The same report twice costs nothing.
	Report(ctx context.Context, h Health)
}

// Accepted is what became of an item.
type Accepted struct {
	MessageID      string // "" when the item made no message (a call event, a rejected or quarantined item)
	ConversationID string
	ContactID      string
	Duplicate      bool // it had been stored before; the ids are those of then
}

// Standing is what became of an item.
type Standing string

const (
	Absent      Standing = ""
	Here        Standing = "here"
	Quarantined Standing = "quarantined"
)

// Cursor is a durable position in a provider's stream, moved in the transaction that stores the item it belongs to.
type Cursor struct{ Name, Value string }

// Health is a channel's state as its admin sees it.
type Health struct {
	State  string // StateConnected, StateConnecting, StateError, StateUnauthorized
	Detail string // in plain words, with the provider's own; never a credential
}

// The states of a channel.
const (
	StateConnecting   = "connecting"
	StateConnected    = "connected"
	StateError        = "error"        // will be tried again
	StateUnauthorized = "unauthorized" // stopped until somebody mends the credentials
	StateDisabled     = "disabled"
)

// Trust says how much an identity can be relied on, weakest first.
type Trust string

const (
	TrustAsserted  Trust = "asserted"  // the sender says so (a form field, a From line)
	TrustChannel   Trust = "channel"   // the provider vouches for it (SMS sender, caller, Telegram id, visitor token)
	TrustDomain    Trust = "domain"    // aligned DMARC pass from a receiver that we trust
	TrustConfirmed Trust = "confirmed" // signed by the customer's own backend, or a code went there and back
)

// Kinds of identities.
const (
	KindEmail    = "email"
	KindPhone    = "phone"
	KindTelegram = "telegram" // user id, decimal
	KindWebchat  = "webchat"  // visitor id
	KindExternal = "external" // anything else a provider names a person by (short code, alphanumeric sender)
)

// Claim is one identity of a sender as the provider gave it; crm normalises it. A value that does not normalise is
// kept on the item and never becomes an identity.
type Claim struct {
	Kind, Value string
	Trust       Trust
}

// Sender is who an item comes from.
type Sender struct {
	Name   string            // as given, "" when unknown
	Claims []Claim           // strongest or most telling first; may be empty (hidden number)
	Locale string            // BCP 47, "" when unknown
	Fields map[string]string // what else the channel knows: username, city, company …
}

// Thread helps to find the conversation.
type Thread struct {
	// Key names the provider's own thread ("chat 5123", "+4479… with +1202…", a visitor's id); one conversation per key
	// and channel. "" when the provider has none (email).
	Key string
	// ReplyToken is our own token found in a recipient's address (email), "" otherwise.
	ReplyToken string
	// ReplyTo holds the provider ids of the messages it answers, nearest first (In-Reply-To, then References from right to left;
	// a Telegram reply). Never contains "".
	ReplyTo []string
}

// Inbound is the envelope: one item as it came in.
type Inbound struct {
	// Key is the item's key, unique in its channel and never empty; the same item delivered again has the same Key.
	Key string
	// Raw is what came over the wire, kept in the journal (a large one goes to the blob store). RawType is its MIME type.
	Raw     []byte
	RawType string
	At      time.Time // the provider's time; zero: now
	Cursor  *Cursor   // moved with the item

	Sender  Sender
	Thread  Thread
	Kind    string // of the message: KindText, KindMail, KindForm, "sticker", "location" …; "" is text
	Subject string
	Text    string // plain text as the person wrote it
	// Visible is Text without quotes and signature, "" when that is the same. HTML marks them with data-parley-fold (email.FoldAttr).
	Visible string
	HTML    string // unsanitised, "" when there is none
	Parts   []Attachment

	ProviderID string            // the provider's id of the message, "" when it has none
	Recipients []string          // addresses it was sent to (To and Cc of a mail), for reply all
	Headers    map[string]string // a few that matter to people: "To", "Cc", "Date"
	Auto       Auto              // not written by a person
	Source     Source            // where the person came from (form, chat)

	Call      *CallEvent // set for telephony; Text etc. are empty then
	Edit      *Edit      // set when it changes an earlier message; Text holds the new text
	Outgoing  bool       // one of us wrote it elsewhere (Sent folder): shown as outbound, matched by recipients
	Muted     bool       // old mail being filled in: no automation, no notification
	Recovered bool       // found by asking the provider after an outage
	Repeat    bool       // its bytes are stored under another key (Sink.Known): only this key is noted, Raw may be nil

	Ignore     string // understood, and nothing for the inbox (a channel post, a reaction): journalled as processed, with this reason
	Quarantine string // not understood: why. Stored raw and shown to admins, can be replayed
	Reject     string // understood and refused (honeypot): why. Stored as rejected, no conversation
}

// Kinds of messages that are more than text.
const (
	KindText = "text"
	KindMail = "email"
	KindForm = "form"
	KindCall = "call"
)

// Attachment is one part of an item: its bytes, or a reference under which the connector can fetch them later.
type Attachment struct {
	Name     string // as the sender named it, "" when unnamed
	MIME     string
	Size     int64 // bytes; 0 when unknown
	Data     []byte
	FetchRef string // for MediaFetcher.Fetch, when Data is nil
	CID      string // Content-ID without brackets, of an inline picture
	Inline   bool
	Problem  string // why there are no bytes and never will be ("over Telegram's 20 MB limit"), shown to the agent
}

// Auto is the class of an item that no person wrote.
type Auto string

const (
	AutoNone      Auto = ""
	AutoReply     Auto = "auto_reply" // out of office and the like
	AutoBounce    Auto = "bounce"     // delivery status; Delivered is called as well
	AutoBulk      Auto = "bulk"       // lists, newsletters
	AutoReceipt   Auto = "receipt"    // read receipt
	AutoComplaint Auto = "complaint"  // feedback report
	AutoLoop      Auto = "loop"       // our own words coming back
)

// Source tells where a person came from.
type Source struct {
	URL, Referrer string
	UTM           map[string]string // utm_source → "source": keys without the prefix
}

// Edit names the message that an item changes.
type Edit struct {
	ProviderID string
	Deleted    bool
}

// CallEvent is one step of a telephone call.
type CallEvent struct {
	CallID    string // the provider's, unique in the channel
	Type      string // CallRinging, CallAnswered, CallEnded, CallRecording
	Direction string // "inbound" or "outbound"
	From, To  string // as the provider gives them; "" or "anonymous" when hidden
	Extension string // of the agent, when known
	At        time.Time
	// Answered tells whether an agent's leg was answered; nil when the event does not say. False on CallRinging means that
	// the provider will tell of an answer by itself: until then seconds of talk (with a menu, a greeting) prove nothing.
	Answered     *bool
	TalkSeconds  *int
	HangupCause  string
	RecordingRef string // for MediaFetcher.Fetch
	RecordingKey string // the provider's id of the recording, "" when it has none
}

// Types of call events.
const (
	CallRinging   = "ringing"
	CallAnswered  = "answered"
	CallEnded     = "ended"
	CallRecording = "recording"
)

// Outbound is one message to hand over.
type Outbound struct {
	MessageID      string // ours; goes into callback URLs and headers
	ConversationID string
	Attempt        int    // 1 the first time
	To             string // the recipient's identity on this channel: address, E.164, chat id, visitor id
	ToName         string
	Cc, Bcc        []string
	ThreadKey      string // Thread.Key of the conversation
	ReplyToken     string // to put into the Reply-To address (email)
	Subject        string
	Text           string   // always set
	HTML           string   // "" for plain text
	ReplyTo        string   // provider id of the message it answers, "" when none
	References     []string // provider ids of the thread, oldest first, at most 20
	AuthorName     string
	// ProviderID is the name that we gave it once, when it was written (Message-ID without brackets); every attempt uses it.
	ProviderID string
	Parts      []OutAttachment
	CreatedAt  time.Time
}

// OutAttachment is a file to send.
type OutAttachment struct {
	Name, MIME string
	Size       int64
	Open       func(ctx context.Context) (io.ReadCloser, error)
	URL        func(ttl time.Duration) string // a signed link under the public URL, for providers that fetch by themselves
	CID        string                         // Content-ID without brackets, of a picture that the HTML shows as cid:…; "" for a file
}

// Receipt is the provider's word that it took a message.
type Receipt struct {
	ProviderID string
	Delivered  bool // it is already with the recipient
}

// Delivery is later news about an outbound message, found by MessageID (ours) or else ProviderID.
type Delivery struct {
	MessageID, ProviderID string
	State                 string // DeliverySent, DeliveryDelivered, DeliveryRead, DeliveryFailed, DeliveryDelayed
	Reason                string // in words, for DeliveryFailed and DeliveryDelayed
	At                    time.Time
	// Found says that a trace of the message was come upon (a copy in the Sent folder). It settles a message whose outcome is open and says
	// nothing of one that has failed since.
	Found bool
}

// States of a delivery, in order; failed is terminal unless it was delivered.
const (
	DeliverySent      = "sent"
	DeliveryDelivered = "delivered"
	DeliveryRead      = "read"
	DeliveryFailed    = "failed"
	DeliveryDelayed   = "delayed" // still on its way: only noted
)

// Channel is what a factory gets to know.
type Channel struct {
	ID, Type, Name string
	Config         json.RawMessage // as the API takes it (CONTRACT §3), secrets in clear
	CreatedAt      time.Time
	Region         string // default_region, ISO 3166, "" when unset
	HookURL        string // public URL of its webhooks, without a trailing slash: server.public_url/hooks/TYPE/ID
	Secret         []byte // 32 bytes of its own, derived from the installation's key; for tokens and tags
}

// Host is what a connector may use of the house. Every outgoing connection goes through it.
type Host struct {
	HTTP *http.Client // guarded dialer; does not follow redirects; no overall timeout: use contexts
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	Now  func() time.Time
	Log  *slog.Logger
	// Keep replaces a write-only field of a channel's config that its provider has changed by itself (a rotated refresh token). The
	// connector goes on running. nil where nothing can be kept.
	Keep func(ctx context.Context, channelID, path, value string) error
	// Receiver is the built-in mail receiver, nil when it is switched off; the email connector claims its address there.
	Receiver MailReceiver
}

// MailReceiver is the built-in SMTP/LMTP receiver, shared by the email channels.
type MailReceiver interface {
	// Claim routes mail for address (and its plus addresses) to take until release is called. take returns nil once the mail is stored.
	Claim(address string, take func(ctx context.Context, from string, to []string, raw []byte) error) (release func())
}

// Factory makes connectors of one type.
type Factory struct {
	Type string
	// Check validates a config; an empty result means it is good. It dials nobody.
	Check func(config json.RawMessage) []FieldError
	// Secrets are the dotted paths of the config's write-only fields ("imap.password").
	Secrets []string
	New     func(ch Channel, host Host) (Connector, error)
}

// FieldError is a complaint about one field of a config.
type FieldError struct{ Field, Code, Message string }

// WebhookReceiver is a connector whose provider calls in.
type WebhookReceiver interface {
	Connector
	// Webhook takes one request. It answers success only after sink took the items: 403 for a bad proof, 400 for a body that is
	// not of its content type, 2xx with Quarantine for a proven body that it does not understand, 503 when sink failed.
	Webhook(ctx context.Context, req WebhookRequest, sink Sink) WebhookAnswer
}

// WebhookRequest is a provider's call.
type WebhookRequest struct {
	Method   string
	Path     string // below the channel's hook URL: "" or "/status"
	URL      string // the public URL that was called, with its query as sent; signatures are over this
	Query    url.Values
	Header   http.Header
	Body     []byte // at most 1 MiB (forms: 25 MiB)
	RemoteIP string
}

// WebhookAnswer is what the provider hears.
type WebhookAnswer struct {
	Status int
	Type   string // Content-Type; "" for none
	Body   []byte
	Header map[string]string
}

// MediaFetcher is a connector that gets what an item only pointed at (Attachment.FetchRef, CallEvent.RecordingRef).
type MediaFetcher interface {
	// Fetch opens it; the caller closes. Errors as for Send: Permanent means that it will never be there.
	Fetch(ctx context.Context, ref string) (Media, error)
}

// Media is an open file of a provider.
type Media struct {
	Body io.ReadCloser
	Name string // "" when unknown
	MIME string
	Size int64 // -1 when unknown
}

// Finder is a connector that can ask its provider whether it took a message whose outcome is unknown.
type Finder interface {
	// Find returns found=false when the provider surely does not have it, and an error when it cannot say.
	Find(ctx context.Context, out Outbound) (r Receipt, found bool, err error)
}

// Tester is a connector that can try its credentials. The error is shown to the admin.
type Tester interface {
	Test(ctx context.Context) error
}

// Typer is a connector that can show that somebody is writing.
type Typer interface {
	Typing(ctx context.Context, threadKey string) error
}

// Namer is a connector whose messages carry a name that we choose (a mail's Message-ID). It is made once, when the message is written,
// kept as its provider id and given to every attempt as Outbound.ProviderID.
type Namer interface {
	// NameMessage is pure: the same arguments give the same name.
	NameMessage(conversationID, messageID string) string
}

// Replayer is a connector that can read an item of the journal again, as its provider sent it: after a quarantined one was mended.
type Replayer interface {
	// Replay is pure. The key of what it returns is ignored: the item keeps its own.
	Replay(raw []byte, rawType, key string) (Inbound, error)
}

// Reconciliation compares one box of a provider with what is stored of it.
type Reconciliation struct {
	Box         string    `json:"box"`
	Provider    int64     `json:"provider"` // items there, as far back as the channel goes
	Here        int64     `json:"here"`
	Quarantined int64     `json:"quarantined"`
	Missing     int64     `json:"missing"` // there, not here, and not to be had
	Fetched     int64     `json:"fetched"` // of those here: were missing until now
	At          time.Time `json:"at"`
}

// String is the comparison in words: "12,431 on the server, 12,429 here, 2 in quarantine, 0 missing".
func (r Reconciliation) String() string {
	words := thousands(r.Provider) + " on the server, " + thousands(r.Here) + " here, " + thousands(r.Quarantined) + " in quarantine, " + thousands(r.Missing) + " missing"
	if r.Fetched > 0 {
		words += " (" + thousands(r.Fetched) + " fetched just now)"
	}
	return words
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Reconciler is a connector that can compare what its provider has with what is stored here, and fetch what is missing.
type Reconciler interface {
	Reconcile(ctx context.Context, sink Sink) ([]Reconciliation, error)
}

// Authorizer is a connector whose provider asks the account's owner in a browser (OAuth 2.0 code flow with PKCE, RFC 7636).
type Authorizer interface {
	// AuthorizeURL is where the browser goes. challenge is the S256 code challenge.
	AuthorizeURL(redirect, state, challenge string) (string, error)
	// Exchange gives the code back that the browser brought to redirect, and returns the merge patch of the config that keeps what was
	// granted. Errors carry the provider's words.
	Exchange(ctx context.Context, redirect, code, verifier string) (patch map[string]any, err error)
}

// Provenance is what the built-in receiver knows of a mail's way beside its envelope; a claim's take finds it in its context.
type Provenance struct {
	// Results are those of our own checks, as an Authentication-Results field has them behind the server's name (RFC 8601);
	// "" when nothing was checked.
	Results string
	// Local is true when a mail server beside us handed the mail over (LMTP): what it wrote into the mail may be believed.
	Local bool
}

type provenanceKey struct{}

// WithProvenance is ctx with h.
func WithProvenance(ctx context.Context, h Provenance) context.Context {
	return context.WithValue(ctx, provenanceKey{}, h)
}

// ProvenanceOf is what WithProvenance put in, or nothing.
func ProvenanceOf(ctx context.Context) Provenance {
	h, _ := ctx.Value(provenanceKey{}).(Provenance)
	return h
}
