package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"parley/configs"
	"parley/internal/clock"
	"parley/internal/db"
)

// stopWithin is how long a SIGTERM may take until the process is gone.
const stopWithin = 9 * time.Second

func serve(ctx context.Context, env environment, args []string) error {
	file, err := flags(env, "serve", args, nil)
	if err != nil {
		return err
	}
	c, err := load(env, file)
	if err != nil {
		return err
	}
	return serveHouse(ctx, c, nil)
}

// serveHouse runs the hub until ctx ends. ready, if set, is called once it answers.
func serveHouse(ctx context.Context, c configs.Config, ready func(*house, net.Addr)) error {
	return serveHouseAt(ctx, clock.System, c, ready)
}

// serveHouseAt is serveHouse by another clock than the machine's. What waits for the network goes by the machine's all the same.
func serveHouseAt(ctx context.Context, now clock.Clock, c configs.Config, ready func(*house, net.Addr)) error {
	l, err := net.Listen("tcp", c.Server.Address())
	if err != nil {
		return fmt.Errorf("server.host, server.port: %w", err)
	}
	defer l.Close()
	h, err := foundationAt(ctx, now, c, c.Database.AutoMigrate)
	if err != nil {
		return err
	}
	defer func() { _ = h.close() }()
	unlock, err := h.lockData()
	if err != nil {
		return err
	}
	defer unlock()
	if err := h.furnish(ctx); err != nil {
		return err
	}
	if ready != nil {
		ready(h, l.Addr())
	}
	slog.InfoContext(ctx, "parley serves", "url", c.Server.PublicURL, "address", l.Addr().String(), "database", h.db.Dialect, "version", version)
	return h.run(ctx, l)
}

// lockData keeps two processes from serving one embedded database.
func (h *house) lockData() (unlock func(), err error) {
	if h.db.Dialect != db.SQLite {
		return func() {}, nil
	}
	f, err := os.OpenFile(filepath.Join(h.config.DataDir, "serving.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another parley serves from %s already", h.config.DataDir), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// floor is a group of long-lived things that end together.
type floor struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	failed chan<- error
}

func newFloor(failed chan<- error) *floor {
	ctx, cancel := context.WithCancel(context.Background())
	return &floor{ctx: ctx, cancel: cancel, failed: failed}
}

func (f *floor) start(name string, run func(ctx context.Context) error) {
	f.wg.Add(1)
	go func() {
		defer f.wg.Done()
		if err := run(f.ctx); err != nil && f.ctx.Err() == nil {
			select {
			case f.failed <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
	}()
}

func (f *floor) stop() {
	f.cancel()
	f.wg.Wait()
}

// run serves until ctx ends or something that everything needs has failed. It stops from the doors inwards: no new requests and items, then
// the work in hand, then what they all stand on.
func (h *house) run(ctx context.Context, l net.Listener) error {
	failed := make(chan error, 1)
	core, work, doors := newFloor(failed), newFloor(failed), newFloor(failed)
	hands, drop := context.WithCancel(context.Background())
	defer drop()
	core.start("inbox", h.inbox.Run)
	core.start("event log", h.tail.Run)
	core.start("staff", h.staff.Run)
	core.start("cleaning", h.clean)
	work.start("jobs", func(ctx context.Context) error { return h.jobs.Run(ctx, hands) })
	doors.start("agents' sockets", h.hub.Run)
	doors.start("visitors' sockets", h.api.RunVisitors)
	doors.start("channels", h.supervisor.Run)
	if h.receives() {
		doors.start("mail receiver", h.receiver.Run)
	}
	go func() {
		if err := h.api.Serve(l); err != nil {
			select {
			case failed <- fmt.Errorf("http: %w", err):
			default:
			}
		}
	}()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	slog.Info("parley stops")
	done := make(chan struct{})
	go func() {
		defer close(done)
		stopped := make(chan struct{})
		go func() { defer close(stopped); _ = h.api.Stop(4 * time.Second) }()
		doors.stop()
		<-stopped
		late := time.AfterFunc(3*time.Second, drop) // a send that takes longer becomes unknown
		work.stop()
		late.Stop()
		core.stop()
	}()
	select {
	case <-done:
	case <-time.After(stopWithin):
		slog.Warn("something did not stop in time")
	}
	return err
}

// healthcheck asks the hub of this configuration whether it is ready.
func healthcheck(ctx context.Context, env environment, args []string) error {
	file, err := flags(env, "healthcheck", args, nil)
	if err != nil {
		return err
	}
	c, err := load(env, file)
	if err != nil {
		return err
	}
	host := c.Server.Host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/readyz", net.JoinHostPort(host, fmt.Sprint(c.Server.Port))), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", res.StatusCode, b)
	}
	return err
}
