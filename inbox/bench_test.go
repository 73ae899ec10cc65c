package inbox_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/connectors"
	"parley/crm"
	"parley/inbox"
	"parley/internal/blob"
	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/internal/ids"
	"parley/internal/secrets"
	"parley/realtime/eventlog"
)

// onBoth runs f on each database, set up as in production: a commit is on the disk.
func onBoth(b *testing.B, f func(b *testing.B, d *db.DB)) {
	for _, x := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", dbtest.SQLiteURL}, {"postgres", dbtest.DurablePostgresURL}} {
		b.Run(x.name, func(b *testing.B) {
			d, err := db.Open(context.Background(), db.Options{URL: x.url(b)})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = d.Close() })
			if err := d.Migrate(context.Background()); err != nil {
				b.Fatal(err)
			}
			f(b, d)
		})
	}
}

// desk is an inbox at work, with one Telegram channel.
type desk struct {
	*inbox.Inbox
	db      *db.DB
	log     *eventlog.Log
	channel string
}

func openDesk(b *testing.B, d *db.DB) *desk {
	ctx := context.Background()
	log, err := eventlog.Open(ctx, d, clock.System)
	if err != nil {
		b.Fatal(err)
	}
	box, err := secrets.Load(filepath.Join(b.TempDir(), "key"), true)
	if err != nil {
		b.Fatal(err)
	}
	blobs, err := blob.Open("", b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := crm.Seed(d.Write(ctx), time.Now()); err != nil {
		b.Fatal(err)
	}
	k := &desk{db: d, log: log, channel: ids.New()}
	k.Inbox = inbox.New(inbox.Options{DB: d, Log: log, Blobs: blobs, Secrets: box, Now: clock.System, PublicURL: "http://localhost"})
	k.exec(b, "INSERT INTO channels (id, type, name, config, created_at, updated_at) VALUES (?, 'telegram', 'Bot', '{}', 1, 1)", k.channel)
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = k.Run(ctx) })
	b.Cleanup(func() { stop(); running.Wait() })
	return k
}

func (k *desk) exec(b *testing.B, sql string, a ...any) {
	b.Helper()
	if err := k.db.Write(context.Background()).Exec(sql, a...).Error; err != nil {
		b.Fatal(err)
	}
}

// word is the n-th message, of the sender-th person.
func word(n, sender int64) connectors.Inbound {
	id := strconv.FormatInt(1_000_000+sender, 10)
	return connectors.Inbound{
		Key: "update:" + strconv.FormatInt(n, 10), Raw: []byte(`{"update_id":` + strconv.FormatInt(n, 10) + `,"message":{"text":"` + strings.Repeat("x", 300) + `"}}`), RawType: "application/json",
		Sender: connectors.Sender{Name: "Person " + id, Claims: []connectors.Claim{{Kind: connectors.KindTelegram, Value: id, Trust: connectors.TrustChannel}}},
		Thread: connectors.Thread{Key: id}, ProviderID: id + ":" + strconv.FormatInt(n, 10),
		Text: "Good morning, my order number " + strconv.FormatInt(n, 10) + " has not arrived yet and the tracking page says nothing since Monday. Could somebody please look where it is? Thank you",
	}
}

// BenchmarkAccept stores items of people who are known, or of people who are not: contact, lead, conversation and message.
func BenchmarkAccept(b *testing.B) {
	const known = 2000
	for _, who := range []string{"known", "new"} {
		for _, callers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d-callers", who, callers), func(b *testing.B) {
				onBoth(b, func(b *testing.B, d *db.DB) {
					k := openDesk(b, d)
					senderOf := func(n int64) int64 { return known + n }
					if who == "known" {
						senderOf = func(n int64) int64 { return n * 7919 % known }
						k.accept(b, 64, known, func(n int64) connectors.Inbound { return word(-1-n, n) })
					}
					b.ResetTimer()
					began, spent := time.Now(), cpuOfTree()
					late := k.accept(b, callers, int64(b.N), func(n int64) connectors.Inbound { return word(n, senderOf(n)) })
					took := time.Since(began)
					b.StopTimer()
					report(b, late, took)
					b.ReportMetric(float64((cpuOfTree()-spent).Microseconds())/float64(b.N), "cpu-us/item") // the database's included
				})
			})
		}
	}
}

func (k *desk) accept(b *testing.B, callers int, count int64, item func(n int64) connectors.Inbound) (late []time.Duration) {
	late = make([]time.Duration, count)
	var next atomic.Int64
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() {
			for n := next.Add(1) - 1; n < count; n = next.Add(1) - 1 {
				began := time.Now()
				got, err := k.Accept(context.Background(), k.channel, item(n))
				if err != nil || got.Duplicate || got.MessageID == "" {
					b.Errorf("item %d: %+v %v", n, got, err)
					return
				}
				late[n] = time.Since(began)
			}
		})
	}
	calling.Wait()
	return late
}

func report(b *testing.B, late []time.Duration, took time.Duration) {
	slices.Sort(late)
	b.ReportMetric(float64(len(late))/took.Seconds(), "items/s")
	b.ReportMetric(float64(late[len(late)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(late[len(late)*99/100].Microseconds())/1000, "p99-ms")
}

// cpuOfTree is the processor time that this process and those it started (PostgreSQL) have used.
func cpuOfTree() time.Duration {
	type process struct {
		parent int
		ticks  int64
	}
	all := map[int]process{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		_, rest, ok := strings.Cut(string(raw), ") ")
		f := strings.Fields(rest)
		if err != nil || !ok || len(f) < 15 {
			continue // it has just ended
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, _ := strconv.Atoi(f[1])
		var ticks int64
		for _, s := range f[11:15] { // its own, and those of its children that are gone
			n, _ := strconv.ParseInt(s, 10, 64)
			ticks += n
		}
		all[pid] = process{parent, ticks}
	}
	var sum int64
	for pid, p := range all {
		for at, depth := pid, 0; at > 1 && depth < 20; at, depth = all[at].parent, depth+1 {
			if at == os.Getpid() {
				sum += p.ticks
				break
			}
		}
	}
	return time.Duration(sum) * 10 * time.Millisecond // USER_HZ is 100
}
