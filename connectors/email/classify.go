package email

import (
	"bytes"
	"strings"

	"parley/connectors"
)

// Report is what a bounce, a receipt or a complaint says about a mail that was sent.
type Report struct {
	Recipients []FailedRecipient // whose delivery failed; empty when the report does not say
	OriginalID string            // Message-ID of that mail, "" when the report does not carry it
	EnvelopeID string            // the ENVID it was sent with, "" when unknown
	Delayed    bool              // not given up yet
	Delivered  bool              // it says that the mail arrived
}

// FailedRecipient is one recipient in a delivery report.
type FailedRecipient struct {
	Address    string
	Action     string // RFC 3464: failed, delayed, delivered, relayed, expanded; "" when unknown
	Status     string // RFC 3463, "5.1.1"; "" when unknown
	Diagnostic string // the other server's words
}

// Reason is the report in words for the agent.
func (r Report) Reason() string {
	for _, f := range r.Recipients {
		var s []string
		for _, p := range []string{f.Diagnostic, f.Status} {
			if p != "" {
				s = append(s, p)
			}
		}
		if len(s) > 0 {
			return f.Address + ": " + s[0]
		}
		if f.Address != "" {
			return f.Address + ": could not be delivered"
		}
	}
	return "could not be delivered"
}

// Classify tells whether a person wrote m, before anything else is decided about it. The report is nil for what reports nothing.
// Sources: RFC 3464 (delivery), 8098 (receipts), 5965 (complaints), 3834 (automatic answers), 2919 (lists).
func Classify(m Mail) (connectors.Auto, *Report) {
	if auto, r, ok := readNotification(m); ok {
		return auto, &r
	}
	switch {
	case m.ReportType == "feedback-report" || hasPart(m, "message/feedback-report") || strings.HasPrefix(m.Subject, "complaint about message from ") && hasPart(m, "message/rfc822"):
		r := reportOf(m)
		return connectors.AutoComplaint, &r
	case m.ReportType == "disposition-notification" || hasPart(m, "message/disposition-notification"):
		r := reportOf(m)
		r.Recipients = nil
		return connectors.AutoReceipt, &r
	case isBounce(m):
		r := reportOf(m)
		return connectors.AutoBounce, &r
	case isAutoReply(m):
		return connectors.AutoReply, nil
	case isBulk(m):
		return connectors.AutoBulk, nil
	}
	return connectors.AutoNone, nil
}

func hasPart(m Mail, mime string) bool {
	for _, p := range m.Parts {
		if p.MIME == mime {
			return true
		}
	}
	return false
}

// isBounce knows the standard form, and what servers before and beside the standard write.
func isBounce(m Mail) bool {
	if m.ReportType == "delivery-status" || hasPart(m, "message/delivery-status") || hasPart(m, "message/global-delivery-status") {
		return true
	}
	if m.Header.Has("X-Failed-Recipients") {
		return true
	}
	if autoToken(m) == "auto-replied" && !nullSender(m) {
		return false
	}
	if m.Header.Has("X-MLServer") && strings.Contains(m.Text, "Original mail as follows") || hasPart(m, "message/rfc822") && containsAny(m.Subject, bounceSubjectsJa) {
		return true
	}
	daemon := fromDaemon(m)
	if daemon && (bounceSubject(m.Subject) || nullSender(m) && bounceText(m) || carriesOriginal(m)) {
		return true
	}
	return (nullSender(m) || daemon) && (bounceSubject(m.Subject) || bounceText(m))
}

// nullSender is true for a mail whose envelope says that nobody wants an answer.
func nullSender(m Mail) bool {
	v := strings.TrimSpace(m.Header.Get("Return-Path"))
	return m.Header.Has("Return-Path") && (v == "<>" || v == "" || strings.HasPrefix(strings.ToLower(v), "<mailer-daemon") || strings.HasPrefix(strings.ToLower(v), "mailer-daemon"))
}

var daemonNames = []string{"mailer-daemon", "mailerdaemon", "mail-daemon", "maildaemon", "postmaster", "post_master", "mail delivery", "mail-delivery", "maildelivery", "delivery subsystem",
	"mailer daemon", "mdaemon", "postoffice", "bounce", "mmdf", "microsoft exchange", "system administrator", "mail system", "delivery service"}

func fromDaemon(m Mail) bool {
	for _, a := range append(m.From, m.Sender) {
		who := strings.ToLower(a.Name + " " + localPart(a.Addr))
		for _, d := range daemonNames {
			if strings.Contains(who, d) {
				return true
			}
		}
	}
	return false
}

func localPart(addr string) string {
	if at := strings.LastIndexByte(addr, '@'); at >= 0 {
		return addr[:at]
	}
	return addr
}

// bounceSubjectsJa are those of Japanese telephone companies, whose senders have ordinary names.
var bounceSubjectsJa = []string{"メールエラー", "配信エラー", "送信エラー"}

var bounceSubjects = []string{"smtp server: errors from", "undeliver", "delivery status", "delivery fail", "delivery notification", "failure notice", "failed mail", "mail failure", "returned mail", "returned to sender",
	"mail delivery", "delivery problem", "delivery error", "delivery report", "could not be delivered", "cannot be delivered", "message not delivered", "not delivered",
	"non-delivery", "nondeliverable", "undelivered", "returning message", "warning: message", "delayed mail", "message delayed", "mail system error", "mail error", "unable to deliver",
	"can't be delivered", "unzustellbar", "non remis", "rejected", "недоставлен", "не доставлен", "error sending", "mail could not", "failed to deliver", "user unknown", "message status", "delivery has failed",
	"mail not deliver", "failure delivery", "delivery unsuccessful", "problems delivering", "message delivery"}

func bounceSubject(s string) bool { return containsAny(strings.ToLower(s), bounceSubjects) }

var bounceWords = []string{"550 ", "551 ", "552 ", "553 ", "554 ", "user unknown", "unknown user", "no such user", "mailbox unavailable", "mailbox full", "could not be delivered", "couldn't be delivered",
	"cannot be delivered", "was not delivered", "undeliverable", "delivery failed", "failed recipient", "permanent error", "permanent fatal errors", "returned to sender", "over quota", "quota exceeded", "not been delivered",
	"unable to deliver", "delivery to the following", "did not reach", "not deliver", "host unknown", "account has been disabled", "address rejected", "mailbox is full", "does not exist"}

func bounceText(m Mail) bool {
	return containsAny(strings.ToLower(m.Text[:min(len(m.Text), 8<<10)]), bounceWords)
}

// carriesOriginal is true when the text quotes the header of another mail or brings it along.
func carriesOriginal(m Mail) bool {
	return hasPart(m, "message/rfc822") || hasPart(m, "text/rfc822-headers") || strings.Contains(m.Text, "\nReceived: ") || strings.Contains(m.Text, "\nMessage-I")
}

// autoToken is the first word of Auto-Submitted in lower case.
func autoToken(m Mail) string {
	v := strings.ToLower(m.Header.Get("Auto-Submitted"))
	if i := strings.IndexAny(v, " ;(\t"); i >= 0 {
		v = v[:i]
	}
	return v
}

var autoSubjects = []string{"out of office", "out of the office", "automatic reply", "auto reply", "autoreply", "auto-reply", "auto:", "auto response", "automatische antwort", "abwesenheit", "réponse automatique",
	"respuesta automática", "risposta automatica", "автоответ", "автоматический ответ", "on vacation", "away from", "absence"}

func isAutoReply(m Mail) bool {
	h := m.Header
	if t := autoToken(m); t != "" && t != "no" {
		return true
	}
	for _, name := range []string{"X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "X-Autogenerated"} {
		if v := strings.ToLower(strings.TrimSpace(h.Get(name))); h.Has(name) && v != "no" && v != "false" {
			return true
		}
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("Precedence"))) {
	case "auto_reply", "auto-reply":
		return true
	}
	if h.Has("X-Auto-Response-Suppress") && containsAny(strings.ToLower(m.Subject), autoSubjects) {
		return true
	}
	if len(m.InReplyTo) > 0 && hasAnyPrefix(strings.ToLower(m.Subject), autoPrefixes) {
		return true
	}
	return nullSender(m)
}

// autoPrefixes begin the subject of answers from systems that mark them in no other way.
var autoPrefixes = []string{"auto reply:", "auto-reply:", "autoreply:", "automatic reply:", "out of office:", "automatische antwort:", "réponse automatique", "автоответ:", "автоматический ответ:"}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func isBulk(m Mail) bool {
	switch strings.ToLower(strings.TrimSpace(m.Header.Get("Precedence"))) {
	case "bulk", "list", "junk":
		return true
	}
	return m.Header.Has("List-Id") || m.Header.Has("List-Unsubscribe")
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// reportOf gathers what the machine-readable parts say, and where there are none, what the text says.
func reportOf(m Mail) Report {
	var r Report
	var returned []Address
	for _, p := range m.Parts {
		switch p.MIME {
		case "message/delivery-status", "message/global-delivery-status", "message/disposition-notification", "message/feedback-report":
			r.readStatus(p.Data)
		case "message/rfc822", "text/rfc822-headers", "message/global", "message/rfc822-headers", "message/global-headers", "message/partial":
			if o := ParseHeader(p.Data); r.OriginalID == "" {
				r.OriginalID, returned = o.MessageID, o.To
			}
		}
	}
	if v := m.Header.Get("X-Failed-Recipients"); v != "" && len(r.Recipients) == 0 {
		for _, a := range parseAddresses([]string{v}) {
			r.Recipients = append(r.Recipients, FailedRecipient{Address: a.Addr})
		}
	}
	if r.OriginalID == "" {
		r.OriginalID = quotedMessageID(m)
	}
	if len(r.Recipients) == 0 {
		r.Recipients = failedInText(m)
	}
	if len(r.Recipients) == 0 && len(returned) == 1 {
		r.Recipients = []FailedRecipient{{Address: returned[0].Addr}}
	}
	r.sum()
	return r
}

// readStatus reads blocks of fields: RFC 3464 §2, RFC 8098 §3.1, RFC 5965 §3.
func (r *Report) readStatus(b []byte) {
	for len(b) > 0 {
		h, rest, _ := readHeader(b, false)
		if len(rest) >= len(b) {
			return
		}
		b = rest
		if v := h.Get("Original-Envelope-Id"); v != "" {
			r.EnvelopeID = v
		}
		if ids := messageIDs(h.Get("Original-Message-ID")); len(ids) > 0 {
			r.OriginalID = ids[0]
		}
		f := FailedRecipient{
			Address:    typedValue(firstOf(h.Get("Final-Recipient"), h.Get("Original-Recipient"), h.Get("Original-Rcpt-To"))),
			Action:     strings.ToLower(firstOf(strings.Fields(h.Get("Action"))...)),
			Status:     firstOf(strings.Fields(h.Get("Status"))...),
			Diagnostic: oneLine(toUTF8([]byte(typedValue(h.Get("Diagnostic-Code"))), "")),
		}
		if !strings.Contains(f.Address, "@") {
			if o := typedValue(h.Get("Original-Recipient")); strings.Contains(o, "@") {
				f.Address = o
			}
		}
		if f.Address != "" && len(r.Recipients) < maxAddresses {
			r.Recipients = append(r.Recipients, f)
		}
	}
}

// typedValue drops the "rfc822;" before an address and the "smtp;" before a diagnostic.
func typedValue(v string) string {
	if t, rest, ok := strings.Cut(v, ";"); ok && !strings.ContainsAny(t, "@ ") {
		v = rest
	}
	return strings.Trim(strings.TrimSpace(v), "<>")
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// sum decides whether the whole is a failure, a delay or good news, from the actions and status codes of its recipients.
func (r *Report) sum() {
	failed, delayed, fine := false, false, false
	for _, f := range r.Recipients {
		switch {
		case f.Action == "failed" || f.Action == "" && !strings.HasPrefix(f.Status, "4") && !strings.HasPrefix(f.Status, "2"):
			failed = true
		case f.Action == "delayed" || f.Action == "" && strings.HasPrefix(f.Status, "4"):
			delayed = true
		default:
			fine = true
		}
	}
	r.Delayed = delayed && !failed
	r.Delivered = fine && !failed && !delayed
}

// quotedMessageID finds the Message-ID line of a mail that is quoted in the text.
func quotedMessageID(m Mail) string {
	texts := [][]byte{[]byte(m.Text)}
	for _, p := range m.Parts {
		if strings.HasPrefix(p.MIME, "text/") || strings.HasPrefix(p.MIME, "message/") {
			texts = append(texts, p.Data[:min(len(p.Data), 256<<10)])
		}
	}
	for _, t := range texts {
		for rest := t; len(rest) > 0; {
			line, next := cutLine(rest)
			line = bytes.TrimLeft(line, "> \t|")
			if name := fieldName(line); strings.EqualFold(name, "Message-ID") {
				value := string(line[bytes.IndexByte(line, ':')+1:])
				if strings.TrimSpace(value) == "" {
					value = string(firstLine(next))
				}
				if ids := messageIDs(value); len(ids) > 0 {
					return ids[0]
				}
			}
			rest = next
		}
	}
	return ""
}
