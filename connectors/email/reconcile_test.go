package email

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/connectors"
)

// lose makes the sink forget an item, as a database that was put back from yesterday.
func (s *memorySink) lose(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.order[:0:0]
	for _, in := range s.order {
		if in.Subject == subject {
			delete(s.byKey, in.Key)
			delete(s.hashes, sha256.Sum256(in.Raw))
			continue
		}
		kept = append(kept, in)
	}
	s.order = kept
}

func subjects(items []connectors.Inbound) map[string]int {
	n := map[string]int{}
	for _, in := range items {
		n[in.Subject]++
	}
	return n
}

func TestReconciliationFindsAndFetches(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	c := newChannel(t, map[string]any{"imap": box.Config()})
	running(t, c, sink)
	sink.awaitState(t, connectors.StateConnected)
	for _, subject := range []string{"one", "two", "three"} {
		if _, err := box.Deliver(letter(subject)); err != nil {
			t.Fatal(err)
		}
	}
	mustDeliverAt(t, box, "older than the channel", 48*time.Hour)
	if _, err := box.DeliverRaw([]byte("\x00garbage"), time.Now()); err != nil {
		t.Fatal(err)
	}
	sink.awaitItems(t, 4)
	sink.lose("two")
	all, err := c.Reconcile(t.Context(), sink)
	if err != nil {
		t.Fatal(err)
	}
	if got := all[0].String(); got != "4 on the server, 3 here, 1 in quarantine, 0 missing (1 fetched just now)" {
		t.Error(got)
	}
	if n := subjects(sink.items()); n["two"] != 1 || len(sink.items()) != 4 {
		t.Errorf("%v", n)
	}
	all, err = c.Reconcile(t.Context(), sink)
	if err != nil || all[0].String() != "4 on the server, 3 here, 1 in quarantine, 0 missing" || all[1].String() != "0 on the server, 0 here, 0 in quarantine, 0 missing" {
		t.Errorf("%v, %v", all, err)
	}
	health := sink.health[len(sink.health)-1]
	if want := "INBOX: 4 on the server, 3 here, 1 in quarantine, 0 missing; Sent: 0 on the server, 0 here, 0 in quarantine, 0 missing"; health.Detail != want || health.State != connectors.StateConnected {
		t.Errorf("health %+v", health)
	}
	deliver(t, box, 1) // the position has not moved
	sink.awaitItems(t, 5)
}

func TestReconciliationCountsMailUnderItsNewNumberAsHere(t *testing.T) {
	box, sink := newMailbox(t), newSink()
	c := newChannel(t, map[string]any{"imap": box.Config()})
	running(t, c, sink)
	deliver(t, box, 5)
	sink.awaitItems(t, 5)
	if err := box.NewUIDValidity(); err != nil {
		t.Fatal(err)
	}
	deliver(t, box, 1)
	sink.awaitItems(t, 6)
	all, err := c.Reconcile(t.Context(), sink)
	if err != nil || all[0].String() != "6 on the server, 6 here, 0 in quarantine, 0 missing" || len(sink.items()) != 6 {
		t.Errorf("%v, %v, %d items", all, err, len(sink.items()))
	}
}

// copyTree copies a maildir whole, without the locks of its time. Dovecot may be at work in it: then once more.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	for n := 0; ; n++ {
		out, err := exec.Command("cp", "-a", from, to).CombinedOutput()
		if err == nil {
			dropLocks(t, to)
			return
		}
		if n == 20 {
			t.Fatalf("copy %s: %v %s", from, err, out)
		}
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func dropLocks(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".lock") {
			err = os.Remove(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A server that was put back from a backup gives numbers a second time that it gave before, to other mail: taken for known, they would be lost.
func TestDovecotRestoredFromABackup(t *testing.T) {
	d := startDovecot(t)
	sink := newSink()
	config := map[string]any{"imap": d.imapConfig()}
	deliver(t, d, 5)
	stop := running(t, newChannel(t, config), sink)
	sink.awaitItems(t, 5)
	home, backup := filepath.Join(d.dir, "mail", "hub.test", "support"), filepath.Join(d.dir, "backup")
	copyTree(t, home, backup)
	deliver(t, d, 4)
	sink.awaitItems(t, 9)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(home, home+".gone"); err != nil { // Dovecot may still write there
		t.Fatal(err)
	}
	copyTree(t, backup, home)
	for _, subject := range []string{"after the restore", "and another"} {
		if _, err := d.Deliver(letter(subject)); err != nil {
			t.Fatal(err)
		}
	}
	c := newChannel(t, config)
	running(t, c, sink)
	items := sink.awaitItems(t, 11)
	for subject, n := range subjects(items) {
		if n != 1 {
			t.Errorf("%q is stored %d times", subject, n)
		}
	}
	if n := subjects(items); len(items) != 11 || n["after the restore"] != 1 || n["and another"] != 1 || !strings.Contains(items[10].Key, "+1/") {
		t.Errorf("%d items: %v, last key %s", len(items), n, items[10].Key)
	}
	sink.awaitState(t, connectors.StateConnected)
	all, err := c.Reconcile(t.Context(), sink)
	if err != nil || all[0].String() != "7 on the server, 7 here, 0 in quarantine, 0 missing" {
		t.Errorf("%v, %v", all, err)
	}
}
