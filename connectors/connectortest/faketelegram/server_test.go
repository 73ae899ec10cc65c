package faketelegram

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"parley/connectors/connectortest"
)

var ada = Person{ID: 5001, First: "Ada", Last: "Byron", Handle: "ada", Language: "en"}

func start(t *testing.T) *Server {
	t.Helper()
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func ask(t *testing.T, s *Server, method string, params url.Values) (status int, result json.RawMessage) {
	t.Helper()
	res, err := http.PostForm(s.URL+"/bot"+s.Token+"/"+method, params)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var a struct{ Result json.RawMessage }
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, a.Result
}

func idsOf(t *testing.T, s *Server, offset int64, limit int) []int64 {
	t.Helper()
	_, result := ask(t, s, "getUpdates", url.Values{"offset": {fmt.Sprint(offset)}, "limit": {fmt.Sprint(limit)}})
	var us []struct {
		ID int64 `json:"update_id"`
	}
	if err := json.Unmarshal(result, &us); err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, u := range us {
		ids = append(ids, u.ID)
	}
	return ids
}

// core.telegram.org/bots/api#getupdates: an update is confirmed as soon as getUpdates is called with a higher offset.
func TestOnlyAHigherOffsetConfirms(t *testing.T) {
	s := start(t)
	a, b, c := s.Message(ada, "a", nil), s.Message(ada, "b", nil), s.Message(ada, "c", nil)
	for _, u := range []Update{a, b, c} {
		s.Push(u)
	}
	for range 2 {
		if got := idsOf(t, s, 0, 2); !slices.Equal(got, []int64{a.ID, b.ID}) || s.Confirmed(a.ID) {
			t.Fatalf("without an offset: %v", got)
		}
	}
	if got := idsOf(t, s, b.ID, 0); !slices.Equal(got, []int64{b.ID, c.ID}) || !s.Confirmed(a.ID) || s.Confirmed(b.ID) {
		t.Errorf("from the second on: %v", got)
	}
	s.Push(a)
	if got := idsOf(t, s, -1, 0); !slices.Equal(got, []int64{a.ID}) || s.Waiting() != 1 {
		t.Errorf("the last one only: %v, %d waiting", got, s.Waiting())
	}
}

func TestNobodyPollsBesideAWebhook(t *testing.T) {
	s := start(t)
	ask(t, s, "setWebhook", url.Values{"url": {"http://127.0.0.1:9/"}})
	if status, _ := ask(t, s, "getUpdates", nil); status != http.StatusConflict {
		t.Errorf("answered %d", status)
	}
}

func TestAWrongTokenIsRefused(t *testing.T) {
	s := start(t)
	res, err := http.Get(s.URL + "/bot" + s.Token + "x/getMe")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("answered %d", res.StatusCode)
	}
}

// The updates made here have the fields of the written-down ones.
func TestMessagesLookLikeTelegrams(t *testing.T) {
	b, err := os.ReadFile(connectortest.Corpus(t, "telegram-authored/updates.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var theirs struct{ Update Object }
	if err := json.Unmarshal(b[:strings.IndexByte(string(b), '\n')], &theirs); err != nil {
		t.Fatal(err)
	}
	var ours Object
	if err := json.Unmarshal(start(t).Message(ada, "hello", nil).JSON, &ours); err != nil {
		t.Fatal(err)
	}
	same(t, "update", theirs.Update, ours)
}

func same(t *testing.T, where string, theirs, ours Object) {
	t.Helper()
	for name, v := range theirs {
		mine, there := ours[name]
		if !there {
			t.Errorf("%s has no %s", where, name)
		}
		if sub, ok := v.(Object); ok && there {
			same(t, where+"."+name, sub, mine.(Object))
		}
	}
	for name := range ours {
		if _, there := theirs[name]; !there {
			t.Errorf("%s has a %s, Telegram's has not", where, name)
		}
	}
}
