package form

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/connectors"
)

func TestTheSendersKeyIsTheItemsKey(t *testing.T) {
	f, day := newForm(t, `{}`)
	box := newInbox()
	f.Webhook(t.Context(), request(urlencoded, "message=one", "Idempotency-Key", "k1"), box)
	day.now = day.now.Add(30 * 24 * time.Hour)
	f.Webhook(t.Context(), request(urlencoded, "message=one+again", "Idempotency-Key", "k1"), box)
	f.Webhook(t.Context(), request(urlencoded, "message=one&_key=k1"), box)
	if len(box.items) != 1 {
		t.Fatalf("%d items under one key", len(box.items))
	}
	f.Webhook(t.Context(), request(urlencoded, "message=one", "Idempotency-Key", "k2"), box)
	f.Webhook(t.Context(), request("application/json", `{"message": "one", "_key": "k3"}`), box)
	f.Webhook(t.Context(), request(urlencoded, "message=one", "Idempotency-Key", strings.Repeat("я", 300)), box)
	if len(box.items) != 4 {
		t.Errorf("%d items under four keys", len(box.items))
	}
	for _, in := range box.items {
		if len(in.Key) > 250 {
			t.Errorf("a key of %d bytes", len(in.Key))
		}
		if strings.Contains(in.Text, "k3") {
			t.Errorf("the key is shown to people: %q", in.Text)
		}
	}
}

// Ten minutes count from the first post, wherever the clock's own ten minutes turn over, also on another node or after a restart.
func TestTheSamePostWithinTenMinutesIsOneItem(t *testing.T) {
	for _, start := range []time.Duration{0, time.Second, 5 * time.Minute, 9*time.Minute + 59*time.Second} {
		for _, c := range []struct {
			later time.Duration
			items int
		}{{0, 1}, {2 * time.Second, 1}, {9*time.Minute + 59*time.Second, 1}, {10*time.Minute + time.Second, 2}, {25 * time.Hour, 2}} {
			t.Run(fmt.Sprintf("%s after the turn, %s later", start, c.later), func(t *testing.T) {
				box := newInbox()
				f, day := newForm(t, `{}`)
				day.now = day.now.Add(start)
				f.Webhook(t.Context(), request(urlencoded, "message=hi"), box)
				other, otherDay := newForm(t, `{}`)
				otherDay.now = day.now.Add(c.later)
				other.Webhook(t.Context(), request(urlencoded, "message=hi"), box)
				other.Webhook(t.Context(), request(urlencoded, "message=hi"), box)
				if len(box.items) != c.items {
					t.Errorf("%d items, want %d", len(box.items), c.items)
				}
			})
		}
	}
}

func TestAnotherBodyOrAddressIsAnotherItem(t *testing.T) {
	f, _ := newForm(t, `{}`)
	box := newInbox()
	f.Webhook(t.Context(), request(urlencoded, "message=hi"), box)
	f.Webhook(t.Context(), request(urlencoded, "message=ho"), box)
	f.Webhook(t.Context(), request(urlencoded, "messageh=i"), box)
	elsewhere := request(urlencoded, "message=hi")
	elsewhere.RemoteIP = "203.0.113.8"
	f.Webhook(t.Context(), elsewhere, box)
	if len(box.items) != 4 {
		t.Errorf("%d items, want 4", len(box.items))
	}
}

func TestAMultipartPostSentAgainIsTheSameUnderAnotherBoundary(t *testing.T) {
	f, _ := newForm(t, `{}`)
	box := newInbox()
	body := func(boundary, file string) (string, string) {
		return "multipart/form-data; boundary=" + boundary, "--" + boundary + "\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nhi\r\n--" + boundary +
			"\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\n" + file + "\r\n--" + boundary + "--\r\n"
	}
	for _, b := range [][2]string{{"AA", "one"}, {"BB", "one"}, {"CC", "two"}} {
		f.Webhook(t.Context(), request(body(b[0], b[1])), box)
	}
	if len(box.items) != 2 {
		t.Errorf("%d items, want 2", len(box.items))
	}
}

func TestADoubleClickIsOneItem(t *testing.T) {
	f, _ := newForm(t, `{}`)
	box := newInbox()
	var clicks sync.WaitGroup
	for i := range 40 {
		clicks.Go(func() {
			if a := f.Webhook(t.Context(), request(urlencoded, fmt.Sprintf("message=%d", i%4)), box); a.Status != 200 {
				t.Errorf("answered %d", a.Status)
			}
		})
	}
	clicks.Wait()
	if len(box.items) != 4 {
		t.Errorf("%d items, want 4", len(box.items))
	}
}

// slowToRead lets others in between reading what is recent and storing.
type slowToRead struct{ *inbox }

func (b slowToRead) Cursor(ctx context.Context, name string) (string, error) {
	value, err := b.inbox.Cursor(ctx, name)
	time.Sleep(time.Millisecond)
	return value, err
}

func TestPostsInTheSameInstantAreAllRemembered(t *testing.T) {
	f, day := newForm(t, `{}`)
	day.now = day.now.Add(9*time.Minute + 59*time.Second)
	box := newInbox()
	for range 2 {
		var people sync.WaitGroup
		for i := range 4 * slots {
			people.Go(func() { f.Webhook(t.Context(), request(urlencoded, fmt.Sprintf("message=%d", i)), slowToRead{box}) })
		}
		people.Wait()
		day.now = day.now.Add(2 * time.Second)
	}
	if len(box.items) != 4*slots {
		t.Errorf("%d items, want %d", len(box.items), 4*slots)
	}
}

func TestARefusedPostIsNotRememberedAsStored(t *testing.T) {
	f, day := newForm(t, `{}`)
	box := newInbox()
	box.fail = true
	f.Webhook(t.Context(), request(urlencoded, "message=hi"), box)
	box.fail = false
	day.now = day.now.Add(time.Second)
	if a := f.Webhook(t.Context(), request(urlencoded, "message=hi"), box); a.Status != 200 || len(box.items) != 1 {
		t.Errorf("answered %d, %d items", a.Status, len(box.items))
	}
}

func TestTheMemoryOfPostsIsBounded(t *testing.T) {
	var r recent
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for i := range 10 * slotHolds {
		r = append(parseRecent(r.String(), now), seen{fmt.Sprintf("%024x", i), now.Unix()})
	}
	var at int64
	if ok := r.find(fmt.Sprintf("%024x", 10*slotHolds-1), &at); len(r) != slotHolds || !ok || at != now.Unix() {
		t.Errorf("holds %d, the newest: %v", len(r), ok)
	}
	if old := parseRecent(r.String(), now.Add(sameWithin+time.Second)); len(old) != 0 {
		t.Errorf("after ten minutes %d are still held", len(old))
	}
	if odd := parseRecent("nonsense @ a@b 12@", now); len(odd) != 0 {
		t.Errorf("read %v", odd)
	}
}

var _ connectors.WebhookReceiver = (*Connector)(nil)
