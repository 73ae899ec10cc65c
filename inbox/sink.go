package inbox

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"parley/connectors"
	"parley/internal/sanitize"

	"gorm.io/gorm"
)

// Sink is where the connector of one channel puts what it receives.
func (b *Inbox) Sink(channelID string) connectors.Sink { return sink{b, channelID} }

type sink struct {
	b  *Inbox
	id string
}

func (s sink) Accept(ctx context.Context, in connectors.Inbound) (connectors.Accepted, error) {
	return s.b.Accept(ctx, s.id, in)
}

func (s sink) Delivered(ctx context.Context, d connectors.Delivery) error {
	return s.b.Delivered(ctx, s.id, d)
}

func (s sink) Cursor(ctx context.Context, name string) (string, error) {
	var value string
	err := s.b.db.Read(ctx).Raw("SELECT value FROM channel_cursors WHERE channel_id = ? AND name = ?", s.id, name).Scan(&value).Error
	return value, err
}

func (s sink) Advance(ctx context.Context, c connectors.Cursor) error {
	return s.b.advance(ctx, s.id, c)
}

func (s sink) Known(ctx context.Context, hash [32]byte) (bool, error) {
	var n int64
	err := s.b.db.Read(ctx).Model(&Journal{}).Where("channel_id = ? AND raw_hash = ?", s.id, hex.EncodeToString(hash[:])).Limit(1).Count(&n).Error
	return n > 0, err
}

// keysAtOnce is how many keys stand in one query.
const keysAtOnce = 400

func (s sink) Seen(ctx context.Context, keys []string) ([]connectors.Standing, error) {
	found := make(map[string]connectors.Standing, len(keys))
	for chunk := range slices.Chunk(keys, keysAtOnce) {
		var rows []Journal
		if err := s.b.db.Read(ctx).Select("item_key", "state").Where("channel_id = ? AND item_key IN ?", s.id, chunk).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("look into the journal: %w", err)
		}
		for _, r := range rows {
			if found[r.ItemKey] = connectors.Here; r.State == Quarantined {
				found[r.ItemKey] = connectors.Quarantined
			}
		}
	}
	out := make([]connectors.Standing, len(keys))
	for i, k := range keys {
		out[i] = found[k]
	}
	return out, nil
}

func (s sink) Report(ctx context.Context, h connectors.Health) {
	logError(ctx, "channel's health could not be noted", s.b.report(ctx, s.id, h), "channel", s.id)
}

// report notes a channel's health, and tells of it when it has changed.
func (b *Inbox) report(ctx context.Context, id string, h connectors.Health) error {
	detail := sanitize.Preview(h.Detail, 500)
	c, err := b.cachedChannel(ctx, id)
	if err != nil || c.State == h.State && c.StateDetail == detail {
		return err
	}
	err = b.log.Transaction(ctx, func(tx *gorm.DB) error {
		row := &Channel{}
		if err := forUpdate(tx).Where("id = ?", id).Take(row).Error; err != nil {
			if errors.Is(err, gorm.ErrRecordNotFound) {
				return nil
			}
			return err
		}
		if row.State == h.State && row.StateDetail == detail {
			return nil
		}
		row.State, row.StateDetail = h.State, detail
		if err := tx.Model(&Channel{}).Where("id = ?", id).UpdateColumns(map[string]any{"state": row.State, "state_detail": detail}).Error; err != nil {
			return err
		}
		return b.tellChannelTx(tx, row)
	})
	b.channels.forget(id)
	return err
}
