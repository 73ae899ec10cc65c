// Package staff knows the people inside: users, teams, what their roles permit, and the sessions and tokens by which they come in.
package staff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/internal/auth"
	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/internal/once"
	"parley/internal/sanitize"

	"gorm.io/gorm"
)

// Roles that every installation has.
const (
	Owner   = "owner"
	Admin   = "admin"
	Manager = "manager"
	Agent   = "agent"
)

// Permission is something that a role allows.
type Permission string

const (
	Answer         Permission = "conversations.answer"  // read, answer and change the conversations that one may see
	SeeAll         Permission = "conversations.see_all" // of all teams
	ManageChannels Permission = "channels.manage"
	ManageStaff    Permission = "staff.manage"
	ManageJournal  Permission = "journal.manage" // quarantine: look, replay, discard
	SeeTokens      Permission = "tokens.see_all"
	MakeOwners     Permission = "staff.make_owners"
)

// roles is the whole table of what the four roles may do.
var roles = map[string][]Permission{
	Agent:   {Answer},
	Manager: {Answer, SeeAll, SeeTokens, ManageJournal},
	Admin:   {Answer, SeeAll, SeeTokens, ManageJournal, ManageChannels, ManageStaff},
	Owner:   {Answer, SeeAll, SeeTokens, ManageJournal, ManageChannels, ManageStaff, MakeOwners},
}

// RoleNames are the roles, weakest first.
var RoleNames = []string{Agent, Manager, Admin, Owner}

// Permissions is what a role allows; nothing for one that does not exist.
func Permissions(role string) []Permission { return roles[role] }

// User is a person inside.
type User struct {
	ID           string `gorm:"primaryKey"`
	Email        string
	Name         string
	Role         string
	PasswordHash string
	Availability string
	Settings     db.Map
	Disabled     bool
	CreatedAt    int64 `gorm:"autoCreateTime:false"`
	UpdatedAt    int64 `gorm:"autoUpdateTime:false"`
	Version      int64

	TeamIDs []string `gorm:"-"`
}

// Can tells whether u's role allows p. A disabled person may do nothing.
func (u *User) Can(p Permission) bool { return !u.Disabled && slices.Contains(roles[u.Role], p) }

// Team is a group of people who share conversations.
type Team struct {
	ID        string `gorm:"primaryKey"`
	Name      string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	Version   int64

	MemberIDs []string `gorm:"-"`
}

// Staff keeps the people and what they may do, in memory for every question and in the database for ever.
type Staff struct {
	db  *db.DB
	now clock.Clock

	mu      sync.RWMutex
	users   map[string]*User // with teams
	seen    int64            // mark of what users hold
	changed []func()
	used    map[string]int64 // token id → last use, written now and then
}

// Open reads the people.
func Open(ctx context.Context, d *db.DB, now clock.Clock) (*Staff, error) {
	s := &Staff{db: d, now: now, used: map[string]int64{}}
	return s, s.Reload(ctx)
}

// OnChange registers what is called after rights have changed on this node. It must not block.
func (s *Staff) OnChange(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = append(s.changed, f)
}

// Reload reads all people and teams anew; other nodes' changes are taken over by this.
func (s *Staff) Reload(ctx context.Context) error {
	mark := s.mark(ctx) // before: a change in between is read again
	var users []*User
	var members []struct{ TeamID, UserID string }
	q := s.db.Read(ctx)
	if err := q.Find(&users).Error; err != nil {
		return fmt.Errorf("read people: %w", err)
	}
	if err := q.Table("team_members").Find(&members).Error; err != nil {
		return fmt.Errorf("read teams: %w", err)
	}
	by := map[string]*User{}
	for _, u := range users {
		by[u.ID] = u
	}
	for _, m := range members {
		if u := by[m.UserID]; u != nil {
			u.TeamIDs = append(u.TeamIDs, m.TeamID)
		}
	}
	s.mu.Lock()
	s.users, s.seen = by, mark
	changed := slices.Clone(s.changed)
	s.mu.Unlock()
	for _, f := range changed {
		f()
	}
	return nil
}

// Run takes over what other processes change, and writes when tokens were last used, until ctx ends.
func (s *Staff) Run(ctx context.Context) error {
	reload, flush := time.NewTicker(2*time.Second), time.NewTicker(15*time.Second)
	defer reload.Stop()
	defer flush.Stop()
	for {
		select {
		case <-ctx.Done():
			s.flush(context.WithoutCancel(ctx))
			return nil
		case <-reload.C:
			_ = s.Fresh(ctx) // tried again in two seconds
		case <-flush.C:
			s.flush(ctx)
		}
	}
}

// mark changes whenever a person, a team or a membership does.
func (s *Staff) mark(ctx context.Context) (n int64) {
	s.db.Read(ctx).Raw("SELECT COALESCE((SELECT SUM(version) + COUNT(*) * 1000003 FROM users), 0) + COALESCE((SELECT SUM(version) + COUNT(*) * 1009 FROM teams), 0) + (SELECT COUNT(*) * 7 FROM team_members)").Scan(&n)
	return n
}

func (s *Staff) flush(ctx context.Context) {
	s.mu.Lock()
	used := s.used
	s.used = map[string]int64{}
	s.mu.Unlock()
	for id, at := range used {
		if s.db.Write(ctx).Exec("UPDATE tokens SET last_used_at = ? WHERE id = ? AND last_used_at < ?", at, id, at).Error != nil {
			return // a last use that is not noted is no loss
		}
	}
}

// User is a person by id, as of the last reload.
func (s *Staff) User(id string) (*User, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u, ok := s.users[id]
	return u, ok
}

// Fresh takes over what other processes (the command line) changed since.
func (s *Staff) Fresh(ctx context.Context) error {
	mark := s.mark(ctx)
	s.mu.RLock()
	same := mark == s.seen
	s.mu.RUnlock()
	if same {
		return nil
	}
	return s.Reload(ctx)
}

// All is everybody, by name.
func (s *Staff) All() []*User {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*User, 0, len(s.users))
	for _, u := range s.users {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *User) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return out
}

// NeedsOwner tells whether nobody owns the installation yet.
func (s *Staff) NeedsOwner() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, u := range s.users {
		if u.Role == Owner {
			return false
		}
	}
	return true
}

// NewUser is a person to be added.
type NewUser struct {
	Email, Name, Role string
	Password          string // "": they get a link
}

// Create adds a person; onlyFirst makes it fail with fault.NotFound when the installation has an owner already.
func (s *Staff) Create(ctx context.Context, n NewUser, onlyFirst bool) (*User, error) {
	u, err := s.check(n)
	if err != nil {
		return nil, err
	}
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		if onlyFirst {
			// both at once: the second waits for the counter's row, and then finds the owner
			if err := tx.Exec("UPDATE counters SET value = value WHERE name = 'lead'").Error; err != nil {
				return err
			}
			var owners int64
			if err := tx.Model(&User{}).Where("role = ?", Owner).Count(&owners).Error; err != nil {
				return err
			}
			if owners > 0 {
				return fault.NotFound("this installation has an owner already")
			}
		}
		if err := tx.Create(u).Error; err != nil {
			return err
		}
		return once.Tx(tx, u.ID)
	})
	if db.IsDuplicate(err) && !errors.Is(err, once.ErrAgain) {
		return nil, fault.Invalid("email", "taken", "somebody with this address is here already")
	}
	if err != nil {
		return nil, err
	}
	return u, s.Reload(ctx)
}

func (s *Staff) check(n NewUser) (*User, error) {
	var fields []fault.Field
	bad := func(field, code, message string) {
		fields = append(fields, fault.Field{Field: field, Code: code, Message: message})
	}
	email := strings.ToLower(strings.TrimSpace(n.Email))
	if at := strings.IndexByte(email, '@'); at < 1 || at == len(email)-1 || len(email) > 254 || strings.ContainsAny(email, " \t\r\n\x00<>,;") {
		bad("email", "invalid", "an e-mail address, such as anna@example.com")
	}
	name := sanitize.Preview(n.Name, 100)
	if name == "" {
		bad("name", "required", "a name people will see")
	}
	if _, ok := roles[n.Role]; !ok {
		bad("role", "unknown", "owner, admin, manager or agent")
	}
	hash := ""
	if n.Password != "" {
		err := auth.CheckPassword(n.Password, email, name)
		if err == nil {
			hash, err = auth.HashPassword(n.Password)
		}
		var f *fault.Error
		if errors.As(err, &f) {
			fields = append(fields, f.Fields...)
		} else if err != nil {
			return nil, err
		}
	}
	if len(fields) > 0 {
		return nil, fault.InvalidFields(fields)
	}
	now := s.now().UnixMilli()
	return &User{ID: ids.New(), Email: email, Name: name, Role: n.Role, PasswordHash: hash, Availability: "offline", CreatedAt: now, UpdatedAt: now, Version: 1}, nil
}

// UserPatch is what may be changed of a person; nil leaves a field.
type UserPatch struct {
	Name, Role, Availability *string
	Disabled                 *bool
	TeamIDs                  *[]string
	Settings                 map[string]any
	IfVersion                int64
}

// Patch changes a person. Disabling ends their sessions and tokens. The last owner stays one.
func (s *Staff) Patch(ctx context.Context, id string, p UserPatch) (*User, error) {
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		u := &User{}
		if err := tx.Where("id = ?", id).Take(u).Error; err != nil {
			if errors.Is(err, gorm.ErrRecordNotFound) {
				return fault.NotFound("this person does not exist")
			}
			return err
		}
		if p.IfVersion != 0 && p.IfVersion != u.Version {
			return fault.Stale("the person was changed meanwhile")
		}
		wasOwner := u.Role == Owner && !u.Disabled
		if err := applyPatch(u, p); err != nil {
			return err
		}
		if wasOwner && (u.Role != Owner || u.Disabled) {
			var owners int64
			if err := tx.Model(&User{}).Where("role = ? AND NOT disabled AND id <> ?", Owner, id).Count(&owners).Error; err != nil {
				return err
			}
			if owners == 0 {
				return fault.Conflict("the last owner must stay one")
			}
		}
		u.UpdatedAt = s.now().UnixMilli()
		u.Version++
		if err := tx.Save(u).Error; err != nil {
			return err
		}
		if u.Disabled {
			if err := endAccessTx(tx, id); err != nil {
				return err
			}
		}
		if p.TeamIDs != nil {
			return setTeamsTx(tx, id, *p.TeamIDs)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.Reload(ctx); err != nil {
		return nil, err
	}
	u, _ := s.User(id)
	return u, nil
}

func applyPatch(u *User, p UserPatch) error {
	if p.Name != nil {
		if u.Name = sanitize.Preview(*p.Name, 100); u.Name == "" {
			return fault.Invalid("name", "required", "a name people will see")
		}
	}
	if p.Role != nil {
		if _, ok := roles[*p.Role]; !ok {
			return fault.Invalid("role", "unknown", "owner, admin, manager or agent")
		}
		u.Role = *p.Role
	}
	if p.Availability != nil {
		if !slices.Contains([]string{"online", "busy", "away", "offline"}, *p.Availability) {
			return fault.Invalid("availability", "unknown", "online, busy, away or offline")
		}
		u.Availability = *p.Availability
	}
	if p.Disabled != nil {
		u.Disabled = *p.Disabled
	}
	if p.Settings != nil {
		all := u.Settings.Object()
		for k, v := range p.Settings {
			if v == nil {
				delete(all, k)
			} else {
				all[k] = v
			}
		}
		if b, err := json.Marshal(all); err != nil || len(b) > 16<<10 {
			return fault.Invalid("settings", "too_large", "settings may take 16 kB")
		}
		u.Settings = all
	}
	return nil
}

func endAccessTx(tx *gorm.DB, userID string) error {
	return errors.Join(tx.Exec("DELETE FROM sessions WHERE user_id = ?", userID).Error, tx.Exec("DELETE FROM tokens WHERE user_id = ?", userID).Error)
}

func setTeamsTx(tx *gorm.DB, userID string, teams []string) error {
	if err := tx.Exec("DELETE FROM team_members WHERE user_id = ?", userID).Error; err != nil {
		return err
	}
	for _, t := range teams {
		if err := addMemberTx(tx, "team_ids", t, userID); err != nil {
			return err
		}
	}
	return nil
}

func addMemberTx(tx *gorm.DB, field, teamID, userID string) error {
	res := tx.Exec(`INSERT INTO team_members (team_id, user_id) SELECT t.id, u.id FROM teams t, users u WHERE t.id = ? AND u.id = ? ON CONFLICT DO NOTHING`, teamID, userID)
	if res.Error != nil {
		return res.Error
	}
	if res.RowsAffected == 0 {
		var n int64
		if err := tx.Table("team_members").Where("team_id = ? AND user_id = ?", teamID, userID).Count(&n).Error; err != nil || n > 0 {
			return err
		}
		return fault.Invalid(field, "unknown", "there is no such team or person")
	}
	return nil
}
