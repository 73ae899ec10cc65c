package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

type natsBroker struct{ conn *nats.Conn }

// openNATS waits at most a second for the first connection; after that it goes on trying in the background, for ever.
func openNATS(url string) (Broker, error) {
	conn, err := nats.Connect(url,
		nats.Name("parley"),
		nats.NoEcho(),
		nats.Timeout(time.Second),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250*time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 250*time.Millisecond),
		nats.ReconnectBufSize(-1), // an old hint is worth nothing: whoever needs it has polled meanwhile
		nats.PingInterval(5*time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			slog.Warn("the connection to NATS is lost, nodes hear of each other by polling until it is back", "error", err)
		}),
		nats.ReconnectHandler(func(*nats.Conn) { slog.Info("NATS is connected again") }),
		nats.ConnectHandler(func(*nats.Conn) { slog.Info("NATS is connected") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { slog.Debug("NATS", "error", err) }),
	)
	if err != nil {
		return nil, fmt.Errorf("broker.url: %w", err)
	}
	return &natsBroker{conn}, nil
}

func (b *natsBroker) Publish(topic string, payload []byte) { _ = b.conn.Publish(topic, payload) }

func (b *natsBroker) Subscribe(topic string, f func([]byte)) func() {
	sub, err := b.conn.Subscribe(topic, func(m *nats.Msg) { f(m.Data) })
	if err != nil { // closed already
		slog.Warn("subscribe at NATS", "topic", topic, "error", err)
		return func() {}
	}
	_ = sub.SetPendingLimits(4096, 8<<20)
	return func() { _ = sub.Unsubscribe() }
}

func (b *natsBroker) Ping(ctx context.Context) error {
	if !b.conn.IsConnected() {
		return errors.New("NATS is not connected")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := b.conn.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("NATS: %w", err)
	}
	return nil
}

func (b *natsBroker) Close() {
	if b.conn.IsConnected() {
		_ = b.conn.FlushTimeout(200 * time.Millisecond)
	}
	b.conn.Close()
}
