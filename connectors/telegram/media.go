package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"parley/connectors"
)

const downloadDeadline = 5 * time.Minute

// Fetch downloads a file by its file_id. The address is built here, because the library's own goes to one fixed host.
func (c *Connector) Fetch(ctx context.Context, ref string) (connectors.Media, error) {
	result, err := c.api.call(ctx, "getFile", tgbotapi.Params{"file_id": ref})
	if err != nil {
		return connectors.Media{}, fmt.Errorf("ask Telegram for the file: %w", err)
	}
	var file struct {
		Path string `json:"file_path"`
	}
	if err := json.Unmarshal(result, &file); err != nil || file.Path == "" {
		return connectors.Media{}, errors.New("Telegram did not say where the file is")
	}
	return c.api.download(ctx, file.Path)
}

func (a *api) download(ctx context.Context, filePath string) (connectors.Media, error) {
	ctx, cancel := context.WithTimeout(ctx, downloadDeadline)
	address := a.base + "/file/bot" + a.token + "/" + (&url.URL{Path: filePath}).EscapedPath()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel()
		return connectors.Media{}, connectors.Permanent(errors.New("Telegram gave a file path that is none"))
	}
	res, err := a.http.Do(req)
	if err != nil {
		cancel()
		return connectors.Media{}, connectors.Retry(fmt.Errorf("download from Telegram: %w", a.scrub(err)), 0)
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		cancel()
		if res.StatusCode == http.StatusNotFound {
			return connectors.Media{}, connectors.Permanent(errors.New("Telegram no longer has this file"))
		}
		return connectors.Media{}, a.verdict(res.StatusCode, nil)
	}
	return connectors.Media{
		Body: &download{res.Body, cancel}, Name: path.Base(filePath), MIME: res.Header.Get("Content-Type"), Size: res.ContentLength,
	}, nil
}

// download is a body whose deadline ends with it.
type download struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (d *download) Close() error {
	defer d.cancel()
	return d.ReadCloser.Close()
}
