// Package api is the HTTP side: the API that the pages and programs speak, the providers' webhooks, sockets, files and
// pages. It translates; what things mean is decided in the rooms below.
package api

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"parley/inbox"
	"parley/internal/auth"
	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/staff"
	"parley/realtime"
	"parley/realtime/eventlog"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
)

// Check is one thing that /readyz asks.
type Check struct {
	Name string
	Ping func(ctx context.Context) error
}

// Options are what the API stands on.
type Options struct {
	Inbox     *inbox.Inbox
	Staff     *staff.Staff
	Hub       *realtime.Hub
	Tail      *realtime.Tail
	Log       *eventlog.Log
	DB        *db.DB
	Live      inbox.Live
	HTTP      *http.Client // the guarded way out, for pictures in mails
	Now       clock.Clock
	CSRFKey   []byte
	PublicURL string
	Proxies   []string // addresses and CIDRs from which X-Forwarded-For is believed
	Checks    []Check
	Metrics   http.Handler // GET /metrics; nil: none
	App       fs.FS
	Widget    fs.FS
	Version   string
}

// API serves everything on one port.
type API struct {
	Options
	app      *fiber.App
	huma     huma.API
	origins  []string
	proxies  []netip.Prefix
	secure   bool // the public URL is https
	login    *auth.Login
	public   *auth.Limiter // forms, by address
	pictures *auth.Limiter // of strangers' servers, by person
	visits   *auth.Limiter // website chat, by address
	again    map[string]func(ctx context.Context, id string) (any, error)
	visitors *realtime.Lines
}

const (
	bodyMost   = 30 << 20 // bytes of a request; forms with files are the largest
	jsonMost   = 1 << 20
	hookMost   = 1 << 20
	formMost   = 25 << 20
	headerMost = 16 << 10
)

// New builds the API. It panics when two routes clash: that is a mistake of ours.
func New(o Options) *API {
	a := &API{Options: o, login: auth.NewLogin(o.Now), public: auth.NewLimiter(o.Now, 60, time.Minute, 20_000), pictures: auth.NewLimiter(o.Now, 300, time.Minute, 5_000), visits: auth.NewLimiter(o.Now, 240, time.Minute, 20_000),
		origins: Origins(o.PublicURL), secure: strings.HasPrefix(o.PublicURL, "https://"), proxies: prefixes(o.Proxies)}
	a.again = a.made()
	a.visitors = realtime.NewLines(o.Now, func(*http.Request) bool { return true }) // widget.go asks the channel which origins it allows
	a.app = fiber.New(fiber.Config{
		Immutable: true, BodyLimit: bodyMost, ReadBufferSize: headerMost, Network: "tcp", DisableStartupMessage: true, DisableDefaultContentType: true,
		ReadTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, ErrorHandler: a.fallback, StrictRouting: false, ServerHeader: "",
	})
	KeepSockets(a.app)
	a.app.Use(a.recoverer, a.headers)
	a.app.Use("/api/v1", a.plainText, a.identify, a.idempotency)
	a.app.Post("/api/v1/uploads", a.upload)
	a.huma = humafiber.New(a.app, a.config())
	a.huma.UseMiddleware(a.permit)
	a.routes()
	a.plain()
	return a
}

// Origins are the values of the Origin header that belong to the public URL; on a loopback address all of its names.
func Origins(public string) []string {
	u, err := url.Parse(public)
	if err != nil {
		return nil
	}
	out := []string{u.Scheme + "://" + u.Host}
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		port := ""
		if p := u.Port(); p != "" {
			port = ":" + p
		}
		out = []string{u.Scheme + "://localhost" + port, u.Scheme + "://127.0.0.1" + port, u.Scheme + "://[::1]" + port}
	}
	return out
}

func (a *API) config() huma.Config {
	c := huma.DefaultConfig("Parley", a.Version)
	c.Info.Description = "The API of Parley, an omnichannel inbox with a CRM core. Lists are Paged by cursor; errors are problem documents (RFC 9457)."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil // no $schema links in bodies
	c.Transformers = nil
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "an API token (`parley token create`)"},
		"session": {Type: "apiKey", In: "cookie", Name: a.cookieName(), Description: "a browser's session, with X-CSRF-Token on every change"},
	}
	return c
}

// OpenAPI is the description of the whole API, as JSON.
func (a *API) OpenAPI() ([]byte, error) { return a.huma.OpenAPI().MarshalJSON() }

// Serve answers on l until Stop.
func (a *API) Serve(l net.Listener) error { return a.app.Listener(l) }

// Stop takes no new requests and waits for those in hand, at most for d.
func (a *API) Stop(d time.Duration) error { return a.app.ShutdownWithTimeout(d) }

// RunVisitors keeps the visitors' sockets until ctx ends.
func (a *API) RunVisitors(ctx context.Context) error { return a.visitors.Run(ctx) }

// Test answers one request without a network.
func (a *API) Test(r *http.Request) (*http.Response, error) { return a.app.Test(r, -1) }

// recoverer stands first: a panic in a handler would end the process.
func (a *API) recoverer(c *fiber.Ctx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("a request panicked", "method", c.Method(), "path", c.Path(), "panic", p, "stack", string(debug.Stack()))
			err = a.refuse(c, http.StatusInternalServerError, "something went wrong here; it was noted")
		}
	}()
	return c.Next()
}

// headers are on every answer; pages and files add their own policy.
func (a *API) headers(c *fiber.Ctx) error {
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set("Referrer-Policy", "same-origin")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	if a.secure {
		c.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if strings.HasPrefix(c.Path(), "/api/") {
		c.Set("Cache-Control", "no-store")
	}
	return c.Next()
}

// address is who is calling: the connection's address, or what a trusted proxy says.
func (a *API) address(c *fiber.Ctx) string {
	peer, err := netip.ParseAddrPort(c.Context().RemoteAddr().String())
	if err != nil {
		return ""
	}
	at := peer.Addr().Unmap()
	hops := strings.Split(c.Get("X-Forwarded-For"), ",")
	for i := len(hops) - 1; i >= 0 && a.trusted(at); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop.Unmap()
	}
	return at.String()
}

func (a *API) trusted(ip netip.Addr) bool {
	for _, p := range a.proxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func prefixes(in []string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range in {
		if p, err := netip.ParsePrefix(s); err == nil {
			out = append(out, p)
		} else if ip, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(ip, ip.BitLen()))
		}
	}
	return out
}

// connector is the live connector of a channel as c.
func connectorAs[C any](l inbox.Live, channelID string) (c C, ok bool, err error) {
	conn, err := l.Connector(channelID)
	if err != nil {
		return c, false, err
	}
	c, ok = any(conn).(C)
	return c, ok, nil
}

// Describe is the OpenAPI document of an API that is not running.
func Describe(version string) ([]byte, error) {
	return New(Options{Now: clock.System, Version: version, PublicURL: "http://localhost:8080", App: embed.FS{}, Widget: embed.FS{}}).OpenAPI()
}
