package form

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"parley/connectors"
)

// A post with a key of its own is known by it. Without one, the same content from the same address within ten minutes is the same
// item (a double click, a page sent again, a script that saw no answer). A key made of the content and the running ten minutes would take
// two posts one second apart for two items when the clock turns over between them. So the channel's recent posts are written
// down, in cursors, which move in the transaction that stores the item: the memory is right after a crash and on every node. They
// are spread over a fixed number of slots, so that the memory has a bound and different posts seldom wait for each other.
const (
	sameWithin = 10 * time.Minute
	slots      = 64
	slotHolds  = 200 // posts; under more than that in ten minutes the oldest is forgotten first
)

// acceptOnce stores in under the key of the item that it is.
func (c *Connector) acceptOnce(ctx context.Context, in connectors.Inbound, p post, req connectors.WebhookRequest, sink connectors.Sink) error {
	if in.Key = ownKey(p, req.Header); in.Key != "" {
		_, err := sink.Accept(ctx, in)
		return err
	}
	sum := fingerprint(p, req)
	release, err := c.turn(ctx, slotOf(sum))
	if err != nil {
		return err
	}
	defer release()
	return c.acceptRecent(ctx, in, sum, sink)
}

// turn waits until nobody else of this process works on the slot: the second of two equal posts must see what the first noted.
func (c *Connector) turn(ctx context.Context, slot int) (release func(), err error) {
	select {
	case c.turns[slot] <- struct{}{}:
		return func() { <-c.turns[slot] }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Connector) acceptRecent(ctx context.Context, in connectors.Inbound, sum string, sink connectors.Sink) error {
	now := c.host.Now()
	cursor := fmt.Sprintf("posts/%d", slotOf(sum))
	first := now.Unix()
	if value, err := sink.Cursor(ctx, cursor); err != nil {
		// Better taken twice at worst than sent away: a person does not post again.
		c.host.Log.WarnContext(ctx, "the recent posts of a form can't be read", "channel", c.channel.ID, "error", err)
	} else if recent := parseRecent(value, now); !recent.find(sum, &first) {
		in.Cursor = &connectors.Cursor{Name: cursor, Value: append(recent, seen{sum, first}).String()}
	}
	// Two nodes that see the first of it at once still come to one key, unless the ten minutes turn over between them.
	in.Key = fmt.Sprintf("post:%s:%d", sum, first/int64(sameWithin/time.Second))
	_, err := sink.Accept(ctx, in)
	return err
}

// ownKey is the key that the sender gave to the post, "" when it gave none.
func ownKey(p post, h http.Header) string {
	key := h.Get("Idempotency-Key")
	for _, f := range p.fields {
		if key == "" && f.name == "_key" {
			key = f.value
		}
	}
	switch key = strings.TrimSpace(key); {
	case key == "":
		return ""
	case len(key) > 200 || strings.ContainsFunc(key, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }):
		return fmt.Sprintf("key#%x", sha256.Sum256([]byte(key)))
	}
	return "key:" + key
}

// fingerprint names what was sent and from where. It is taken of the content: a multipart boundary is another one each time. A body
// that could not be read is taken as it is.
func fingerprint(p post, req connectors.WebhookRequest) string {
	h := sha256.New()
	add := func(b []byte) {
		_ = binary.Write(h, binary.BigEndian, uint64(len(b))) // a hash takes all
		h.Write(b)
	}
	add([]byte(req.RemoteIP))
	for _, f := range p.fields {
		add([]byte(f.name))
		add([]byte(f.value))
	}
	for _, a := range p.files {
		add([]byte(a.Name))
		add(a.Data)
	}
	if len(p.fields) == 0 && len(p.files) == 0 {
		add(req.Body)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func slotOf(sum string) int {
	n, _ := strconv.ParseUint(sum[:2], 16, 8) // hex by birth
	return int(n) % slots
}

// seen is a post of the last ten minutes and when it came first, unix seconds.
type seen struct {
	sum string
	at  int64
}

type recent []seen

// parseRecent reads what is still recent now. What can't be read is not recent.
func parseRecent(value string, now time.Time) recent {
	var out recent
	for entry := range strings.FieldsSeq(value) {
		sum, at, _ := strings.Cut(entry, "@")
		unix, err := strconv.ParseInt(at, 10, 64)
		if age := now.Unix() - unix; err == nil && age <= int64(sameWithin/time.Second) && age >= -int64(sameWithin/time.Second) {
			out = append(out, seen{sum, unix})
		}
	}
	return out[max(0, len(out)-slotHolds+1):]
}

// find tells whether the post is known, and when it came first.
func (r recent) find(sum string, first *int64) bool {
	for _, s := range r {
		if s.sum == sum {
			*first = s.at
			return true
		}
	}
	return false
}

func (r recent) String() string {
	words := make([]string, len(r))
	for i, s := range r {
		words[i] = s.sum + "@" + strconv.FormatInt(s.at, 10)
	}
	return strings.Join(words, " ")
}
