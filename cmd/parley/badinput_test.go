package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/connectors/connectortest/fakepbx"
	"parley/connectors/connectortest/faketelegram"
	"parley/connectors/connectortest/faketwilio"
	"parley/connectors/email/mailtest"
	"parley/inbox"
	"parley/internal/db/dbtest"
)

// What strangers and mistaken programs send gets the answer of the contract; nothing breaks, and the next item passes.
func TestBadInputIsAnsweredAndNothingBreaks(t *testing.T) {
	eachDatabase(t, dbtest.DurablePostgresURL, func(t *testing.T, databaseURL string) {
		h := serving(t, "", databaseURL)
		for _, c := range []struct {
			name string
			try  func(*hub)
		}{
			{"hooks", tryHooks}, {"mail", tryMail}, {"a form full of scripts", tryScripts}, {"bodies beyond all measure", tryHugeBodies}, {"lists", tryLists},
			{"keys of requests", tryKeys}, {"uploads", tryUploads}, {"every route of the API", tryEveryRoute},
		} {
			t.Run(c.name, func(t *testing.T) { c.try(h.in(t)) })
		}
		if log := h.log.tail(); strings.Contains(log, "panic") || strings.Contains(log, "something went wrong") {
			t.Errorf("the log tells of a panic:\n%s", log)
		}
	})
}

// send posts a body to a path and checks the status of the answer.
func (h *hub) send(what string, want int, path string, header http.Header, body string) {
	h.t.Helper()
	status, answer, err := h.do(http.MethodPost, path, header, []byte(body))
	if err != nil || status != want {
		h.t.Errorf("%s is answered %d %.300s %v, want %d", what, status, answer, err, want)
	}
}

// inJournal counts a channel's items by state.
func (h *hub) inJournal(channelID string) map[string]int {
	h.t.Helper()
	n := map[string]int{}
	for _, j := range all[inbox.JournalView](h, "/inbound") {
		if j.ChannelID == channelID {
			n[j.State]++
		}
	}
	return n
}

func tryHooks(h *hub) {
	tw, err := faketwilio.Start()
	if err != nil {
		h.t.Fatal(err)
	}
	defer tw.Close()
	tg, err := faketelegram.Start()
	if err != nil {
		h.t.Fatal(err)
	}
	defer tg.Close()
	sms, bot, pbx, form := h.connect("sms", tw.Config()), tg.Config("webhook"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", h.connect("form", object{"allowed_origins": []string{"https://shop.test"}})
	bot["webhook_secret"] = botSecret
	telegram, phone := h.connect("telegram", bot), h.connect("telephony", object{"provider": "generic", "secret": pbx})
	for _, c := range []channel{sms, telegram, phone, form} {
		h.running(c)
	}
	text := tw.Inbound("+14155552671", "Hello", nil)
	urlencoded, inJSON := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, http.Header{"Content-Type": {"application/json"}}
	forged := urlencoded.Clone()
	forged.Set("X-Twilio-Signature", tw.Sign(h.url+"/hooks/sms/another", text))
	h.send("an SMS without a signature", 403, "/hooks/sms/"+sms.ID, urlencoded, text.Encode())
	h.send("an SMS with another address's signature", 403, "/hooks/sms/"+sms.ID, forged, text.Encode())
	h.send("an update without the secret", 403, "/hooks/telegram/"+telegram.ID, inJSON, `{"update_id":1}`)
	old := fakepbx.Sign(pbx, "evt-1", time.Now().Add(-10*time.Minute), []byte(`{}`))
	h.send("a call event of ten minutes ago", 403, "/hooks/telephony/"+phone.ID, old, `{}`)
	h.send("a call event with another secret", 403, "/hooks/telephony/"+phone.ID, fakepbx.Sign("whsec_AAAA", "evt-1", time.Now(), []byte(`{}`)), `{}`)
	h.send("a form from another website", 403, "/hooks/form/"+form.ID, http.Header{"Origin": {"https://evil.test"}, "Content-Type": {"application/json"}}, `{"message":"x"}`)
	for _, path := range []string{"/hooks/sms/nothing", "/hooks/sms/" + form.ID, "/hooks/fax/" + sms.ID, "/hooks/sms/%00", "/hooks/sms/%ff", "/hooks/telegram/" + strings.Repeat("x", 3000)} {
		h.send("a hook that is not there", 404, path, urlencoded, "a=b")
	}
	for _, path := range []string{"/widget/ws?channel=%00", "/widget/ws?channel=%ff", "/widget/ws", "/widget/panel.html?channel=%ff", "/files/attachments/%ff?until=1&sig=%00", "/files/x/y", "/assets/%00%ff", "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/nothing"} {
		if status, body, err := h.do(http.MethodGet, path, nil, nil); err != nil || status >= 500 || strings.Contains(string(body), "root:") {
			h.t.Errorf("GET %s is answered %d %.100s %v", path, status, body, err)
		}
	}
	secret := http.Header{"Content-Type": {"application/json"}, "X-Telegram-Bot-Api-Secret-Token": {botSecret}}
	h.send("an update that is no JSON", 400, "/hooks/telegram/"+telegram.ID, secret, `{"update_id":`)
	h.send("a call event that is no JSON", 400, "/hooks/telephony/"+phone.ID, fakepbx.Sign(pbx, "evt-2", time.Now(), []byte(`ring ring`)), `ring ring`)
	h.send("a form that is no JSON", 400, "/hooks/form/"+form.ID, inJSON, `{"message":`)
	for _, c := range []channel{sms, telegram, phone, form} {
		if n := h.inJournal(c.ID); len(n) != 0 {
			h.t.Errorf("what has no proof or is no body at all left %v in the journal", n)
		}
	}
	h.send("an update of a kind of tomorrow", 200, "/hooks/telegram/"+telegram.ID, secret, `{"update_id":7001,"hologram":{"from":{"id":5},"depth":3}}`)
	h.send("an update with a message that is none", 200, "/hooks/telegram/"+telegram.ID, secret, `{"update_id":7002,"message":{"text":42}}`)
	if n := h.inJournal(telegram.ID); n[inbox.Processed]+n[inbox.Quarantined] != 2 || n[inbox.Quarantined] == 0 {
		h.t.Errorf("two strange updates are %v in the journal", n)
	}
	event := func(id, body string) {
		h.t.Helper()
		h.send("call event "+body, http.StatusNoContent, "/hooks/telephony/"+phone.ID, fakepbx.Sign(pbx, id, time.Now(), []byte(body)), body)
	}
	event("evt-3", `{"event":"ended","call_id":"never-rang","direction":"inbound","from":"+79161234567","to":"+74951234567","at":"2026-01-02T03:04:05Z","talk_seconds":3}`)
	event("evt-4", `{"event":"levitated","call_id":"x","direction":"inbound","from":"+79161234567","to":"","at":"2026-01-02T03:04:05Z"}`)
	event("evt-5", `{"event":"ringing","call_id":"a\u0000b","direction":"inbound","from":"\u0000","to":"\ud800","at":"2026-01-02T03:04:05Z"}`)
	event("evt-6", `[]`)
	if n := h.inJournal(phone.ID); n[inbox.Processed] != 2 || n[inbox.Quarantined] != 2 {
		h.t.Errorf("two call events that are understood and two that are not are %v in the journal", n)
	}
	nul := tw.Inbound("+14155552671", "a\x00b \xff c", url.Values{"ProfileName": {"N\x00\xfe"}})
	if status, body, err := tw.Post(h.t.Context(), sms.URLs["inbound"], nul); taken(status, err) != nil {
		h.t.Errorf("an SMS with NUL and broken UTF-8 is answered %d %s %v", status, body, err)
	}
	for _, j := range all[inbox.JournalView](h, "/inbound?state=quarantined") {
		if j.Reason == "" {
			h.t.Error("a quarantined item has no reason")
		}
		h.must(http.MethodPost, "/inbound/"+j.ID+"/discard", object{}, nil)
	}
}

func tryMail(h *hub) {
	box, err := mailtest.NewMailbox("strange@hub.test")
	if err != nil {
		h.t.Fatal(err)
	}
	defer box.Close()
	ch := h.connect("email", object{"address": box.Address, "imap": box.Config()})
	mails := []string{
		"Subject: nobody wrote this\n\nBut somebody meant it.\n",
		"From: \nTo: strange@hub.test\n\nEmpty From.\n",
		"From: a@customer.example\nMessage-ID: <" + strings.Repeat("m", 5000) + "@x>\nIn-Reply-To: <\x00>\nSubject: =?utf-8?Q?=00=FF?=\n\n\x00\xff\xfe\n",
		"\x00\x01\x02\xff",
		"From: b@customer.example\nContent-Type: multipart/mixed; boundary=\"\n\n--\n",
		newMail(box.Address, "after-them", "The mail after the strange ones."),
	}
	for _, m := range mails {
		if _, err := box.Deliver(m); err != nil {
			h.t.Fatal(err)
		}
	}
	h.until("all mails are in the journal", func() bool {
		n := 0
		for _, k := range h.inJournal(ch.ID) {
			n += k
		}
		return n == len(mails)
	})
	last := all[inbox.ConversationView](h, "/conversations?channel="+ch.ID+"&q=after+the+strange")
	if len(last) != 1 {
		h.t.Errorf("the mail after the strange ones is in %d conversations", len(last))
	}
	h.t.Logf("strange mails: %v", h.inJournal(ch.ID))
}

func tryScripts(h *hub) {
	form := h.connect("form", object{"allowed_origins": []string{"*"}})
	h.running(form)
	const evil = `<script>alert(1)</script><img src=x onerror=alert(2)><a href="javascript:alert(3)">me</a>`
	h.send("a form full of scripts", 200, "/hooks/form/"+form.ID, http.Header{"Content-Type": {"application/json"}}, asJSON(object{"name": evil, "email": "mallory@evil.example", "message": evil, "<script>": evil, "utm_source": evil}))
	h.send("a form of NUL and broken bytes", 200, "/hooks/form/"+form.ID, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Idempotency-Key": {"k\xff\xfe"}, "User-Agent": {"\xff"}},
		"name=%00%ff&message=%00hello%ff%fe&_key="+strings.Repeat("k", 4000))
	h.send("a form that is empty", 200, "/hooks/form/"+form.ID, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "message=hello+again&email=%00")
	var found int
	for _, c := range all[inbox.ConversationView](h, "/conversations?channel="+form.ID) {
		for _, m := range all[inbox.MessageView](h, "/conversations/"+c.ID+"/messages") {
			if strings.Contains(m.BodyText, "<script>alert(1)</script>") {
				found++
			}
			if strings.Contains(m.BodyHTML, "<script") || strings.Contains(m.BodyHTML, "onerror") || strings.Contains(m.BodyHTML, "javascript:") {
				h.t.Errorf("scripts came through as HTML: %s", m.BodyHTML)
			}
		}
	}
	if found != 1 {
		h.t.Errorf("the words of the form stand as text in %d messages", found)
	}
}

func asJSON(o object) string { b, _ := json.Marshal(o); return string(b) }

// zeros are endless bytes that say nothing.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func tryHugeBodies(h *hub) {
	form := h.connect("form", object{"allowed_origins": []string{"*"}})
	h.running(form)
	for _, path := range []string{"/hooks/form/" + form.ID, "/api/v1/conversations", "/api/v1/session", "/hooks/sms/nothing"} {
		req, err := http.NewRequest(http.MethodPost, h.url+path, http.NoBody)
		if err != nil {
			h.t.Fatal(err)
		}
		req.Body, req.ContentLength = http.MaxBytesReader(nil, readCloser{zeros{}}, 100<<20), 100<<20
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			continue // cut off while it was sending: an answer too
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			h.t.Errorf("100 MB at %s are answered %d", path, res.StatusCode)
		}
	}
	h.send("a body over the limit of JSON", 413, "/api/v1/session", http.Header{"Content-Type": {"application/json"}}, `{"email":"`+strings.Repeat("x", 2<<20)+`"}`)
	h.must(http.MethodGet, "/session", nil, nil)
}

type readCloser struct{ zeros }

func (readCloser) Close() error { return nil }

func tryLists(h *hub) {
	form := h.connect("form", object{"allowed_origins": []string{"*"}})
	h.running(form)
	for i := range 5 {
		h.send("a form", 200, "/hooks/form/"+form.ID, http.Header{"Content-Type": {"application/json"}}, asJSON(object{"email": fmt.Sprintf("list%d@customer.example", i), "message": fmt.Sprint("number ", i)}))
	}
	conv := all[inbox.ConversationView](h, "/conversations?channel="+form.ID)[0].ID
	for _, path := range []string{"/conversations", "/contacts", "/leads", "/inbound", "/calls", "/conversations/" + conv + "/messages"} {
		name := "cursor"
		if strings.HasSuffix(path, "/messages") {
			name = "before"
		}
		for _, bad := range []string{"x", "%00", "%ff%fe", "AAAA", "MC4", "MS4A", "enp6enp6enp6enp6enp6LmE", strings.Repeat("A", 190)} {
			if status, _, err := h.do(http.MethodGet, "/api/v1"+path+"?"+name+"="+bad, nil, nil); err != nil || status != http.StatusBadRequest && !(status == 200 && bad == "MC4") {
				h.t.Errorf("GET %s with the cursor %.20s is answered %d %v", path, bad, status, err)
			}
		}
		for _, limit := range []string{"0", "-1", "201", "many", ""} {
			if status, _, err := h.do(http.MethodGet, "/api/v1"+path+"?limit="+limit, nil, nil); err != nil || status/100 != 4 && limit != "" || status >= 500 {
				h.t.Errorf("GET %s with the limit %q is answered %d %v", path, limit, status, err)
			}
		}
		var whole, seen []struct{ ID string }
		whole = all[struct{ ID string }](h, path)
		for cursor := ""; ; {
			var p struct {
				Data []struct{ ID string }
				Next *string `json:"next_cursor"`
			}
			h.must(http.MethodGet, path+"?limit=2"+cursor, nil, &p)
			seen = append(seen, p.Data...)
			if len(p.Data) > 2 || len(seen) > len(whole) {
				h.t.Fatalf("%s gives %d rows where 2 were asked for, %d of %d", path, len(p.Data), len(seen), len(whole))
			}
			if p.Next == nil {
				break
			}
			cursor = "&" + name + "=" + *p.Next
		}
		if len(seen) != len(whole) {
			h.t.Errorf("%s has %d rows, and %d when it is read by twos", path, len(whole), len(seen))
		}
	}
}

func tryUploads(h *hub) {
	form := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: %s\r\n\r\nhello\r\n--b--\r\n"
	header := http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}
	for _, x := range [][2]string{{"plan.txt", "text/plain"}, {"\xff\xfe.txt", "text/\xff"}, {"../../etc/passwd", "a/b; c=\"\xff\""}, {strings.Repeat("n", 3000), strings.Repeat("t/", 500)}} {
		status, answer, err := h.do(http.MethodPost, "/api/v1/uploads", header, fmt.Appendf(nil, form, x[0], x[1]))
		var u inbox.UploadView
		if err != nil || status != http.StatusCreated || json.Unmarshal(answer, &u) != nil || u.Size != 5 || strings.ContainsAny(u.Name, "/\x00") || len(u.Name) > 150 {
			h.t.Errorf("an upload called %.40q is answered %d %s %v", x[0], status, answer, err)
		}
	}
	for _, body := range []string{"", "--b", "--b\r\n\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n"} {
		h.send("an upload without a file", 400, "/api/v1/uploads", header, body)
	}
}

// tryKeys repeats requests with their Idempotency-Key.
func tryKeys(h *hub) {
	form := h.connect("form", object{"allowed_origins": []string{"*"}})
	h.running(form)
	h.send("a form", 200, "/hooks/form/"+form.ID, http.Header{"Content-Type": {"application/json"}}, asJSON(object{"email": "keys@customer.example", "message": "answer me"}))
	path := "/conversations/" + all[inbox.ConversationView](h, "/conversations?channel="+form.ID)[0].ID + "/messages"
	key := http.Header{"Idempotency-Key": {"note one"}}
	first, again := inbox.MessageView{}, inbox.MessageView{}
	for _, into := range []*inbox.MessageView{&first, &again} {
		if status, err := h.ask(http.MethodPost, path, key, object{"body": "a note", "note": true}, into); err != nil || status != http.StatusAccepted {
			h.t.Fatalf("a note is answered %d %v", status, err)
		}
	}
	if first.ID != again.ID {
		h.t.Error("the same request with the same key made two notes")
	}
	if status, _ := h.ask(http.MethodPost, path, key, object{"body": "another note", "note": true}, nil); status != http.StatusUnprocessableEntity {
		h.t.Errorf("another request with the same key is answered %d", status)
	}
	if status, _ := h.ask(http.MethodPost, path, http.Header{"Idempotency-Key": {"refused"}}, object{"body": ""}, nil); status != http.StatusUnprocessableEntity {
		h.t.Errorf("an empty message is answered %d", status)
	}
	if status, _ := h.ask(http.MethodPost, path, http.Header{"Idempotency-Key": {"refused"}}, object{"body": "mended", "note": true}, nil); status != http.StatusAccepted {
		h.t.Errorf("a request that was refused and mended is answered %d with the same key", status)
	}
	for _, bad := range []string{strings.Repeat("k", 201), "k\xff", "\xfe"} {
		if status, _, err := h.do(http.MethodPost, "/api/v1"+path, http.Header{"Idempotency-Key": {bad}}, object{"body": "x", "note": true}); err == nil && status != http.StatusBadRequest {
			h.t.Errorf("the key %q is answered %d", bad, status)
		}
	}
	if n := len(all[inbox.MessageView](h, path)); n != 3 {
		h.t.Errorf("the thread has %d items, want the form and two notes", n)
	}
	together := make(chan string, 10)
	for range cap(together) {
		go func() {
			var m inbox.MessageView
			status, err := h.ask(http.MethodPost, path, http.Header{"Idempotency-Key": {"at once"}}, object{"body": "at once", "note": true}, &m)
			if err != nil || status/100 != 2 {
				m.ID = fmt.Sprint(status, err)
			}
			together <- m.ID
		}()
	}
	ids := map[string]bool{}
	for range cap(together) {
		ids[<-together] = true
	}
	if len(ids) != 1 {
		h.t.Errorf("ten equal requests with one key at once are answered with %v", ids)
	}
	h.send("a login with a strange browser", 200, "/api/v1/session", http.Header{"Content-Type": {"application/json"}, "User-Agent": {"\xff\xfe"}, "Authorization": {""}},
		string(bytes.TrimSpace([]byte(`{"email":"olga@hub.test","password":"correct horse battery"}`))))
}
