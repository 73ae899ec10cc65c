package api

import (
	"context"
	"net/http"
	"time"

	"parley/internal/auth"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/staff"
)

type meView struct {
	userView
	Permissions []staff.Permission `json:"permissions"`
	Settings    map[string]any     `json:"settings"`
}

type sessionView struct {
	User      meView  `json:"user"`
	CSRFToken *string `json:"csrf_token"`
}

type sessionOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      sessionView
}

func (a *API) needsSetup(ctx context.Context, _ *struct{}) (*body[needs], error) {
	if err := a.Staff.Fresh(ctx); err != nil {
		return nil, err
	}
	return answer(needs{a.Staff.NeedsOwner()}, nil)
}

type needs struct {
	Needed bool `json:"needed"`
}

type setupIn struct {
	Body struct {
		Name     string `json:"name" maxLength:"200"`
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"1000"`
	}
}

func (a *API) setup(ctx context.Context, in *setupIn) (*sessionOut, error) {
	if !a.Staff.NeedsOwner() {
		return nil, fault.NotFound("this installation has an owner already")
	}
	if wait, ok := a.public.Take("setup " + callerOf(ctx).address); !ok {
		return nil, fault.Busy(wait, "too many attempts")
	}
	if in.Body.Password == "" {
		return nil, fault.Invalid("password", "required", "choose a password")
	}
	u, err := a.Staff.Create(ctx, staff.NewUser{Email: in.Body.Email, Name: in.Body.Name, Role: staff.Owner, Password: in.Body.Password}, true)
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	cookie, err := a.Staff.OpenSession(ctx, u.ID, who.agent, who.address)
	if err != nil {
		return nil, err
	}
	return a.signedIn(u, cookie), nil
}

type signInIn struct {
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"1000"`
		TOTP     string `json:"totp,omitempty" maxLength:"20"`
	}
}

func (a *API) signIn(ctx context.Context, in *signInIn) (*sessionOut, error) {
	who := callerOf(ctx)
	if wait, ok := a.login.Try(in.Body.Email, who.address); !ok {
		return nil, fault.Busy(wait, "too many attempts; wait a little")
	}
	if err := a.Staff.Fresh(ctx); err != nil {
		return nil, err
	}
	cookie, u, err := a.Staff.SignIn(ctx, in.Body.Email, in.Body.Password, who.agent, who.address)
	if err != nil {
		return nil, err
	}
	a.login.Passed(in.Body.Email, who.address)
	return a.signedIn(u, cookie), nil
}

func (a *API) signedIn(u *staff.User, cookie string) *sessionOut {
	return &sessionOut{SetCookie: a.cookie(cookie, 30*24*time.Hour), Body: a.sessionView(u, cookie)}
}

func (a *API) cookie(value string, age time.Duration) http.Cookie {
	return http.Cookie{Name: a.cookieName(), Value: value, Path: "/", MaxAge: int(age.Seconds()), Secure: a.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func (a *API) sessionView(u *staff.User, cookie string) sessionView {
	v := sessionView{User: meView{userView: viewUser(u), Permissions: staff.Permissions(u.Role), Settings: u.Settings.Object()}}
	if cookie != "" {
		token := auth.CSRFToken(a.CSRFKey, cookie)
		v.CSRFToken = &token
	}
	return v
}

func (a *API) whoAmI(ctx context.Context, _ *struct{}) (*body[sessionView], error) {
	who := callerOf(ctx)
	return answer(a.sessionView(who.user, who.cookie), nil)
}

type patchMeIn struct {
	Body struct {
		Availability opt[string]         `json:"availability,omitempty"`
		Name         opt[string]         `json:"name,omitempty"`
		Settings     opt[map[string]any] `json:"settings,omitempty"`
	}
}

func (a *API) patchMe(ctx context.Context, in *patchMeIn) (*body[sessionView], error) {
	who := callerOf(ctx)
	u, err := a.Staff.Patch(ctx, who.user.ID, staff.UserPatch{Availability: in.Body.Availability.ptr(), Name: in.Body.Name.ptr(), Settings: in.Body.Settings.Value})
	if err != nil {
		return nil, err
	}
	return answer(a.sessionView(u, who.cookie), nil)
}

type signedOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (a *API) signOut(ctx context.Context, _ *struct{}) (*signedOut, error) {
	who := callerOf(ctx)
	if who.session != nil {
		if err := a.Staff.SignOut(ctx, who.session.Hash); err != nil {
			return nil, err
		}
	}
	return &signedOut{a.cookie("", -time.Second)}, nil
}

type setPasswordIn struct {
	Body struct {
		Link     string `json:"link" maxLength:"200"`
		Password string `json:"password" maxLength:"1000"`
	}
}

func (a *API) setPassword(ctx context.Context, in *setPasswordIn) (*sessionOut, error) {
	who := callerOf(ctx)
	if wait, ok := a.login.Try("link", who.address); !ok {
		return nil, fault.Busy(wait, "too many attempts; wait a little")
	}
	u, err := a.Staff.SetPassword(ctx, in.Body.Link, in.Body.Password)
	if err != nil {
		return nil, err
	}
	a.login.Passed("link", who.address)
	cookie, err := a.Staff.OpenSession(ctx, u.ID, who.agent, who.address)
	if err != nil {
		return nil, err
	}
	return a.signedIn(u, cookie), nil
}

type userView struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Email        string    `json:"email"`
	Role         string    `json:"role" enum:"owner,admin,manager,agent"`
	TeamIDs      []string  `json:"team_ids"`
	Availability string    `json:"availability" enum:"online,busy,away,offline"`
	Disabled     bool      `json:"disabled"`
	CreatedAt    time.Time `json:"created_at"`
	Version      int64     `json:"version"`
}

func viewUser(u *staff.User) userView {
	teams := u.TeamIDs
	if teams == nil {
		teams = []string{}
	}
	return userView{u.ID, u.Name, u.Email, u.Role, teams, u.Availability, u.Disabled, db.Time(u.CreatedAt), u.Version}
}
