package webchat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/connectors"
)

func agent(id, text string) Message {
	return Message{ID: id, Text: text, Author: Author{AuthorAgent, "Ada"}, At: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
}

func TestAMessageIsStoredAndAccepted(t *testing.T) {
	s, j := joined(t, newChat(t, `{"greeting": "Hello!"}`), newFeed(), "")
	if j["greeting"] != "Hello!" || fmt.Sprint(j["messages"]) != "[]" {
		t.Errorf("joined is %v", j)
	}
	s.say(t, map[string]any{"type": "message", "client_id": "c1", "text": " Do you ship\x00 to Malta?\r\n"})
	if a := s.hear(t, "accepted"); a["client_id"] != "c1" || a["id"] != "m1" {
		t.Errorf("accepted is %v", a)
	}
	in := s.box.stored()[0]
	v, _ := newChat(t, `{}`).recognise(j["visitor"].(string))
	want := connectors.Claim{Kind: connectors.KindWebchat, Value: v.id, Trust: connectors.TrustChannel}
	if in.Key != v.id+":c1" || in.Thread.Key != v.id || in.Text != "Do you ship to Malta?" || !slices.Equal(in.Sender.Claims, []connectors.Claim{want}) || len(in.Raw) == 0 {
		t.Errorf("stored %+v", in)
	}
}

func TestTheSameClientIDIsStoredOnce(t *testing.T) {
	c := newChat(t, `{}`)
	s, j := joined(t, c, newFeed(), "")
	for range 3 {
		s.say(t, map[string]any{"type": "message", "client_id": "c1", "text": "hello"})
		if a := s.hear(t, "accepted"); a["id"] != "m1" {
			t.Fatalf("accepted as %v", a["id"])
		}
	}
	again := serve(t, c, newFeed(), Visit{Sink: s.box})
	again.say(t, map[string]any{"type": "join", "visitor": j["visitor"]})
	if j2 := again.hear(t, "joined"); j2["visitor"] != j["visitor"] {
		t.Fatal("a known visitor got another token")
	}
	again.say(t, map[string]any{"type": "message", "client_id": "c1", "text": "hello"})
	if a := again.hear(t, "accepted"); a["id"] != "m1" {
		t.Errorf("after joining again accepted as %v", a["id"])
	}
	if n := len(s.box.stored()); n != 1 {
		t.Errorf("%d messages stored", n)
	}
}

func TestRefusedIsNotAccepted(t *testing.T) {
	s, _ := joined(t, newChat(t, `{}`), newFeed(), "")
	s.box.breaks(true)
	s.say(t, map[string]any{"type": "message", "client_id": "c1", "text": "hello"})
	if e := s.hear(t, "error"); e["code"] != "try_again" || e["client_id"] != "c1" || e["retry_after"] == nil {
		t.Errorf("error is %v", e)
	}
	s.box.breaks(false)
	s.say(t, map[string]any{"type": "message", "client_id": "c1", "text": "hello"})
	s.hear(t, "accepted")
	if n := len(s.box.stored()); n != 1 {
		t.Errorf("%d messages stored", n)
	}
}

func TestATokenThatWeDidNotIssueIsANewVisitor(t *testing.T) {
	c := newChat(t, `{}`)
	mine, _ := c.recognise("")
	elsewhere := newChat(t, `{}`)
	elsewhere.channel.Secret = []byte("another channel's secret, 32 byt")
	foreign, _ := elsewhere.recognise("")
	flipped := []byte(mine.token)
	flipped[3] ^= 1
	for name, token := range map[string]string{
		"never issued": strings.Repeat("A", len(mine.token)), "another channel's": foreign.token, "changed": string(flipped),
		"shortened": mine.token[:len(mine.token)-2], "with more": mine.token + "AA", "the visitor's id": mine.id,
	} {
		v, known := c.recognise(token)
		if known || v.token == token || v.id == mine.id {
			t.Errorf("%s: known %v as %v", name, known, v.id)
		}
	}
	if v, known := c.recognise(mine.token); !known || v != mine {
		t.Error("an issued token is not recognised")
	}
	if strings.Contains(mine.token, mine.id) || len(mine.id) != 32 {
		t.Errorf("id %q of token %q", mine.id, mine.token)
	}
}

func TestNothingIsMissedBetweenHistoryAndFollow(t *testing.T) {
	feed := newFeed(agent("a1", "one"))
	feed.late = []Frame{agent("a2", "two")} // stored after the position was read and before the messages were
	s, j := joined(t, newChat(t, `{}`), feed, "")
	if msgs := j["messages"].([]any); len(msgs) != 2 {
		t.Fatalf("joined with %v", msgs)
	}
	feed.add(agent("a3", "three"), Typing{Author{AuthorAgent, "Ada"}})
	m := s.hear(t, "message")
	if m["id"] != "a3" || m["text"] != "three" || m["at"] != "2026-11-21T10:00:00.000Z" || fmt.Sprint(m["author"]) != "map[name:Ada type:user]" {
		t.Errorf("after two known ones came %v", m)
	}
	s.hear(t, "typing")
}

func TestTheVisitorsOwnMessageCarriesItsClientID(t *testing.T) {
	mine := Message{ID: "m1", ProviderID: "0011:c:1", Text: "hi", Author: Author{Type: AuthorVisitor}}
	theirs := agent("a1", "hello")
	theirs.ProviderID = "x:y"
	_, j := joined(t, newChat(t, `{}`), newFeed(mine, theirs), "")
	msgs := j["messages"].([]any)
	if got := msgs[0].(map[string]any)["client_id"]; got != "c:1" {
		t.Errorf("client_id %v", got)
	}
	if got, has := msgs[1].(map[string]any)["client_id"]; has {
		t.Errorf("an agent's message has client_id %v", got)
	}
}

func TestOnlyWhatWasShownCanBeMarkedRead(t *testing.T) {
	s, _ := joined(t, newChat(t, `{}`), newFeed(agent("a1", "one")), "")
	for _, id := range []string{"a2", "a1", "a1", ""} {
		s.say(t, map[string]any{"type": "read", "id": id})
	}
	s.say(t, `{"type":"ping"}`)
	s.hear(t, "pong")
	if d := s.box.delivered; len(d) != 1 || d[0].MessageID != "a1" || d[0].State != connectors.DeliveryRead {
		t.Errorf("marked %v", d)
	}
}

func TestBadFramesAreAnsweredAndTheNextOnePasses(t *testing.T) {
	s, _ := joined(t, newChat(t, `{}`), newFeed(), "")
	for _, c := range []struct{ name, frame, code string }{
		{"no JSON", `hello`, "malformed"},
		{"nothing", ``, "malformed"},
		{"an array", `[{"type":"ping"}]`, "malformed"},
		{"no type", `{}`, "malformed"},
		{"null", `null`, "malformed"},
		{"a type of the wrong type", `{"type":5}`, "malformed"},
		{"a text of the wrong type", `{"type":"message","client_id":"a","text":{}}`, "malformed"},
		{"an unknown type", `{"type":"shutdown"}`, "unknown_type"},
		{"a second join", `{"type":"join","visitor":null}`, "joined_already"},
		{"no client_id", `{"type":"message","text":"x"}`, "bad_client_id"},
		{"a long client_id", `{"type":"message","client_id":"` + strings.Repeat("é", 101) + `","text":"x"}`, "bad_client_id"},
		{"a client_id with NUL", `{"type":"message","client_id":"a\u0000","text":"x"}`, "bad_client_id"},
		{"no text", `{"type":"message","client_id":"a"}`, "empty"},
		{"only spaces", `{"type":"message","client_id":"a","text":" \n\u0000 "}`, "empty"},
		{"too long a text", `{"type":"message","client_id":"a","text":"` + strings.Repeat("x", 10_001) + `"}`, "too_long"},
		{"identity switched off", `{"type":"identify","token":"a.b.c"}`, "bad_identity"},
	} {
		s.say(t, c.frame)
		if e := s.hear(t, "error"); e["code"] != c.code || e["message"] == "" {
			t.Errorf("%s: %v, want code %s", c.name, e, c.code)
		}
	}
	s.say(t, map[string]any{"type": "message", "client_id": strings.Repeat("é", 100), "text": strings.Repeat("й", 8000)})
	s.hear(t, "accepted")
}

func TestJoinComesFirstAndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newChat(t, `{}`), newFeed(), Visit{})
		s.say(t, map[string]any{"type": "message", "client_id": "c1", "text": "hello"})
		if e := s.hear(t, "error"); e["code"] != "join_first" {
			t.Errorf("error is %v", e)
		}
		time.Sleep(joinWithin - time.Millisecond)
		synctest.Wait()
		select {
		case <-s.gone:
			t.Error("closed too early")
		default:
		}
		time.Sleep(2 * time.Millisecond)
		<-s.gone
		if err := <-s.done; err != nil || s.code != closePolicy || len(s.box.stored()) != 0 {
			t.Errorf("ended with %v, code %d, %d stored", err, s.code, len(s.box.stored()))
		}
	})
}

func TestASlowPersonIsNotCutAfterJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := joined(t, newChat(t, `{}`), newFeed(), "")
		time.Sleep(24 * time.Hour)
		s.say(t, `{"type":"ping"}`)
		s.hear(t, "pong")
	})
}

func TestAFloodIsSlowedAndThenPassesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := joined(t, newChat(t, `{}`), newFeed(), "")
		message := func(i int) {
			s.say(t, map[string]any{"type": "message", "client_id": fmt.Sprint(i), "text": "x"})
		}
		for i := range messageBurst {
			message(i)
			s.hear(t, "accepted")
		}
		message(messageBurst)
		e := s.hear(t, "error")
		if e["code"] != "slow_down" || e["client_id"] != fmt.Sprint(messageBurst) {
			t.Fatalf("error is %v", e)
		}
		time.Sleep(time.Duration(e["retry_after"].(float64) * float64(time.Second)))
		message(messageBurst)
		s.hear(t, "accepted")
	})
}

func TestAProgramThatOnlySendsRubbishIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := joined(t, newChat(t, `{}`), newFeed(), "")
		for range frameBurst + 10 {
			select {
			case s.in <- []byte("{"):
			case <-s.gone:
			}
		}
		<-s.gone
		if s.code != closePolicy {
			t.Errorf("closed with %d", s.code)
		}
	})
}

func TestTypingIsPassedOnOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := make(chan string, 10)
		s := serve(t, newChat(t, `{}`), newFeed(), Visit{Typing: func(_ context.Context, visitor string) { heard <- visitor }})
		s.say(t, `{"type":"join"}`)
		s.hear(t, "joined")
		for range 3 {
			s.say(t, `{"type":"typing"}`)
		}
		time.Sleep(typingEvery)
		s.say(t, `{"type":"typing"}`)
		synctest.Wait()
		if len(heard) != 2 {
			t.Errorf("heard %d times", len(heard))
		}
	})
}

func TestThePageAndTheProfileGoWithTheMessage(t *testing.T) {
	s := serve(t, newChat(t, `{}`), newFeed(), Visit{})
	s.say(t, map[string]any{"type": "join", "page": map[string]any{"url": "https://shop.example/a?utm_source=mail&utm_campaign=%D0%B4%D0%BE%D0%BC", "title": "A", "referrer": "https://search.example/"},
		"profile": map[string]any{"name": "Ann", "email": "ann@example.test", "phone": "+1 415 555 0101"}})
	s.hear(t, "joined")
	s.say(t, map[string]any{"type": "page", "page": map[string]any{"url": "https://shop.example/b", "title": "B", "referrer": "javascript:alert(1)"}})
	s.say(t, map[string]any{"type": "message", "client_id": "1", "text": "x", "utm": map[string]any{"utm_source": "ad"}})
	s.hear(t, "accepted")
	in := s.box.stored()[0]
	if in.Source.URL != "https://shop.example/b" || in.Source.Referrer != "" || in.Source.UTM["source"] != "ad" || in.Sender.Fields["page_title"] != "B" {
		t.Errorf("source %+v, fields %v", in.Source, in.Sender.Fields)
	}
	want := []connectors.Claim{in.Sender.Claims[0], {Kind: connectors.KindEmail, Value: "ann@example.test", Trust: connectors.TrustAsserted}, {Kind: connectors.KindPhone, Value: "+1 415 555 0101", Trust: connectors.TrustAsserted}}
	if in.Sender.Name != "Ann" || !slices.Equal(in.Sender.Claims, want) {
		t.Errorf("sender %+v", in.Sender)
	}
}

func TestABrokenFeedSendsTheVisitorAwayToJoinAgain(t *testing.T) {
	c := newChat(t, `{}`)
	t.Run("while joining", func(t *testing.T) {
		feed := newFeed()
		feed.broken = errors.New("database locked")
		s := serve(t, c, feed, Visit{})
		s.say(t, `{"type":"join"}`)
		if e := s.hear(t, "error"); e["code"] != "try_again" {
			t.Errorf("error is %v", e)
		}
		if err := <-s.done; !errors.Is(err, feed.broken) || s.code != closeTryLater {
			t.Errorf("ended with %v, code %d", err, s.code)
		}
	})
	t.Run("later", func(t *testing.T) {
		s, _ := joined(t, c, newFeed(), "")
		close(s.feed.dead)
		if err := <-s.done; err == nil || s.code != closeTryLater {
			t.Errorf("ended with %v, code %d", err, s.code)
		}
	})
}

func TestSocketsEndWithTheConnectorAndWithTheProgram(t *testing.T) {
	c := newChat(t, `{}`)
	s, _ := joined(t, c, newFeed(), "")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Run(ctx, s.box); err != nil {
		t.Fatal(err)
	}
	if err := <-s.done; err != nil || s.code != closeRestart {
		t.Errorf("ended with %v, code %d", err, s.code)
	}
	if len(c.visits) != 0 {
		t.Errorf("%d sockets are still noted", len(c.visits))
	}
}
