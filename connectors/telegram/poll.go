package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"parley/connectors"
)

// offsetCursor names the update_id to ask for next.
const offsetCursor = "offset"

const wantedUpdates = `["message","edited_message","callback_query","my_chat_member","business_message","edited_business_message"]`

// Run receives until ctx ends: by long polling, or by keeping the webhook set.
func (c *Connector) Run(ctx context.Context, sink connectors.Sink) error {
	sink.Report(ctx, connectors.Health{State: connectors.StateConnecting})
	name, err := c.whoAmI(ctx)
	if err == nil && c.mode == modeWebhook {
		err = c.keepWebhook(ctx, sink, name)
	} else if err == nil {
		err = c.poll(ctx, sink, name)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *Connector) keepWebhook(ctx context.Context, sink connectors.Sink, name string) error {
	_, err := c.api.call(ctx, "setWebhook", tgbotapi.Params{"url": c.hookURL, "secret_token": c.secret, "allowed_updates": wantedUpdates})
	if err != nil {
		return fmt.Errorf("tell Telegram our webhook: %w", err)
	}
	sink.Report(ctx, connectors.Health{State: connectors.StateConnected, Detail: "@" + name + ", by webhook"})
	<-ctx.Done()
	return nil
}

func (c *Connector) poll(ctx context.Context, sink connectors.Sink, name string) error {
	stored, err := sink.Cursor(ctx, offsetCursor)
	if err != nil {
		return fmt.Errorf("read the offset: %w", err)
	}
	// Without an offset Telegram gives all that nobody confirmed; what we have already is known by its key.
	offset, _ := strconv.ParseInt(stored, 10, 64)
	if _, err := c.api.call(ctx, "deleteWebhook", tgbotapi.Params{"drop_pending_updates": "false"}); err != nil {
		return fmt.Errorf("take an older webhook away: %w", err)
	}
	connected := connectors.Health{State: connectors.StateConnected, Detail: "@" + name}
	sink.Report(ctx, connected)
	for {
		updates, err := c.getUpdates(ctx, offset)
		if err != nil {
			if err := c.bear(ctx, sink, err); err != nil {
				return fmt.Errorf("ask for updates: %w", err)
			}
			continue
		}
		sink.Report(ctx, connected)
		for _, raw := range updates {
			if offset, err = take(ctx, sink, raw); err != nil {
				return err
			}
		}
	}
}

func (c *Connector) getUpdates(ctx context.Context, offset int64) ([]json.RawMessage, error) {
	result, err := c.api.callFor(ctx, c.pollFor+10*time.Second, "getUpdates", tgbotapi.Params{
		"offset": strconv.FormatInt(offset, 10), "limit": "100", "allowed_updates": wantedUpdates,
		"timeout": strconv.FormatInt(int64(c.pollFor/time.Second), 10),
	})
	if err != nil {
		return nil, err
	}
	var updates []json.RawMessage
	if err := json.Unmarshal(result, &updates); err != nil {
		return nil, fmt.Errorf("list of updates: %w", err)
	}
	return updates, nil
}

// take stores one update and says the offset that confirms it.
func take(ctx context.Context, sink connectors.Sink, raw json.RawMessage) (next int64, err error) {
	in, err := Parse(raw)
	if err != nil {
		return 0, err
	}
	id, ok := updateID(raw)
	if ok {
		in.Cursor = &connectors.Cursor{Name: offsetCursor, Value: strconv.FormatInt(id+1, 10)}
	}
	if _, err := sink.Accept(ctx, in); err != nil {
		return 0, fmt.Errorf("store %s: %w", in.Key, err)
	}
	if !ok {
		return 0, errors.New("Telegram gave an update without a number, which cannot be confirmed")
	}
	return id + 1, nil
}

// bear waits out what passes by itself and gives back what does not.
func (c *Connector) bear(ctx context.Context, sink connectors.Sink, err error) error {
	pause, retry := connectors.IsRetry(err)
	var r *refusal
	switch {
	case errors.As(err, &r) && r.status == http.StatusConflict:
		pause = c.conflictPause
		sink.Report(ctx, connectors.Health{State: connectors.StateError, Detail: "another program reads this bot's messages, or a webhook was set elsewhere: " + r.description})
	case retry && pause > 0:
		sink.Report(ctx, connectors.Health{State: connectors.StateError, Detail: fmt.Sprintf("Telegram asks us to wait %s", pause)})
	default:
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}
