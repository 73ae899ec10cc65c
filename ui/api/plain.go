package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/connectors"
	"parley/inbox"
	"parley/internal/fault"
	"parley/realtime"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
)

// plain are the routes outside of /api/v1 that providers, browsers and machines use. None of them needs a role: hooks prove themselves
// by signature, files by signed links, the agents' socket by session or token.
func (a *API) plain() {
	a.app.Get("/healthz", func(c *fiber.Ctx) error { return c.JSON(fiber.Map{"status": "up", "version": a.Version}) })
	a.app.Get("/readyz", a.ready)
	a.app.Get("/api/v1/openapi.json", a.openapi)
	a.app.Get("/api/v1/calls/:id/recording", a.recording)
	a.app.Get("/api/v1/pictures", a.picture)
	if a.Metrics != nil {
		a.app.Get("/metrics", adaptor.HTTPHandler(a.Metrics))
	}
	a.app.Get(oauthPath, a.identify, a.oauthCallback)
	a.app.Get("/ws", a.identify, a.agentSocket)
	a.app.Get("/widget/ws", a.visitorSocket)
	a.app.Get("/files/:kind/:id", a.file)
	a.app.All("/hooks/:type/:id", a.hook)
	a.app.All("/hooks/:type/:id/*", a.hook)
	a.app.Get("/widget.js", a.widgetFile("widget.js", "public, max-age=300"))
	a.app.Get("/widget/panel.html", a.panel)
	a.app.Get("/widget/*", a.widgetAsset)
	a.app.Get("/demo", a.demo)
	a.app.All("/api/*", func(c *fiber.Ctx) error { return a.refuse(c, http.StatusNotFound, "there is no such path in the API") })
	a.app.Get("/*", a.page)
}

// ready names what does not answer.
func (a *API) ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), 3*time.Second)
	defer cancel()
	parts := map[string]string{}
	var mu sync.Mutex
	var asking sync.WaitGroup
	status := http.StatusOK
	for _, k := range a.Checks {
		asking.Add(1)
		go func() {
			defer asking.Done()
			err := k.Ping(ctx)
			mu.Lock()
			defer mu.Unlock()
			if parts[k.Name] = "ok"; err != nil {
				parts[k.Name], status = "does not answer", http.StatusServiceUnavailable
			}
		}()
	}
	asking.Wait()
	word := "ready"
	if status != http.StatusOK {
		word = "not ready"
	}
	return c.Status(status).JSON(fiber.Map{"status": word, "checks": parts})
}

func (a *API) openapi(c *fiber.Ctx) error {
	b, err := a.OpenAPI()
	if err != nil {
		return a.answer(c, err)
	}
	c.Set("Content-Type", "application/vnd.oai.openapi+json")
	return c.Send(b)
}

// hook hands a provider's call to the connector of its channel.
func (a *API) hook(c *fiber.Ctx) error {
	typ, id := c.Params("type"), c.Params("id")
	ch, err := a.Inbox.Channel(c.UserContext(), id)
	if err != nil || ch.Type != typ {
		if err == nil || fault.Is(err, fault.KindNotFound) {
			return a.refuse(c, http.StatusNotFound, "there is no such channel")
		}
		return a.refuse(c, http.StatusServiceUnavailable, "come again in a moment")
	}
	most := hookMost
	if typ == connectors.Form {
		most = formMost
		if wait, ok := a.public.Take("form " + a.address(c)); !ok && c.Method() == http.MethodPost {
			return a.answer(c, fault.Busy(wait, "too many posts from this address"))
		}
	}
	if len(c.Body()) > most {
		return a.refuse(c, http.StatusRequestEntityTooLarge, "the body is too large")
	}
	conn, takes, err := connectorAs[connectors.WebhookReceiver](a.Live, id)
	if err != nil {
		return a.answer(c, err)
	}
	if !takes {
		return a.refuse(c, http.StatusNotFound, "this channel takes no webhooks")
	}
	return a.relay(c, conn, typ, id)
}

func (a *API) relay(c *fiber.Ctx, conn connectors.WebhookReceiver, typ, id string) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), 20*time.Second)
	defer cancel()
	u, err := url.ParseRequestURI(c.OriginalURL())
	if err != nil {
		return a.refuse(c, http.StatusBadRequest, "bad request target")
	}
	header := http.Header{}
	for k, v := range c.Request().Header.All() {
		header.Add(string(k), string(v))
	}
	out := conn.Webhook(ctx, connectors.WebhookRequest{Method: c.Method(), Path: strings.TrimPrefix(u.Path, "/hooks/"+typ+"/"+id), URL: a.PublicURL + c.OriginalURL(),
		Query: u.Query(), Header: header, Body: c.Body(), RemoteIP: a.address(c)}, a.Inbox.Sink(id))
	for k, v := range out.Header {
		c.Set(k, v)
	}
	if out.Status == http.StatusServiceUnavailable && out.Header["Retry-After"] == "" {
		c.Set("Retry-After", "2")
	}
	if out.Type != "" {
		c.Set("Content-Type", out.Type)
	}
	return c.Status(out.Status).Send(out.Body)
}

// agentSocket is GET /ws: by session cookie (and then only from our own pages), bearer token, or a token among the subprotocols.
func (a *API) agentSocket(c *fiber.Ctx) error {
	who := callerOf(c.UserContext())
	if who.user == nil && who.cookie == "" {
		for _, p := range strings.Split(c.Get("Sec-WebSocket-Protocol"), ",") {
			if t, ok := strings.CutPrefix(strings.TrimSpace(p), "bearer."); ok {
				who.user, who.token, who.err = a.Staff.ByToken(c.UserContext(), t)
			}
		}
	}
	if who.user == nil {
		return a.answer(c, who.err)
	}
	s := realtime.Session{UserID: who.user.ID, Name: who.user.Name}
	if who.session != nil {
		s.Credential, s.Cookie = who.session.Hash, true
	} else {
		s.Credential = who.token.ID
	}
	return Upgrade(c, func(w http.ResponseWriter, r *http.Request) (func(), error) { return a.Hub.Serve(w, r, s) })
}

// file is what signed links lead to.
func (a *API) file(c *fiber.Ctx) error {
	kind, id := c.Params("kind"), c.Params("id")
	if !a.Inbox.LinkHolds(kind, id, c.Query("until"), c.Query("sig")) {
		return a.refuse(c, http.StatusForbidden, "this link is over; open the conversation again for a new one")
	}
	load := map[string]func(context.Context, string) (inbox.File, error){"attachments": a.Inbox.AttachmentFile, "recordings": a.Inbox.RecordingFile}[kind]
	if load == nil {
		return a.refuse(c, http.StatusNotFound, "there is no such file")
	}
	f, err := load(c.UserContext(), id)
	if err != nil {
		return a.answer(c, err)
	}
	c.Set("Cache-Control", "private, max-age=3600")
	return a.sendFile(c, f)
}

// recording is GET /calls/{id}/recording, with byte ranges.
func (a *API) recording(c *fiber.Ctx) error {
	who := callerOf(c.UserContext())
	if who.user == nil {
		return a.answer(c, who.err)
	}
	call, err := a.Inbox.Call(c.UserContext(), viewerOf(c.UserContext()), c.Params("id"))
	if err != nil {
		return a.answer(c, err)
	}
	f, err := a.Inbox.RecordingFile(c.UserContext(), call.ID)
	if err != nil {
		return a.answer(c, err)
	}
	return a.sendFile(c, f)
}

// shown are the types that a browser may show by itself; everything else is saved.
var shown = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "audio/wav", "audio/mpeg", "audio/ogg", "audio/mp4", "video/mp4"}

// sendFile streams a blob, whole or one range of it (RFC 9110 §14). It is never run as a page of ours.
func (a *API) sendFile(c *fiber.Ctx, f inbox.File) error {
	disposition := "attachment"
	if slices.Contains(shown, f.MimeType) {
		disposition = "inline"
	}
	c.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": f.Name}))
	c.Set("Content-Type", f.MimeType)
	c.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	c.Set("Accept-Ranges", "bytes")
	from, length, partial, err := rangeOf(c.Get("Range"), f.Size)
	if err != nil {
		c.Set("Content-Range", fmt.Sprintf("bytes */%d", f.Size))
		return a.refuse(c, http.StatusRequestedRangeNotSatisfiable, err.Error())
	}
	if partial {
		c.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+length-1, f.Size))
		c.Status(http.StatusPartialContent)
	}
	r, err := f.Open(c.UserContext(), from, length)
	if err != nil {
		return a.answer(c, err)
	}
	return c.SendStream(r, int(length)) // fasthttp closes r
}

// rangeOf reads a Range header with one range; several are answered with the whole.
func rangeOf(h string, size int64) (from, length int64, partial bool, err error) {
	spec, ok := strings.CutPrefix(h, "bytes=")
	if !ok || strings.Contains(spec, ",") {
		return 0, size, false, nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	a, aerr := strconv.ParseInt(first, 10, 64)
	b, berr := strconv.ParseInt(last, 10, 64)
	switch {
	case !ok:
		return 0, size, false, nil
	case first == "" && berr == nil && b > 0:
		a, b = max(0, size-b), size-1
	case aerr == nil && last == "":
		b = size - 1
	case aerr != nil || berr != nil || b < a:
		return 0, size, false, nil
	}
	if a >= size {
		return 0, 0, false, fmt.Errorf("the file has %d bytes", size)
	}
	b = min(b, size-1)
	return a, b - a + 1, true, nil
}

// upload is POST /uploads: one file, multipart.
func (a *API) upload(c *fiber.Ctx) error {
	who := callerOf(c.UserContext())
	if err := allowed(who, signedIn, c.Method()); err != nil {
		return a.answer(c, err)
	}
	h, err := c.FormFile("file")
	if err != nil {
		return a.answer(c, fault.Malformed("a multipart form with a file in the field “file” is needed"))
	}
	f, err := h.Open()
	if err != nil {
		return a.answer(c, err)
	}
	defer f.Close()
	v, err := a.Inbox.Upload(c.UserContext(), h.Filename, h.Header.Get("Content-Type"), f)
	if err != nil {
		return a.answer(c, err)
	}
	return c.Status(http.StatusCreated).JSON(v)
}

const appPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self' ws: wss:; frame-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// page is the agents' app: a file of it, or its one page for every address inside it.
func (a *API) page(c *fiber.Ctx) error {
	name := strings.TrimPrefix(path.Clean("/"+c.Path()), "/")
	if b, err := fs.ReadFile(a.App, name); err == nil && name != "index.html" && name != "" {
		cache := "no-cache"
		if strings.HasPrefix(name, "assets/") {
			cache = "public, max-age=31536000, immutable" // named by their content
		}
		return sendAsset(c, name, b, cache)
	}
	if path.Ext(name) != "" && strings.HasPrefix(name, "assets/") {
		return a.refuse(c, http.StatusNotFound, "there is no such file")
	}
	b, err := fs.ReadFile(a.App, "index.html")
	if err != nil {
		if b, err = fs.ReadFile(a.App, "placeholder.html"); err != nil {
			return a.refuse(c, http.StatusNotFound, "this binary was built without its pages: make build")
		}
	}
	c.Set("Content-Security-Policy", appPolicy)
	return sendAsset(c, "index.html", b, "no-cache")
}

func sendAsset(c *fiber.Ctx, name string, b []byte, cache string) error {
	typ := mime.TypeByExtension(path.Ext(name))
	if path.Ext(name) == ".webmanifest" {
		typ = "application/manifest+json"
	}
	if typ == "" {
		typ = "application/octet-stream"
	}
	c.Set("Content-Type", typ)
	c.Set("Cache-Control", cache)
	return c.Send(b)
}

func (a *API) widgetFile(name, cache string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		b, err := fs.ReadFile(a.Widget, name)
		if err != nil {
			return a.refuse(c, http.StatusNotFound, "this binary was built without the widget: make build")
		}
		c.Set("Cross-Origin-Resource-Policy", "cross-origin")
		return sendAsset(c, name, b, cache)
	}
}

func (a *API) widgetAsset(c *fiber.Ctx) error {
	name := strings.TrimPrefix(path.Clean("/"+c.Path()), "/")
	b, err := fs.ReadFile(a.Widget, name)
	if err != nil {
		return a.refuse(c, http.StatusNotFound, "there is no such file")
	}
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	return sendAsset(c, name, b, "public, max-age=31536000, immutable")
}

// demo is a shop's page with the widget on it, for trying: of the channel named, else of the first website chat.
func (a *API) demo(c *fiber.Ctx) error {
	b, err := fs.ReadFile(a.Widget, "demo.html")
	if err != nil {
		return a.refuse(c, http.StatusNotFound, "this binary was built without the widget: make build")
	}
	channel := c.Query("channel")
	if channel == "" {
		all, err := a.Inbox.ListChannels(c.UserContext())
		if err != nil {
			return a.answer(c, err)
		}
		for _, ch := range all {
			if ch.Type == connectors.Webchat && channel == "" {
				channel = ch.ID
			}
		}
	}
	quoted, err := json.Marshal(channel)
	if err != nil || strings.ContainsAny(channel, `<>&"'\`) {
		return a.refuse(c, http.StatusBadRequest, "a channel's id has none of these characters")
	}
	b = bytes.Replace(b, []byte(`<meta name="parley-channel" content="">`), []byte(`<meta name="parley-channel" content=`+string(quoted)+`>`), 1)
	c.Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:; frame-src 'self'")
	return sendAsset(c, "demo.html", b, "no-cache")
}
