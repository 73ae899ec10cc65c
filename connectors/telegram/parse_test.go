package telegram

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"parley/connectors"
	"parley/connectors/connectortest"
)

// fixtures are the lines of testdata/updates.jsonl by update_id; the one without is 0.
func fixtures(t testing.TB) map[int64][]byte {
	t.Helper()
	f, err := os.Open("testdata/updates.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := map[int64][]byte{}
	for s := bufio.NewScanner(f); s.Scan(); {
		id, _ := updateID(s.Bytes())
		lines[id] = bytes.Clone(s.Bytes())
	}
	return lines
}

func parsed(t testing.TB, raw []byte) connectors.Inbound {
	t.Helper()
	in, err := Parse(raw)
	if err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return in
}

func TestWhatPeopleSendCanBeRead(t *testing.T) {
	cases := []struct {
		name       string
		id         int64
		kind, text string
	}{
		{"linked words keep their addresses", 41, "", "😀 look here (https://a.example/) and there (https://b.example/)"},
		{"a venue is its name, address and place", 42, "location", "The shop\n1 High Street\n📍 51.500000, -0.120000"},
		{"a poll", 43, "poll", "📊 When?\n– Monday\n– Friday"},
		{"a die", 44, "dice", "🎲 4"},
		{"a caption", 45, "", "the break-in"},
		{"a sticker is its emoji", 48, "sticker", "👍"},
		{"a pressed button", 51, "", "▸ yes"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := parsed(t, fixtures(t)[c.id])
			if in.Kind != c.kind || in.Text != c.text {
				t.Errorf("kind %q, text %q; want %q, %q", in.Kind, in.Text, c.kind, c.text)
			}
			if in.Ignore != "" || in.Quarantine != "" || in.Thread.Key != "5001" {
				t.Errorf("put aside (%s%s) or in thread %q", in.Ignore, in.Quarantine, in.Thread.Key)
			}
		})
	}
}

func TestAFileOverTheLimitIsSaidToBe(t *testing.T) {
	p := parsed(t, fixtures(t)[45]).Parts
	if len(p) != 1 || p[0].FetchRef != "" || !strings.Contains(p[0].Problem, "20 MB") || p[0].Name != "film.mov" {
		t.Errorf("got %+v", p)
	}
}

func TestAnAnimationIsOneFile(t *testing.T) {
	if p := parsed(t, fixtures(t)[52]).Parts; len(p) != 1 || p[0].FetchRef != "gif" {
		t.Errorf("got %+v", p)
	}
}

func TestNotesOfTelegramItselfAreIgnored(t *testing.T) {
	if in := parsed(t, fixtures(t)[46]); in.Ignore == "" {
		t.Errorf("shown as %q", in.Text)
	}
}

func TestTheOwnersOwnWordsInABusinessChatAreOutgoing(t *testing.T) {
	in := parsed(t, fixtures(t)[47])
	if !in.Outgoing || !reflect.DeepEqual(in.Recipients, []string{"5001"}) || in.Thread.Key != "5001@bc7" {
		t.Errorf("outgoing %v to %v in %q", in.Outgoing, in.Recipients, in.Thread.Key)
	}
}

func TestAForwardNamesWhoseWordsTheyWere(t *testing.T) {
	if in := parsed(t, fixtures(t)[53]); in.Headers["Forwarded-From"] != "Hidden Person" {
		t.Errorf("got %v", in.Headers)
	}
}

func TestWhatIsNotUnderstoodGoesToQuarantine(t *testing.T) {
	for _, id := range []int64{49, 50, 0} {
		in := parsed(t, fixtures(t)[id])
		if in.Quarantine == "" || in.Key == "" || len(in.Raw) == 0 {
			t.Errorf("update %d: %+v", id, in)
		}
	}
}

func TestWhatIsNoObjectIsNoUpdate(t *testing.T) {
	for _, raw := range []string{"", "null", "[]", `"x"`, "17", "{", "garbage", "\xff\xfe"} {
		if in, err := Parse([]byte(raw)); err == nil {
			t.Errorf("%q was taken for %+v", raw, in)
		}
	}
}

type authored struct {
	Case   string
	Update json.RawMessage
	Expect struct {
		Action      string
		ExternalID  string `json:"external_id"`
		Username    *string
		DisplayName string `json:"display_name"`
		Text        *string
		Attachments []struct {
			Type   string
			FileID string `json:"file_id"`
			Name   string
		}
		Phone        string `json:"contact_phone_e164"`
		PhoneIsOwn   *bool  `json:"phone_belongs_to_sender"`
		StartPayload string `json:"start_payload"`
		Group        string
		Edits        int64  `json:"edits_message_id"`
		ReplyTo      string `json:"reply_to"`
		Forwarded    bool
		Data         string
		ChatID       string `json:"chat_external_id"`
		Topic        string
		From, To     string
		Business     string `json:"business_connection"`
		EntityText   string `json:"entity_text"`
	}
}

func TestAuthoredCorpus(t *testing.T) {
	b, err := os.ReadFile(connectortest.Corpus(t, "telegram-authored/updates.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]connectors.Inbound{}
	for line := range bytes.Lines(b) {
		var c authored
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		t.Run(c.Case, func(t *testing.T) {
			in := parsed(t, c.Update)
			held[c.Case] = in
			c.action(t, in)
			c.person(t, in)
			c.content(t, in)
			c.threading(t, in)
		})
	}
	if len(held) != 27 {
		t.Errorf("%d cases, the corpus has 27", len(held))
	}
	if held["duplicate_delivery"].Key != held["text_private"].Key {
		t.Error("the same update has two keys")
	}
}

func (c *authored) action(t *testing.T, in connectors.Inbound) {
	t.Helper()
	shown := in.Ignore == "" && in.Quarantine == "" && in.Reject == ""
	switch c.Expect.Action {
	case "message", "duplicate_ignored", "callback":
		if !shown || in.Edit != nil {
			t.Errorf("not shown: %q %q", in.Ignore, in.Quarantine)
		}
	case "unsupported_placeholder":
		if !shown || in.Text != "[unsupported message: future_thing]" {
			t.Errorf("shown as %q, %q", in.Text, in.Ignore)
		}
	case "edit":
		if in.Edit == nil || in.Edit.ProviderID != "5123456789/1" {
			t.Errorf("edit of %+v", in.Edit)
		}
	case "ignore", "ignore_or_group_note", "reaction_or_ignore":
		if in.Ignore == "" || len(in.Sender.Claims) > 0 {
			t.Errorf("opens a conversation: %+v", in)
		}
	case "channel_unreachable":
		if in.Ignore != "this person has blocked the bot" {
			t.Errorf("got %q", in.Ignore)
		}
	case "chat_migrated":
		if !strings.Contains(in.Ignore, c.Expect.From) || !strings.Contains(in.Ignore, c.Expect.To) {
			t.Errorf("got %q", in.Ignore)
		}
	default:
		t.Errorf("nothing checks the action %q", c.Expect.Action)
	}
}

func (c *authored) person(t *testing.T, in connectors.Inbound) {
	t.Helper()
	e := c.Expect
	var telegram, phone string
	for _, claim := range in.Sender.Claims {
		if claim.Trust != connectors.TrustChannel {
			t.Errorf("claim %+v is not vouched for", claim)
		}
		switch claim.Kind {
		case connectors.KindTelegram:
			telegram = claim.Value
		case connectors.KindPhone:
			phone = claim.Value
		}
	}
	if e.ExternalID != "" && telegram != e.ExternalID {
		t.Errorf("person %q, want %q", telegram, e.ExternalID)
	}
	if e.Username != nil && in.Sender.Fields["username"] != *e.Username {
		t.Errorf("username %q, want %q", in.Sender.Fields["username"], *e.Username)
	}
	if e.DisplayName != "" && in.Sender.Name != e.DisplayName {
		t.Errorf("name %q, want %q", in.Sender.Name, e.DisplayName)
	}
	if e.PhoneIsOwn == nil {
		return
	}
	if *e.PhoneIsOwn != (phone != "") || (phone != "" && phone != e.Phone) {
		t.Errorf("claims the phone %q; %s is theirs: %v", phone, e.Phone, *e.PhoneIsOwn)
	}
	if !strings.Contains(digits(in.Text), digits(e.Phone)) {
		t.Errorf("%q does not show %s", in.Text, e.Phone)
	}
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func (c *authored) content(t *testing.T, in connectors.Inbound) {
	t.Helper()
	e := c.Expect
	if e.Text != nil && in.Text != *e.Text {
		t.Errorf("text %q, want %q", in.Text, *e.Text)
	}
	if e.Data != "" && in.Text != "▸ "+e.Data {
		t.Errorf("text %q for the button %q", in.Text, e.Data)
	}
	if len(in.Parts) != len(e.Attachments) {
		t.Fatalf("%d files, want %d", len(in.Parts), len(e.Attachments))
	}
	for i, a := range e.Attachments {
		p := in.Parts[i]
		if p.FetchRef != a.FileID || (a.Name != "" && p.Name != a.Name) || (a.Type != "file" && !strings.HasPrefix(p.MIME, a.Type+"/")) {
			t.Errorf("file %+v, want %+v", p, a)
		}
	}
	if e.StartPayload != in.Source.UTM["start"] {
		t.Errorf("came by %q, want %q", in.Source.UTM["start"], e.StartPayload)
	}
	if e.Group != in.Headers["Media-Group"] || e.Forwarded != (in.Headers["Forwarded-From"] != "") {
		t.Errorf("headers %v", in.Headers)
	}
	if e.EntityText != "" {
		var u struct{ Message message }
		if err := json.Unmarshal(c.Update, &u); err != nil {
			t.Fatal(err)
		}
		if got := u.Message.Entities[0].of(u.Message.Text); got != e.EntityText {
			t.Errorf("the entity is %q, want %q", got, e.EntityText)
		}
	}
}

func (c *authored) threading(t *testing.T, in connectors.Inbound) {
	t.Helper()
	e := c.Expect
	if e.Action != "message" && e.Action != "callback" && e.Action != "edit" {
		return
	}
	key := e.ExternalID
	if e.ChatID != "" {
		key = e.ChatID + ":" + e.Topic
	}
	if e.Business != "" {
		key += "@" + e.Business
	}
	if in.Thread.Key != key {
		t.Errorf("thread %q, want %q", in.Thread.Key, key)
	}
	if e.ReplyTo != "" && !reflect.DeepEqual(in.Thread.ReplyTo, []string{e.ExternalID + "/" + e.ReplyTo}) {
		t.Errorf("answers %v, want %s", in.Thread.ReplyTo, e.ReplyTo)
	}
	back, err := parsePlace(in.Thread.Key)
	if err != nil || back.key() != in.Thread.Key {
		t.Errorf("the key %q cannot be answered to: %v", in.Thread.Key, err)
	}
}

func TestRecordedCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(connectortest.Corpus(t, "telegram-illemius"), "*.json"))
	if err != nil || len(files) != 16 {
		t.Fatalf("%d files, %v; the corpus has 16", len(files), err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := updateID(raw); !ok { // one was recorded without its update
			raw = append(append([]byte(`{"update_id": 1, "message": `), raw...), '}')
		}
		in := parsed(t, raw)
		if in.Quarantine != "" || (in.Ignore == "" && in.Text == "" && len(in.Parts) == 0) {
			t.Errorf("%s: %+v", filepath.Base(name), in)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range fixtures(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := Parse(raw)
		if err != nil {
			return
		}
		if in.Key == "" || !bytes.Equal(in.Raw, raw) {
			t.Errorf("key %q, raw %q", in.Key, in.Raw)
		}
		for _, id := range in.Thread.ReplyTo {
			if id == "" {
				t.Error("answers an empty id")
			}
		}
		shown := in.Ignore == "" && in.Quarantine == ""
		if shown && in.Thread.Key == "" {
			t.Error("a message without a thread")
		}
		if again, _ := Parse(raw); !reflect.DeepEqual(in, again) {
			t.Errorf("read twice, understood twice differently:\n%+v\n%+v", in, again)
		}
	})
}
