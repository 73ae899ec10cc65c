package email

import (
	"strings"
	"time"
)

// Invite is what a mail says about a meeting (RFC 5545, 5546).
type Invite struct {
	Method    string // REQUEST, REPLY, CANCEL, COUNTER …; "" when it does not say
	What      string
	When      string // "Mon, 6 May 2024, 10:20–11:00 (Europe/Berlin)": the zone as the sender names it
	Where     string
	Organiser string
	Answer    string // of a REPLY: who, and what he said
	Repeats   string // "weekly"; "" for once
}

const (
	maxInvite      = 256 << 10 // bytes that are read
	maxInviteLines = 5000
)

// ReadInvite reads the first event of a calendar. Lines that make no sense are passed over. ok is false when there is no event.
func ReadInvite(calendar []byte, charset string) (v Invite, ok bool) {
	var start, end, duration property
	depth := 0 // below the event: an alarm has a description of its own
	for _, p := range properties(toUTF8(calendar[:min(len(calendar), maxInvite)], charset)) {
		switch {
		case p.name == "BEGIN" && (strings.EqualFold(p.value, "VEVENT") || strings.EqualFold(p.value, "VTODO")) && !ok:
			ok, depth = true, 1
		case p.name == "BEGIN" && depth > 0:
			depth++
		case p.name == "END" && depth > 0:
			if depth--; depth == 0 {
				v.When = period(start, end, duration)
				return v, true
			}
		case p.name == "METHOD" && depth == 0:
			v.Method = strings.ToUpper(cutDisplay(oneLine(p.value)))
		case depth == 1:
			switch p.name {
			case "SUMMARY":
				v.What = p.text()
			case "LOCATION":
				v.Where = p.text()
			case "ORGANIZER":
				v.Organiser = p.person()
			case "ATTENDEE":
				if said, there := answers[strings.ToUpper(p.params["PARTSTAT"])]; there && v.Answer == "" {
					v.Answer = p.person() + " " + said
				}
			case "RRULE":
				v.Repeats = frequencies[strings.ToUpper(ruleValue(p.value, "FREQ"))]
			case "DTSTART":
				start = p
			case "DTEND", "DUE":
				end = p
			case "DURATION":
				duration = p
			}
		}
	}
	v.When = period(start, end, duration)
	return v, ok
}

// inviteOf is the invite that m carries.
func inviteOf(m Mail) (Invite, bool) {
	for _, p := range m.Parts {
		if p.MIME == "text/calendar" || p.MIME == "application/ics" {
			if v, ok := ReadInvite(p.Data, ""); ok {
				return v, true
			}
		}
	}
	return Invite{}, false
}

var (
	answers     = map[string]string{"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "accepted tentatively", "DELEGATED": "delegated it"}
	frequencies = map[string]string{"DAILY": "daily", "WEEKLY": "weekly", "MONTHLY": "monthly", "YEARLY": "yearly"}
	methods     = map[string]string{"REQUEST": "Invitation", "CANCEL": "Cancelled", "REPLY": "Answer to an invitation", "COUNTER": "Another time is proposed", "REFRESH": "The newest state is asked for", "DECLINECOUNTER": "The proposed time is declined"}
)

// Line is the invite in one line.
func (v Invite) Line() string {
	kind, ok := methods[v.Method]
	if !ok {
		kind = "Event"
	}
	s := kind + ": " + firstOf(v.What, "(no title)")
	if v.Method == "REPLY" && v.Answer != "" {
		s += " – " + v.Answer
	}
	if v.When != "" {
		s += ", " + v.When
	}
	return s
}

// String is the invite in words, a line for each thing that is known.
func (v Invite) String() string {
	first := v
	first.When = ""
	out := []string{first.Line()}
	for _, l := range []struct{ name, value string }{{"When", v.When}, {"Repeats", v.Repeats}, {"Where", v.Where}, {"Organiser", v.Organiser}} {
		if l.value != "" {
			out = append(out, l.name+": "+l.value)
		}
	}
	return strings.Join(out, "\n")
}

// property is one content line: its name and the names of its parameters in upper case.
type property struct {
	name, value string
	params      map[string]string
}

// properties unfolds a calendar (RFC 5545 §3.1) into its lines.
func properties(calendar string) (all []property) {
	var open strings.Builder
	end := func() {
		if p, ok := readProperty(open.String()); ok {
			all = append(all, p)
		}
		open.Reset()
	}
	for rest, more := calendar, true; more && len(all) < maxInviteLines; {
		var l string
		l, rest, more = strings.Cut(rest, "\n")
		l = strings.TrimSuffix(l, "\r")
		if strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t") {
			open.WriteString(l[1:])
			continue
		}
		end()
		open.WriteString(l)
	}
	end()
	return all
}

func readProperty(l string) (property, bool) {
	i := outsideQuotes(l, ":")
	if i <= 0 {
		return property{}, false
	}
	head, p := l[:i], property{value: strings.TrimSpace(l[i+1:]), params: map[string]string{}}
	for n := 0; head != "" && n < 30; n++ {
		part := head
		if j := outsideQuotes(head, ";"); j >= 0 {
			part, head = head[:j], head[j+1:]
		} else {
			head = ""
		}
		if n == 0 {
			p.name = strings.ToUpper(strings.TrimSpace(part))
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		p.params[strings.ToUpper(strings.TrimSpace(k))] = strings.Trim(v, `"`)
	}
	return p, true
}

func outsideQuotes(s, c string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == c[0] && !quoted:
			return i
		}
	}
	return -1
}

// text is a value of words on one line (RFC 5545 §3.3.11).
func (p property) text() string {
	return cutDisplay(oneLine(strings.NewReplacer(`\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(p.value)))
}

// person is an organiser or attendee.
func (p property) person() string {
	addr := p.value
	if len(addr) > 7 && strings.EqualFold(addr[:7], "mailto:") {
		addr = addr[7:]
	}
	a := Address{Name: p.params["CN"], Addr: addr}
	if strings.EqualFold(a.Name, a.Addr) {
		a.Name = ""
	}
	return cutDisplay(oneLine(a.String()))
}

func ruleValue(rule, name string) string {
	for _, part := range strings.Split(rule[:min(len(rule), 1000)], ";") {
		if v, ok := strings.CutPrefix(strings.ToUpper(part), name+"="); ok {
			return v
		}
	}
	return ""
}

// moment is a DATE or DATE-TIME; zone is "" for a time without one.
func (p property) moment() (at time.Time, day bool, zone string, ok bool) {
	v := strings.ToUpper(p.value)
	if at, err := time.Parse("20060102", v); err == nil {
		return at, true, "", true
	}
	v, utc := strings.CutSuffix(v, "Z")
	at, err := time.Parse("20060102T150405", v)
	if err != nil {
		at, err = time.Parse("20060102T1504", v)
	}
	zone = cutDisplay(oneLine(p.params["TZID"]))
	if utc {
		zone = "UTC"
	}
	return at, false, zone, err == nil
}

// period is a start and an end in words; "" when the start makes no sense.
func period(start, end, duration property) string {
	const dayForm, timeForm = "Mon, 2 Jan 2006", "15:04"
	from, day, zone, ok := start.moment()
	if !ok {
		return ""
	}
	to, _, _, ended := end.moment()
	if d, ok := readDuration(duration.value); ok && !ended {
		to, ended = from.Add(d), true
	}
	if day {
		last := to.AddDate(0, 0, -1) // the end is the day after (RFC 5545 §3.6.1)
		if !ended || !last.After(from) {
			return from.Format(dayForm)
		}
		return from.Format(dayForm) + " – " + last.Format(dayForm)
	}
	s := from.Format(dayForm + ", " + timeForm)
	switch {
	case !ended || !to.After(from):
	case to.Format(dayForm) == from.Format(dayForm):
		s += "–" + to.Format(timeForm)
	default:
		s += " – " + to.Format(dayForm+", "+timeForm)
	}
	if zone != "" {
		s += " (" + zone + ")"
	}
	return s
}

// readDuration reads RFC 5545 §3.3.6: "PT1H30M", "P1D", "P2W".
func readDuration(v string) (time.Duration, bool) {
	rest, ok := strings.CutPrefix(strings.ToUpper(v), "P")
	if !ok || len(rest) > 30 {
		return 0, false
	}
	var d time.Duration
	n := 0
	for _, c := range rest {
		unit, isUnit := durationUnits[c]
		switch {
		case c >= '0' && c <= '9' && n < 100_000:
			n = n*10 + int(c-'0')
		case c == 'T':
		case isUnit:
			d, n = d+time.Duration(n)*unit, 0
		default:
			return 0, false
		}
	}
	return d, d > 0
}

var durationUnits = map[rune]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second}
