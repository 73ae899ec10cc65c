package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"parley/configs"
	"parley/connectors"
	"parley/connectors/email/receiver"
	"parley/inbox"
	"parley/internal/blob"
	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/netguard"
	"parley/internal/secrets"
	"parley/realtime/broker"
)

const (
	askFor      = 10 * time.Second // how long one thing may take to answer
	askAtOnce   = 8                // channels asked at once
	brokerTries = 3 * time.Second
)

// finding is one line of what doctor says.
type finding struct{ verdict, subject, words string }

const (
	good = "ok"
	warn = "warn"
	fail = "FAIL"
)

func doctor(ctx context.Context, env environment, args []string) error {
	file, err := flags(env, "doctor", args, nil)
	if err != nil {
		return err
	}
	e := &examination{out: env.out}
	if e.c, err = load(env, file); err != nil {
		e.say(finding{fail, "config", err.Error()})
	} else {
		slog.SetDefault(slog.New(slog.DiscardHandler)) // what matters is said line by line
		e.all(ctx)
	}
	if e.failed > 0 {
		return fmt.Errorf("%d of %d checks failed", e.failed, e.said)
	}
	return e.unsaid
}

// examination looks at one installation from outside, also while it serves. It leaves nothing behind.
type examination struct {
	c            configs.Config
	out          io.Writer
	guard        *netguard.Guard
	said, failed int
	unsaid       error
}

func (e *examination) say(f finding) {
	e.said++
	if f.verdict == fail {
		e.failed++
	}
	if _, err := fmt.Fprintf(e.out, "%-4s  %s: %s\n", f.verdict, f.subject, strings.ReplaceAll(f.words, "\n", "\n      ")); err != nil {
		e.unsaid = err
	}
}

func (e *examination) all(ctx context.Context) {
	for _, f := range lookAtConfig(e.c) {
		e.say(f)
	}
	var err error
	if e.guard, err = netguard.New(e.c.Server.AllowPrivateHosts); err != nil {
		e.say(finding{fail, "config", "server.allow_private_hosts: " + err.Error()})
		return
	}
	d, f := e.database(ctx)
	e.say(f)
	box, f := e.key(ctx, d)
	e.say(f)
	e.say(e.blobStore(ctx))
	e.say(e.broker(ctx))
	if d == nil {
		return
	}
	if box != nil {
		for _, f := range e.channels(ctx, d, box) {
			e.say(f)
		}
	}
	e.unsaid = errors.Join(e.unsaid, d.Close())
}

// lookAtConfig finds settings that are allowed and yet may not be what somebody wants.
func lookAtConfig(c configs.Config) []finding {
	var out []finding
	warning := func(format string, a ...any) { out = append(out, finding{warn, "config", fmt.Sprintf(format, a...)}) }
	public, _ := url.Parse(c.Server.PublicURL) // checked when it was read
	secure := public.Scheme == "https"
	if !secure {
		warning("server.public_url is %s, not https: passwords and sessions travel in clear, and providers refuse to call in; put a proxy with TLS in front", c.Server.PublicURL)
	}
	open := !isLoopback(c.Server.Host)
	if open && isLoopback(public.Hostname()) {
		warning("server.host is %s, so others can reach Parley, but server.public_url is %s: links and webhook addresses lead nowhere for them", c.Server.Host, c.Server.PublicURL)
	}
	if secure && len(c.Server.TrustedProxies) == 0 {
		warning("server.trusted_proxies is empty, so everybody behind the proxy that ends TLS counts as one address, also for the limits against guessing: name the proxy's address")
	}
	for _, p := range c.Server.TrustedProxies {
		if net, err := netip.ParsePrefix(p); err == nil && net.Bits() == 0 {
			warning("server.trusted_proxies holds %s: anybody can claim any address; name the proxy's only", p)
		}
	}
	if len(out) == 0 {
		out = append(out, finding{good, "config", "Parley is at " + c.Server.PublicURL})
	}
	return out
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// database is open when it can be used: it answers, is durable, and has this program's schema.
func (e *examination) database(ctx context.Context) (*db.DB, finding) {
	const subject = "database"
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	if path, embedded := strings.CutPrefix(e.c.Database.URL, "sqlite://"); embedded {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, finding{warn, subject, path + " is not there yet; `parley serve` makes it (is this the data_dir you mean?)"}
		}
	}
	d, err := db.Open(ctx, db.Options{URL: e.c.Database.URL, Conns: 2})
	if err != nil {
		return nil, finding{fail, subject, err.Error()}
	}
	have, known, err := d.Versions(ctx)
	f := finding{good, subject, fmt.Sprintf("%s answers, survives a power cut, and has the newest schema", d.Dialect)}
	switch {
	case err != nil:
		f = finding{fail, subject, err.Error()}
	case have > known:
		f = finding{fail, subject, fmt.Sprintf("it has schema %d and this program knows up to %d: a newer Parley has used it, take that one", have, known)}
	case have < known && e.c.Database.AutoMigrate:
		f = finding{warn, subject, fmt.Sprintf("it has schema %d of %d; `parley serve` will migrate it, make a backup before", have, known)}
	case have < known:
		f = finding{fail, subject, fmt.Sprintf("it has schema %d of %d: make a backup and run `parley migrate`", have, known)}
	}
	if f.verdict == good {
		return d, f
	}
	return nil, withError(f, d.Close())
}

func withError(f finding, err error) finding {
	if err != nil {
		f.words += "; " + err.Error()
	}
	return f
}

// key is the box of the installation's key. d may be nil.
func (e *examination) key(ctx context.Context, d *db.DB) (*secrets.Box, finding) {
	const subject = "key"
	box, err := secrets.Load(e.c.Secrets.KeyFile, false)
	if err == nil {
		return box, finding{good, subject, fmt.Sprintf("%s can be read; its fingerprint is %s", e.c.Secrets.KeyFile, box.Fingerprint())}
	}
	var sealed int64
	if errors.Is(err, secrets.ErrNoKey) {
		if d == nil {
			return nil, finding{warn, subject, e.c.Secrets.KeyFile + " is not there yet; `parley serve` makes it"}
		}
		if qerr := d.Read(ctx).Table("channels").Where("secrets <> ''").Count(&sealed).Error; qerr == nil && sealed == 0 {
			return nil, finding{warn, subject, e.c.Secrets.KeyFile + " is not there; nothing is sealed yet, `parley serve` makes it"}
		}
	}
	return nil, finding{fail, subject, err.Error()}
}

// blobStore stores something, reads it back and takes it away.
func (e *examination) blobStore(ctx context.Context) finding {
	const subject = "blob store"
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	store, err := blob.Open(e.c.Blob.URL, e.c.DataDir, e.guard)
	if err == nil {
		err = probe(ctx, store)
	}
	if err != nil {
		return finding{fail, subject, err.Error()}
	}
	return finding{good, subject, "a file was stored, read back and deleted"}
}

func probe(ctx context.Context, store blob.Store) (err error) {
	name := rand.Text()
	content, key := []byte("parley doctor "+name), "doctor-"+name // at the top, where it leaves no folder behind
	if _, err := store.Put(ctx, key, bytes.NewReader(content), int64(len(content))); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Delete(ctx, key)) }()
	r, err := store.Open(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	back, err := io.ReadAll(io.LimitReader(r, 1024))
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if !bytes.Equal(back, content) {
		return errors.New("what was read is not what was stored")
	}
	return nil
}

func (e *examination) broker(ctx context.Context) finding {
	const subject = "broker"
	b, err := broker.Open(e.c.Broker.URL)
	if err != nil {
		return finding{fail, subject, err.Error()}
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(ctx, brokerTries)
	defer cancel()
	for {
		if err = b.Ping(ctx); err == nil {
			return finding{good, subject, configs.MaskURL(e.c.Broker.URL) + " answers"}
		}
		select {
		case <-ctx.Done():
			return finding{fail, subject, fmt.Sprintf("%s: %v", configs.MaskURL(e.c.Broker.URL), err)}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// channels tries the credentials of every channel that is enabled.
func (e *examination) channels(ctx context.Context, d *db.DB, box *secrets.Box) []finding {
	var rows []inbox.Channel
	if err := d.Read(ctx).Order("created_at, id").Find(&rows).Error; err != nil {
		return []finding{{fail, "channels", err.Error()}}
	}
	if len(rows) == 0 {
		return []finding{{good, "channels", "none yet"}}
	}
	b := inbox.New(inbox.Options{DB: d, Secrets: box, Now: clock.System, PublicURL: e.c.Server.PublicURL, Factories: factories()})
	out := make([]finding, len(rows))
	hands := make(chan struct{}, askAtOnce)
	var wg sync.WaitGroup
	for i, row := range rows {
		wg.Add(1)
		hands <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-hands }()
			out[i] = e.channel(ctx, b, row)
		}()
	}
	wg.Wait()
	return out
}

func (e *examination) channel(ctx context.Context, b *inbox.Inbox, row inbox.Channel) finding {
	f := finding{good, fmt.Sprintf("channel %q (%s)", row.Name, row.Type), "its credentials are accepted"}
	if row.Disabled {
		f.words = "disabled, not tried"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	conn, err := e.connector(ctx, b, row)
	if err != nil {
		return finding{fail, f.subject, err.Error()}
	}
	t, can := conn.(connectors.Tester)
	if !can {
		f.words = "it has no credentials that could be tried"
		return f
	}
	switch err := t.Test(ctx); {
	case err == nil:
		return f
	case ctx.Err() != nil:
		return finding{fail, f.subject, fmt.Sprintf("its provider did not answer within %s: %v", askFor, err)}
	case connectors.IsUnauthorized(err):
		return finding{fail, f.subject, err.Error() + "; enter its credentials anew in settings"}
	default:
		return finding{fail, f.subject, err.Error()}
	}
}

// connector makes a channel's connector as the supervisor does, without running it.
func (e *examination) connector(ctx context.Context, b *inbox.Inbox, row inbox.Channel) (connectors.Connector, error) {
	r, err := b.RunningChannel(ctx, row.ID)
	if errors.Is(err, secrets.ErrCannotOpen) {
		return nil, errors.New("its credentials were sealed with another key: put back the key file of this installation, or enter them anew in settings")
	}
	if err != nil {
		return nil, err
	}
	for _, f := range factories() {
		if f.Type == r.Type {
			return f.New(r.Channel, connectors.Host{HTTP: e.guard.Client(), Dial: e.guard.Dial, Now: clock.System, Log: slog.Default(), Receiver: receiver.New(receiver.Options{})})
		}
	}
	return nil, fmt.Errorf("this program has no channels of type %q", r.Type)
}
