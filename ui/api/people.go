package api

import (
	"context"
	"time"

	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/staff"
)

func (a *API) listUsers(ctx context.Context, _ *Paged) (*body[list[userView]], error) {
	if err := a.Staff.Fresh(ctx); err != nil {
		return nil, err
	}
	var out []userView
	for _, u := range a.Staff.All() {
		out = append(out, viewUser(u))
	}
	return short(out, nil)
}

func (a *API) showUser(ctx context.Context, in *One) (*body[userView], error) {
	if err := a.Staff.Fresh(ctx); err != nil {
		return nil, err
	}
	u, ok := a.Staff.User(in.ID)
	if !ok {
		return nil, fault.NotFound("this person does not exist")
	}
	return answer(viewUser(u), nil)
}

type createUserIn struct {
	Body struct {
		Name     string `json:"name" maxLength:"200"`
		Email    string `json:"email" maxLength:"254"`
		Role     string `json:"role" enum:"owner,admin,manager,agent"`
		Password string `json:"password,omitempty" maxLength:"1000" doc:"left out: the answer carries a one-time link"`
	}
}

type invited struct {
	userView
	InviteURL string `json:"invite_url,omitempty"`
}

func (a *API) createUser(ctx context.Context, in *createUserIn) (*body[invited], error) {
	if err := a.mayGive(ctx, in.Body.Role); err != nil {
		return nil, err
	}
	u, err := a.Staff.Create(ctx, staff.NewUser{Email: in.Body.Email, Name: in.Body.Name, Role: in.Body.Role, Password: in.Body.Password}, false)
	if err != nil {
		return nil, err
	}
	v := invited{userView: viewUser(u)}
	if in.Body.Password == "" {
		if v.InviteURL, err = a.inviteURL(ctx, u.ID); err != nil {
			return nil, err
		}
	}
	return answer(v, nil)
}

// mayGive: owners alone make owners.
func (a *API) mayGive(ctx context.Context, role string) error {
	if role == staff.Owner && !callerOf(ctx).user.Can(staff.MakeOwners) {
		return fault.Forbidden("only an owner can make owners")
	}
	return nil
}

func (a *API) inviteURL(ctx context.Context, userID string) (string, error) {
	link, err := a.Staff.Link(ctx, userID)
	return a.PublicURL + "/set-password#" + link, err
}

type inviteView struct {
	InviteURL string `json:"invite_url"`
}

func (a *API) linkUser(ctx context.Context, in *One) (*body[inviteView], error) {
	u, ok := a.Staff.User(in.ID)
	if !ok {
		return nil, fault.NotFound("this person does not exist")
	}
	if err := a.mayGive(ctx, u.Role); err != nil {
		return nil, err
	}
	url, err := a.inviteURL(ctx, u.ID)
	return answer(inviteView{url}, err)
}

type patchUserIn struct {
	One
	Guarded
	Body struct {
		Name         opt[string]   `json:"name,omitempty"`
		Role         opt[string]   `json:"role,omitempty"`
		Availability opt[string]   `json:"availability,omitempty"`
		Disabled     opt[bool]     `json:"disabled,omitempty"`
		TeamIDs      opt[[]string] `json:"team_ids,omitempty"`
	}
}

func (a *API) patchUser(ctx context.Context, in *patchUserIn) (*body[userView], error) {
	v, err := in.version()
	if err != nil {
		return nil, err
	}
	if u, ok := a.Staff.User(in.ID); ok {
		if err := a.mayGive(ctx, u.Role); err != nil {
			return nil, err
		}
	}
	if err := a.mayGive(ctx, in.Body.Role.Value); err != nil {
		return nil, err
	}
	u, err := a.Staff.Patch(ctx, in.ID, staff.UserPatch{Name: in.Body.Name.ptr(), Role: in.Body.Role.ptr(), Availability: in.Body.Availability.ptr(), Disabled: in.Body.Disabled.ptr(),
		TeamIDs: in.Body.TeamIDs.ptr(), IfVersion: v})
	if err != nil {
		return nil, err
	}
	return answer(viewUser(u), nil)
}

type teamView struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	MemberIDs []string  `json:"member_ids"`
	CreatedAt time.Time `json:"created_at"`
	Version   int64     `json:"version"`
}

func viewTeam(t *staff.Team) teamView {
	return teamView{t.ID, t.Name, t.MemberIDs, db.Time(t.CreatedAt), t.Version}
}

func team(t *staff.Team, err error) (*body[teamView], error) {
	if err != nil {
		return nil, err
	}
	return answer(viewTeam(t), nil)
}

func (a *API) listTeams(ctx context.Context, _ *Paged) (*body[list[teamView]], error) {
	all, err := a.Staff.Teams(ctx)
	var out []teamView
	for _, t := range all {
		out = append(out, viewTeam(t))
	}
	return short(out, err)
}

func (a *API) showTeam(ctx context.Context, in *One) (*body[teamView], error) {
	return team(a.Staff.Team(ctx, in.ID))
}

type createTeamIn struct {
	Body struct {
		Name      string   `json:"name" maxLength:"200"`
		MemberIDs []string `json:"member_ids,omitempty" maxItems:"1000"`
	}
}

func (a *API) createTeam(ctx context.Context, in *createTeamIn) (*body[teamView], error) {
	return team(a.Staff.CreateTeam(ctx, in.Body.Name, in.Body.MemberIDs))
}

type patchTeamIn struct {
	One
	Guarded
	Body struct {
		Name      opt[string]   `json:"name,omitempty"`
		MemberIDs opt[[]string] `json:"member_ids,omitempty"`
	}
}

func (a *API) patchTeam(ctx context.Context, in *patchTeamIn) (*body[teamView], error) {
	v, err := in.version()
	if err != nil {
		return nil, err
	}
	return team(a.Staff.PatchTeam(ctx, in.ID, in.Body.Name.ptr(), in.Body.MemberIDs.ptr(), v))
}

func (a *API) deleteTeam(ctx context.Context, in *One) (*none, error) {
	return nil, a.Staff.DeleteTeam(ctx, in.ID)
}

type addMemberIn struct {
	One
	Body struct {
		UserID string `json:"user_id" maxLength:"64"`
	}
}

func (a *API) addMember(ctx context.Context, in *addMemberIn) (*body[teamView], error) {
	return team(a.Staff.AddMember(ctx, in.ID, in.Body.UserID))
}

type removeMemberIn struct {
	One
	UserID string `path:"user_id" maxLength:"64"`
}

func (a *API) removeMember(ctx context.Context, in *removeMemberIn) (*body[teamView], error) {
	return team(a.Staff.RemoveMember(ctx, in.ID, in.UserID))
}

type roleView struct {
	ID          string             `json:"id"`
	Permissions []staff.Permission `json:"permissions"`
}

func (a *API) listRoles(context.Context, *struct{}) (*body[list[roleView]], error) {
	var out []roleView
	for _, r := range staff.RoleNames {
		out = append(out, roleView{r, staff.Permissions(r)})
	}
	return short(out, nil)
}

type tokenView struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	UserID     string     `json:"user_id"`
	Scopes     []string   `json:"scopes"`
	LastUsedAt *time.Time `json:"last_used_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	CreatedAt  time.Time  `json:"created_at"`
}

func viewToken(t *staff.Token) tokenView {
	return tokenView{t.ID, t.Name, t.UserID, t.Scopes.List(), db.TimeOrNull(t.LastUsedAt), db.TimeOrNull(t.ExpiresAt), db.Time(t.CreatedAt)}
}

func (a *API) listTokens(ctx context.Context, _ *Paged) (*body[list[tokenView]], error) {
	u := callerOf(ctx).user
	all, err := a.Staff.Tokens(ctx, u.ID, u.Can(staff.SeeTokens))
	var out []tokenView
	for _, t := range all {
		out = append(out, viewToken(t))
	}
	return short(out, err)
}

type createTokenIn struct {
	Body struct {
		Name      string    `json:"name" maxLength:"200"`
		Scopes    []string  `json:"scopes,omitempty" maxItems:"10"`
		ExpiresAt time.Time `json:"expires_at,omitempty"`
	}
}

type newToken struct {
	tokenView
	Token string `json:"token" doc:"the secret; it is shown this once"`
}

func (a *API) createToken(ctx context.Context, in *createTokenIn) (*body[newToken], error) {
	var expires time.Duration
	if at := in.Body.ExpiresAt; !at.IsZero() {
		if expires = at.Sub(a.Now()); expires <= 0 {
			return nil, fault.Invalid("expires_at", "in_the_past", "the token would be over already")
		}
	}
	who := callerOf(ctx)
	if who.token != nil && len(who.token.Scopes) > 0 && len(in.Body.Scopes) == 0 {
		in.Body.Scopes = who.token.Scopes // a token makes none that may do more
	}
	clear, t, err := a.Staff.CreateToken(ctx, who.user.ID, in.Body.Name, in.Body.Scopes, expires)
	if err != nil {
		return nil, err
	}
	return answer(newToken{viewToken(t), clear}, nil)
}

func (a *API) revokeToken(ctx context.Context, in *One) (*none, error) {
	u := callerOf(ctx).user
	return nil, a.Staff.Revoke(ctx, in.ID, u.ID, u.Can(staff.SeeTokens))
}
