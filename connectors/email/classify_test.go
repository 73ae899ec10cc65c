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
		if to := strings.ToLower(row[2]); to != "" && strings.Contains(to, "@") {
			toTotal++
			var got []string
			for _, x := range report.Recipients {
				got = append(got, strings.ToLower(x.Address))
			}
			if len(got) > 0 && strings.Contains(to, got[0]) {
				toRight++
			}
		}
	}
	t.Logf("class %d of %d (%.3f), original message %d of %d, recipient %d of %d", right, total, float64(right)/float64(total), idRight, idTotal, toRight, toTotal)
	if float64(right) < 0.97*float64(total) || float64(idRight) < 0.95*float64(idTotal) {
		t.Error("fewer recognised than before")
	}
}

func TestOrdinaryMailIsNoReport(t *testing.T) {
	for _, name := range []string{"mail-chatwoot", "mail-enmime/testdata/mail", "mail-stalwart/legacy"} {
		dir := corpus(t, name)
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, file := range files {
			if ext := filepath.Ext(file); ext != ".eml" && ext != ".raw" {
				continue
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			auto, _ := Classify(Parse(raw))
			base := filepath.Base(file)
			if base == "non_utf_encoded_mail.eml" || base == "multipart-wo-boundary.raw" {
				continue // carry X-Autoreply, and are a delivery status
			}
			expectAuto := strings.HasPrefix(base, "auto_reply") || strings.HasPrefix(base, "bounced")
			if expectAuto != (auto == connectors.AutoReply || auto == connectors.AutoBounce || auto == connectors.AutoComplaint || auto == connectors.AutoReceipt) {
				t.Errorf("%s is %q", base, auto)
			}
		}
	}
}
