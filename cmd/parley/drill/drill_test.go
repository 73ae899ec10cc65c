package drill

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/connectors"
	"parley/connectors/connectortest/faketelegram"
	"parley/connectors/form"
	"parley/connectors/telegram"
	"parley/crm"
	"parley/inbox"
	"parley/internal/archive"
	"parley/internal/blob"
	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/internal/secrets"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

var ctx = context.Background()

const canary = "7000000001:canary-token-that-nobody-may-read"

// nobody stands for the running connectors where nothing is sent.
type nobody struct{}

func (nobody) Connector(string) (connectors.Connector, error) {
	return nil, errors.New("nothing runs here")
}
func (nobody) Changed(string) {}

// house is one installation within this process, with the real inbox.
type house struct {
	db    *db.DB
	blobs blob.Store
	box   *secrets.Box
	log   *eventlog.Log
	inbox *inbox.Inbox
	stop  func()
}

func (h *house) open(t *testing.T) {
	t.Helper()
	var err error
	if h.log, err = eventlog.Open(ctx, h.db, clock.System); err != nil {
		t.Fatal(err)
	}
	if err := crm.Seed(h.db.Write(ctx), time.Now()); err != nil {
		t.Fatal(err)
	}
	h.inbox = inbox.New(inbox.Options{DB: h.db, Log: h.log, Blobs: h.blobs, Secrets: h.box, Now: clock.System, PublicURL: "http://localhost:8080",
		Factories: []connectors.Factory{form.Factory, telegram.Factory()}})
	h.inbox.Use(nobody{})
	run, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = h.inbox.Run(run) }()
	h.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(h.stop)
}

func newHouse(t *testing.T, url string, box *secrets.Box) *house {
	t.Helper()
	d, err := db.Open(ctx, db.Options{URL: url, Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	blobs, err := blob.Open("file://"+t.TempDir(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return &house{db: d, blobs: blobs, box: box}
}

// acked are the items that were acknowledged to their provider.
type acked struct {
	mu    sync.Mutex
	texts []string
}

func (a *acked) add(s string) { a.mu.Lock(); a.texts = append(a.texts, s); a.mu.Unlock() }

func (a *acked) all() []string { a.mu.Lock(); defer a.mu.Unlock(); return slices.Clone(a.texts) }

// load lets visitors write until ctx ends; some send files, some mails too large for a row.
func (h *house) load(ctx context.Context, t *testing.T, channel string, a *acked) (wait func()) {
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; ctx.Err() == nil; i++ {
				text := fmt.Sprintf("w%dn%d", w, i)
				in := connectors.Inbound{Key: text, Raw: []byte("raw " + text), RawType: "text/plain", Text: "says " + text, ProviderID: text,
					Sender: connectors.Sender{Name: "Visitor", Claims: []connectors.Claim{{Kind: connectors.KindEmail, Value: fmt.Sprintf("w%d.%d@example.com", w, i%7), Trust: connectors.TrustAsserted}}}}
				if i%5 == 0 {
					in.Parts = []connectors.Attachment{{Name: "a.txt", MIME: "text/plain", Data: bytes.Repeat([]byte(text+" "), 2000)}}
				}
				if i%11 == 0 {
					in.Raw = bytes.Repeat([]byte(text+" "), 20_000)
				}
				if _, err := h.inbox.Accept(context.WithoutCancel(ctx), channel, in); err != nil {
					t.Errorf("accept: %v", err)
					return
				}
				a.add(text)
			}
		}()
	}
	return wg.Wait
}

// backups in a loop while messages come in; every message acknowledged before one began is in it, restored on the other database.
func TestWhatWasAcknowledgedBeforeABackupIsInIt(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to func(testing.TB) string
	}{
		{"sqlite to postgres", dbtest.SQLiteURL, dbtest.PostgresURL},
		{"postgres to sqlite", dbtest.PostgresURL, dbtest.SQLiteURL},
	} {
		t.Run(c.name, func(t *testing.T) { acknowledgedIsThere(t, c.from(t), c.to) })
	}
}

func acknowledgedIsThere(t *testing.T, from string, to func(testing.TB) string) {
	box, err := secrets.Load(filepath.Join(t.TempDir(), "secret.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	old := newHouse(t, from, box)
	if err := old.db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	old.open(t)
	channel, err := old.inbox.CreateChannel(ctx, connectors.Form, "form", map[string]any{"allowed_origins": []any{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.inbox.CreateChannel(ctx, connectors.Telegram, "bot", map[string]any{"token": canary, "mode": "polling"}); err != nil {
		t.Fatal(err)
	}
	var a acked
	busy, quiet := context.WithCancel(ctx)
	wait := old.load(busy, t, channel.ID, &a)
	type taken struct {
		path   string
		before []string
		m      archive.Manifest
	}
	var backups []taken
	dir := t.TempDir()
	for i := range 4 {
		for len(a.all()) < (i+1)*60 && !t.Failed() { // until enough has happened
			time.Sleep(time.Millisecond)
		}
		b := taken{path: filepath.Join(dir, fmt.Sprint(i)), before: a.all()}
		if b.m, err = archive.Write(ctx, archive.Source{DB: old.db, Blobs: old.blobs, Secrets: box, Now: clock.System, Version: "test"}, b.path); err != nil {
			t.Fatal(err)
		}
		backups = append(backups, b)
	}
	quiet()
	wait()
	old.stop()
	meanwhile := len(a.all()) - len(backups[0].before)
	epoch := old.log.Epoch()
	for i, b := range []taken{backups[0], backups[len(backups)-1]} {
		fresh := newHouse(t, to(t), box)
		if _, err := restore(b.path, fresh); err != nil {
			t.Fatalf("backup %d: %v", i, err)
		}
		fresh.open(t)
		fresh.holds(t, b.before)
		fresh.counts(t, b.m)
		fresh.isOfOneMoment(t)
		fresh.allBlobsAreWhatRowsSay(t)
		if fresh.log.Epoch() == epoch {
			t.Error("the epoch is the old one")
		}
		word := b.before[len(b.before)-1]
		hits, err := fresh.inbox.Search(ctx, eventlog.Viewer{All: true}, word, "")
		if err != nil || !slices.ContainsFunc(hits, func(h inbox.Hit) bool { return h.Type == "message" && strings.HasSuffix(h.Preview, word) }) {
			t.Errorf("search for %s finds %v: %v", word, hits, err)
		}
		noCanary(t, b.path)
		t.Logf("backup %d: %d acknowledged before it began, %d messages in it; %d more came in from the first backup on", i, len(b.before), b.m.Tables["messages"], meanwhile)
	}
}

func restore(path string, into *house) (doubtful int, err error) {
	a, err := archive.Open(ctx, path)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	_, err = a.Restore(ctx, archive.Target{DB: into.db, Blobs: into.blobs, Secrets: into.box, Now: clock.System, Then: func(tx *gorm.DB) (err error) {
		doubtful, err = inbox.RestoredTx(tx, time.Now())
		return err
	}})
	return doubtful, err
}

// holds checks that every acknowledged item is there once, with its message.
func (h *house) holds(t *testing.T, texts []string) {
	t.Helper()
	var keys []string
	err := h.db.Read(ctx).Raw("SELECT j.item_key FROM journal j JOIN messages m ON m.id = j.message_id AND m.body_text = 'says ' || j.item_key WHERE j.state = 'processed'").Scan(&keys).Error
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]int{}
	for _, k := range keys {
		there[k]++
	}
	lost := 0
	for _, text := range texts {
		if there[text] != 1 {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("of %d acknowledged items %d are lost or doubled", len(texts), lost)
	}
}

// counts compares the rows with those of the manifest.
func (h *house) counts(t *testing.T, m archive.Manifest) {
	t.Helper()
	if m.Tables["messages"] < 60 || m.Blobs < 10 {
		t.Errorf("the backup holds %d messages and %d blobs", m.Tables["messages"], m.Blobs)
	}
	for table, want := range m.Tables {
		if table == "nodes" || table == "sessions" || table == "password_links" {
			continue
		}
		var got int64
		if err := h.db.Read(ctx).Table(table).Count(&got).Error; err != nil || got != want {
			t.Errorf("%s: %d rows, the backup has %d: %v", table, got, want, err)
		}
	}
}

// isOfOneMoment looks for tables that were read at different times.
func (h *house) isOfOneMoment(t *testing.T) {
	t.Helper()
	for what, q := range map[string]string{
		"items without their message":          "SELECT COUNT(*) FROM journal WHERE message_id NOT IN (SELECT id FROM messages)",
		"messages without their item":          "SELECT COUNT(*) FROM messages WHERE id NOT IN (SELECT message_id FROM journal)",
		"messages without their event":         "SELECT COUNT(*) FROM messages WHERE seq NOT IN (SELECT seq FROM events)",
		"positions off the log's head":         "SELECT (SELECT seq FROM event_head) - (SELECT MAX(seq) FROM events)",
		"attachments without their message":    "SELECT COUNT(*) FROM attachments WHERE message_id NOT IN (SELECT id FROM messages)",
		"messages with too few attachments":    "SELECT COUNT(*) FROM messages WHERE attachments <> (SELECT COUNT(*) FROM attachments a WHERE a.message_id = messages.id)",
		"conversations without newest message": "SELECT COUNT(*) FROM conversations WHERE last_id NOT IN (SELECT id FROM messages)",
	} {
		var n int64
		if err := h.db.Read(ctx).Raw(q).Scan(&n).Error; err != nil || n != 0 {
			t.Errorf("%d %s: %v", n, what, err)
		}
	}
}

func (h *house) allBlobsAreWhatRowsSay(t *testing.T) {
	t.Helper()
	again := filepath.Join(t.TempDir(), "again") // a backup of what was restored reads every blob and compares its hash with its row
	if _, err := archive.Write(ctx, archive.Source{DB: h.db, Blobs: h.blobs, Secrets: h.box, Now: clock.System, Version: "test"}, again); err != nil {
		t.Error(err)
	}
}

// noCanary looks for the credential in every byte of the archive, packed and unpacked.
func noCanary(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r, sealed := tar.NewReader(zip), false
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		sealed = sealed || strings.HasPrefix(h.Name, "rows/channels.") && bytes.Contains(b, []byte(`"secrets":"v1.`))
		if bytes.Contains(b, []byte("canary")) {
			t.Errorf("%s holds the credential in clear", h.Name)
		}
	}
	if !sealed {
		t.Error("no sealed credentials are in it, so this has proved nothing")
	}
}

// What was due when the old installation died may have been sent after the backup.
func TestWhatWasOnItsWayOutIsNotSentBlindly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		box, err := secrets.Load(filepath.Join(t.TempDir(), "secret.key"), true)
		if err != nil {
			t.Fatal(err)
		}
		blobs, err := blob.Open("file://"+t.TempDir(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		old := &house{db: d, blobs: blobs, box: box}
		old.open(t)
		bot, err := old.inbox.CreateChannel(ctx, connectors.Telegram, "bot", map[string]any{"token": canary, "mode": "polling"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := old.inbox.Accept(ctx, bot.ID, connectors.Inbound{Key: "1", Text: "hello?", Thread: connectors.Thread{Key: "5"},
			Sender: connectors.Sender{Name: "Bob", Claims: []connectors.Claim{{Kind: connectors.KindTelegram, Value: "5", Trust: connectors.TrustChannel}}}})
		if err != nil {
			t.Fatal(err)
		}
		reply := func(body string, at time.Time) string {
			m, err := old.inbox.Reply(ctx, eventlog.Viewer{All: true}, got.ConversationID, inbox.Draft{Body: body, SendAt: at})
			if err != nil {
				t.Fatal(err)
			}
			return m.ID
		}
		due, sending, later := reply("due", time.Time{}), reply("sending", time.Time{}), reply("later", time.Now().Add(time.Hour))
		if err := d.Write(ctx).Exec("UPDATE messages SET status = 'sending' WHERE id = ?", sending).Error; err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "it")
		if _, err := archive.Write(ctx, archive.Source{DB: d, Blobs: blobs, Secrets: box, Now: clock.System, Version: "test"}, path); err != nil {
			t.Fatal(err)
		}
		fresh := newHouse(t, dbtest.SQLiteURL(t), box)
		if n, err := restore(path, fresh); err != nil || n != 2 {
			t.Fatalf("%d are doubtful: %v", n, err)
		}
		for id, want := range map[string]string{due: inbox.Unknown, sending: inbox.Unknown, later: inbox.Queued, got.MessageID: inbox.Received} {
			var m inbox.Message
			if err := fresh.db.Read(ctx).Where("id = ?", id).Take(&m).Error; err != nil {
				t.Fatal(err)
			}
			if m.Status != want || want == inbox.Unknown && !strings.Contains(m.Error, "restored") {
				t.Errorf("%q is %s (%s), not %s", m.BodyText, m.Status, m.Error, want)
			}
		}
		var asked int64
		if err := fresh.db.Read(ctx).Table("jobs").Where("kind = 'find' AND state = 'ready'").Count(&asked).Error; err != nil || asked != 2 {
			t.Errorf("the provider is asked for %d messages: %v", asked, err)
		}
	})
}

// The whole story with the program itself: served, written to, backed up meanwhile, killed, restored on the other database, served again.
func TestTheProgramIsRestoredOnAnotherDatabase(t *testing.T) {
	urls := map[string]func() []string{
		"sqlite":   func() []string { return nil },
		"postgres": func() []string { return []string{"PARLEY_DATABASE_URL=" + dbtest.DurablePostgresURL(t)} },
	}
	for _, way := range [][2]string{{"sqlite", "postgres"}, {"postgres", "sqlite"}} {
		t.Run(way[0]+" to "+way[1], func(t *testing.T) { programIsRestored(t, urls[way[0]](), urls[way[1]]()) })
	}
}

func programIsRestored(t *testing.T, from, to []string) {
	old := newHub(t, from...)
	old.serve()
	old.settle()
	page := old.channel("form", object{"allowed_origins": []string{"*"}})
	old.channel("telegram", object{"token": canary, "mode": "webhook", "webhook_secret": "canary-secret", "api_url": "http://127.0.0.1:9"})
	var a acked
	busy, quiet := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; busy.Err() == nil; i++ {
				word := fmt.Sprintf("word%dx%d", w, i)
				status, answer := old.do(http.MethodPost, "/hooks/form/"+page, object{"name": "Eve", "email": word + "@example.com", "message": "says " + word, "_key": word}, nil)
				switch {
				case status/100 == 2:
					a.add(word)
				case status != http.StatusTooManyRequests:
					t.Errorf("form: %d %s", status, answer)
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
	}
	for len(a.all()) < 10 && !t.Failed() {
		time.Sleep(5 * time.Millisecond)
	}
	before := a.all()
	file := filepath.Join(t.TempDir(), "it.backup")
	status, said := old.run("backup", "--to", file)
	quiet()
	wg.Wait()
	if status != 0 || !strings.Contains(said, "secret.key") {
		t.Fatalf("backup: %d %s", status, said)
	}
	if status, said := old.run("backup", "--to", file); status != 1 || !strings.Contains(said, "never replaces") {
		t.Errorf("over another file: %d %s", status, said)
	}
	noCanary(t, file)
	key, err := os.ReadFile(filepath.Join(old.dir, "data", "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	old.kill()

	fresh := newHub(t, to...)
	if status, said := fresh.run("restore", "--from", file); status != 1 || !strings.Contains(said, "needs the key with fingerprint") {
		t.Errorf("without the key: %d %s", status, said)
	}
	put(t, filepath.Join(fresh.dir, "data", "secret.key"), []byte("MDEyMzQ1Njc4OWFiY2RlZoCBgoOEhYaHiImKi4yNjo8=\n"))
	if status, said := fresh.run("restore", "--from", file); status != 1 || !strings.Contains(said, "not the one of this backup") {
		t.Errorf("with another key: %d %s", status, said)
	}
	put(t, filepath.Join(fresh.dir, "data", "secret.key"), key)
	if status, said := fresh.run("restore", "--from", file); status != 0 || !strings.Contains(said, "restored") {
		t.Fatalf("restore: %d %s", status, said)
	}
	if status, said := fresh.run("restore", "--from", file); status != 1 || !strings.Contains(said, "not empty") {
		t.Errorf("a second time: %d %s", status, said)
	}
	fresh.token = old.token // tokens are part of the installation
	fresh.serve()
	for _, word := range before {
		var found struct {
			Data []struct{ Type, Preview string }
		}
		fresh.must(http.MethodGet, "/api/v1/search?q="+word, nil, &found)
		if !slices.ContainsFunc(found.Data, func(h struct{ Type, Preview string }) bool {
			return h.Type == "message" && strings.Contains(h.Preview, word)
		}) {
			t.Errorf("%s was acknowledged before the backup and is not found: %v", word, found.Data)
		}
	}
	if status, answer := fresh.do(http.MethodPost, "/hooks/form/"+page, object{"name": "Eve", "email": "after@example.com", "message": "and on it goes", "_key": "after"}, nil); status/100 != 2 {
		t.Errorf("after the restore nothing comes in: %d %s", status, answer)
	}
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorTellsWhatIsWrong(t *testing.T) {
	provider, err := faketelegram.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	h := newHub(t)
	verdict := func(want int, lines ...string) {
		t.Helper()
		status, said := h.run("doctor")
		if status != want {
			t.Errorf("exit %d, not %d:\n%s", status, want, said)
		}
		for _, line := range lines {
			verdict, subject, _ := strings.Cut(line, " ")
			if !slices.ContainsFunc(strings.Split(said, "\n"), func(l string) bool { return strings.HasPrefix(l, verdict) && strings.Contains(l, subject) }) {
				t.Errorf("no line %q in\n%s", line, said)
			}
		}
		if strings.Contains(said, provider.Token) {
			t.Error("it tells a credential")
		}
	}
	verdict(0, "warn database: data/parley.db is not there", "warn key")
	h.serve()
	h.settle()
	h.channel("telegram", object{"token": provider.Token, "mode": "polling", "api_url": provider.URL})
	h.channel("form", object{"allowed_origins": []string{"*"}})
	verdict(0, "ok database", "ok key", `ok blob store`, "ok broker", `ok "a telegram" (telegram): its credentials are accepted`, `ok "a form" (form)`, "warn not https")
	provider.Revoke()
	verdict(1, "FAIL (telegram)", "ok database")

	env := h.env
	h.env = append(slices.Clone(env), "PARLEY_SERVER_HOST=0.0.0.0", "PARLEY_SERVER_PUBLIC_URL=https://localhost", "PARLEY_SERVER_TRUSTED_PROXIES=0.0.0.0/0")
	verdict(1, "warn lead nowhere", "warn anybody can claim")
	h.env = append(slices.Clone(env), "PARLEY_SERVER_PORT=nine")
	verdict(1, "FAIL config: PARLEY_SERVER_PORT")
	h.env = append(slices.Clone(env), "PARLEY_DATABASE_URL=postgres://parley:canary-password@127.0.0.1:9/none", "PARLEY_BROKER_URL=nats://127.0.0.1:9")
	verdict(1, "FAIL database", "FAIL broker")
	if _, said := h.run("doctor"); strings.Contains(said, "canary-password") {
		t.Error("it tells the database's password")
	}
	h.env = env

	store := filepath.Join(h.dir, "not a folder")
	put(t, store, nil)
	h.env = append(slices.Clone(env), "PARLEY_BLOB_URL=file://"+store)
	verdict(1, "FAIL blob store")
	h.env = env
	put(t, filepath.Join(h.dir, "data", "secret.key"), []byte("MDEyMzQ1Njc4OWFiY2RlZoCBgoOEhYaHiImKi4yNjo8=\n"))
	verdict(1, "FAIL sealed with another key")
	if err := os.Remove(filepath.Join(h.dir, "data", "secret.key")); err != nil {
		t.Fatal(err)
	}
	verdict(1, "FAIL key")
}
