package form

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"parley/connectors"
)

const (
	defaultTrap = "_hp"
	maxName     = 200 // characters
	maxContacts = 500 // bytes of a field with addresses or numbers; a longer one is a text
)

// reading is a post as it is understood bit by bit.
type reading struct {
	name, first, middle, last string
	subject, formName         string
	page, referrer            string
	messages                  []string
	lines                     []string // what has no place of its own: "label: value"
	details                   []string // name, emails and phones as lines, for a form without a message
	emails, phones            []string
	who                       map[string]string
	utm                       map[string]string
	locale                    string
	filled                    bool
}

// inbound is the item that a post becomes. It has no key yet.
func (c *Connector) inbound(p post, req connectors.WebhookRequest) connectors.Inbound {
	in := connectors.Inbound{Raw: req.Body, RawType: req.Header.Get("Content-Type"), At: c.host.Now(), Kind: connectors.KindForm, Parts: p.files}
	if in.RawType == "" {
		in.RawType = "application/octet-stream"
	}
	if isPing(p) {
		in.Ignore = "the form builder tried the connection"
		return in
	}
	r := c.read(p)
	in.Subject = r.subject
	if in.Subject == "" {
		in.Subject = r.formName
	}
	in.Text = r.text()
	in.Sender = connectors.Sender{Name: r.fullName(), Claims: r.claims(), Fields: r.who, Locale: r.locale}
	if in.Sender.Locale == "" {
		in.Sender.Locale = preferred(req.Header.Get("Accept-Language"))
	}
	in.Thread.Key = r.person()
	in.Source = r.source(req)
	switch {
	case c.trapped(p, r, req):
		in.Reject = "the field that people never see was filled in"
	case !r.filled && len(p.files) == 0:
		in.Ignore = "every field was left empty"
	}
	return in
}

// isPing is what Tilda and others post to try an address.
func isPing(p post) bool {
	return len(p.fields) == 1 && len(p.files) == 0 && p.fields[0] == field{"test", "test"}
}

// trapped tells a bot by the field that people don't see. Where the config names no such field, "website" is taken for one too, but only
// when nothing speaks for a person: no page that posted it, no message, no phone. Many a company asks for a website in earnest.
func (c *Connector) trapped(p post, r *reading, req connectors.WebhookRequest) bool {
	trap := c.config.Honeypot
	if trap == "" {
		trap = defaultTrap
	}
	_, meant := c.config.Fields["website"]
	unlikely := c.config.Honeypot == "" && !meant && len(r.messages) == 0 && len(r.phones) == 0 && req.Header.Get("Origin") == "" && req.Header.Get("Referer") == ""
	for _, f := range p.fields {
		if f.value != "" && (f.name == trap || unlikely && f.name == "website" && strings.Contains(f.value, "://")) {
			return true
		}
	}
	return false
}

func (c *Connector) read(p post) *reading {
	r := &reading{who: map[string]string{}, utm: map[string]string{}}
	trap := c.config.Honeypot
	if trap == "" {
		trap = defaultTrap
	}
	for _, f := range merged(p.fields) {
		if f.name != trap {
			r.take(f, c.config.means(f.name))
		}
	}
	r.guess(p, c.config)
	return r
}

// merged joins the values of a name that was sent several times (boxes ticked in a list).
func merged(fields []field) []field {
	values := map[string][]string{}
	var names []string
	for _, f := range fields {
		if _, seen := values[f.name]; !seen {
			names = append(names, f.name)
		}
		values[f.name] = append(values[f.name], f.value)
	}
	out := make([]field, len(names))
	for i, n := range names {
		ticked := slices.DeleteFunc(slices.Compact(values[n]), func(v string) bool { return v == "" })
		out[i] = field{n, strings.Join(ticked, ", ")}
	}
	return out
}

func (r *reading) take(f field, m meaning) {
	if f.value == "" || m == meansNothing {
		return
	}
	if mark, ok := strings.CutPrefix(strings.ToLower(lastSegment(f.name)), "utm_"); ok && mark != "" {
		r.utm[mark] = f.value
		return
	}
	switch m {
	case meansPage:
		r.once(&r.page, webAddress(f.value), f)
		return
	case meansReferrer:
		r.once(&r.referrer, webAddress(f.value), f)
		return
	case meansForm:
		r.once(&r.formName, oneLine(f.value), f)
		return
	case meansLocale:
		r.once(&r.locale, preferred(f.value), f)
		return
	}
	r.filled = true
	switch m {
	case meansName:
		r.called(&r.name, f)
	case meansFirst:
		r.called(&r.first, f)
	case meansMiddle:
		r.called(&r.middle, f)
	case meansLast:
		r.called(&r.last, f)
	case meansEmail:
		r.takeEmail(f)
	case meansPhone:
		r.takePhone(f)
	case meansMessage:
		r.messages = append(r.messages, f.value)
	case meansSubject:
		r.once(&r.subject, oneLine(f.value), f)
	case meansCompany, meansPosition, meansCity, meansCountry:
		r.know(m, f)
	default:
		r.lines = append(r.lines, line(f))
	}
}

// once puts value where it belongs; a second one, or one that does not fit there, stays a line.
func (r *reading) once(into *string, value string, f field) {
	if *into != "" || value == "" {
		r.lines = append(r.lines, line(f))
		return
	}
	*into = value
}

func (r *reading) called(into *string, f field) {
	name := oneLine(f.value)
	if len([]rune(name)) > maxName {
		r.lines = append(r.lines, line(f))
		name = string([]rune(name)[:maxName])
	}
	r.once(into, name, f)
	r.details = append(r.details, line(f))
}

func (r *reading) know(m meaning, f field) {
	if _, known := r.who[string(m)]; known {
		r.lines = append(r.lines, line(f))
		return
	}
	v := oneLine(f.value)
	if m == meansCountry && len(v) == 2 {
		v = strings.ToUpper(v)
	}
	r.who[string(m)] = v
}

func (r *reading) takeEmail(f field) {
	if len(f.value) > maxContacts {
		r.lines = append(r.lines, line(f))
		return
	}
	addresses, name := splitEmails(f.value)
	if len(addresses) == 0 {
		r.lines = append(r.lines, line(f))
		return
	}
	if r.name == "" {
		r.name = name
	}
	r.emails = append(r.emails, addresses...)
	r.details = append(r.details, line(f))
}

func (r *reading) takePhone(f field) {
	if len(f.value) > maxContacts {
		r.lines = append(r.lines, line(f))
		return
	}
	numbers, words := splitPhones(f.value)
	if len(numbers) == 0 || words {
		r.lines = append(r.lines, line(f))
	} else {
		r.details = append(r.details, line(f))
	}
	r.phones = append(r.phones, numbers...)
}

// guess looks for an address or an international number in fields whose names say nothing ("field_3"), when there is none yet.
// A field that does say something ("friend's email") is another matter.
func (r *reading) guess(p post, c Config) {
	for _, f := range p.fields {
		if c.means(f.name) != meansText || c.Fields[f.name] != "" || len([]rune(core(f.name))) > 2 {
			continue
		}
		if len(r.emails) == 0 && looksLikeEmail(f.value) {
			r.emails = append(r.emails, f.value)
		}
		if len(r.phones) == 0 && looksLikePhone(f.value) {
			r.phones = append(r.phones, f.value)
		}
	}
}

// text is the message, and under it everything else that the person filled in. A form without a message shows what it has.
func (r *reading) text() string {
	parts := r.messages
	if len(parts) == 0 && len(r.details) > 0 {
		parts = []string{strings.Join(r.details, "\n")}
	}
	if len(r.lines) > 0 {
		parts = append(parts, strings.Join(r.lines, "\n"))
	}
	return strings.Join(parts, "\n\n")
}

func (r *reading) fullName() string {
	first := r.first
	if first == "" {
		first = r.name
	}
	if r.name != "" && r.last == "" && r.middle == "" {
		return r.name
	}
	return oneLine(strings.Join([]string{first, r.middle, r.last}, " "))
}

func (r *reading) claims() []connectors.Claim {
	var out []connectors.Claim
	for _, e := range r.emails {
		out = append(out, connectors.Claim{Kind: connectors.KindEmail, Value: e, Trust: connectors.TrustAsserted})
	}
	for _, p := range r.phones {
		out = append(out, connectors.Claim{Kind: connectors.KindPhone, Value: p, Trust: connectors.TrustAsserted})
	}
	return out
}

// person is the thread's key: one conversation per person and form. A number of all the same digits is a placeholder and
// would put strangers into one conversation.
func (r *reading) person() string {
	for _, e := range r.emails {
		if looksLikeEmail(e) {
			return strings.ToLower(e)
		}
	}
	for _, p := range r.phones {
		if d := digits(p); len(d) >= 7 && distinct(d) > 2 {
			return d
		}
	}
	return ""
}

// source is where the person came from: told by fields, else by the page's address.
func (r *reading) source(req connectors.WebhookRequest) connectors.Source {
	s := connectors.Source{URL: r.page, Referrer: r.referrer}
	if s.URL == "" {
		s.URL = webAddress(req.Header.Get("Referer"))
	}
	if u, err := url.Parse(s.URL); err == nil && len(r.utm) == 0 {
		for k, v := range u.Query() {
			if mark, ok := strings.CutPrefix(strings.ToLower(k), "utm_"); ok && mark != "" && v[0] != "" {
				r.utm[clean(mark)] = clean(v[0])
			}
		}
	}
	if len(r.utm) > 0 {
		s.UTM = r.utm
	}
	return s
}

func webAddress(s string) string {
	s = clean(s)
	if u, err := url.Parse(s); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return s
}

func line(f field) string {
	if strings.Contains(f.value, "\n") {
		return f.name + ":\n" + f.value
	}
	return f.name + ": " + f.value
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// preferred is the first language of an Accept-Language header, "" when it names none.
func preferred(accept string) string {
	tag, _, _ := strings.Cut(accept, ",")
	tag, _, _ = strings.Cut(tag, ";")
	tag = strings.TrimSpace(tag)
	ok := len(tag) >= 2 && len(tag) <= 35 && !strings.ContainsFunc(tag, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-'
	})
	if !ok {
		return ""
	}
	return tag
}
