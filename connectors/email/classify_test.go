package email

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/connectors"
)

// 334 bounces, complaints and automatic answers of many servers; none of them may look like a customer's mail.
func TestReportsAreRecognised(t *testing.T) {
	dir := corpus(t, "mail-bounce-sisimai")
	f, err := os.Open(filepath.Join(dir, "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]connectors.Auto{
		"bounce":               {connectors.AutoBounce},
		"feedback-report":      {connectors.AutoComplaint},
		"auto-reply":           {connectors.AutoReply},
		"delivery-success-dsn": {connectors.AutoBounce, connectors.AutoReceipt},
		"not-bounce":           {connectors.AutoNone, connectors.AutoBulk},
	}
	var right, total, idRight, idTotal, toRight, toTotal int
	for _, row := range rows[1:] {
		raw, err := os.ReadFile(filepath.Join(dir, "eml", row[0]))
		if err != nil {
			t.Fatal(err)
		}
		m := Parse(raw)
		auto, report := Classify(m)
		total++
		if slices.Contains(want[row[1]], auto) {
			right++
		} else {
			t.Logf("%s: got %q, want %s (subject %q, from %v)", row[0], auto, row[1], m.Subject, m.From)
		}
		if row[1] != "bounce" || report == nil {
			continue
		}
		if id := strings.Trim(row[5], "<> "); id != "" {
			idTotal++
			if report.OriginalID == id {
				idRight++
			} else {
				t.Logf("%s: original %q, want %q", row[0], report.OriginalID, id)
			}
		}
		if to := strings.ToLower(row[2] + ";" + row[6]); strings.Contains(to, "@") {
			toTotal++
			var got []string
			for _, x := range report.Recipients {
				got = append(got, strings.ToLower(x.Address))
			}
			if len(got) > 0 && strings.Contains(to, got[0]) {
				toRight++
			} else {
				t.Logf("%s: recipient %v, want %s", row[0], got, to)
			}
		}
	}
	t.Logf("mail-bounce-sisimai: class %d of %d (%.3f), original Message-ID %d of %d (%.3f), recipient %d of %d (%.3f)", right, total, float64(right)/float64(total),
		idRight, idTotal, float64(idRight)/float64(idTotal), toRight, toTotal, float64(toRight)/float64(toTotal))
	if float64(right) < 0.995*float64(total) || float64(idRight) < 0.97*float64(idTotal) || float64(toRight) < 0.95*float64(toTotal) {
		t.Error("fewer than 0.995, 0.97, 0.95")
	}
}

// reportsAmongOthers are the mails of the other corpora that are reports or answers of machines indeed.
var reportsAmongOthers = map[string]string{
	"non_utf_encoded_mail.eml":  "carries X-Autoreply",
	"multipart-wo-boundary.raw": "a delivery status",
}

// Every mail that somebody wrote must reach somebody: of the other corpora at most one in 200 may look like a report.
func TestOrdinaryMailIsNoReport(t *testing.T) {
	ordinary, alarms := 0, 0
	for _, file := range otherMails(t) {
		base := filepath.Base(file)
		if strings.Contains(file, "/dsn/") || strings.HasPrefix(base, "auto_reply") || strings.HasPrefix(base, "bounced") || reportsAmongOthers[base] != "" {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ordinary++
		m := Parse(raw)
		if auto, _ := Classify(m); auto != connectors.AutoNone && auto != connectors.AutoBulk {
			alarms++
			t.Logf("%s is %q (%s)", file, auto, m.Subject)
		}
	}
	t.Logf("false alarms: %d of %d ordinary mails (%.2f %%)", alarms, ordinary, 100*float64(alarms)/float64(ordinary))
	if alarms*200 > ordinary {
		t.Error("more than 0.5 %")
	}
	for file, want := range map[string]connectors.Auto{"auto_reply.eml": connectors.AutoReply, "auto_reply_with_auto_submitted.eml": connectors.AutoReply, "bounced_with_no_from.eml": connectors.AutoBounce} {
		raw, err := os.ReadFile(filepath.Join(corpus(t, "mail-chatwoot"), file))
		if err != nil {
			t.Fatal(err)
		}
		if auto, _ := Classify(Parse(raw)); auto != want {
			t.Errorf("%s is %q, want %q", file, auto, want)
		}
	}
}

// otherMails are the files of all mails but those of the corpus of bounces.
func otherMails(t testing.TB) (files []string) {
	t.Helper()
	for _, pattern := range []string{"mail-chatwoot/*.eml", "mail-enmime/*/*/*.raw", "mail-enmime/*/*/*/*.raw", "mail-stalwart/*/*.eml", "mail-reply-talon/standard_replies/*.eml"} {
		name, rest, _ := strings.Cut(pattern, "/")
		found, _ := filepath.Glob(filepath.Join(corpus(t, name), rest))
		files = append(files, found...)
	}
	return files
}
