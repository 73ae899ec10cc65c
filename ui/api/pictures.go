package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/internal/fault"
	"parley/internal/staff"

	"github.com/gofiber/fiber/v2"
)

const (
	pictureMost    = 10 << 20 // bytes
	pictureTimeout = 15 * time.Second
)

// pictureTypes are the kinds that a browser draws and that run nothing.
var pictureTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"}

// picture is GET /api/v1/pictures?url=…: a picture of a mail, fetched by us when an agent asks for it, so that its server learns neither who
// reads nor where. It goes through the guarded dialer, carries no cookie and no referrer, and follows at most three redirects.
func (a *API) picture(c *fiber.Ctx) error {
	who := callerOf(c.UserContext())
	if err := allowed(who, staff.Answer, c.Method()); err != nil {
		return a.answer(c, err)
	}
	if wait, ok := a.pictures.Take(who.user.ID); !ok {
		return a.answer(c, fault.Busy(wait, "too many pictures at once"))
	}
	typ, body, err := a.fetchPicture(c.UserContext(), c.Query("url"))
	if err != nil {
		return a.answer(c, err)
	}
	c.Set("Content-Type", typ)
	c.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	c.Set("Cache-Control", "private, max-age=3600")
	return c.Send(body)
}

var errNoPicture = fault.Invalid("url", "unreachable", "the picture can't be had")

func (a *API) fetchPicture(ctx context.Context, address string) (typ string, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, pictureTimeout)
	defer cancel()
	for range 4 {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return "", nil, fault.Invalid("url", "invalid", "not the address of a picture")
		}
		next, typ, body, err := a.onePicture(ctx, u)
		if err != nil || next == "" {
			return typ, body, err
		}
		address = next
	}
	return "", nil, errNoPicture
}

// onePicture asks one address; next is where it sends on.
func (a *API) onePicture(ctx context.Context, u *url.URL) (next, typ string, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", "", nil, errNoPicture
	}
	req.Header.Set("Accept", "image/*")
	req.Header.Set("User-Agent", "Parley")
	res, err := a.HTTP.Do(req)
	if err != nil {
		return "", "", nil, errNoPicture
	}
	defer res.Body.Close()
	if to := res.Header.Get("Location"); res.StatusCode/100 == 3 && to != "" {
		at, err := u.Parse(to)
		if err != nil {
			return "", "", nil, errNoPicture
		}
		return at.String(), "", nil, nil
	}
	typ, _, _ = strings.Cut(strings.ToLower(res.Header.Get("Content-Type")), ";")
	if res.StatusCode != http.StatusOK || !slices.Contains(pictureTypes, strings.TrimSpace(typ)) {
		return "", "", nil, errNoPicture
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, pictureMost+1))
	if err != nil || len(body) > pictureMost {
		return "", "", nil, errNoPicture
	}
	return "", strings.TrimSpace(typ), body, nil
}
