package form

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"parley/connectors"
	"parley/connectors/connectortest"
)

// once keeps no connection for a second request: the exercise counts what is left running.
var once = http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// website posts its form and remembers what it was thanked for.
type website struct {
	mu      sync.Mutex
	thanked map[int]bool
}

func (w *website) Config() any {
	return map[string]any{"allowed_origins": []string{"https://shop.example"}}
}
func (w *website) Close() {}

func (w *website) Deliver(hookURL string, n int) error {
	res, err := once.PostForm(hookURL, url.Values{"name": {"Ann"}, "email": {"ann@a.test"}, "message": {fmt.Sprintf("item %d", n)}})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.thanked[n] = w.thanked[n] || res.StatusCode == http.StatusOK
	return nil
}

func (w *website) Acknowledged(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.thanked[n]
}

func TestKeepsThePromisesOfEveryChannel(t *testing.T) {
	connectortest.Exercise(t, connectortest.Channel[*website]{
		Factory: Factory, Local: true,
		New:   func() (*website, error) { return &website{thanked: map[int]bool{}}, nil },
		Sends: []connectortest.Send[*website]{{Name: "NoWayBack", Out: connectors.Outbound{MessageID: "m1", Text: "hello"}, Want: connectortest.Permanent}},
	})
}
