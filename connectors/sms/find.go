package sms

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"parley/connectors"
)

const (
	findPageSize = 1000
	findPages    = 5
	clockSlack   = time.Minute // by which Twilio's clock and ours may differ
)

// Find looks for out among the messages that the account sent to the recipient. Twilio keeps no id of ours, so the words
// must tell: exactly one message with them, made since out was. Two such are an error, and so is a list too long to be
// read whole. It is for messages whose attempt lies a minute back or more: the list lags behind. The caller sees to
// it that the SID found is not another message's.
func (t *twilio) Find(ctx context.Context, out connectors.Outbound) (connectors.Receipt, bool, error) {
	sent, err := t.sentTo(ctx, t.endsOf(out).to)
	if err != nil {
		return connectors.Receipt{}, false, err
	}
	made := out.CreatedAt.Truncate(time.Second)
	var match []openapi.ApiV2010Message
	for _, m := range sent {
		at, err := time.Parse(time.RFC1123Z, value(m.DateCreated))
		if err != nil {
			return connectors.Receipt{}, false, fmt.Errorf("when Twilio took a message: %w", err)
		}
		if strings.HasPrefix(value(m.Direction), "outbound") && value(m.Body) == out.Text && !at.Before(made.Add(-clockSlack)) {
			match = append(match, m)
		}
	}
	switch len(match) {
	case 0:
		return connectors.Receipt{}, false, nil
	case 1:
		at, _ := time.Parse(time.RFC1123Z, value(match[0].DateCreated)) // parsed above
		if at.Before(made) {
			return connectors.Receipt{}, false, errors.New("Twilio has the same words from just before: it may be this message or an earlier one")
		}
		status := states[value(match[0].Status)]
		return connectors.Receipt{ProviderID: value(match[0].Sid), Delivered: status == connectors.DeliveryDelivered || status == connectors.DeliveryRead}, true, nil
	}
	return connectors.Receipt{}, false, fmt.Errorf("Twilio has %d messages with the same words", len(match))
}

// sentTo is every message to one recipient that Twilio's list has.
func (t *twilio) sentTo(ctx context.Context, to string) ([]openapi.ApiV2010Message, error) {
	params := (&openapi.ListMessageParams{}).SetTo(to).SetPageSize(findPageSize)
	var all []openapi.ApiV2010Message
	token, number := "", ""
	for range findPages {
		page, err := t.page(ctx, params, token, number)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Messages...)
		if value(page.NextPageUri) == "" {
			return all, nil
		}
		next, err := url.Parse(*page.NextPageUri)
		if err != nil {
			return nil, fmt.Errorf("Twilio's next page: %w", err)
		}
		token, number = next.Query().Get("PageToken"), next.Query().Get("Page")
	}
	return nil, errors.New("Twilio's list of messages to this recipient is too long to be sure")
}

func (t *twilio) page(ctx context.Context, params *openapi.ListMessageParams, token, number string) (*openapi.ListMessageResponse, error) {
	x, done := t.exchange(ctx)
	defer done()
	page, err := x.api().PageMessage(params, token, number)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", x.verdict(err))
	}
	return page, nil
}
