package telephony

import (
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"parley/connectors"
)

// parties knows who of a call is outside.
type parties struct {
	region string          // how national spellings are read
	own    map[string]bool // our numbers, spelled the one way
}

func newParties(numbers []string, region string) parties {
	p := parties{region: region, own: map[string]bool{}}
	for _, n := range numbers {
		if spelled := p.spell(n); spelled != "" {
			p.own[spelled] = true
		}
	}
	return p
}

// about makes the envelope of a call event: who is outside, and the thread of that person's calls on this line.
func (p parties) about(call connectors.CallEvent) connectors.Inbound {
	outside := &call.From
	if call.Direction == "outbound" {
		outside = &call.To
	}
	in := connectors.Inbound{Kind: connectors.KindCall, At: call.At, Thread: connectors.Thread{Key: "call:" + call.CallID}}
	claim, key := p.claim(*outside)
	switch {
	case claim != nil:
		in.Sender.Claims = []connectors.Claim{*claim}
		in.Thread.Key = key
	case *outside != "" && isHidden(*outside):
		*outside = "anonymous" // some networks spell it in digits
	}
	in.Call = &call
	return in
}

// claim is the identity of the other party and the key of its thread; nil when there is none, or it is one of us.
func (p parties) claim(number string) (*connectors.Claim, string) {
	if isHidden(number) {
		return nil, ""
	}
	spelled := p.spell(number)
	if p.own[spelled] {
		return nil, ""
	}
	kind := connectors.KindPhone
	if strings.Contains(spelled, ":") {
		kind = connectors.KindExternal
	}
	return &connectors.Claim{Kind: kind, Value: userPart(number), Trust: connectors.TrustChannel}, spelled
}

// spell writes a number one way: the digits of its E.164, its digits alone when it has none (an extension, a short code), and
// the address in small letters when it is no number.
func (p parties) spell(number string) string {
	user := userPart(number)
	if strings.Contains(user, ":") {
		return strings.ToLower(user)
	}
	plain := digits(user)
	n, err := phonenumbers.Parse(user, strings.ToUpper(p.region))
	if err != nil || len(plain) < shortestNumber || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return plain
	}
	return strings.TrimPrefix(phonenumbers.Format(n, phonenumbers.E164), "+")
}

// shortestNumber is where extensions and short codes end, in digits.
const shortestNumber = 7

// userPart takes the number out of a SIP or tel URI; an address that is no number stays whole.
func userPart(number string) string {
	number = strings.TrimSpace(number)
	scheme, rest, isURI := strings.Cut(number, ":")
	switch strings.ToLower(scheme) {
	case "sip", "sips", "tel":
	default:
		return number
	}
	user, _, _ := strings.Cut(rest, "@")
	user, _, _ = strings.Cut(user, ";")
	if !isURI || strings.ContainsFunc(user, notInNumber) {
		return number
	}
	return user
}

func notInNumber(r rune) bool { return !strings.ContainsRune("+0123456789-.() ", r) }

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// hiddenWords are what networks put in place of a number that is withheld.
var hiddenWords = []string{"anonymous", "restricted", "blocked", "unknown", "unavailable", "private", "withheld"}

// isHidden tells whether a caller withheld the number: words, nothing, or one of the words spelled on the keys of a telephone
// (Twilio: +266696687 is ANONYMOUS). Taken for a number, it would make one person of all who hide.
func isHidden(number string) bool {
	scheme, rest, isURI := strings.Cut(strings.ToLower(strings.TrimSpace(number)), ":")
	if isURI && (scheme == "client" || scheme == "sip" || scheme == "sips") {
		user, _, _ := strings.Cut(rest, "@")
		return user == "" || slices.Contains(hiddenWords, user)
	}
	d := digits(number)
	if len(d) < 2 || len(d) < len(number)/2 { // "unknown 2", "<anonymous>"
		return true
	}
	international := strings.HasPrefix(strings.TrimSpace(number), "+") || len(d) >= 9
	return international && slices.ContainsFunc(hiddenWords, func(w string) bool { return d == onKeys(w) })
}

// onKeys is the word as it is dialled on a telephone's keys.
func onKeys(word string) string {
	const keys = "22233344455566677778889999"
	return strings.Map(func(r rune) rune { return rune(keys[r-'a']) }, word)
}
