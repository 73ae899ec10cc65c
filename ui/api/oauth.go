package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"parley/connectors"
	"parley/inbox"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/once"
	"parley/internal/sanitize"
	"parley/internal/staff"

	"github.com/gofiber/fiber/v2"
	"gorm.io/gorm"
)

const (
	oauthPath  = "/oauth/callback"
	oauthTime  = 10 * time.Minute // from the button to the answer
	oauthTries = 30 * time.Second // to exchange a code
)

// errand is what a browser carries to the provider and back as `state`, signed: who asks for which channel. Together with the session's
// cookie it proves that the answer belongs to a question of the same person; it is good once.
type errand struct {
	Channel string `json:"c"`
	User    string `json:"u"`
	Nonce   string `json:"n"`
	Until   int64  `json:"t"` // Unix seconds
}

func (a *API) oauthMAC(purpose, value string) string {
	h := hmac.New(sha256.New, a.CSRFKey)
	h.Write([]byte("oauth " + purpose + ":" + value))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// verifier is the errand's PKCE secret (RFC 7636): it need not be kept, as nobody else can make it.
func (a *API) verifier(e errand) string { return a.oauthMAC("verifier", e.Nonce) }

func (a *API) sealErrand(e errand) (string, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	payload := base64.RawURLEncoding.EncodeToString(b)
	return payload + "." + a.oauthMAC("state", payload), nil
}

func (a *API) openErrand(state string) (errand, error) {
	var e errand
	payload, mac, _ := strings.Cut(state, ".")
	if !hmac.Equal([]byte(mac), []byte(a.oauthMAC("state", payload))) {
		return e, fault.Forbidden("this link was not made here")
	}
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err == nil {
		err = json.Unmarshal(b, &e)
	}
	return e, err
}

type authorizeOut struct {
	URL string `json:"url"`
}

// authorizeChannel answers where to send the browser.
func (a *API) authorizeChannel(ctx context.Context, in *One) (*body[authorizeOut], error) {
	if _, err := a.Inbox.Channel(ctx, in.ID); err != nil {
		return nil, err
	}
	conn, ok, err := connectorAs[connectors.Authorizer](a.Live, in.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.Conflict("a channel of this type needs no authorisation")
	}
	e := errand{Channel: in.ID, User: callerOf(ctx).user.ID, Nonce: rand.Text(), Until: a.Now().Add(oauthTime).Unix()}
	state, err := a.sealErrand(e)
	if err != nil {
		return nil, err
	}
	challenge := sha256.Sum256([]byte(a.verifier(e)))
	to, err := conn.AuthorizeURL(a.PublicURL+oauthPath, state, base64.RawURLEncoding.EncodeToString(challenge[:]))
	if err != nil {
		return nil, fault.Conflict("%s", sanitize.Preview(err.Error(), 300))
	}
	return answer(authorizeOut{to}, nil)
}

// oauthCallback is where the provider sends the browser back to. It ends on the channel's page, with what went wrong as `oauth_error`.
func (a *API) oauthCallback(c *fiber.Ctx) error {
	ctx := c.UserContext()
	e, err := a.openErrand(c.Query("state"))
	if err != nil {
		return a.answer(c, err)
	}
	if err := a.mayAuthorize(ctx, e); err != nil {
		return a.answer(c, err)
	}
	page := "/settings/channels/" + url.PathEscape(e.Channel)
	if err := a.authorized(ctx, e, c.Query("code"), c.Query("error"), c.Query("error_description")); err != nil {
		return c.Redirect(page + "?oauth_error=" + url.QueryEscape(detailOf(err)))
	}
	return c.Redirect(page + "?authorized=1")
}

func (a *API) mayAuthorize(ctx context.Context, e errand) error {
	who := callerOf(ctx)
	switch {
	case who.user == nil:
		return who.err
	case who.user.ID != e.User || who.session == nil:
		return fault.Forbidden("somebody else asked for this permission")
	}
	return allowed(who, staff.ManageChannels, fiber.MethodPost)
}

// authorized takes the provider's answer and keeps what it granted.
func (a *API) authorized(ctx context.Context, e errand, code, refusal, why string) error {
	if a.Now().Unix() > e.Until {
		return fault.Conflict("the permission came after more than ten minutes; press Authorise again")
	}
	if err := a.spend(ctx, e); err != nil {
		return err
	}
	if refusal != "" || code == "" {
		return fault.Conflict("the provider gave no permission (%s)", sanitize.Preview(strings.TrimSpace(refusal+" "+why), 300))
	}
	conn, ok, err := connectorAs[connectors.Authorizer](a.Live, e.Channel)
	if err != nil {
		return err
	}
	if !ok {
		return fault.Conflict("a channel of this type needs no authorisation")
	}
	ctx, cancel := context.WithTimeout(ctx, oauthTries)
	defer cancel()
	patch, err := conn.Exchange(ctx, a.PublicURL+oauthPath, code, a.verifier(e))
	if err != nil {
		return err
	}
	_, err = a.Inbox.PatchChannel(ctx, e.Channel, inbox.ChannelPatch{Config: patch})
	return err
}

// spend makes an errand good once, on all nodes.
func (a *API) spend(ctx context.Context, e errand) error {
	ctx = once.With(ctx, &once.Request{UserID: e.User, Key: "oauth " + e.Nonce, Route: oauthPath, At: a.Now().UnixMilli()})
	err := a.DB.Tx(ctx, func(tx *gorm.DB) error { return once.Tx(tx, e.Channel) })
	if errors.Is(err, once.ErrAgain) || db.IsDuplicate(err) {
		return fault.Conflict("this link was used before; press Authorise again")
	}
	return err
}

// detailOf is an error as an admin may read it.
func detailOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Detail
	}
	return sanitize.Preview(err.Error(), 300)
}
