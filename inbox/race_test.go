package inbox

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"parley/connectors"
	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// crowd has n first messages of one person accepted at the same instant, spread over nodes.
func crowd(t *testing.T, nodes []*rig, channelID, phone string, n int) {
	t.Helper()
	var ready, gone sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, n)
	for i := range n {
		ready.Add(1)
		gone.Go(func() {
			in := text(phone, fmt.Sprint("first ", i))
			in.Key, in.Raw = fmt.Sprint(phone, "-", i), []byte{byte(i)}
			ready.Done()
			<-start
			_, errs[i] = nodes[i%len(nodes)].Accept(context.Background(), channelID, in)
		})
	}
	ready.Wait()
	close(start)
	gone.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
}

// twoNodes are two inboxes on one database.
func twoNodes(t *testing.T) []*rig {
	url := dbtest.PostgresURL(t)
	return []*rig{newRig(t, dbtest.Open(t, url)), newRig(t, dbtest.Open(t, url))}
}

// twenty first messages of one person in the same instant are one contact, one conversation, one lead.
func TestTwentyFirstMessagesAtOnceAreOnePerson(t *testing.T) {
	repeats := 20
	if testing.Short() {
		repeats = 5
	}
	check := func(t *testing.T, nodes []*rig) {
		sms := nodes[0].channel(connectors.SMS, nil)
		for k := range repeats {
			crowd(t, nodes, sms, fmt.Sprintf("+1415555%04d", k), 20)
		}
		n := int64(repeats)
		for table, want := range map[string]int64{"contacts": n, "identities": n, "conversations": n, "leads": n, "messages": 20 * n, "journal": 20 * n} {
			if got := nodes[0].rows(table); got != want {
				t.Errorf("%d %s, want %d", got, table, want)
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) { check(t, []*rig{newRig(t, dbtest.Open(t, dbtest.SQLiteURL(t)))}) })
	t.Run("postgres", func(t *testing.T) { check(t, []*rig{newRig(t, dbtest.Open(t, dbtest.PostgresURL(t)))}) })
	t.Run("two nodes", func(t *testing.T) { check(t, twoNodes(t)) })
}

// A person who writes, calls and writes elsewhere in the same instant, known by one phone, is one contact with one lead.
func TestFirstWordsOnThreeChannelsAtOnceAreOnePerson(t *testing.T) {
	check := func(t *testing.T, nodes []*rig) {
		r := nodes[0]
		sms, pbx, third := r.channel(connectors.SMS, nil), r.channel(connectors.Telephony, nil), r.channel(connectors.SMS, nil)
		const people, words = 10, 12
		var posting sync.WaitGroup
		start := make(chan struct{})
		for k := range people {
			phone := fmt.Sprintf("+1415554%04d", k)
			for i := range words {
				posting.Go(func() {
					ch, in := sms, text(phone, "Hello")
					switch i % 3 {
					case 1:
						ch, in = pbx, callOf(fmt.Sprint(phone, i), phone)
					case 2:
						ch = third
					}
					in.Key, in.Raw = fmt.Sprint(phone, i), []byte{byte(i)}
					<-start
					if _, err := nodes[(k+i)%len(nodes)].Accept(context.Background(), ch, in); err != nil {
						t.Error(err)
					}
				})
			}
		}
		close(start)
		posting.Wait()
		for table, want := range map[string]int64{"contacts": people, "identities": people, "leads": people, "conversations": 3 * people, "messages": words * people, "calls": people * words / 3} {
			if got := r.rows(table); got != want {
				t.Errorf("%d %s, want %d", got, table, want)
			}
		}
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) { check(t, []*rig{newRig(t, d)}) })
	t.Run("two nodes", func(t *testing.T) { check(t, twoNodes(t)) })
}

// Without its unique indexes the database lets two nodes that look first and insert then make two of one.
func TestLookingBeforeInsertingIsNotEnough(t *testing.T) {
	nodes := twoNodes(t)
	nodes[0].exec("DROP INDEX identities_value")
	nodes[0].exec("DROP INDEX conversations_thread")
	sms := nodes[0].channel(connectors.SMS, nil)
	repeats := int64(0)
	for ; repeats < 50 && nodes[0].rows("contacts") == repeats; repeats++ {
		crowd(t, nodes, sms, fmt.Sprintf("+1415556%04d", repeats), 20)
	}
	if contacts := nodes[0].rows("contacts"); contacts <= repeats {
		t.Errorf("%d people are %d contacts without the index too: the test of R-24 can't see what it is for", repeats, contacts)
	}
}

// The same item delivered twenty times at once, to two nodes, is stored once.
func TestOneItemDeliveredTwentyTimesAtOnceIsStoredOnce(t *testing.T) {
	check := func(t *testing.T, nodes []*rig) {
		sms := nodes[0].channel(connectors.SMS, nil)
		for k := range 10 {
			in := text(fmt.Sprintf("+1415557%04d", k), "Once")
			in.Key, in.Raw = fmt.Sprint("item ", k), []byte("raw")
			var mu sync.Mutex
			fresh, ids := 0, map[string]bool{}
			var posting sync.WaitGroup
			for i := range 20 {
				posting.Go(func() {
					got, err := nodes[i%len(nodes)].Accept(context.Background(), sms, in)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Error(err)
					}
					if ids[got.MessageID] = true; !got.Duplicate {
						fresh++
					}
				})
			}
			posting.Wait()
			if fresh != 1 || len(ids) != 1 {
				t.Errorf("item %d: %d were told that it is new, under %d ids", k, fresh, len(ids))
			}
		}
		if n := nodes[0].rows("messages"); n != 10 {
			t.Errorf("%d messages of 10 items", n)
		}
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) { check(t, []*rig{newRig(t, d)}) })
	t.Run("two nodes", func(t *testing.T) { check(t, twoNodes(t)) })
}

// Two nodes that work on the same conversations in different orders must not turn items away: what gives way is done again.
func TestTwoNodesNeverTurnAnItemAwayForEachOther(t *testing.T) {
	nodes := twoNodes(t)
	sms := nodes[0].channel(connectors.SMS, nil)
	var posting sync.WaitGroup
	for w := range 24 {
		posting.Go(func() {
			for i := range 25 {
				known, fresh := (w*7+i*(1+w%2*4))%10, w*1000+i
				for n, phone := range []string{fmt.Sprintf("+1415558%04d", known), fmt.Sprintf("+1415%07d", 5_590_000+fresh)} {
					in := text(phone, "Hello")
					in.Key, in.Raw = fmt.Sprint(w, "-", i, "-", n), []byte("x")
					if _, err := nodes[(w+n)%2].Accept(context.Background(), sms, in); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	posting.Wait()
	if n := nodes[0].rows("messages"); n != 24*25*2 {
		t.Errorf("%d messages, want %d", n, 24*25*2)
	}
	if n := nodes[0].rows("contacts"); n != 10+24*25 {
		t.Errorf("%d contacts, want %d", n, 10+24*25)
	}
}

// One item that can't be written must not keep out those that share its commit.
func TestAnItemThatCantBeWrittenKeepsNobodyOut(t *testing.T) {
	each(t, func(r *rig) {
		sms := r.channel(connectors.SMS, nil)
		var posting sync.WaitGroup
		for i := range 40 {
			posting.Go(func() {
				if i%10 == 0 {
					ch, err := r.Channel(context.Background(), sms)
					if err != nil {
						t.Error(err)
						return
					}
					poison := r.prepare(ch, connectors.Inbound{Key: fmt.Sprint("poison ", i)})
					_, err = r.batch.do(poison, func(tx *gorm.DB, _ *sight, _ *item) (connectors.Accepted, error) {
						return connectors.Accepted{}, eventlog.AppendTx(tx, eventlog.Event{Type: "poison", Data: func() {}}) // can't be encoded, which shows when all is written
					})
					if err == nil {
						t.Error("what can't be encoded was written")
					}
					return
				}
				in := text(fmt.Sprintf("+1415555%04d", 100+i), "Hello")
				in.Key = fmt.Sprint("item ", i)
				if _, err := r.Accept(context.Background(), sms, in); err != nil {
					t.Error(err)
				}
			})
		}
		posting.Wait()
		if r.rows("messages") != 36 || r.rows("journal") != 36 {
			t.Errorf("%d messages and %d journal rows; want 36", r.rows("messages"), r.rows("journal"))
		}
	})
}

// Seen under load on PostgreSQL: one item in a hundred took a second. A channel's health was noted in the moment in which a commit stored new
// conversations of that channel: each held what the other waited for.
func TestAChannelsHealthAndItsItemsDoNotWaitForEachOther(t *testing.T) {
	nodes := twoNodes(t)
	r := nodes[0]
	sms := r.channel(connectors.SMS, nil)
	stop := make(chan struct{})
	var reporting, posting sync.WaitGroup
	reporting.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				r.Sink(sms).Report(context.Background(), connectors.Health{State: connectors.StateError, Detail: fmt.Sprint("trouble ", i)})
			}
		}
	})
	for w := range 8 {
		posting.Go(func() {
			for i := range 20 {
				in := text(fmt.Sprintf("+1415%07d", 5_600_000+w*100+i), "Hello")
				in.Key = fmt.Sprint(w, "-", i)
				if _, err := r.Accept(context.Background(), sms, in); err != nil {
					t.Error(err)
				}
			}
		})
	}
	posting.Wait()
	close(stop)
	reporting.Wait()
	var deadlocks int64
	r.db.Read(context.Background()).Raw("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&deadlocks)
	if deadlocks > 0 {
		t.Errorf("%d deadlocks", deadlocks)
	}
}
