package inbox

import (
	"context"
	"fmt"
	"time"

	"parley/connectors"
)

// What the supervisor asks of the inbox: which channels there are, and who runs them.

// Running lists every channel with its credentials.
func (b *Inbox) Running(ctx context.Context) ([]connectors.Running, error) {
	var rows []Channel
	if err := b.db.Read(ctx).Order("created_at, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list channels: %w", err)
	}
	out := make([]connectors.Running, 0, len(rows))
	for i := range rows {
		r, err := b.running(&rows[i])
		if err != nil { // its own trouble, not the others'
			r = connectors.Running{Version: rows[i].Version, Disabled: rows[i].Disabled, Problem: "the channel's credentials can't be opened with this installation's key; enter them again",
				Channel: connectors.Channel{ID: rows[i].ID, Type: rows[i].Type, Name: rows[i].Name}}
			logError(ctx, "a channel's credentials can't be opened", err, "channel", rows[i].ID)
		}
		out = append(out, r)
	}
	return out, nil
}

// RunningChannel is one of them.
func (b *Inbox) RunningChannel(ctx context.Context, id string) (connectors.Running, error) {
	c, err := b.Channel(ctx, id)
	if err != nil {
		return connectors.Running{}, err
	}
	return b.running(c)
}

func (b *Inbox) running(c *Channel) (connectors.Running, error) {
	config, err := b.fullConfig(c)
	if err != nil {
		return connectors.Running{}, err
	}
	return connectors.Running{Version: c.Version, Disabled: c.Disabled, Channel: connectors.Channel{ID: c.ID, Type: c.Type, Name: c.Name, Config: config,
		CreatedAt: time.UnixMilli(c.CreatedAt).UTC(), Region: c.common().DefaultRegion, HookURL: b.hookURL(c), Secret: b.secrets.Derive("channel "+c.ID, 32)}}, nil
}

// Lease takes or renews the right to run a channel. The row decides: one statement, so that of two nodes one gets it.
func (b *Inbox) Lease(ctx context.Context, channelID, node string, ttl time.Duration) (bool, error) {
	now := b.now()
	res := b.db.Write(ctx).Exec("UPDATE channels SET lease_owner = ?, lease_until = ? WHERE id = ? AND (lease_owner = ? OR lease_until < ?)",
		node, now.Add(ttl).UnixMilli(), channelID, node, now.UnixMilli())
	return res.RowsAffected == 1, res.Error
}

// Release gives the right back.
func (b *Inbox) Release(ctx context.Context, channelID, node string) error {
	return b.db.Write(ctx).Exec("UPDATE channels SET lease_owner = '', lease_until = 0 WHERE id = ? AND lease_owner = ?", channelID, node).Error
}

// FreeLeases forgets every lease: on SQLite there is one process, and whoever held them before is gone.
func (b *Inbox) FreeLeases(ctx context.Context) error {
	return b.db.Write(ctx).Exec("UPDATE channels SET lease_owner = '', lease_until = 0 WHERE lease_owner <> ''").Error
}
