package telephony

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"parley/connectors"
)

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req), nil }

// stuck is a body of which one byte comes every 50 seconds, ten times, and then nothing.
type stuck struct {
	ctx   context.Context
	bytes int
}

func (s *stuck) Read([]byte) (int, error) {
	var next <-chan time.Time
	if s.bytes < 10 {
		next = time.After(50 * time.Second)
	}
	select {
	case <-next:
		s.bytes++
		return 1, nil
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

func (s *stuck) Close() error { return nil }

func TestRecordingThatStandsStillIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: roundTrip(func(req *http.Request) *http.Response {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: &stuck{ctx: req.Context()}, Request: req, ContentLength: -1}
		})}
		l := &line{provider: &generic{}, host: connectors.Host{HTTP: client, Now: time.Now}}
		m, err := l.Fetch(t.Context(), "https://pbx.example/1.wav")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var n int
		for err == nil {
			time.Sleep(10 * time.Minute) // a slow reader is not the provider's fault
			began = time.Now()
			var got int
			got, err = m.Body.Read(make([]byte, 10))
			n += got
		}
		if n != 10 || !errors.Is(err, errStalled) || time.Since(began) != stallTimeout {
			t.Errorf("%d bytes, then %v after %s", n, err, time.Since(began))
		}
		_ = m.Body.Close()
	})
}
