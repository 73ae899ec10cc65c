package faketwilio

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Inbound is the form that Twilio posts for a message to the account's number; more goes over it.
func (s *Server) Inbound(from, body string, more url.Values) url.Values {
	id := sid("SM")
	form := url.Values{
		"MessageSid": {id}, "SmsSid": {id}, "SmsMessageSid": {id}, "AccountSid": {s.AccountSID}, "ApiVersion": {"2010-04-01"},
		"From": {from}, "To": {s.Number}, "Body": {body}, "NumMedia": {"0"}, "NumSegments": {"1"}, "SmsStatus": {"received"},
	}
	for k, v := range more {
		form[k] = v
	}
	return form
}

// Post posts a form to a webhook, signed, once, and tells the status and the body of the answer.
func (s *Server) Post(ctx context.Context, hookURL string, form url.Values) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hookURL, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", fmt.Errorf("twilio fake: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	req.Header.Set("X-Twilio-Signature", s.Sign(hookURL, form))
	res, err := (&http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("twilio fake: call webhook: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0, "", fmt.Errorf("twilio fake: webhook's answer: %w", err)
	}
	return res.StatusCode, string(b), nil
}

// Callback tells the sender of m, where it asked for that, what became of it. errorCode is 0 for none.
func (s *Server) Callback(ctx context.Context, m Message, status string, errorCode int) (answered int, err error) {
	to := m.Form.Get("StatusCallback")
	if to == "" {
		return 0, nil
	}
	s.mu.Lock()
	for i := range s.messages {
		if s.messages[i].SID == m.SID {
			s.messages[i].Status = status
		}
	}
	s.mu.Unlock()
	form := url.Values{
		"MessageSid": {m.SID}, "SmsSid": {m.SID}, "MessageStatus": {status}, "SmsStatus": {status}, "AccountSid": {s.AccountSID},
		"ApiVersion": {"2010-04-01"}, "From": {m.Form.Get("From")}, "To": {m.Form.Get("To")},
	}
	if errorCode != 0 {
		form.Set("ErrorCode", strconv.Itoa(errorCode))
	}
	answered, _, err = s.Post(ctx, to, form)
	return answered, err
}

// Sign is X-Twilio-Signature: HMAC-SHA1 over the URL and the fields sorted by name
// (twilio.com/docs/usage/security#validating-requests).
func (s *Server) Sign(hookURL string, form url.Values) string {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	mac := hmac.New(sha1.New, []byte(s.AuthToken))
	_, _ = io.WriteString(mac, hookURL)
	for _, name := range names {
		for _, value := range form[name] {
			_, _ = io.WriteString(mac, name+value)
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
