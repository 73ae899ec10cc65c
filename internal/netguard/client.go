package netguard

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Client speaks HTTP through the guard. It follows no redirects (a 3xx is an answer like any other), uses no proxy, verifies
// TLS (1.2 or newer), and waits 10 s for a connection and 90 s for the head of an answer, which leaves room for
// Telegram's long polls. It has no overall timeout: use contexts. All clients of a guard share one pool of connections.
func (g *Guard) Client() *http.Client {
	c := *g.client
	return &c
}

func newClient(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &watched{&http.Transport{
			DialContext:            dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			MaxConnsPerHost:        256,
			MaxIdleConns:           128,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        60 * time.Second,
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  90 * time.Second,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: 256 << 10,
		}},
	}
}

// watched notes of each request whether it got a connection; before that, not a byte of it can have left.
type watched struct{ transport *http.Transport }

func (w *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	res, err := w.transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil && !connected.Load() {
		err = &unsentError{err}
	}
	return res, err
}

// CloseIdleConnections is what http.Client asks its transport for.
func (w *watched) CloseIdleConnections() { w.transport.CloseIdleConnections() }

type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// Timeout is what url.Error asks for.
func (e *unsentError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.err, &t) && t.Timeout()
}

// Unsent tells of an error of Dial, or of a request made with Client, that surely nothing was sent: the dial was refused or
// failed, the name is unknown, TLS did not come up, or time ran out before there was a connection. A sender may repeat then;
// after any other error the peer may have got the request.
func Unsent(err error) bool {
	var (
		unsent  *unsentError
		refused *Refused
		dns     *net.DNSError
		op      *net.OpError
	)
	switch {
	case errors.As(err, &unsent), errors.As(err, &refused), errors.As(err, &dns):
		return true
	case errors.As(err, &op):
		return op.Op == "dial"
	}
	return false
}
