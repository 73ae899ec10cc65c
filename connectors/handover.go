package connectors

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// Handover watches a request on its way out, so that Send can tell "the provider surely did not get it" from "it may
// have": before a connection is had nothing can have been written.
type Handover struct{ asked, connected atomic.Bool }

// WatchHandover gives a context whose HTTP requests are watched.
func WatchHandover(ctx context.Context) (context.Context, *Handover) {
	h := &Handover{}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { h.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { h.connected.Store(true) },
	}), h
}

// NeverLeft tells that a connection was wanted and none was had: no such host, refused, TLS failed, given up while dialling.
// It is false when nobody looked, as with a transport that does not trace.
func (h *Handover) NeverLeft() bool { return h.asked.Load() && !h.connected.Load() }
