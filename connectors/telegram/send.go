package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"parley/connectors"
)

// Telegram's limits for what a bot sends, in UTF-16 units and bytes (core.telegram.org/bots/api).
const (
	textLimit    = 4096
	captionLimit = 1024
	photoLimit   = 10 << 20
	fileLimit    = 50 << 20
	albumLimit   = 10
)

// Send hands one message over, in one call: it is taken whole or not at all.
func (c *Connector) Send(ctx context.Context, out connectors.Outbound) (connectors.Receipt, error) {
	to, err := addressee(out)
	if err != nil {
		return connectors.Receipt{}, err
	}
	if err := fits(out); err != nil {
		return connectors.Receipt{}, connectors.Permanent(err)
	}
	if err := c.pace.wait(ctx, to.chat); err != nil {
		return connectors.Receipt{}, err
	}
	result, err := c.hand(ctx, to, out)
	if err != nil {
		if after, ok := connectors.IsRetry(err); ok && after > 0 {
			c.pace.hush(after)
		}
		return connectors.Receipt{}, err
	}
	id, err := firstMessage(result)
	if err != nil {
		return connectors.Receipt{}, err
	}
	return connectors.Receipt{ProviderID: to.messageID(id)}, nil
}

// addressee is the conversation's place; the person's own chat when there is none yet.
func addressee(out connectors.Outbound) (place, error) {
	if out.ThreadKey != "" {
		return parsePlace(out.ThreadKey)
	}
	return parsePlace(out.To)
}

func fits(out connectors.Outbound) error {
	n := len(utf16.Encode([]rune(out.Text)))
	switch {
	case len(out.Parts) == 0 && strings.TrimSpace(out.Text) == "":
		return errors.New("Telegram does not take an empty message")
	case len(out.Parts) == 0 && n > textLimit:
		return fmt.Errorf("Telegram takes at most %d characters in a message, this one has %d", textLimit, n)
	case len(out.Parts) > 0 && n > captionLimit:
		return fmt.Errorf("Telegram takes at most %d characters of text with a file, this is %d: send the text by itself", captionLimit, n)
	case len(out.Parts) > albumLimit:
		return fmt.Errorf("Telegram takes at most %d files at once", albumLimit)
	}
	for _, p := range out.Parts {
		if p.Size > fileLimit {
			return fmt.Errorf("Telegram takes files up to 50 MB from a bot, %q is larger", p.Name)
		}
	}
	return nil
}

func (c *Connector) hand(ctx context.Context, to place, out connectors.Outbound) (json.RawMessage, error) {
	params := to.params()
	if id := to.ownMessage(out.ReplyTo); id != "" {
		params["reply_parameters"] = `{"message_id":` + id + `,"allow_sending_without_reply":true}`
	}
	if len(out.Parts) == 0 {
		params["text"] = out.Text
		return c.api.call(ctx, "sendMessage", params)
	}
	files, err := openAll(ctx, out.Parts)
	defer closeAll(files)
	if err != nil {
		return nil, connectors.Retry(err, 0)
	}
	if len(files) == 1 {
		kind := kindFor(out.Parts)
		params.AddNonEmpty("caption", out.Text)
		files[0].Name = kind
		return c.api.upload(ctx, "send"+strings.ToUpper(kind[:1])+kind[1:], params, files)
	}
	if err := params.AddInterface("media", album(out)); err != nil {
		return nil, fmt.Errorf("describe the album: %w", err)
	}
	return c.api.upload(ctx, "sendMediaGroup", params, files)
}

type albumItem struct {
	Type    string `json:"type"`
	Media   string `json:"media"`
	Caption string `json:"caption,omitempty"`
}

func album(out connectors.Outbound) []albumItem {
	kind := kindFor(out.Parts)
	var items []albumItem
	for i := range out.Parts {
		items = append(items, albumItem{Type: kind, Media: "attach://" + fieldName(i)})
	}
	items[0].Caption = out.Text
	return items
}

func fieldName(i int) string { return "file" + strconv.Itoa(i) }

// kindFor says how files are shown: as photos when all can be, else as documents. Telegram does not mix the two in an album.
func kindFor(parts []connectors.OutAttachment) string {
	for _, p := range parts {
		picture := p.MIME == "image/jpeg" || p.MIME == "image/png" || p.MIME == "image/webp"
		if !picture || p.Size > photoLimit {
			return "document"
		}
	}
	return "photo"
}

// openAll opens the files before anything is sent, so that a file that cannot be read stops the message while that is harmless.
func openAll(ctx context.Context, parts []connectors.OutAttachment) ([]tgbotapi.RequestFile, error) {
	var files []tgbotapi.RequestFile
	for i, p := range parts {
		r, err := p.Open(ctx)
		if err != nil {
			return files, fmt.Errorf("open %q: %w", p.Name, err)
		}
		files = append(files, tgbotapi.RequestFile{Name: fieldName(i), Data: &openFile{p.Name, r}})
	}
	return files, nil
}

func closeAll(files []tgbotapi.RequestFile) {
	for _, f := range files {
		_ = f.Data.(*openFile).body.Close()
	}
}

// openFile is an open file as the library wants it.
type openFile struct {
	name string
	body io.ReadCloser
}

func (f *openFile) NeedsUpload() bool                      { return true }
func (f *openFile) UploadData() (string, io.Reader, error) { return f.name, f.body, nil }
func (f *openFile) SendData() string                       { return "" }

// firstMessage is the id of the message in an answer, of the first one of an album.
func firstMessage(result json.RawMessage) (int64, error) {
	var one message
	var many []message
	if err := json.Unmarshal(result, &many); err == nil && len(many) > 0 {
		one = many[0]
	} else if err := json.Unmarshal(result, &one); err != nil {
		return 0, fmt.Errorf("Telegram took the message but its answer is not understood: %w", err)
	}
	if one.ID == 0 {
		return 0, errors.New("Telegram took the message but gave it no number")
	}
	return one.ID, nil
}
