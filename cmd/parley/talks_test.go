package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/smtp"
	"net/url"
	"strings"
	"time"

	"parley/connectors/connectortest/fakepbx"
	"parley/connectors/connectortest/faketelegram"
	"parley/connectors/connectortest/faketwilio"
	"parley/connectors/email/mailtest"
	"parley/inbox"
)

const mailText = "From: Vera Customer <vera@customer.example>\nTo: %s\nSubject: A lamp\nDate: %s\nMessage-ID: <%s@customer.example>\nContent-Type: text/plain; charset=utf-8\n\n%s\n"

func newMail(to, id, text string) string {
	return fmt.Sprintf(mailText, to, time.Now().Format(time.RFC1123Z), id, text)
}

// had gives what a provider's fake took within 30 s.
func had[T any](h *hub, what string, from <-chan T) (v T) {
	h.t.Helper()
	select {
	case v = <-from:
	case <-time.After(30 * time.Second):
		h.t.Fatalf("in 30 s the provider did not get %s", what)
	}
	return v
}

func talkByMail(h *hub, screen *watcher) {
	box, err := mailtest.NewMailbox("help@hub.test")
	if err != nil {
		h.t.Fatal(err)
	}
	defer box.Close()
	sink, err := mailtest.NewSink()
	if err != nil {
		h.t.Fatal(err)
	}
	defer sink.Close()
	h.connect("email", object{"address": box.Address, "imap": box.Config(), "smtp": sink.Config()})
	if _, err := box.Deliver(newMail(box.Address, "first", "Is the lamp in stock?")); err != nil {
		h.t.Fatal(err)
	}
	in := screen.inbound("Is the lamp in stock?")
	c := h.knows(in.ConversationID, "email", "vera@customer.example")
	if c.Subject != "A lamp" || c.UnreadCount != 1 {
		h.t.Errorf("the conversation has the subject %q and %d unread", c.Subject, c.UnreadCount)
	}
	screen.becomes(h.answer(c.ID, "It is, come by.").ID, inbox.Sent)
	mails := sink.Mails()
	if len(mails) != 1 || mails[0].To[0] != "vera@customer.example" {
		h.t.Fatalf("the provider took %d mails: %v", len(mails), mails)
	}
	head := mails[0].Message().Header
	if head.Get("In-Reply-To") != "<first@customer.example>" || head.Get("Subject") != "Re: A lamp" {
		h.t.Errorf("the answer goes to %s with the subject %s", head.Get("In-Reply-To"), head.Get("Subject"))
	}
	again := strings.Replace(newMail(box.Address, "second", "I will!"), "Subject: A lamp", "Subject: Re: A lamp\nIn-Reply-To: "+head.Get("Message-Id"), 1)
	if _, err := box.Deliver(again); err != nil {
		h.t.Fatal(err)
	}
	if m := screen.inbound("I will!"); m.ConversationID != c.ID {
		h.t.Error("an answer to our answer opened another conversation")
	}
}

func talkByReceiver(h *hub, screen *watcher, receiver string) {
	sink, err := mailtest.NewSink()
	if err != nil {
		h.t.Fatal(err)
	}
	defer sink.Close()
	h.connect("email", object{"address": "desk@hub.test", "receiver": object{"enabled": true}, "smtp": sink.Config()})
	raw := strings.ReplaceAll(newMail("desk@hub.test", "received", "By your own receiver."), "\n", "\r\n")
	h.until("the receiver takes mail", func() bool {
		return smtp.SendMail(receiver, nil, "vera@customer.example", []string{"desk@hub.test"}, []byte(raw)) == nil
	})
	in := screen.inbound("By your own receiver.")
	screen.becomes(h.answer(in.ConversationID, "It came.").ID, inbox.Sent)
	if n := len(sink.Mails()); n != 1 {
		h.t.Errorf("the provider took %d mails, want one", n)
	}
	if err := smtp.SendMail(receiver, nil, "vera@customer.example", []string{"nobody@hub.test"}, []byte(raw)); err == nil {
		h.t.Error("the receiver took mail for an address that no channel has")
	}
}

func talkBySMS(h *hub, screen *watcher) {
	tw, err := faketwilio.Start()
	if err != nil {
		h.t.Fatal(err)
	}
	defer tw.Close()
	created := make(chan faketwilio.Message, 4)
	tw.OnCreate(func(m faketwilio.Message) { created <- m })
	ch := h.connect("sms", tw.Config())
	h.running(ch)
	text := tw.Inbound("+14155552671", "Do you deliver?", nil)
	for range 2 { // the provider repeats itself
		if status, body, err := tw.Post(context.Background(), ch.URLs["inbound"], text); err != nil || status/100 != 2 {
			h.t.Fatalf("the webhook answered %d %s %v", status, body, err)
		}
	}
	in := screen.inbound("Do you deliver?")
	c := h.knows(in.ConversationID, "phone", "+14155552671")
	reply := h.answer(c.ID, "Every day.")
	m := had(h, "the answer", created)
	if m.Form.Get("To") != "+14155552671" || m.Form.Get("Body") != "Every day." {
		h.t.Errorf("the provider took %v", m.Form)
	}
	screen.becomes(reply.ID, inbox.Sent)
	if status, err := tw.Callback(context.Background(), m, "delivered", 0); err != nil || status/100 != 2 {
		h.t.Errorf("the status callback was answered %d %v", status, err)
	}
	screen.becomes(reply.ID, inbox.Delivered)
	tw.Next(faketwilio.NoSuchNumber)
	if f := screen.becomes(h.answer(c.ID, "And on Sundays.").ID, inbox.FailedMsg); f.Error == nil {
		h.t.Error("a refused message does not say why")
	}
	if n := len(all[inbox.MessageView](h, "/conversations/"+c.ID+"/messages")); n != 3 {
		h.t.Errorf("the thread has %d messages, want 3", n)
	}
}

func talkByTelegram(h *hub, screen *watcher, mode string) {
	tg, err := faketelegram.Start()
	if err != nil {
		h.t.Fatal(err)
	}
	defer tg.Close()
	sent := make(chan faketelegram.Call, 4)
	tg.OnSend(func(c faketelegram.Call) { sent <- c })
	ch := h.connect("telegram", tg.Config(mode))
	h.running(ch)
	person := faketelegram.Person{ID: 700_000_000 + int64(len(mode)), First: "Pavel", Last: "Durak", Language: "ru"}
	u := tg.Message(person, "Привет by "+mode, nil)
	tg.Push(u)
	in := screen.inbound("Привет by " + mode)
	c := h.knows(in.ConversationID, "telegram", fmt.Sprint(person.ID))
	h.until("the update is confirmed", func() bool { return tg.Confirmed(u.ID) })
	reply := h.answer(c.ID, "Здравствуйте!")
	if call := had(h, "the answer", sent); call.ChatID() != person.ID || call.Params.Get("text") != "Здравствуйте!" {
		h.t.Errorf("the provider took %v", call.Params)
	}
	screen.becomes(reply.ID, inbox.Sent, inbox.Delivered)
}

func talkByChat(h *hub, screen *watcher) {
	ch := h.connect("webchat", object{"allowed_origins": []string{"https://shop.test"}})
	h.running(ch)
	v, err := h.visit(ch.ID, "")
	if err != nil {
		h.t.Fatal(err)
	}
	defer v.conn.Close()
	if err := v.say("c1", "Is anybody there?"); err != nil {
		h.t.Fatal(err)
	}
	in := screen.inbound("Is anybody there?")
	c := h.knows(in.ConversationID, "webchat", "")
	reply := h.answer(c.ID, "I am.")
	f, err := v.next("message")
	for err == nil && f.Text == "Is anybody there?" {
		f, err = v.next("message")
	}
	if err != nil || f.Text != "I am." {
		h.t.Fatalf("the visitor got %+v, %v", f, err)
	}
	screen.becomes(reply.ID, inbox.Sent, inbox.Delivered)
	if err := v.conn.WriteJSON(object{"type": "read", "id": f.ID}); err != nil {
		h.t.Fatal(err)
	}
	screen.becomes(reply.ID, inbox.Read)
	if _, _, err := websocketFrom(h, ch.ID, "https://elsewhere.test"); err == nil {
		h.t.Error("a website that is not allowed could open the chat")
	}
}

func talkByTelephone(h *hub, screen *watcher) {
	pbx, err := fakepbx.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	defer pbx.Close()
	ch := h.connect("telephony", pbx.Config())
	h.running(ch)
	at, talk := time.Now().Add(-time.Minute).UTC().Truncate(time.Second), 5
	step := func(id, event string, after time.Duration, more func(*fakepbx.Event)) {
		e := fakepbx.Event{Event: event, CallID: id, Direction: "inbound", From: "+79161234567", To: fakepbx.OwnNumber, Extension: "101", At: at.Add(after)}
		if more != nil {
			more(&e)
		}
		if err := pbx.Post(context.Background(), ch.URLs["events"], "", e); err != nil {
			h.t.Fatal(err)
		}
	}
	is := func(state string) func(inbox.CallView) bool {
		return func(c inbox.CallView) bool { return c.ChannelID == ch.ID && c.State == state }
	}
	step("one", "ringing", 0, nil)
	call := screen.call("ringing", is("ringing"))
	c := h.knows(*call.ConversationID, "phone", "+79161234567")
	step("one", "answered", 4*time.Second, nil)
	screen.call("answered", is("answered"))
	step("one", "ended", 9*time.Second, func(e *fakepbx.Event) { e.TalkSeconds = &talk })
	screen.call("ended", is("ended"))
	step("one", "recording", 10*time.Second, func(e *fakepbx.Event) { e.RecordingURL = pbx.RecordingURL("one", talk) })
	ready := screen.call("with its recording", func(c inbox.CallView) bool { return c.ID == call.ID && c.Recording.State == "ready" })
	if ready.TalkSeconds != talk || ready.Recording.Duration == nil || *ready.Recording.Duration != float64(talk) {
		h.t.Errorf("the call shows %d s of talk and a recording of %v", ready.TalkSeconds, ready.Recording.Duration)
	}
	h.streams("/api/v1/calls/" + call.ID + "/recording")

	step("two", "ringing", 20*time.Second, nil)
	step("two", "ended", 40*time.Second, func(e *fakepbx.Event) { e.HangupCause = "NO_ANSWER" })
	if missed := screen.call("missed", is("missed")); *missed.ConversationID != c.ID {
		h.t.Error("the same caller's second call opened another conversation")
	}
}

// streams checks that a recording is served whole and by ranges.
func (h *hub) streams(path string) {
	h.t.Helper()
	status, whole, err := h.do(http.MethodGet, path, nil, nil)
	if err != nil || status != http.StatusOK || !bytes.HasPrefix(whole, []byte("RIFF")) {
		h.t.Fatalf("the recording: %d, %d bytes, %v", status, len(whole), err)
	}
	for _, r := range []struct {
		asked    string
		from, to int
	}{{"bytes=0-99", 0, 100}, {"bytes=1000-", 1000, len(whole)}, {"bytes=-50", len(whole) - 50, len(whole)}} {
		status, part, err := h.do(http.MethodGet, path, http.Header{"Range": {r.asked}}, nil)
		if err != nil || status != http.StatusPartialContent || !bytes.Equal(part, whole[r.from:r.to]) {
			h.t.Errorf("%s: %d, %d bytes, %v", r.asked, status, len(part), err)
		}
	}
	if status, _, _ := h.do(http.MethodGet, path, http.Header{"Range": {fmt.Sprintf("bytes=%d-", len(whole))}}, nil); status != http.StatusRequestedRangeNotSatisfiable {
		h.t.Errorf("a range behind the end is answered %d", status)
	}
	if status, _, _ := h.do(http.MethodGet, path, http.Header{"Authorization": {""}}, nil); status != http.StatusUnauthorized {
		h.t.Errorf("without a token the recording is answered %d", status)
	}
}

func talkByForm(h *hub, screen *watcher) {
	ch := h.connect("form", object{"allowed_origins": []string{"https://shop.test"}})
	h.running(ch)
	post := url.Values{"name": {"Fedor Form"}, "email": {"fedor@customer.example"}, "message": {"Call me back"}, "utm_source": {"spring"}}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"https://shop.test"}}
	for range 2 { // a double click
		status, answer, err := h.do(http.MethodPost, "/hooks/form/"+ch.ID, header, []byte(post.Encode()))
		if err != nil || status/100 > 3 {
			h.t.Fatalf("the form was answered %d %s %v", status, answer, err)
		}
	}
	c := h.knows(screen.inbound("Call me back").ConversationID, "email", "fedor@customer.example")
	if c.PeerName != "Fedor Form" {
		h.t.Errorf("the form came from %q", c.PeerName)
	}
	post.Set("_hp", "a robot fills all fields")
	if status, _, err := h.do(http.MethodPost, "/hooks/form/"+ch.ID, header, []byte(post.Encode())); err != nil || status/100 > 3 {
		h.t.Errorf("a robot is thanked all the same, but was answered %d %v", status, err)
	}
	states := map[string]int{}
	for _, j := range all[inbox.JournalView](h, "/inbound") {
		if j.ChannelID == ch.ID {
			states[j.State]++
		}
	}
	if states[inbox.Processed] != 1 || states[inbox.Rejected] != 1 {
		h.t.Errorf("the journal of the form has %v, want one processed and one rejected", states)
	}
}
