package connectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"parley/connectors"
)

// stage is one connector between its provider and a sink, run as the supervisor would.
type stage[P Provider] struct {
	ch       Channel[P]
	provider P
	conn     connectors.Connector
	sink     *Sink
	host     *Host
	hookURL  string
	door     *http.Server
	doorGone chan struct{}
	secrets  []string

	cancel  context.CancelFunc
	stopped chan struct{}

	mu   sync.Mutex
	ends []error // what Run returned, in order
	said []string
}

func newStage[P Provider](ch Channel[P], host *Host) (*stage[P], error) {
	p, err := ch.New()
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	s := &stage[P]{ch: ch, provider: p, sink: NewSink(), host: host}
	if err := s.connect(); err != nil {
		s.clear()
		return nil, err
	}
	return s, nil
}

func (s *stage[P]) connect() error {
	config, err := configOf(s.provider)
	if err != nil {
		return err
	}
	if bad := s.ch.Factory.Check(config); len(bad) > 0 {
		return fmt.Errorf("the factory does not like the provider's config: %v", bad)
	}
	if s.secrets, err = secretsIn(config, s.ch.Factory.Secrets); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.hookURL = "http://" + l.Addr().String() + "/hooks/" + s.ch.Factory.Type + "/ch1"
	s.conn, err = s.ch.Factory.New(connectors.Channel{
		ID: "ch1", Type: s.ch.Factory.Type, Name: "exercise", Config: config, CreatedAt: s.host.Now().Add(-time.Hour),
		HookURL: s.hookURL, Secret: []byte("0123456789abcdef0123456789abcdef"),
	}, s.host.Host)
	if err != nil {
		_ = l.Close()
		return err
	}
	s.openDoor(l)
	return nil
}

func (s *stage[P]) openDoor(l net.Listener) {
	handler := http.NotFoundHandler()
	if r, ok := s.conn.(connectors.WebhookReceiver); ok {
		handler = Hooks(s.hookURL, r, s.sink)
	}
	if s.ch.Door != nil {
		handler = s.ch.Door(s.conn, s.sink)
	}
	s.door, s.doorGone = &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}, make(chan struct{})
	go func() {
		defer close(s.doorGone)
		_ = s.door.Serve(l)
	}()
}

// run keeps the connector running, as the supervisor does, until stop.
func (s *stage[P]) run() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.stopped = cancel, make(chan struct{})
	go func() {
		defer close(s.stopped)
		for {
			err := s.conn.Run(ctx, s.sink)
			s.ended(err)
			if ctx.Err() != nil || connectors.IsUnauthorized(err) {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
}

// stop ends Run and tells what it returned.
func (s *stage[P]) stop() error {
	s.cancel()
	select {
	case <-s.stopped:
	case <-time.After(5 * time.Second):
		return errors.New("Run goes on 5 s after its context ended")
	}
	ends := s.endings()
	if last := ends[len(ends)-1]; last != nil {
		return fmt.Errorf("Run returned an error although its context had ended: %w", last)
	}
	return nil
}

func (s *stage[P]) clear() {
	if s.cancel != nil {
		s.cancel()
		<-s.stopped
	}
	if s.door != nil {
		_ = s.door.Close()
		<-s.doorGone
	}
	s.provider.Close()
	s.host.Close()
}

func (s *stage[P]) ended(err error) {
	s.mu.Lock()
	s.ends = append(s.ends, err)
	s.mu.Unlock()
	s.hear(err)
	s.sink.mu.Lock()
	s.sink.tell()
	s.sink.mu.Unlock()
}

func (s *stage[P]) endings() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]error(nil), s.ends...)
}

// hear remembers what an error said to people.
func (s *stage[P]) hear(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, err.Error())
}

// leaked looks for secrets in all that was said.
func (s *stage[P]) leaked() error {
	s.mu.Lock()
	said := append([]string{s.host.Logged()}, s.said...)
	s.mu.Unlock()
	for _, h := range s.sink.Reports() {
		said = append(said, h.Detail)
	}
	for _, text := range said {
		for _, secret := range s.secrets {
			for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
				if strings.Contains(text, form) {
					return fmt.Errorf("a secret was told: %q", strings.ReplaceAll(text, form, "<SECRET>"))
				}
			}
		}
	}
	return nil
}

// secretsIn are the values at the dotted paths. All must be there, or the leak check would check nothing.
func secretsIn(config json.RawMessage, paths []string) ([]string, error) {
	var found []string
	for _, path := range paths {
		var at any
		if err := json.Unmarshal(config, &at); err != nil {
			return nil, err
		}
		for _, name := range strings.Split(path, ".") {
			m, _ := at.(map[string]any)
			at = m[name]
		}
		v, _ := at.(string)
		if v == "" {
			return nil, fmt.Errorf("the provider's config sets no %s", path)
		}
		found = append(found, v)
	}
	return found, nil
}
