package email

import (
	"encoding/json"
	"strings"

	"parley/connectors"
)

// maxBounceText is how much of a text is searched for the addresses that it complains about, in bytes.
const maxBounceText = 64 << 10

// failedInText finds in the words of a report whom a mail did not reach, for servers that say it in no other way.
func failedInText(m Mail) []FailedRecipient {
	told, quoted := splitReport(m.Text[:min(len(m.Text), maxBounceText)])
	ours := map[string]bool{}
	for _, a := range append(append(append([]Address{m.Sender}, m.From...), m.To...), m.ReplyTo...) {
		ours[foldAddress(a.Addr)] = true
	}
	p := &picker{not: ours}
	for _, pick := range []func(string) bool{leadsWithAddress, complains, isIntroduced} {
		for i, l := range told {
			if pick(l) || i > 0 && pick(told[i-1]) && !strings.Contains(told[i-1], "@") && leadsWithAddress(strings.Trim(l, "`'\" ")) {
				p.take(l)
			}
		}
		if len(p.found) > 0 {
			return p.found
		}
	}
	for _, name := range []string{"X-Postfix-Recipient", "Final-Recipient", "Original-Recipient", "To", "X-Actual-Recipient"} {
		for _, l := range quoted {
			if v, ok := cutField(l, name); ok {
				p.take(v)
			}
		}
		if len(p.found) > 0 {
			return p.found[:1]
		}
	}
	for _, l := range told {
		if p.take(l); len(p.found) > 0 {
			return p.found[:1]
		}
	}
	return nil
}

// splitReport divides a report where the header of the returned mail begins: at two fields, one below the other.
func splitReport(text string) (told, quoted []string) {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(strings.TrimLeft(l, "> |"))
	}
	for i := 0; i+1 < len(lines); i++ {
		if quotedFields[strings.ToLower(fieldName([]byte(lines[i])))] && fieldName([]byte(lines[i+1])) != "" {
			return lines[:i], lines[i:]
		}
	}
	return lines, nil
}

var quotedFields = wordSet("received|return-path|from|message-id|delivered-to")

// leadsWithAddress is true for "<a@b>:", "a@b" alone, and "a@b ... User unknown".
func leadsWithAddress(l string) bool {
	l = strings.TrimLeft(l, "<[('\"` \t*-")
	if rest, ok := strings.CutPrefix(strings.ToLower(l), "mailto:"); ok {
		l = rest
	}
	word, rest, _ := strings.Cut(l, " ")
	at := strings.IndexByte(word, '@')
	return at > 0 && at < len(word)-1 && !strings.Contains(word, "=") && !strings.HasPrefix(strings.TrimSpace(rest), "@")
}

// complains is true for a line with an address and a reason, or the command that was refused.
func complains(l string) bool {
	if !strings.Contains(l, "@") {
		return false
	}
	l = strings.ToLower(l)
	if strings.Contains(l, "contact") || strings.Contains(l, "assistance") {
		return false
	}
	return containsAny(l, bounceWords) || containsAny(l, refusalWords)
}

var refusalWords = []string{"rcpt to", "recipient", "to:", "unknown", "not found", "failed", "rejected", "refused", "deliver", "5.1.", "5.2.", "5.7.", "4.4.", "suspend", "mailbox", "invalid", "あて先", "宛先", "受信者"}

// isIntroduced is true for a line that says who follows.
func isIntroduced(l string) bool {
	l = strings.ToLower(l)
	return strings.HasSuffix(l, ":") && containsAny(l, []string{"recipient", "address", "deliver", "reach", "following"})
}

func cutField(l, name string) (string, bool) {
	if len(l) <= len(name) || l[len(name)] != ':' || !strings.EqualFold(l[:len(name)], name) {
		return "", false
	}
	return l[len(name)+1:], true
}

// picker gathers addresses, each once, but not those who wrote the report and got it.
type picker struct {
	not   map[string]bool
	found []FailedRecipient
}

// take picks the first address of a line that is somebody else's.
func (p *picker) take(l string) {
	for _, w := range strings.FieldsFunc(l, func(r rune) bool { return strings.ContainsRune(" \t<>()[]{},;'\"`", r) }) {
		w = strings.TrimPrefix(strings.TrimRight(w, ".:…!?"), "mailto:")
		if i := strings.LastIndexByte(w, ':'); i >= 0 {
			w = w[i+1:]
		}
		w = strings.TrimRight(w, ".")
		at := strings.IndexByte(w, '@')
		if at <= 0 || at == len(w)-1 || !strings.Contains(w[at:], ".") || strings.Count(w, "@") != 1 || p.not[foldAddress(w)] {
			continue
		}
		p.not[foldAddress(w)] = true
		if local := strings.ToLower(w[:at]); len(p.found) < maxAddresses && local != "postmaster" && local != "mailer-daemon" {
			p.found = append(p.found, FailedRecipient{Address: w})
			return
		}
	}
}

// notification is what Amazon's mail service tells by mail: docs.aws.amazon.com/ses, "Amazon SNS notification contents for Amazon SES".
type notification struct {
	Type   string `json:"notificationType"`
	Bounce struct {
		Recipients []struct {
			Email      string `json:"emailAddress"`
			Status     string `json:"status"`
			Diagnostic string `json:"diagnosticCode"`
		} `json:"bouncedRecipients"`
	} `json:"bounce"`
	Mail struct {
		MessageID   string   `json:"messageId"`
		Destination []string `json:"destination"`
		Headers     struct {
			MessageID string `json:"messageId"`
		} `json:"commonHeaders"`
	} `json:"mail"`
}

// valueIn is the first string of that name in a JSON text, "" when there is none.
func valueIn(text, name string) string {
	_, rest, _ := strings.Cut(text, `"`+name+`":"`)
	value, _, ok := strings.Cut(rest, `"`)
	if !ok {
		return ""
	}
	return value
}

// readNotification reads a mail of that service; ok is false for any other.
func readNotification(m Mail) (auto connectors.Auto, r Report, ok bool) {
	if !m.Header.Has("X-Amz-Sns-Message-Id") {
		return "", r, false
	}
	var n notification
	if err := json.NewDecoder(strings.NewReader(m.Text)).Decode(&n); err != nil { // broken on its way: the first values are still there
		n.Type = valueIn(m.Text, "notificationType")
		n.Mail.MessageID = valueIn(m.Text, "messageId")
		if to := valueIn(m.Text, "emailAddress"); to != "" && n.Type == "Bounce" {
			r.Recipients = []FailedRecipient{{Address: to, Action: "failed", Status: valueIn(m.Text, "status")}}
		}
	}
	r.OriginalID = n.Mail.MessageID
	if ids := messageIDs(n.Mail.Headers.MessageID); len(ids) > 0 {
		r.OriginalID = ids[0]
	}
	for _, x := range n.Bounce.Recipients {
		r.Recipients = append(r.Recipients, FailedRecipient{Address: x.Email, Action: "failed", Status: x.Status, Diagnostic: oneLine(x.Diagnostic)})
	}
	switch n.Type {
	case "Bounce":
		return connectors.AutoBounce, r, true
	case "Complaint":
		return connectors.AutoComplaint, r, true
	case "Delivery":
		r.Delivered = true
		return connectors.AutoBounce, r, true
	}
	return "", r, false
}
