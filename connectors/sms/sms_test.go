package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest"
	"parley/connectors/connectortest/faketwilio"
)

const customer = "+14155550123"

// account is Twilio as a provider for the exercise.
type account struct {
	*faketwilio.Server
	forms map[int]url.Values
	acked map[int]bool
}

func newAccount() (*account, error) {
	s, err := faketwilio.Start()
	return &account{s, map[int]url.Values{}, map[int]bool{}}, err
}

func (a *account) Config() any { return a.Server.Config() }

func (a *account) Deliver(hookURL string, n int) error {
	if a.forms[n] == nil {
		a.forms[n] = a.Inbound(customer, "hello", nil)
	}
	status, body, err := a.Post(context.Background(), hookURL, a.forms[n])
	if err != nil {
		return err
	}
	a.acked[n] = status/100 == 2
	if a.acked[n] && body != "<Response/>" {
		return errors.New("this is no TwiML: " + body)
	}
	return nil
}

func (a *account) Acknowledged(n int) bool { return a.acked[n] }

var hello = connectors.Outbound{
	MessageID: "0192-mid", To: customer, ThreadKey: customer + "|+14155550100", Text: "hello back",
	CreatedAt: time.Date(2026, 1, 6, 12, 0, 0, 0, time.UTC),
}

func TestTwilioKeepsThePromises(t *testing.T) {
	given := func(f faketwilio.Fault) func(*account) { return func(a *account) { a.Next(f) } }
	empty := hello
	empty.Text = ""
	connectortest.Exercise(t, connectortest.Channel[*account]{
		Factory: Factory(), New: newAccount,
		Sends: []connectortest.Send[*account]{
			{Name: "Taken", Out: hello, Want: connectortest.Taken},
			{Name: "TooFast", Given: given(faketwilio.Limited), Out: hello, Want: connectortest.Retry, After: 2 * time.Second},
			{Name: "Overloaded", Given: given(faketwilio.Overloaded), Out: hello, Want: connectortest.Retry, After: 4 * time.Second},
			{Name: "NoSuchNumber", Given: given(faketwilio.NoSuchNumber), Out: hello, Want: connectortest.Permanent},
			{Name: "Unsubscribed", Given: given(faketwilio.Unsubscribed), Out: hello, Want: connectortest.Permanent},
			{Name: "Empty", Out: empty, Want: connectortest.Permanent},
			{Name: "RefusedByAProxy", Given: given(faketwilio.Fault{Status: 413, Garbage: true}), Out: hello, Want: connectortest.Permanent},
			{Name: "Forbidden", Given: given(faketwilio.Forbidden), Out: hello, Want: connectortest.Unauthorized},
			{Name: "WrongToken", Given: func(a *account) { a.RefuseCredentials() }, Out: hello, Want: connectortest.Unauthorized},
			{Name: "Unavailable", Given: given(faketwilio.Unavailable), Out: hello, Want: connectortest.Unknown},
			{Name: "Broken", Given: given(faketwilio.Broken), Out: hello, Want: connectortest.Unknown},
			{Name: "BrokenButTaken", Given: given(faketwilio.BrokenButTaken), Out: hello, Want: connectortest.Unknown},
			{Name: "CutBefore", Given: given(faketwilio.CutBefore), Out: hello, Want: connectortest.Unknown},
			{Name: "CutAfter", Given: given(faketwilio.CutAfter), Out: hello, Want: connectortest.Unknown},
			{Name: "Stalled", Given: given(faketwilio.StalledTaken), Out: hello, Want: connectortest.Unknown},
			{Name: "Garbage", Given: given(faketwilio.GarbageTaken), Out: hello, Want: connectortest.Unknown},
		},
	})
}

// bench is one connector against the fake; its hook URL leads nowhere.
type bench struct {
	*twilio
	api  *faketwilio.Server
	host *connectortest.Host
	sink *connectortest.Sink
}

func newBench(t *testing.T, more map[string]string) *bench {
	t.Helper()
	api, err := faketwilio.Start()
	if err != nil {
		t.Fatal(err)
	}
	host := connectortest.NewHost()
	t.Cleanup(func() { api.Close(); host.Close() })
	config := api.Config()
	for k, v := range more {
		config[k] = v
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Factory().New(connectors.Channel{ID: "ch1", Type: connectors.SMS, Config: raw, HookURL: "https://hub.test/hooks/sms/ch1"}, host.Host)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{c.(*twilio), api, host, connectortest.NewSink()}
}

// post calls the webhook as Twilio would call publicURL.
func (b *bench) post(t *testing.T, publicURL string, form url.Values) connectors.WebhookAnswer {
	t.Helper()
	return b.call(t, publicURL, "application/x-www-form-urlencoded", form.Encode(), b.api.Sign(publicURL, form))
}

func (b *bench) call(t *testing.T, publicURL, contentType, body, signature string) connectors.WebhookAnswer {
	t.Helper()
	u, err := url.Parse(publicURL)
	if err != nil {
		t.Fatal(err)
	}
	return b.Webhook(t.Context(), connectors.WebhookRequest{
		Method: http.MethodPost, Path: strings.TrimPrefix(u.Path, "/hooks/sms/ch1"), URL: publicURL, Query: u.Query(),
		Header: http.Header{"Content-Type": {contentType}, "X-Twilio-Signature": {signature}}, Body: []byte(body),
	}, b.sink)
}

const hook = "https://hub.test/hooks/sms/ch1"

func TestWebhookAnswers(t *testing.T) {
	type call func(*testing.T, *bench) connectors.WebhookAnswer
	posted := func(more url.Values) call {
		return func(t *testing.T, b *bench) connectors.WebhookAnswer {
			return b.post(t, hook, b.api.Inbound(customer, "hi", more))
		}
	}
	cases := []struct {
		name         string
		call         call
		fail         connectortest.Op
		want, stored int
	}{
		{"a signed message is stored", posted(nil), "", 200, 1},
		{"what could not be stored is not acknowledged", posted(nil), connectortest.OpAccept, 503, 0},
		{"a field given twice is signed twice", posted(url.Values{"Tag": {"b", "a"}}), "", 200, 1},
		{"the default port may be part of what was signed", func(t *testing.T, b *bench) connectors.WebhookAnswer {
			f := b.api.Inbound(customer, "hi", nil)
			return b.call(t, hook, "application/x-www-form-urlencoded", f.Encode(), b.api.Sign("https://hub.test:443/hooks/sms/ch1", f))
		}, "", 200, 1},
		{"a changed word breaks the signature", func(t *testing.T, b *bench) connectors.WebhookAnswer {
			f := b.api.Inbound(customer, "hi", nil)
			signature := b.api.Sign(hook, f)
			f.Set("Body", "send money")
			return b.call(t, hook, "application/x-www-form-urlencoded", f.Encode(), signature)
		}, "", 403, 0},
		{"another address breaks the signature", func(t *testing.T, b *bench) connectors.WebhookAnswer {
			f := b.api.Inbound(customer, "hi", nil)
			return b.call(t, hook, "application/x-www-form-urlencoded", f.Encode(), b.api.Sign("http://hub.test/hooks/sms/ch1", f))
		}, "", 403, 0},
		{"no signature is refused", func(t *testing.T, b *bench) connectors.WebhookAnswer {
			return b.call(t, hook, "application/x-www-form-urlencoded", b.api.Inbound(customer, "hi", nil).Encode(), "")
		}, "", 403, 0},
		{"another account is refused", posted(url.Values{"AccountSid": {"AC00000000000000000000000000000000"}}), "", 403, 0},
		{"what is no form is malformed", func(t *testing.T, b *bench) connectors.WebhookAnswer {
			return b.call(t, hook, "application/json", `{"a": 1}`, "x")
		}, "", 400, 0},
		{"a broken form is malformed", func(t *testing.T, b *bench) connectors.WebhookAnswer {
			return b.call(t, hook, "application/x-www-form-urlencoded", "a=%zz", "x")
		}, "", 400, 0},
		{"a call on the wrong address is kept", func(t *testing.T, b *bench) connectors.WebhookAnswer {
			return b.post(t, hook, url.Values{"AccountSid": {b.api.AccountSID}, "CallSid": {"CA1"}, "From": {customer}})
		}, "", 200, 1},
		{"an unknown state is kept", func(t *testing.T, b *bench) connectors.WebhookAnswer {
			return b.post(t, hook+"/status", url.Values{"AccountSid": {b.api.AccountSID}, "MessageSid": {"SM1"}, "MessageStatus": {"teleported"}})
		}, "", 200, 1},
		{"an unknown path is not found", func(t *testing.T, b *bench) connectors.WebhookAnswer {
			return b.post(t, hook+"/voice", b.api.Inbound(customer, "hi", nil))
		}, "", 404, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			if c.fail != "" {
				b.sink.Fail(c.fail, connectortest.Always)
			}
			if a := c.call(t, b); a.Status != c.want || len(b.sink.Items()) != c.stored {
				t.Errorf("answered %d, %d stored; want %d, %d", a.Status, len(b.sink.Items()), c.want, c.stored)
			}
		})
	}
}

// A validator with an empty token takes any signature made with an empty token: nobody is let in then.
func TestWithoutATokenNobodyIsBelieved(t *testing.T) {
	b := newBench(t, nil)
	b.config.AuthToken, b.api.AuthToken = "", ""
	if a := b.post(t, hook, b.api.Inbound(customer, "hi", nil)); a.Status != http.StatusForbidden {
		t.Errorf("answered %d", a.Status)
	}
}

func TestStatusesFindTheirMessage(t *testing.T) {
	cases := []struct {
		status, code, state, reason string
	}{
		{"queued", "", connectors.DeliverySent, ""},
		{"sent", "", connectors.DeliverySent, ""},
		{"delivered", "", connectors.DeliveryDelivered, ""},
		{"read", "", connectors.DeliveryRead, ""},
		{"undelivered", "30003", connectors.DeliveryFailed, "cannot be reached"},
		{"failed", "39999", connectors.DeliveryFailed, "Twilio 39999"},
		{"failed", "", connectors.DeliveryFailed, "no reason"},
	}
	for _, c := range cases {
		t.Run(c.status+c.code, func(t *testing.T) {
			b := newBench(t, nil)
			form := url.Values{"AccountSid": {b.api.AccountSID}, "MessageSid": {"SM1"}, "MessageStatus": {c.status}, "ErrorCode": {c.code}}
			if a := b.post(t, hook+"/status?mid=m%2F1", form); a.Status != 200 {
				t.Fatalf("answered %d", a.Status)
			}
			d := b.sink.Deliveries()
			if len(d) != 1 || d[0].MessageID != "m/1" || d[0].ProviderID != "SM1" || d[0].State != c.state || !strings.Contains(d[0].Reason, c.reason) {
				t.Errorf("delivery %+v", d)
			}
		})
	}
}

func TestAStatusThatCouldNotBeNotedIsAskedForAgain(t *testing.T) {
	b := newBench(t, nil)
	b.sink.Fail(connectortest.OpDelivered, 1)
	form := url.Values{"AccountSid": {b.api.AccountSID}, "MessageSid": {"SM1"}, "MessageStatus": {"sent"}}
	if a := b.post(t, hook+"/status?mid=1", form); a.Status != http.StatusServiceUnavailable {
		t.Errorf("answered %d", a.Status)
	}
}

// The message was taken and the answer lost: the callback, on the address that carries our id, proves it.
func TestACallbackProvesWhatTheAnswerDidNot(t *testing.T) {
	b := newBench(t, nil)
	b.api.Next(faketwilio.CutAfter)
	if _, err := b.Send(t.Context(), hello); connectortest.OutcomeOf(err) != connectortest.Unknown {
		t.Fatalf("Send: %v", err)
	}
	callback := b.api.Taken()[0].Form.Get("StatusCallback")
	b.post(t, callback, url.Values{"AccountSid": {b.api.AccountSID}, "MessageSid": {"SM1"}, "MessageStatus": {"sent"}})
	if d := b.sink.Deliveries(); len(d) != 1 || d[0].MessageID != hello.MessageID {
		t.Errorf("deliveries %+v", d)
	}
}

func TestAnAnswerGoesTheWayTheQuestionCame(t *testing.T) {
	service := map[string]string{"messaging_service_sid": "MG00000000000000000000000000000001"}
	cases := []struct {
		name                    string
		config                  map[string]string
		to, thread              string
		wantTo, wantFrom, wantM string
	}{
		{"a text", nil, customer, customer + "|+14155550100", customer, "+14155550100", ""},
		{"a first text", nil, customer, "", customer, "+14155550100", ""},
		{"a messaging service", service, customer, customer + "|MG1", customer, "", service["messaging_service_sid"]},
		{"WhatsApp", nil, "+4915155501234", "whatsapp:+4915155501234|whatsapp:+1999", "whatsapp:+4915155501234", "whatsapp:+1999", ""},
		{"a short code", nil, "sms:72975", "72975|+14155550100", "72975", "+14155550100", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, c.config)
			if _, err := b.Send(t.Context(), connectors.Outbound{MessageID: "m", To: c.to, ThreadKey: c.thread, Text: "x"}); err != nil {
				t.Fatal(err)
			}
			f := b.api.Taken()[0].Form
			if f.Get("To") != c.wantTo || f.Get("From") != c.wantFrom || f.Get("MessagingServiceSid") != c.wantM {
				t.Errorf("sent with %v", f)
			}
		})
	}
}

func link(address string) func(time.Duration) string {
	return func(time.Duration) string { return address }
}

func TestFilesGoAsLinks(t *testing.T) {
	b := newBench(t, nil)
	parts := []connectors.OutAttachment{{Name: "a", URL: link("https://hub.test/f/a")}, {Name: "b", URL: link("https://hub.test/f/b")}}
	if _, err := b.Send(t.Context(), connectors.Outbound{MessageID: "m", To: customer, Parts: parts}); err != nil {
		t.Fatal(err)
	}
	if got := b.api.Taken()[0].Form["MediaUrl"]; len(got) != 2 || got[1] != "https://hub.test/f/b" {
		t.Errorf("sent %v", got)
	}
}

func TestRefusalsGiveTwiliosReason(t *testing.T) {
	b := newBench(t, nil)
	b.api.Next(faketwilio.NoSuchNumber)
	_, err := b.Send(t.Context(), hello)
	if want := "The 'To' number is not a valid phone number. (Twilio 21211)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestFind(t *testing.T) {
	twin := func(b *bench) { _, _ = b.Send(context.Background(), hello) }
	cases := []struct {
		name  string
		given func(*bench)
		found bool
		fails bool
	}{
		{"what was taken is found", func(b *bench) { b.api.Next(faketwilio.CutAfter); twin(b) }, true, false},
		{"what was not taken is not", func(b *bench) { b.api.Next(faketwilio.CutBefore); twin(b) }, false, false},
		{"two with the same words are no proof", func(b *bench) { twin(b); twin(b) }, false, true},
		{"other words do not count", func(b *bench) {
			_, _ = b.Send(context.Background(), connectors.Outbound{To: customer, Text: "something else"})
		}, false, false},
		{"without the list nothing is said", func(b *bench) { twin(b); b.api.RefuseCredentials() }, false, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			c.given(b)
			out := hello
			out.CreatedAt = time.Now().Add(-2 * time.Second) // the fake's clock is the machine's
			r, found, err := b.Find(t.Context(), out)
			if found != c.found || (err != nil) != c.fails {
				t.Fatalf("found %v, %v", found, err)
			}
			if found && r.ProviderID != b.api.Taken()[0].SID {
				t.Errorf("found %+v", r)
			}
		})
	}
}

func TestFindDoesNotTakeAnEarlierMessageForIt(t *testing.T) {
	b := newBench(t, nil)
	if _, err := b.Send(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	out := hello
	out.CreatedAt = time.Now().Add(20 * time.Second)
	if _, found, err := b.Find(t.Context(), out); found || err == nil {
		t.Errorf("within the slack of the clocks: found %v, %v", found, err)
	}
	out.CreatedAt = time.Now().Add(2 * time.Hour)
	if _, found, err := b.Find(t.Context(), out); found || err != nil {
		t.Errorf("hours later: found %v, %v", found, err)
	}
}

func TestFetchShowsTheCredentialsToTwilioOnly(t *testing.T) {
	b := newBench(t, nil)
	want := []byte("jpeg bytes")
	m, err := b.Fetch(t.Context(), b.api.AddMedia("image/jpeg", want)) // leads to a store that refuses credentials
	if err != nil {
		t.Fatal(err)
	}
	defer m.Body.Close()
	if got, err := io.ReadAll(m.Body); err != nil || !bytes.Equal(got, want) || m.MIME != "image/jpeg" || m.Size != int64(len(want)) {
		t.Errorf("%q (%s, %d), %v", got, m.MIME, m.Size, err)
	}
	for _, foreign := range []string{"http://127.0.0.1:9/x", "https://api.twilio.com.evil.test/x", "https://user@api.twilio.com/x", "http://api.twilio.com/x", "file:///etc/passwd", "::"} {
		if _, err := b.Fetch(t.Context(), foreign); !connectors.IsPermanent(err) {
			t.Errorf("%s: %v", foreign, err)
		}
	}
	gone := b.api.URL + "/2010-04-01/Accounts/" + b.api.AccountSID + "/Messages/MM1/Media/ME1"
	if _, err := b.Fetch(t.Context(), gone); !connectors.IsPermanent(err) {
		t.Errorf("a file that is gone: %v", err)
	}
}

func TestWrongCredentialsStopTheChannel(t *testing.T) {
	b := newBench(t, nil)
	b.api.RefuseCredentials()
	if err := b.Run(t.Context(), b.sink); !connectors.IsUnauthorized(err) {
		t.Errorf("Run: %v", err)
	}
}

func TestCheck(t *testing.T) {
	cases := []struct{ config, field string }{
		{`{"provider": "twilio", "account_sid": "AC1", "auth_token": "t", "from": "+1"}`, ""},
		{`{"provider": "twilio", "account_sid": "AC1", "auth_token": "t", "messaging_service_sid": "MG1", "api_url": "http://127.0.0.1:1"}`, ""},
		{`{"provider": "pigeon"}`, "provider"},
		{`{"provider": "twilio", "account_sid": "SK1", "auth_token": "t", "from": "+1"}`, "account_sid"},
		{`{"provider": "twilio", "account_sid": "AC1", "auth_token": "", "from": "+1"}`, "auth_token"},
		{`{"provider": "twilio", "account_sid": "AC1", "auth_token": "a-b", "from": "+1"}`, "auth_token"},
		{`{"provider": "twilio", "account_sid": "AC1", "auth_token": "t"}`, "from"},
		{`{"provider": "twilio", "account_sid": "AC1", "auth_token": "t", "from": "+1", "api_url": "twilio"}`, "api_url"},
		{`"x"`, "config"},
	}
	for _, c := range cases {
		bad := check(json.RawMessage(c.config))
		if (len(bad) == 0) != (c.field == "") || (c.field != "" && bad[0].Field != c.field) {
			t.Errorf("%s: %v, want a complaint about %q", c.config, bad, c.field)
		}
	}
}
