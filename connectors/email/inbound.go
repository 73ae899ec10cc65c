package email

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"parley/connectors"
)

const rawType = "message/rfc822"

// envelope turns the bytes of a mail into the port's words, without key and cursor. A mail that cannot be made sense of comes back
// quarantined, never as an error. report is set when somebody must hear what became of an outgoing message.
func (c *Connector) envelope(raw []byte) (in connectors.Inbound, report *Report) {
	in = connectors.Inbound{Raw: raw, RawType: rawType, Kind: connectors.KindMail}
	defer func() {
		if p := recover(); p != nil {
			c.host.Log.Error("mail parser failed", "channel", c.channel.ID, "panic", p, "stack", string(debug.Stack()))
			in = connectors.Inbound{Raw: raw, RawType: rawType, Kind: connectors.KindMail, Quarantine: fmt.Sprintf("this mail cannot be read: %v", p)}
			report = nil
		}
	}()
	m := Parse(raw)
	if m.Excess != "" {
		return c.quarantined(in, m, "this mail exceeds a limit: "+m.Excess), nil
	}
	return c.fill(in, m)
}

// quarantined keeps what an admin needs to know a mail by: its sender, subject and the like, and why it is held back.
func (c *Connector) quarantined(in connectors.Inbound, m Mail, why string) connectors.Inbound {
	m.Text, m.HTML, m.Parts = "", "", nil
	in, _ = c.fill(in, m)
	in.Auto, in.Ignore, in.Outgoing, in.Quarantine = connectors.AutoNone, "", false, why
	return in
}

func (c *Connector) fill(in connectors.Inbound, m Mail) (connectors.Inbound, *Report) {
	in.Subject, in.Parts = cutDisplay(m.Subject), m.Parts
	in.Text, in.Visible, in.HTML = foldBodies(m)
	in.ProviderID = m.MessageID
	in.Headers = displayHeaders(m)
	if v, ok := inviteOf(m); ok {
		in.Headers["Invite"] = v.Line()
		if strings.TrimSpace(in.Text) == "" {
			in.Text = v.String()
		}
	}
	in.Recipients = recipients(m)
	in.Thread = c.thread(m)

	auto, report := Classify(m)
	in.Auto = auto
	if report != nil {
		return c.fillReport(in, m, *report)
	}
	sender := c.writer(m)
	if c.isOwn(sender.Addr) {
		return c.ownMail(in, m), nil
	}
	if m.Header.Get(loopHeader) != "" && m.Header.Get(loopHeader) == c.loopTag() {
		in.Auto = connectors.AutoLoop
	}
	if !strings.Contains(sender.Addr, "@") {
		in.Quarantine = "this mail names nobody who sent it"
		return in, nil
	}
	in.Sender.Name = sender.Name
	found := authenticate(m, sender.Addr, c.authServers()...)
	in.Sender.Claims = []connectors.Claim{{Kind: connectors.KindEmail, Value: sender.Addr, Trust: found.trust}}
	if found.words != "" {
		in.Headers["Authentication"] = found.words
	}
	return in, nil
}

// writer is who wrote the mail: From, or where a list or a form put our own address there, the one whom they name instead.
func (c *Connector) writer(m Mail) Address {
	candidates := append([]Address{}, m.From...)
	candidates = append(candidates, parseAddresses(m.Header.all("X-Original-From"))...)
	candidates = append(candidates, m.ReplyTo...)
	if len(m.From) == 0 {
		candidates = append(candidates, m.Sender)
		candidates = append(candidates, parseAddresses(m.Header.all("Return-Path"))...)
	}
	first := Address{}
	for _, a := range candidates {
		if !strings.Contains(a.Addr, "@") {
			continue
		}
		if !c.isOwn(a.Addr) {
			return a
		}
		if first.Addr == "" {
			first = a
		}
	}
	return first
}

// ownMail is what comes from the channel's own address: our answer coming back, or one of us writing from another program.
func (c *Connector) ownMail(in connectors.Inbound, m Mail) connectors.Inbound {
	if OwnMessageID(m.MessageID, c.channel.Secret) {
		in.Auto, in.Ignore = connectors.AutoLoop, "our own message, back from the mail server"
		return in
	}
	for _, r := range in.Recipients {
		if !c.isOwn(r) {
			in.Outgoing = true
			return in
		}
	}
	in.Auto, in.Ignore = connectors.AutoLoop, "sent from this address to itself"
	return in
}

// fillReport makes a bounce, receipt or complaint join the message that it is about. One about somebody else's mail is only noted.
func (c *Connector) fillReport(in connectors.Inbound, m Mail, r Report) (connectors.Inbound, *Report) {
	if len(m.From) > 0 {
		in.Sender.Name = firstOf(m.From[0].Name, m.From[0].Addr)
	}
	if r.OriginalID == "" && OwnMessageID(r.EnvelopeID, c.channel.Secret) {
		r.OriginalID = r.EnvelopeID + "@" + strings.ToLower(domainOf(asciiDomain(c.config.Address)))
	}
	if !OwnMessageID(r.OriginalID, c.channel.Secret) {
		in.Ignore = "a report about a mail that was not sent from here"
		return in, nil
	}
	in.Thread.ReplyTo = []string{r.OriginalID}
	return in, &r
}

// delivery is the news in a report, ok is false when it changes nothing.
func delivery(auto connectors.Auto, r Report, at time.Time) (d connectors.Delivery, ok bool) {
	d = connectors.Delivery{ProviderID: r.OriginalID, At: at}
	switch {
	case auto == connectors.AutoReceipt:
		d.State = connectors.DeliveryRead
	case auto != connectors.AutoBounce:
		return d, false
	case r.Delayed:
		d.State, d.Reason = connectors.DeliveryDelayed, "not delivered yet, the mail server goes on trying: "+r.Reason()
	case r.Delivered:
		d.State = connectors.DeliveryDelivered
	default:
		d.State, d.Reason = connectors.DeliveryFailed, r.Reason()
	}
	return d, true
}

// thread gathers what tells the conversation: our token in an address it was sent to, then the mails it answers, nearest first.
func (c *Connector) thread(m Mail) connectors.Thread {
	var t connectors.Thread
	seen := map[string]bool{}
	add := func(id string) {
		if id != "" && !seen[id] && len(t.ReplyTo) < 100 {
			seen[id] = true
			t.ReplyTo = append(t.ReplyTo, id)
		}
	}
	for _, id := range m.InReplyTo {
		add(id)
	}
	for i := len(m.References) - 1; i >= 0; i-- {
		add(m.References[i])
	}
	for _, a := range addressedTo(m) {
		if d := detail(a); d != "" && c.isOwn(a) {
			t.ReplyToken = d
			break
		}
	}
	return t
}

// addressedTo is every address that the mail went to, the envelope's first.
func addressedTo(m Mail) []string {
	var all []string
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To"} {
		for _, a := range parseAddresses(m.Header.all(name)) {
			all = append(all, a.Addr)
		}
	}
	return append(all, recipients(m)...)
}

func recipients(m Mail) []string {
	var all []string
	for _, list := range [][]Address{m.To, m.Cc} {
		for _, a := range list {
			if strings.Contains(a.Addr, "@") {
				all = append(all, a.Addr)
			}
		}
	}
	return all
}

func displayHeaders(m Mail) map[string]string {
	h := map[string]string{}
	for name, list := range map[string][]Address{"From": m.From, "To": m.To, "Cc": m.Cc, "Reply-To": m.ReplyTo} {
		if len(list) > 0 {
			h[name] = cutDisplay(joinAddresses(list))
		}
	}
	if d := m.Header.Get("Date"); d != "" {
		h["Date"] = cutDisplay(oneLine(toUTF8([]byte(d), "")))
	}
	return h
}

func joinAddresses(list []Address) string {
	s := make([]string, len(list))
	for i, a := range list {
		s[i] = a.String()
	}
	return strings.Join(s, ", ")
}

const maxDisplay = 2000 // bytes of a header that are shown

func cutDisplay(s string) string {
	if len(s) <= maxDisplay {
		return s
	}
	return strings.ToValidUTF8(s[:maxDisplay], "") + " …"
}

// isOwn is true for the channel's address, with or without a plus part.
func (c *Connector) isOwn(addr string) bool {
	return addr != "" && sameAddress(withoutDetail(addr), withoutDetail(c.config.Address))
}

// accept hands one item to the sink and tells what became of the message that a report is about. The item comes second: when it is
// known, so is the news.
func (c *Connector) accept(ctx context.Context, sink connectors.Sink, in connectors.Inbound, report *Report) error {
	if report != nil {
		if d, ok := delivery(in.Auto, *report, c.host.Now()); ok {
			if err := sink.Delivered(ctx, d); err != nil {
				return fmt.Errorf("note a delivery report: %w", err)
			}
		}
	}
	if _, err := sink.Accept(ctx, in); err != nil {
		return fmt.Errorf("store a mail: %w", err)
	}
	return nil
}

// Replay reads a mail of the journal again, as the parser understands it today.
func (c *Connector) Replay(raw []byte, _, _ string) (connectors.Inbound, error) {
	in, _ := c.envelope(raw)
	return in, nil
}
