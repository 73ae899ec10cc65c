package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"parley/connectors"
	"parley/internal/sanitize"
)

// storable tells whether both databases take s as text: PostgreSQL has neither NUL nor bytes that are no UTF-8.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// nameMost bounds a provider's names, in bytes: they are indexed, and PostgreSQL's indexes take 2,700.
const nameMost = 500

// named is a provider's name for something (an item's key, a Message-ID, a thread) as it can be stored and looked up. One that can't be is
// told by its hash, so that two different ones stay different.
func named(s string) string {
	if storable(s) && len(s) <= nameMost {
		return s
	}
	hash := sha256.Sum256([]byte(s))
	return sanitize.Preview(s, 80) + " #" + hex.EncodeToString(hash[:])
}

func namedAll(in []string) []string {
	out := make([]string, 0, len(in))
	for _, s := range in[:min(len(in), 50)] {
		if strings.TrimSpace(s) != "" { // never match on an empty key
			out = append(out, named(s))
		}
	}
	return out
}

const nameOfPerson = 200 // characters

// clean makes everything that a stranger may have written storable. Raw stays as it came.
func clean(in *connectors.Inbound) {
	in.Key, in.ProviderID = named(in.Key), named(in.ProviderID)
	in.Thread = connectors.Thread{Key: named(in.Thread.Key), ReplyToken: named(in.Thread.ReplyToken), ReplyTo: namedAll(in.Thread.ReplyTo)}
	in.RawType, in.Kind = sanitize.Preview(in.RawType, 200), sanitize.Preview(in.Kind, 40)
	in.Text, in.Visible, in.Subject = sanitize.Text(in.Text), sanitize.Text(in.Visible), sanitize.Line(in.Subject)
	if in.HTML != "" {
		in.HTML = sanitize.MailHTML(in.HTML, cidMark)
	}
	in.Sender.Name, in.Sender.Locale = sanitize.Preview(in.Sender.Name, nameOfPerson), sanitize.Preview(in.Sender.Locale, 40)
	var claims []connectors.Claim
	for _, c := range in.Sender.Claims {
		if storable(c.Value) {
			claims = append(claims, c)
		}
	}
	in.Sender.Claims = claims
	if in.Edit != nil {
		in.Edit = &connectors.Edit{ProviderID: named(in.Edit.ProviderID), Deleted: in.Edit.Deleted}
	}
	if in.Call != nil {
		c := *in.Call
		c.CallID = named(c.CallID)
		for _, s := range []*string{&c.Type, &c.Direction, &c.From, &c.To, &c.Extension, &c.HangupCause, &c.RecordingRef, &c.RecordingKey} {
			*s = sanitize.Text(*s)
		}
		in.Call = &c
	}
}
