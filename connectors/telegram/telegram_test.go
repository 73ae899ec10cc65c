package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest"
	"parley/connectors/connectortest/faketelegram"
)

const hookSecret = "a-Secret_of-the-webhook"

var ada = faketelegram.Person{ID: 5001, First: "Ada", Last: "Byron", Handle: "ada", Language: "en"}

// bot is the provider of one mode.
type bot struct {
	*faketelegram.Server
	mode    string
	updates map[int]faketelegram.Update
}

func newBot(mode string) (*bot, error) {
	s, err := faketelegram.Start()
	return &bot{s, mode, map[int]faketelegram.Update{}}, err
}

func (b *bot) Config() any {
	c := b.Server.Config(b.mode)
	c["webhook_secret"] = hookSecret
	return c
}

func (b *bot) Deliver(_ string, n int) error {
	u, made := b.updates[n]
	if !made {
		u = b.Message(ada, "hello", nil)
		b.updates[n] = u
	}
	b.Push(u)
	return nil
}

func (b *bot) Acknowledged(n int) bool { return b.Confirmed(b.updates[n].ID) }

func channel(mode string) connectortest.Channel[*bot] {
	hello := connectors.Outbound{MessageID: "m1", To: "5001", ThreadKey: "5001", Text: "hello back"}
	given := func(f faketelegram.Fault) func(*bot) { return func(b *bot) { b.Next(f) } }
	long, empty, badPlace := hello, hello, hello
	long.Text, empty.Text, badPlace.ThreadKey = strings.Repeat("я", 4097), " ", "@nobody"
	return connectortest.Channel[*bot]{
		Factory: Factory(),
		New:     func() (*bot, error) { return newBot(mode) },
		Sends: []connectortest.Send[*bot]{
			{Name: "Taken", Out: hello, Want: connectortest.Taken},
			{Name: "TooFast", Given: given(faketelegram.Limited), Out: hello, Want: connectortest.Retry, After: 3 * time.Second},
			{Name: "Blocked", Given: func(b *bot) { b.Block(5001) }, Out: hello, Want: connectortest.Permanent},
			{Name: "TooLong", Out: long, Want: connectortest.Permanent},
			{Name: "Empty", Out: empty, Want: connectortest.Permanent},
			{Name: "NoSuchPlace", Out: badPlace, Want: connectortest.Permanent},
			{Name: "TokenRevoked", Given: func(b *bot) { b.Revoke() }, Out: hello, Want: connectortest.Unauthorized},
			{Name: "Broken", Given: given(faketelegram.Broken), Out: hello, Want: connectortest.Unknown},
			{Name: "BrokenButTaken", Given: given(faketelegram.BrokenButTaken), Out: hello, Want: connectortest.Unknown},
			{Name: "CutBefore", Given: given(faketelegram.CutBefore), Out: hello, Want: connectortest.Unknown},
			{Name: "CutAfter", Given: given(faketelegram.CutAfter), Out: hello, Want: connectortest.Unknown},
			{Name: "Stalled", Given: given(faketelegram.StalledTaken), Out: hello, Want: connectortest.Unknown},
			{Name: "Garbage", Given: given(faketelegram.Fault{Status: 200, Garbage: true, Taken: true}), Out: hello, Want: connectortest.Unknown},
		},
	}
}

func TestPollingKeepsThePromises(t *testing.T) { connectortest.Exercise(t, channel(modePolling)) }
func TestWebhookKeepsThePromises(t *testing.T) { connectortest.Exercise(t, channel(modeWebhook)) }

// bench is one connector against the fake, without a supervisor.
type bench struct {
	*Connector
	api  *faketelegram.Server
	host *connectortest.Host
	sink *connectortest.Sink
}

func newBench(t *testing.T, mode string) *bench {
	t.Helper()
	b, err := newBot(mode)
	if err != nil {
		t.Fatal(err)
	}
	host := connectortest.NewHost()
	t.Cleanup(func() { b.Close(); host.Close() })
	config, err := json.Marshal(b.Config())
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(connectors.Channel{ID: "ch1", Type: connectors.Telegram, Config: config, HookURL: "http://127.0.0.1:9/hooks/telegram/ch1"}, host.Host)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{c, b.Server, host, connectortest.NewSink()}
}

func (b *bench) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx, b.sink) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestTheOffsetMovesWithTheItem(t *testing.T) {
	b := newBench(t, modePolling)
	u := b.api.Message(ada, "one", nil)
	b.api.Push(u)
	b.run(t)
	if err := b.sink.Await(5*time.Second, "the item", func(s *connectortest.Sink) bool { return len(s.Items()) == 1 }); err != nil {
		t.Fatal(err)
	}
	stored, err := b.sink.Cursor(t.Context(), offsetCursor)
	if err != nil || stored != "900000002" {
		t.Errorf("offset %q, %v; the update was %d", stored, err, u.ID)
	}
}

// A second reader of the same bot makes Telegram answer 409. The channel says so and goes on when the other is gone.
func TestAnotherReaderIsReportedAndWaitedOut(t *testing.T) {
	b := newBench(t, modePolling)
	b.conflictPause = 10 * time.Millisecond
	b.run(t)
	connected := func(s *connectortest.Sink) bool {
		r := s.Reports()
		return len(r) > 0 && r[len(r)-1].State == connectors.StateConnected
	}
	if err := b.sink.Await(5*time.Second, "connected", connected); err != nil {
		t.Fatal(err)
	}
	var conflicted bool
	for tries := 0; !conflicted && tries < 200; tries++ { // until its poll is the one that is waiting
		if _, err := b.Connector.api.call(t.Context(), "getUpdates", nil); err != nil {
			t.Fatal(err)
		}
		conflicted = b.sink.Await(20*time.Millisecond, "", func(s *connectortest.Sink) bool {
			for _, r := range s.Reports() {
				if r.State == connectors.StateError && strings.Contains(r.Detail, "another program") {
					return true
				}
			}
			return false
		}) == nil
	}
	if !conflicted {
		t.Fatalf("no word on the other reader: %v", b.sink.Reports())
	}
	b.api.Push(b.api.Message(ada, "still here?", nil))
	if err := b.sink.Await(5*time.Second, "the message after the conflict", func(s *connectortest.Sink) bool { return len(s.Items()) == 1 }); err != nil {
		t.Error(err)
	}
}

func TestARevokedTokenStopsTheChannel(t *testing.T) {
	b := newBench(t, modePolling)
	b.api.Revoke()
	if err := b.Run(t.Context(), b.sink); !connectors.IsUnauthorized(err) {
		t.Errorf("Run: %v", err)
	}
	if err := b.Test(t.Context()); !connectors.IsUnauthorized(err) {
		t.Errorf("Test: %v", err)
	}
}

func TestWebhookAnswers(t *testing.T) {
	good := `{"update_id": 1, "message": {"message_id": 1, "from": {"id": 5}, "chat": {"id": 5, "type": "private"}, "text": "x"}}`
	cases := []struct {
		name, secret, body string
		fail               bool
		want, stored       int
	}{
		{"a proven update is stored", hookSecret, good, false, 200, 1},
		{"a wrong secret is refused", "guess", good, false, 403, 0},
		{"no secret is refused", "", good, false, 403, 0},
		{"what is no JSON object is malformed", hookSecret, "[]", false, 400, 0},
		{"an update of no known kind is taken", hookSecret, `{"update_id": 2, "quantum": {}}`, false, 200, 1},
		{"an update that is not understood is taken", hookSecret, `{"update_id": 3, "message": 5}`, false, 200, 1},
		{"what could not be stored is asked for again", hookSecret, good, true, 503, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, modeWebhook)
			if c.fail {
				b.sink.Fail(connectortest.OpAccept, connectortest.Always)
			}
			a := b.Webhook(t.Context(), connectors.WebhookRequest{
				Method: http.MethodPost, Body: []byte(c.body), Header: http.Header{"X-Telegram-Bot-Api-Secret-Token": {c.secret}},
			}, b.sink)
			if a.Status != c.want || len(b.sink.Items()) != c.stored {
				t.Errorf("answered %d, %d stored; want %d, %d", a.Status, len(b.sink.Items()), c.want, c.stored)
			}
		})
	}
}

func TestWithoutASecretOneIsMadeFromTheChannels(t *testing.T) {
	of := func(channel string) string {
		c, err := New(connectors.Channel{Config: []byte(`{"token": "1:a"}`), Secret: []byte(channel)}, connectortest.NewHost().Host)
		if err != nil {
			t.Fatal(err)
		}
		return c.secret
	}
	if of("one") == of("two") || !secretForm.MatchString(of("one")) {
		t.Errorf("secrets %q and %q", of("one"), of("two"))
	}
}

func TestAnAnswerGoesWhereTheQuestionCameFrom(t *testing.T) {
	b := newBench(t, modePolling)
	_, err := b.Send(t.Context(), connectors.Outbound{To: "5001", ThreadKey: "-100777:44@bc1", ReplyTo: "-100777@bc1/12", Text: "in the topic"})
	if err != nil {
		t.Fatal(err)
	}
	p := b.api.Taken()[0].Params
	if p.Get("chat_id") != "-100777" || p.Get("message_thread_id") != "44" || p.Get("business_connection_id") != "bc1" || !strings.Contains(p.Get("reply_parameters"), `"message_id":12,`) {
		t.Errorf("sent with %v", p)
	}
}

func TestFilesGoInOneCall(t *testing.T) {
	b := newBench(t, modePolling)
	part := func(name, mime string) connectors.OutAttachment {
		return connectors.OutAttachment{Name: name, MIME: mime, Size: 5, Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("bytes of " + name)), nil
		}}
	}
	pdf, jpg := part("offer.pdf", "application/pdf"), part("flat.jpg", "image/jpeg")
	cases := []struct {
		parts  []connectors.OutAttachment
		method string
		field  string
	}{
		{[]connectors.OutAttachment{pdf}, "sendDocument", "document"},
		{[]connectors.OutAttachment{jpg}, "sendPhoto", "photo"},
		{[]connectors.OutAttachment{jpg, pdf}, "sendMediaGroup", "file1"},
	}
	for i, c := range cases {
		r, err := b.Send(t.Context(), connectors.Outbound{To: "5001", Text: "have a look", Parts: c.parts})
		if err != nil || !strings.HasPrefix(r.ProviderID, "5001/") {
			t.Fatalf("%s: %+v, %v", c.method, r, err)
		}
		got := b.api.Taken()[i]
		last := c.parts[len(c.parts)-1].Name
		if got.Method != c.method || got.Files[c.field] != "bytes of "+last || !strings.Contains(got.Params.Get("caption")+got.Params.Get("media"), "have a look") {
			t.Errorf("%s: %+v", c.method, got)
		}
	}
	if n := len(b.api.Calls()); n != len(cases) {
		t.Errorf("%d calls for %d messages", n, len(cases))
	}
}

func TestAFileThatCannotBeReadIsNotHalfSent(t *testing.T) {
	b := newBench(t, modePolling)
	_, err := b.Send(t.Context(), connectors.Outbound{To: "5001", Text: "x", Parts: []connectors.OutAttachment{{
		Name: "gone.pdf", Open: func(context.Context) (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF },
	}}})
	if connectortest.OutcomeOf(err) != connectortest.Retry || len(b.api.Calls()) != 0 {
		t.Errorf("%v after %d calls", err, len(b.api.Calls()))
	}
}

func TestFetchBringsTheBytes(t *testing.T) {
	b := newBench(t, modePolling)
	want := bytes.Repeat([]byte("wort "), 1000)
	m, err := b.Fetch(t.Context(), b.api.AddFile("Договор №5 100%.pdf", want))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Body.Close()
	if got, err := io.ReadAll(m.Body); err != nil || !bytes.Equal(got, want) || m.Size != int64(len(want)) {
		t.Errorf("%d bytes (said %d), %v; want %d", len(got), m.Size, err, len(want))
	}
	if _, err := b.Fetch(t.Context(), "nonsense"); !connectors.IsPermanent(err) {
		t.Errorf("an unknown file: %v", err)
	}
}

func TestTypingIsShown(t *testing.T) {
	b := newBench(t, modePolling)
	if err := b.Typing(t.Context(), "5001"); err != nil {
		t.Fatal(err)
	}
	if c := b.api.Calls(); len(c) != 1 || c[0].Method != "sendChatAction" || c[0].Params.Get("action") != "typing" {
		t.Errorf("calls %+v", c)
	}
}

// The fourth message within a second to one chat waits its turn; after a 429 nobody is written to until it is over.
func TestThePaceIsKept(t *testing.T) {
	now := time.Date(2026, 1, 6, 12, 0, 0, 0, time.UTC)
	p := newPace(func() time.Time { return now })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for range chatBurst {
		if err := p.wait(ctx, "1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.wait(ctx, "2"); err != nil {
		t.Errorf("another chat waits as well: %v", err)
	}
	if _, retry := connectors.IsRetry(p.wait(ctx, "1")); !retry || ctx.Err() == nil {
		t.Error("the fourth message did not wait its turn")
	}
	p.hush(7 * time.Second)
	if after, _ := connectors.IsRetry(p.wait(t.Context(), "3")); after != 7*time.Second {
		t.Errorf("asks to wait %s", after)
	}
	now = now.Add(7 * time.Second)
	if err := p.wait(t.Context(), "3"); err != nil {
		t.Errorf("still quiet: %v", err)
	}
}

// Telegram's 429 is for the whole bot: until it is over nothing more is handed over, to anybody.
func TestAfterTooManyRequestsTheBotIsQuiet(t *testing.T) {
	b := newBench(t, modePolling)
	b.api.Next(faketelegram.Limited)
	hello := func(chat string) error {
		_, err := b.Send(t.Context(), connectors.Outbound{To: chat, Text: "hello"})
		return err
	}
	if after, _ := connectors.IsRetry(hello("1")); after != 3*time.Second {
		t.Fatalf("asks to wait %s", after)
	}
	b.host.Clock.Add(time.Second)
	if after, _ := connectors.IsRetry(hello("2")); after != 2*time.Second || len(b.api.Calls()) != 1 {
		t.Errorf("asks to wait %s after %d calls", after, len(b.api.Calls()))
	}
	b.host.Clock.Add(2 * time.Second)
	if err := hello("2"); err != nil {
		t.Errorf("still quiet: %v", err)
	}
}

func TestCheck(t *testing.T) {
	cases := []struct{ config, field string }{
		{`{"token": "123:abc-DEF_1", "mode": "polling"}`, ""},
		{`{"token": "123:abc", "api_url": "http://127.0.0.1:8081/tg"}`, ""},
		{`{}`, "token"},
		{`{"token": "no colon"}`, "token"},
		{`{"token": "123:abc/../getMe"}`, "token"},
		{`{"token": "123:abc", "mode": "both"}`, "mode"},
		{`{"token": "123:abc", "webhook_secret": "no spaces"}`, "webhook_secret"},
		{`{"token": "123:abc", "api_url": "ftp://x"}`, "api_url"},
		{`{"token": "123:abc", "api_url": "https://user:pass@x"}`, "api_url"},
		{`[]`, "config"},
	}
	for _, c := range cases {
		bad := check(json.RawMessage(c.config))
		if (len(bad) == 0) != (c.field == "") || (c.field != "" && bad[0].Field != c.field) {
			t.Errorf("%s: %v, want a complaint about %q", c.config, bad, c.field)
		}
	}
}
