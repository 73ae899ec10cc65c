package api

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v2"
)

// KeepSockets must be called once before app serves: an upgraded connection then belongs to its socket alone, and closing it closes it.
func KeepSockets(app *fiber.App) { app.Server().KeepHijackedConns = true }

// Upgrade lets serve answer c's request as net/http would, and take its connection over. When it did, run is called in a goroutine of its own once
// fiber has let go of the connection. When serve refuses instead, what it wrote to w is an ordinary answer of fiber's.
func Upgrade(c *fiber.Ctx, serve func(w http.ResponseWriter, r *http.Request) (run func(), err error)) error {
	r, err := requestOf(c)
	if err != nil {
		return fiber.NewError(http.StatusBadRequest, "bad request target")
	}
	w := &upgradeWriter{c: c, header: http.Header{}}
	run, err := serve(w, r)
	if !w.hijacked {
		return nil
	}
	raw := c.Context().Conn()
	c.Context().HijackSetNoResponse(true)
	c.Context().Hijack(func(net.Conn) { // only now: fasthttp clears the deadlines just before
		if err != nil {
			_ = raw.Close()
			return
		}
		go run() // returning at once frees the request and its reader
	})
	return nil
}

func requestOf(c *fiber.Ctx) (*http.Request, error) {
	u, err := url.ParseRequestURI(c.OriginalURL())
	if err != nil {
		return nil, err
	}
	h := make(http.Header, 12)
	for k, v := range c.Request().Header.All() {
		h.Add(string(k), string(v))
	}
	r := &http.Request{
		Method: c.Method(), URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Host: string(c.Request().Host()), RemoteAddr: c.Context().RemoteAddr().String(), Body: http.NoBody,
	}
	return r.WithContext(c.UserContext()), nil
}

// upgradeWriter is fiber's response as an http.ResponseWriter that can be hijacked.
type upgradeWriter struct {
	c        *fiber.Ctx
	header   http.Header
	wrote    bool
	hijacked bool
}

func (w *upgradeWriter) Header() http.Header { return w.header }

func (w *upgradeWriter) WriteHeader(status int) {
	if w.wrote {
		return
	}
	w.wrote = true
	for k, vv := range w.header {
		w.c.Response().Header.Del(k)
		for _, v := range vv {
			w.c.Response().Header.Add(k, v)
		}
	}
	w.c.Status(status)
}

func (w *upgradeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.c.Write(p)
}

func (w *upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.wrote || w.hijacked {
		return nil, nil, errors.New("the request is answered already")
	}
	w.hijacked = true
	conn := w.c.Context().Conn()
	return conn, bufio.NewReadWriter(bufio.NewReaderSize(conn, 16), bufio.NewWriterSize(conn, 16)), nil
}
