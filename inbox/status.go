package inbox

import (
	"context"
	"errors"

	"parley/connectors"

	"gorm.io/gorm"
)

// rank orders what a provider says of a message; a lower word never takes a higher one back.
var rank = map[string]int{Queued: 0, Sending: 1, Unknown: 1, Cancelled: 1, FailedMsg: 2, Sent: 3, Delivered: 4, Read: 5}

// Delivered notes what a provider says became of one of our messages. News of a message that is not known is no error.
func (b *Inbox) Delivered(ctx context.Context, channelID string, d connectors.Delivery) error {
	d.MessageID, d.ProviderID = named(d.MessageID), named(d.ProviderID)
	id, err := b.messageOf(ctx, channelID, d)
	if err != nil || id == "" {
		return err
	}
	return b.log.Transaction(ctx, func(tx *gorm.DB) error {
		c, m, err := lockMessageTx(tx, id)
		if err != nil {
			return err
		}
		if m.Direction != DirOutbound || m.ChannelID != channelID {
			return nil
		}
		if !news(m, d) {
			return nil
		}
		if d.ProviderID != "" {
			m.ProviderID = d.ProviderID
		}
		switch d.State {
		case connectors.DeliveryFailed:
			return b.setStatusTx(tx, c, m, FailedMsg, d.Reason)
		case connectors.DeliveryDelayed:
			return b.setStatusTx(tx, c, m, m.Status, d.Reason)
		}
		return b.setStatusTx(tx, c, m, d.State, "")
	})
}

// news tells whether d says more of m than is known. Reports come late, twice and out of order.
func news(m *Message, d connectors.Delivery) bool {
	switch d.State {
	case connectors.DeliveryFailed:
		// Queued: it waits for another try, and the report is about an earlier one.
		return rank[m.Status] < rank[Delivered] && m.Status != FailedMsg && m.Status != Queued
	case connectors.DeliverySent:
		// A provider that reported a failure says "sent" late. Where it had never been known to have the message, this is the proof that it has.
		if m.Status == FailedMsg && (m.ProviderID != "" || d.Found) {
			return false
		}
	case connectors.DeliveryDelayed:
		return m.Status == Sent || m.Status == Unknown
	case connectors.DeliveryDelivered, connectors.DeliveryRead:
	default:
		return false
	}
	return rank[d.State] > rank[m.Status]
}

func (b *Inbox) messageOf(ctx context.Context, channelID string, d connectors.Delivery) (string, error) {
	q := b.db.Read(ctx).Select("id").Where("channel_id = ? AND direction = ?", channelID, DirOutbound)
	switch {
	case d.MessageID != "":
		q = q.Where("id = ?", d.MessageID)
	case d.ProviderID != "":
		q = q.Where("provider_id = ?", d.ProviderID).Order("n DESC")
	default:
		return "", nil
	}
	var m Message
	err := q.Take(&m).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil
	}
	return m.ID, err
}
