package demo

import (
	"bytes"
	"fmt"
	"net/mail"
	"slices"

	"parley/connectors/email/mailtest"
)

// autoReply is the out-of-office answer of a customer's mail system (RFC 3834).
func (s *Show) autoReply(c *customer, m mailtest.Mail, subject, words string) error {
	l := letter{id: newID(domainOf(c.mail)), from: mail.Address{Name: c.name, Address: c.mail}, to: shopMail, text: words, at: s.o.Clock.Now(),
		header: map[string]string{"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All", "Precedence": "auto_reply"}}
	if err := l.answer(m); err != nil {
		return err
	}
	l.subject, l.text = subject, words
	_, err := s.providers.mailbox.DeliverRaw(l.raw(), l.at)
	return err
}

// bounce is a mail server's report that the shop's mail can't be delivered (RFC 3464).
func (s *Show) bounce(c *customer, m mailtest.Mail) error {
	host := "mx." + domainOf(c.mail)
	head, _, _ := bytes.Cut(m.Raw, []byte("\r\n\r\n"))
	l := letter{id: newID(host), from: mail.Address{Name: "Mail Delivery System", Address: "MAILER-DAEMON@" + host}, to: shopMail, subject: "Undelivered Mail Returned to Sender",
		at: s.o.Clock.Now(), header: map[string]string{"Auto-Submitted": "auto-replied", "Return-Path": "<>"},
		text:          fmt.Sprintf("This is the mail system at %s.\n\nYour message could not be delivered:\n\n<%s>: 550 5.1.1 no such mailbox\n", host, c.mail),
		deliveryState: fmt.Appendf(nil, "Reporting-MTA: dns; %s\r\n\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such mailbox\r\n", host, c.mail),
		returned:      slices.Concat(head, []byte("\r\n"))}
	_, err := s.providers.mailbox.DeliverRaw(l.raw(), l.at)
	return err
}
