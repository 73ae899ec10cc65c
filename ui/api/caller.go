package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"parley/internal/auth"
	"parley/internal/fault"
	"parley/internal/once"
	"parley/internal/staff"
	"parley/realtime/eventlog"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

// caller is who makes a request.
type caller struct {
	user    *staff.User
	session *staff.Session // by cookie, else nil
	cookie  string
	token   *staff.Token // by bearer, else nil
	address string
	agent   string // User-Agent
	err     error  // why there is no user
}

type callerKey struct{}

func callerOf(ctx context.Context) *caller {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		return c
	}
	return &caller{err: fault.Unauthorized("you are not signed in")}
}

// viewerOf is the caller as the event log and the inbox know them.
func viewerOf(ctx context.Context) eventlog.Viewer { return viewer(callerOf(ctx).user) }

func viewer(u *staff.User) eventlog.Viewer {
	if u == nil {
		return eventlog.Viewer{}
	}
	return eventlog.Viewer{UserID: u.ID, Teams: u.TeamIDs, All: u.Can(staff.SeeAll)}
}

// Rights is what a person may hear, as the hub asks it.
func Rights(s *staff.Staff) func(userID string) (eventlog.Viewer, bool) {
	return func(id string) (eventlog.Viewer, bool) {
		u, ok := s.User(id)
		return viewer(u), ok && !u.Disabled
	}
}

func (a *API) cookieName() string {
	if a.secure {
		return "__Host-parley"
	}
	return "parley_session"
}

// identify finds out who is calling; whether they may is asked by the route.
func (a *API) identify(c *fiber.Ctx) error {
	who := a.who(c)
	ctx := context.WithValue(c.UserContext(), callerKey{}, who)
	if who.user != nil {
		ctx = eventlog.WithActor(ctx, eventlog.Actor{Type: "user", ID: who.user.ID, Name: who.user.Name})
	}
	c.SetUserContext(ctx)
	return c.Next()
}

func (a *API) who(c *fiber.Ctx) *caller {
	who := &caller{address: a.address(c), agent: c.Get("User-Agent")}
	if bearer, ok := strings.CutPrefix(c.Get("Authorization"), "Bearer "); ok {
		who.user, who.token, who.err = a.Staff.ByToken(c.UserContext(), strings.TrimSpace(bearer))
		return who
	}
	who.cookie = c.Cookies(a.cookieName())
	if who.cookie == "" {
		who.err = fault.Unauthorized("you are not signed in")
		return who
	}
	who.user, who.session, who.err = a.Staff.BySession(c.UserContext(), who.cookie)
	if who.err == nil && changes(c.Method()) && !a.ownPage(c, who.cookie) {
		who.user, who.err = nil, fault.Forbidden("this request does not come from a page of Parley (X-CSRF-Token is missing or wrong)")
	}
	return who
}

func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// ownPage tells a page of ours from another website's: by the token, and by Origin where the browser sends one.
func (a *API) ownPage(c *fiber.Ctx, cookie string) bool {
	if o := c.Get("Origin"); o != "" && !slices.Contains(a.origins, o) {
		return false
	}
	return auth.CSRFMatches(a.CSRFKey, cookie, c.Get("X-CSRF-Token"))
}

const permission = "permission"

// permit asks for every route whether the caller may: the permission stands on the route's line in routes.go.
func (a *API) permit(ctx huma.Context, next func(huma.Context)) {
	need, _ := ctx.Operation().Metadata[permission].(staff.Permission)
	err := allowed(callerOf(ctx.Context()), need, ctx.Method())
	if err == nil {
		next(ctx)
		return
	}
	p := &problem{}
	errors.As(fail(ctx.Context(), err), &p)
	ctx.SetHeader("Content-Type", "application/problem+json")
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p)
}

// anybody and signedIn are the two doors that need no permission of a role.
const (
	anybody  staff.Permission = "anybody"
	signedIn staff.Permission = "signed in"
)

func allowed(who *caller, need staff.Permission, method string) error {
	switch {
	case need == anybody:
		return nil
	case who.user == nil:
		return who.err
	case who.token != nil && !who.token.May(changes(method)):
		return fault.Forbidden("this token's scopes do not allow that")
	case need == signedIn || who.user.Can(need):
		return nil
	}
	return fault.Forbidden("your role does not allow that (%s)", need)
}

// idempotency gives the first answer again to a POST that is repeated with its Idempotency-Key.
func (a *API) idempotency(c *fiber.Ctx) error {
	key := c.Get("Idempotency-Key")
	who := callerOf(c.UserContext())
	if key == "" || c.Method() != http.MethodPost || who.user == nil {
		return c.Next()
	}
	if len(key) > 200 || strings.ContainsRune(key, 0) {
		return a.answer(c, fault.Malformed("an Idempotency-Key has at most 200 characters"))
	}
	sum := sha256.New()
	sum.Write([]byte(c.Path() + "\n"))
	sum.Write(c.Body())
	req := &once.Request{UserID: who.user.ID, Key: key, Route: c.Path(), Hash: hex.EncodeToString(sum.Sum(nil)), At: a.Now().UnixMilli()}
	if done, err := a.repeated(c, req); done || err != nil {
		return err
	}
	c.SetUserContext(once.With(c.UserContext(), req))
	if err := c.Next(); err != nil {
		return err
	}
	if status := c.Response().StatusCode(); status/100 != 2 {
		if done, err := a.repeated(c, req); status >= 500 && (done || err != nil) { // somebody else was faster with the same key
			return err
		}
		return nil
	}
	body := string(c.Response().Body())
	if strings.HasSuffix(req.Route, "/tokens") {
		return nil // a secret is shown once and never kept
	}
	return a.DB.Write(c.UserContext()).Exec("UPDATE idempotency SET status = ?, body = ? WHERE user_id = ? AND key = ?", c.Response().StatusCode(), body, req.UserID, req.Key).Error
}

// repeated answers a request that was here before. One whose answer was cut off by a crash is known by what it made.
func (a *API) repeated(c *fiber.Ctx, req *once.Request) (bool, error) {
	var row struct {
		Route, Hash, ResourceID, Body string
		Status                        int
	}
	err := a.DB.Read(c.UserContext()).Raw("SELECT route, hash, resource_id, status, body FROM idempotency WHERE user_id = ? AND key = ? AND created_at > ?",
		req.UserID, req.Key, a.Now().Add(-7*24*time.Hour).UnixMilli()).Scan(&row).Error
	if err != nil || row.Route == "" {
		return false, err
	}
	if row.Hash != req.Hash {
		return true, a.answer(c, fault.Invalid("Idempotency-Key", "reused", "this Idempotency-Key was used for another request"))
	}
	c.Response().ResetBody()
	c.Set("Idempotent-Replayed", "true")
	if row.Status != 0 {
		c.Set("Content-Type", "application/json")
		return true, c.Status(row.Status).SendString(row.Body)
	}
	load, ok := a.again[kindOf(row.Route)]
	if !ok {
		return true, a.answer(c, fault.Conflict("this request was made already"))
	}
	v, err := load(c.UserContext(), row.ResourceID)
	if err != nil {
		return true, a.answer(c, err)
	}
	status := http.StatusCreated
	if kindOf(row.Route) == "messages" {
		status = http.StatusAccepted
	}
	return true, c.Status(status).JSON(v)
}

// kindOf is the last word of a path: what it makes.
func kindOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
