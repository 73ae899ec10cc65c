package sms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"parley/connectors"
)

const answerLimit = 16 << 20 // bytes; 1,000 messages are a few megabytes

// exchange is one call of Twilio's API. The SDK knows neither contexts nor other hosts than Twilio's; its transport,
// which this is, brings in both and remembers how far the call got.
type exchange struct {
	t        *twilio
	ctx      context.Context
	handover *connectors.Handover
	status   int // 0 while there was no answer
	header   http.Header
}

// exchange begins a call; done ends its deadline.
func (t *twilio) exchange(ctx context.Context) (x *exchange, done context.CancelFunc) {
	ctx, done = context.WithTimeout(ctx, twilioDeadline)
	ctx, handover := connectors.WatchHandover(ctx)
	return &exchange{t: t, ctx: ctx, handover: handover}, done
}

func (x *exchange) api() *openapi.ApiService {
	c := &client.Client{
		Credentials: client.NewCredentials(x.t.config.AccountSID, x.t.config.AuthToken),
		HTTPClient:  &http.Client{Transport: x, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	c.SetAccountSid(x.t.config.AccountSID)
	return openapi.NewApiServiceWithClient(c)
}

// RoundTrip sends a request of the SDK to the channel's API address and reads the whole answer.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(x.ctx)
	req.URL.Scheme, req.URL.Host, req.Host = x.t.base.Scheme, x.t.base.Host, ""
	req.URL.Path = x.t.base.Path + req.URL.Path
	res, err := x.t.host.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	x.status, x.header = res.StatusCode, res.Header
	body, err := io.ReadAll(io.LimitReader(res.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// verdict says what a call that brought no result means, in the classes of connectors.Connector.Send.
func (x *exchange) verdict(err error) error {
	var said *client.TwilioRestError
	refused := errors.As(err, &said)
	if refused && x.status == 0 { // the SDK itself finds that these cannot be credentials
		return connectors.Unauthorized(fmt.Errorf("%s (Twilio %d)", said.Message, said.Code))
	}
	if x.status == 0 {
		err = fmt.Errorf("Twilio did not answer: %w", bare(err))
		if x.handover.NeverLeft() {
			return connectors.Retry(err, 0)
		}
		return err
	}
	if refused {
		err = fmt.Errorf("%s (Twilio %d)", said.Message, said.Code)
	} else {
		err = fmt.Errorf("Twilio answered %d %s: %w", x.status, http.StatusText(x.status), bare(err))
	}
	pause := retryAfter(x.header, x.t.host.Now())
	switch {
	case x.status == http.StatusTooManyRequests:
		return connectors.Retry(err, max(pause, time.Second))
	case x.status == http.StatusServiceUnavailable && pause > 0:
		return connectors.Retry(err, pause)
	case x.status == http.StatusUnauthorized, x.status == http.StatusForbidden:
		return connectors.Unauthorized(fmt.Errorf("Twilio does not accept the account SID and auth token: %w", err))
	case x.status == http.StatusRequestTimeout:
		return connectors.Retry(err, 0)
	case x.status >= 400 && x.status < 500:
		return connectors.Permanent(err)
	}
	return err
}

// bare takes the address off a network error; it says nothing to people.
func bare(err error) error {
	for {
		var u *url.Error
		if !errors.As(err, &u) {
			return err
		}
		err = u.Err
	}
}

// retryAfter reads the header, seconds or a date (RFC 9110 §10.2.3); 0 when there is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil {
		return time.Duration(max(s, 0)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
