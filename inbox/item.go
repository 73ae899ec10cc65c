package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"parley/connectors"
	"parley/crm"
	"parley/internal/db"
	"parley/internal/ids"
	"parley/internal/sanitize"
	"parley/realtime/eventlog"
)

// item is an inbound item on its way to the tables: cleaned, with ids, its bytes set apart.
type item struct {
	connectors.Inbound
	ch      *Channel
	rules   common
	now     time.Time
	actor   eventlog.Actor
	journal Journal
	parts   []Attachment
	replay  bool // an item of the journal that is tried again
}

func (b *Inbox) prepare(ch *Channel, in connectors.Inbound) *item {
	now := b.now()
	if in.At.IsZero() {
		in.At = now
	}
	clean(&in)
	hash := sha256.Sum256(in.Raw)
	it := &item{Inbound: in, ch: ch, rules: ch.common(), now: now}
	it.journal = Journal{ID: ids.New(), ChannelID: ch.ID, ItemKey: in.Key, State: Processed, Raw: in.Raw, RawType: in.RawType, RawHash: hex.EncodeToString(hash[:]), ReceivedAt: now.UnixMilli()}
	for i, p := range in.Parts {
		a := Attachment{ID: ids.New(), Position: i, Name: attachmentName(p, i), MimeType: mimeOf(p), Size: p.Size, Cid: sanitize.Line(p.CID), InlinePart: p.Inline, State: "ready",
			FetchRef: sanitize.Text(p.FetchRef), Problem: sanitize.Line(p.Problem), CreatedAt: now.UnixMilli()}
		switch {
		case p.Problem != "":
			a.State = "failed"
		case p.Data == nil:
			a.State = "pending"
		}
		it.parts = append(it.parts, a)
	}
	return it
}

func (it *item) who() crm.Who {
	return crm.Who{Name: it.Sender.Name, Claims: it.Sender.Claims, Locale: it.Sender.Locale, Fields: cleanFields(it.Sender.Fields), ChannelID: it.ch.ID, Region: it.rules.DefaultRegion, At: it.now}
}

// shownAt is where an item stands in its thread: old mail that is filled in stands at its own time, everything else at ours.
func (it *item) shownAt() int64 {
	if it.Muted || it.Recovered {
		return min(it.At.UnixMilli(), it.now.UnixMilli())
	}
	return it.now.UnixMilli()
}

// peer is where an answer goes on this channel: the address that a mail asks answers to, else the sender's.
func (it *item) peer() connectors.Claim {
	if to := crm.NormalEmail(it.Headers["Reply-To"]); to != "" {
		return connectors.Claim{Kind: connectors.KindEmail, Value: to, Trust: connectors.TrustAsserted}
	}
	return it.from()
}

// from is the sender's address on this channel.
func (it *item) from() connectors.Claim {
	region := it.rules.DefaultRegion
	for _, c := range it.Sender.Claims {
		if v := crm.Normal(c.Kind, c.Value, region); v != "" {
			return connectors.Claim{Kind: c.Kind, Value: v, Trust: c.Trust}
		}
	}
	return connectors.Claim{}
}

func cleanFields(in map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range in {
		if k, v = sanitize.Line(k), sanitize.Preview(v, 1000); k != "" && v != "" && len(out) < 50 {
			out[k] = v
		}
	}
	return out
}

func headersOf(it *item) db.Map {
	out := db.Map{}
	for k, v := range it.Headers {
		out[sanitize.Line(k)] = sanitize.Preview(v, 2000)
	}
	if len(it.Recipients) > 0 {
		to := []string{}
		for _, r := range it.Recipients[:min(100, len(it.Recipients))] {
			to = append(to, sanitize.Preview(r, 320))
		}
		out["recipients"] = to
	}
	if it.Recovered {
		out["recovered"] = true
	}
	return out
}
