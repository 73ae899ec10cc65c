package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"parley/configs"
	"parley/connectors"
	"parley/connectors/email"
	"parley/connectors/email/receiver"
	"parley/connectors/form"
	"parley/connectors/sms"
	"parley/connectors/telegram"
	"parley/connectors/telephony"
	"parley/connectors/webchat"
	"parley/crm"
	"parley/inbox"
	"parley/internal/blob"
	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/jobs"
	"parley/internal/netguard"
	"parley/internal/secrets"
	"parley/internal/staff"
	"parley/realtime"
	"parley/realtime/broker"
	"parley/realtime/eventlog"
	"parley/ui"
	"parley/ui/api"
)

// factories is every kind of channel that this program has.
func factories() []connectors.Factory {
	return []connectors.Factory{email.Factory(), sms.Factory(), telegram.Factory(), webchat.Factory, telephony.Factory(), form.Factory}
}

// house is all rooms, joined. What is opened here is closed by close.
type house struct {
	config     configs.Config
	now        clock.Clock
	db         *db.DB
	secrets    *secrets.Box
	guard      *netguard.Guard
	blobs      blob.Store
	broker     broker.Broker
	staff      *staff.Staff
	log        *eventlog.Log
	tail       *realtime.Tail
	hub        *realtime.Hub
	inbox      *inbox.Inbox
	jobs       *jobs.Runner
	receiver   *receiver.Receiver
	supervisor *connectors.Supervisor
	api        *api.API
}

// load reads the settings and sets up the log of the program.
func load(env environment, file string) (configs.Config, error) {
	c, err := configs.Load(file, env.vars)
	if err != nil {
		return c, err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return c, err
	}
	var h slog.Handler = slog.NewTextHandler(env.errOut, &slog.HandlerOptions{Level: level})
	if c.Log.Format == "json" {
		h = slog.NewJSONHandler(env.errOut, &slog.HandlerOptions{Level: level})
	}
	slog.SetDefault(slog.New(h))
	return c, nil
}

// foundation opens database, key and blob store: what the small commands need, also while another process serves.
func foundation(ctx context.Context, c configs.Config, migrate bool) (*house, error) {
	return foundationAt(ctx, clock.System, c, migrate)
}

// foundationAt is foundation at another time than ours, for the demo's history.
func foundationAt(ctx context.Context, now clock.Clock, c configs.Config, migrate bool) (*house, error) {
	h, err := site(ctx, now, c)
	if err != nil {
		return nil, err
	}
	if err := h.ground(ctx, migrate); err != nil {
		return nil, errors.Join(err, h.db.Close())
	}
	return h, nil
}

// site opens the database as it is, whatever is or is not in it.
func site(ctx context.Context, now clock.Clock, c configs.Config) (*house, error) {
	h := &house{config: c, now: now}
	var err error
	if h.guard, err = netguard.New(c.Server.AllowPrivateHosts); err != nil {
		return nil, fmt.Errorf("server.allow_private_hosts: %w", err)
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	if h.db, err = db.Open(ctx, db.Options{URL: c.Database.URL}); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *house) ground(ctx context.Context, migrate bool) error {
	var err error
	if migrate {
		err = h.db.Migrate(ctx)
	} else {
		err = h.db.Migrated(ctx)
	}
	if err != nil {
		return err
	}
	if h.secrets, err = h.key(ctx); err != nil {
		return err
	}
	if h.blobs, err = blob.Open(h.config.Blob.URL, h.config.DataDir, h.guard); err != nil {
		return fmt.Errorf("blob.url: %w", err)
	}
	h.staff, err = staff.Open(ctx, h.db, h.now)
	return err
}

// key reads the installation's key; only an installation that has sealed nothing yet makes one.
func (h *house) key(ctx context.Context) (*secrets.Box, error) {
	var sealed int64
	if err := h.db.Read(ctx).Table("channels").Where("secrets <> ''").Limit(1).Count(&sealed).Error; err != nil {
		return nil, err
	}
	box, err := secrets.Load(h.config.Secrets.KeyFile, sealed == 0)
	if err != nil {
		return nil, fmt.Errorf("secrets.key_file: %w", err)
	}
	return box, nil
}

// furnish opens the rooms above.
func (h *house) furnish(ctx context.Context) error {
	var err error
	if h.log, err = eventlog.Open(ctx, h.db, h.now); err != nil {
		return err
	}
	if err := crm.Seed(h.db.Write(ctx), h.now()); err != nil {
		return fmt.Errorf("default pipeline: %w", err)
	}
	if h.broker, err = broker.Open(h.config.Broker.URL); err != nil {
		return fmt.Errorf("broker.url: %w", err)
	}
	if h.tail, err = realtime.OpenTail(ctx, realtime.TailOptions{Log: h.log, Broker: h.broker, Now: h.now}); err != nil {
		return err
	}
	h.inbox = inbox.New(inbox.Options{DB: h.db, Log: h.log, Blobs: h.blobs, Secrets: h.secrets, Now: h.now, PublicURL: h.config.Server.PublicURL, Factories: factories()})
	// Sockets and limits go by the machine's clock: they live by deadlines, which the system compares with its own.
	h.hub = realtime.NewHub(realtime.Options{Tail: h.tail, Epoch: h.log.Epoch(), Broker: h.broker, Now: clock.System, Origins: api.Origins(h.config.Server.PublicURL),
		Rights: api.Rights(h.staff), CanSee: h.inbox.Sees, Valid: h.staff.Alive})
	h.staff.OnChange(h.hub.Recheck)
	alone := h.db.Dialect == db.SQLite
	if alone {
		if err := h.inbox.FreeLeases(ctx); err != nil {
			return err
		}
	}
	h.jobs = jobs.NewRunner(h.db, h.now, alone)
	h.inbox.HandleJobs(h.jobs)
	h.log.OnCommit(h.jobs.Wake)
	h.receiver = receiver.New(receiver.Options{Listen: h.config.Email.Receiver.Listen, LMTPListen: h.config.Email.Receiver.LMTPListen})
	host := connectors.Host{HTTP: h.guard.Client(), Dial: h.guard.Dial, Now: h.now, Log: slog.Default(), Keep: h.inbox.KeepSecret}
	if h.receives() {
		host.Receiver = h.receiver
	}
	h.supervisor = connectors.NewSupervisor(h.jobs.Node, h.inbox, factories(), host)
	h.inbox.Use(h.supervisor)
	h.api = api.New(api.Options{Inbox: h.inbox, Staff: h.staff, Hub: h.hub, Tail: h.tail, Log: h.log, DB: h.db, Live: h.supervisor, HTTP: h.guard.Client(), Now: clock.System,
		CSRFKey: h.secrets.Derive("csrf", 32), PublicURL: h.config.Server.PublicURL, Proxies: h.config.Server.TrustedProxies, Metrics: h.metrics(), App: ui.App, Widget: ui.Widget, Version: version,
		Checks: []api.Check{{Name: "database", Ping: h.db.Ping}, {Name: "broker", Ping: h.broker.Ping}, {Name: "blob store", Ping: h.blobs.Ping}}})
	return nil
}

// receives tells whether the built-in mail receiver is switched on.
func (h *house) receives() bool {
	return h.config.Email.Receiver.Listen != "" || h.config.Email.Receiver.LMTPListen != ""
}

func (h *house) close() error {
	if h.broker != nil {
		h.broker.Close()
	}
	return h.db.Close()
}

// clean drops what is past its time, once an hour until ctx ends.
func (h *house) clean(ctx context.Context) error {
	const keepEvents, keepKeys = 14 * 24 * time.Hour, 7 * 24 * time.Hour
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		now := h.now()
		q := h.db.Write(ctx)
		err := errors.Join(h.log.Forget(ctx, keepEvents),
			q.Exec("DELETE FROM idempotency WHERE created_at < ?", now.Add(-keepKeys).UnixMilli()).Error,
			q.Exec("DELETE FROM sessions WHERE expires_at < ?", now.UnixMilli()).Error,
			q.Exec("DELETE FROM password_links WHERE expires_at < ?", now.UnixMilli()).Error)
		if err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "what is past its time could not be dropped", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
