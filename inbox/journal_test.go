package inbox

import (
	"context"
	"errors"
	"sync"
	"testing"

	"parley/connectors"
	"parley/internal/fault"
	"parley/internal/page"
)

func (r *rig) journal(id string) *Journal {
	r.t.Helper()
	j := &Journal{}
	if err := r.db.Read(context.Background()).Where("item_key = ?", id).Take(j).Error; err != nil {
		r.t.Fatal(err)
	}
	return j
}

func TestEveryItemStandsInTheJournalWithItsReason(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		for _, c := range []struct {
			key, state, reason string
			in                 connectors.Inbound
		}{
			{"ordinary", Processed, "", text("+14155550020", "Hello")},
			{"strange", Quarantined, "not understood: the moon is full", connectors.Inbound{Quarantine: "not understood: the moon is full"}},
			{"robot", Rejected, "the trap was filled in", connectors.Inbound{Reject: "the trap was filled in"}},
			{"nothing", Processed, "a reaction", connectors.Inbound{Ignore: "a reaction"}},
		} {
			c.in.Key, c.in.Raw, c.in.RawType = c.key, []byte("raw "+c.key), "text/plain"
			got := r.took(sms, c.in)
			j := r.journal(c.key)
			if j.State != c.state || j.Reason != c.reason || string(j.Raw) != "raw "+c.key || (got.MessageID != "") != (c.key == "ordinary") {
				t.Errorf("%s stands as %s %q with %q, message %q", c.key, j.State, j.Reason, j.Raw, got.MessageID)
			}
		}
		if n := r.rows("messages"); n != 1 {
			t.Errorf("%d messages, want the ordinary one", n)
		}
		if counts, err := r.JournalCounts(context.Background()); err != nil || counts[Quarantined] != 1 || counts[Rejected] != 1 {
			t.Errorf("the counts are %v, %v", counts, err)
		}
		p, err := r.Inbox.Journal(context.Background(), Quarantined, sms, page.Ask{})
		if err != nil || len(p.Data) != 1 || p.Data[0].Reason == "" {
			t.Errorf("the list of quarantined items is %v, %v", p, err)
		}
	})
}

func TestTheSameItemAgainChangesNothingButMovesItsCursor(t *testing.T) {
	each(t, func(r *rig) {
		box := r.channel(connectors.Email, nil)
		in := mail("vera@customer.example", "one@x", "Hello")
		in.Key, in.Cursor = "INBOX:1:7", &connectors.Cursor{Name: "INBOX", Value: "1:7"}
		first, head := r.took(box, in), r.head()
		in.Cursor = &connectors.Cursor{Name: "INBOX", Value: "1:8"}
		again := r.took(box, in)
		if !again.Duplicate || again.MessageID != first.MessageID || r.head() != head || r.rows("messages") != 1 {
			t.Errorf("the same item again answered %+v, and the log went from %d to %d", again, head, r.head())
		}
		if at, err := r.Sink(box).Cursor(context.Background(), "INBOX"); err != nil || at != "1:8" {
			t.Errorf("the cursor stands at %q, %v", at, err)
		}
		if other := r.took(r.channel(connectors.Email, nil), in); other.Duplicate {
			t.Error("an item of another channel counts as the same")
		}
	})
}

func TestAQuarantinedItemIsReplayedOnce(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		mended := false
		r.live.run(sms, &fakeProvider{replay: func(raw []byte, _, key string) (connectors.Inbound, error) {
			if !mended {
				return connectors.Inbound{}, errors.New("still a full moon")
			}
			in := text("+14155550021", string(raw))
			in.Key = "another key"
			return in, nil
		}})
		r.took(sms, connectors.Inbound{Key: "strange", Raw: []byte("What the customer meant"), Quarantine: "not understood"})
		id := r.journal("strange").ID
		if _, err := r.Replay(context.Background(), id); !fault.Is(err, fault.KindConflict) {
			t.Errorf("a replay that still fails answers %v", err)
		}
		if j := r.journal("strange"); j.State != Quarantined {
			t.Errorf("after it the item is %s", j.State)
		}
		mended = true
		var wins, refusals int
		var mu sync.Mutex
		var asking sync.WaitGroup
		for range 5 {
			asking.Go(func() {
				_, err := r.Replay(context.Background(), id)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					wins++
				} else if fault.Is(err, fault.KindConflict) {
					refusals++
				} else {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		if wins != 1 || refusals != 4 || r.rows("messages") != 1 || r.rows("leads") != 1 {
			t.Errorf("five replays at once: %d took effect, %d messages", wins, r.rows("messages"))
		}
		j := r.journal("strange")
		if j.State != Processed || j.Reason != "" || j.MessageID == "" || r.message(j.MessageID).BodyText != "What the customer meant" {
			t.Errorf("the replayed item stands as %+v", j)
		}
		if got := r.took(sms, connectors.Inbound{Key: "strange", Raw: []byte("again"), Text: "again"}); !got.Duplicate {
			t.Error("the provider's repetition of a replayed item counts as new")
		}
	})
}

func TestAQuarantinedItemCanBePutAway(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		r.took(sms, connectors.Inbound{Key: "strange", Raw: []byte("x"), Quarantine: "not understood"})
		id := r.journal("strange").ID
		v, err := r.Discard(context.Background(), id)
		if err != nil || v.State != Rejected {
			t.Errorf("discard answers %+v, %v", v, err)
		}
		if _, err := r.Discard(context.Background(), id); !fault.Is(err, fault.KindConflict) {
			t.Errorf("a second discard answers %v", err)
		}
		if _, err := r.Discard(context.Background(), "nothing"); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("discarding what is not there answers %v", err)
		}
		r.live.run(sms, &fakeProvider{replay: func([]byte, string, string) (connectors.Inbound, error) {
			in := text("+14155550022", "After all")
			in.Reject = "the trap was filled in"
			return in, nil
		}})
		if v, err := r.Replay(context.Background(), id); err != nil || v.State != Processed || v.MessageID == nil {
			t.Errorf("what was put away by mistake is replayed as %+v, %v", v, err)
		}
	})
}

func TestLargeItemsLieInTheBlobStoreAndCanBeReplayed(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		raw := make([]byte, rawInRow+1)
		for i := range raw {
			raw[i] = byte('a' + i%26)
		}
		r.live.run(sms, &fakeProvider{replay: func(got []byte, _, _ string) (connectors.Inbound, error) {
			if string(got) != string(raw) {
				return connectors.Inbound{}, errors.New("other bytes")
			}
			return text("+14155550023", "Long"), nil
		}})
		r.took(sms, connectors.Inbound{Key: "long", Raw: raw, Quarantine: "not understood"})
		j := r.journal("long")
		if len(j.Raw) != 0 || j.RawBlob == "" {
			t.Errorf("a large item has %d bytes in its row and the blob %q", len(j.Raw), j.RawBlob)
		}
		if _, err := r.Replay(context.Background(), j.ID); err != nil {
			t.Error(err)
		}
		if r.journal("long").RawBlob != j.RawBlob {
			t.Error("after its replay the item's bytes are gone")
		}
	})
}
