package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"parley/connectors"
)

const (
	callDeadline   = 10 * time.Second
	uploadDeadline = 2 * time.Minute
	answerLimit    = 32 << 20 // bytes; 100 updates are far below
)

// api calls the Bot API. Its errors are those of connectors.Connector.Send and never hold the token.
type api struct {
	base, token string
	http        *http.Client
}

// refusal is an answer that is not ok.
type refusal struct {
	status      int
	description string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("Telegram answered %d: %s", r.status, r.description)
}

func (a *api) call(ctx context.Context, method string, params tgbotapi.Params) (json.RawMessage, error) {
	return a.callFor(ctx, callDeadline, method, params)
}

func (a *api) callFor(ctx context.Context, deadline time.Duration, method string, params tgbotapi.Params) (json.RawMessage, error) {
	return a.do(ctx, deadline, func(bot *tgbotapi.BotAPI) (*tgbotapi.APIResponse, error) { return bot.MakeRequest(method, params) })
}

func (a *api) upload(ctx context.Context, method string, params tgbotapi.Params, files []tgbotapi.RequestFile) (json.RawMessage, error) {
	return a.do(ctx, uploadDeadline, func(bot *tgbotapi.BotAPI) (*tgbotapi.APIResponse, error) {
		return bot.UploadFiles(method, params, files)
	})
}

func (a *api) do(ctx context.Context, deadline time.Duration, ask func(*tgbotapi.BotAPI) (*tgbotapi.APIResponse, error)) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	ctx, handover := connectors.WatchHandover(ctx)
	line := &line{ctx: ctx, http: a.http}
	bot := &tgbotapi.BotAPI{Token: a.token, Client: line}
	bot.SetAPIEndpoint(strings.ReplaceAll(a.base, "%", "%%") + "/bot%s/%s")
	answer, err := ask(bot)
	if err == nil && line.status/100 == 2 {
		return answer.Result, nil
	}
	if line.status == 0 {
		err = fmt.Errorf("Telegram did not answer: %w", a.scrub(err))
		if handover.NeverLeft() {
			return nil, connectors.Retry(err, 0)
		}
		return nil, err
	}
	return nil, a.verdict(line.status, err)
}

// verdict says what an answer that is not a yes means.
func (a *api) verdict(status int, err error) error {
	r := &refusal{status: status, description: http.StatusText(status)}
	var after time.Duration
	var said *tgbotapi.Error
	if errors.As(err, &said) {
		r.description = strings.ReplaceAll(said.Message, a.token, "<token>")
		after = time.Duration(said.RetryAfter) * time.Second
	}
	switch {
	case status == http.StatusTooManyRequests || after > 0:
		return connectors.Retry(r, max(after, time.Second))
	case status == http.StatusUnauthorized, status == http.StatusNotFound: // a token that never was is 404
		return connectors.Unauthorized(fmt.Errorf("Telegram does not know this bot's token: %w", r))
	case status == http.StatusConflict:
		return r
	case status >= 400 && status < 500:
		return connectors.Permanent(inWords(r))
	case status/100 == 2:
		return fmt.Errorf("Telegram said yes in words that are not understood: %w", a.scrub(err))
	}
	return r
}

// scrub takes the address, which holds the token, out of a network error.
func (a *api) scrub(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if err != nil && strings.Contains(err.Error(), a.token) {
		return errors.New(strings.ReplaceAll(err.Error(), a.token, "<token>"))
	}
	return err
}

// spoken is an error whose words are for people; the cause stays to be asked.
type spoken struct {
	words string
	cause error
}

func (s *spoken) Error() string { return s.words }
func (s *spoken) Unwrap() error { return s.cause }

// Telegram tells its reasons in English sentences only; there are no codes.
var reasons = []struct{ part, words string }{
	{"bot was blocked by the user", "this person has blocked the bot on Telegram"},
	{"user is deactivated", "this Telegram account was deleted"},
	{"bot was kicked", "the bot was removed from this Telegram group"},
	{"bot is not a member", "the bot is not a member of this Telegram chat"},
	{"can't initiate conversation", "a bot cannot write first: this person has never written to it"},
	{"chat not found", "Telegram does not know this chat"},
	{"group chat was upgraded", "this Telegram group has become a supergroup; answer its newer conversation"},
	{"have no rights to send", "the bot may not write in this Telegram chat"},
}

func inWords(r *refusal) error {
	for _, k := range reasons {
		if strings.Contains(r.description, k.part) {
			return &spoken{k.words, r}
		}
	}
	return &spoken{"Telegram refuses it: " + r.description, r}
}

// line is the library's HTTP client for one call: it brings in the context and remembers the status.
type line struct {
	ctx    context.Context
	http   *http.Client
	status int
}

func (l *line) Do(req *http.Request) (*http.Response, error) {
	res, err := l.http.Do(req.WithContext(l.ctx))
	if err != nil {
		return nil, err
	}
	l.status = res.StatusCode
	res.Body = &bounded{io.LimitReader(res.Body, answerLimit), res.Body}
	return res, nil
}

type bounded struct {
	io.Reader
	io.Closer
}
