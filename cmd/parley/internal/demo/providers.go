package demo

import (
	"errors"

	"parley/connectors/connectortest/fakepbx"
	"parley/connectors/connectortest/faketelegram"
	"parley/connectors/connectortest/faketwilio"
	"parley/connectors/email/mailtest"
	"parley/internal/clock"
)

// The shop's addresses. The numbers are from the ranges that Ofcom keeps for drama.
const (
	shopMail   = "hello@fernleaf.test"
	shopMobile = "+447700900100"
	shopLine   = "+442079460100"
)

// providers are the companies that carry the customers' words, in this process and on 127.0.0.1.
type providers struct {
	mailbox  *mailtest.Mailbox
	post     *mailtest.Sink
	twilio   *faketwilio.Server
	telegram *faketelegram.Server
	pbx      *fakepbx.PBX
}

func openProviders(now clock.Clock) (*providers, error) {
	p := &providers{}
	var errs [5]error
	p.mailbox, errs[0] = mailtest.NewMailbox(shopMail)
	p.post, errs[1] = mailtest.NewSink()
	p.twilio, errs[2] = faketwilio.Start()
	p.telegram, errs[3] = faketelegram.Start()
	p.pbx, errs[4] = fakepbx.New(now)
	if err := errors.Join(errs[:]...); err != nil {
		p.close()
		return nil, err
	}
	p.twilio.Number = shopMobile
	return p, nil
}

// close ends those that were opened.
func (p *providers) close() {
	if p.mailbox != nil {
		p.mailbox.Close()
	}
	if p.post != nil {
		p.post.Close()
	}
	if p.twilio != nil {
		p.twilio.Close()
	}
	if p.telegram != nil {
		p.telegram.Close()
	}
	if p.pbx != nil {
		p.pbx.Close()
	}
}
