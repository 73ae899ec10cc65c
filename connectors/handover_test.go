package connectors

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestNothingLeftForAPortWhereNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	if !watched(t, "http://"+addr).NeverLeft() {
		t.Error("a refused connection counts as a request that may have been taken")
	}
}

func TestACutConnectionMayHaveCarriedTheRequest(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer s.Close()
	if watched(t, s.URL).NeverLeft() {
		t.Error("a request that was cut after it was written counts as never written")
	}
}

func watched(t *testing.T, url string) *Handover {
	t.Helper()
	ctx, h := WatchHandover(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	if res, err := tr.RoundTrip(req); err == nil {
		_ = res.Body.Close()
		t.Fatal("the request went through")
	}
	return h
}
