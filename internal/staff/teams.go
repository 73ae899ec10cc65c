package staff

import (
	"context"
	"errors"

	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/internal/once"
	"parley/internal/sanitize"

	"gorm.io/gorm"
)

// Teams lists all teams with their members, by name.
func (s *Staff) Teams(ctx context.Context) ([]*Team, error) {
	var teams []*Team
	if err := s.db.Read(ctx).Order("name").Limit(1000).Find(&teams).Error; err != nil {
		return nil, err
	}
	var members []struct{ TeamID, UserID string }
	if err := s.db.Read(ctx).Table("team_members").Order("team_id, user_id").Find(&members).Error; err != nil {
		return nil, err
	}
	by := map[string]*Team{}
	for _, t := range teams {
		t.MemberIDs = []string{}
		by[t.ID] = t
	}
	for _, m := range members {
		if t := by[m.TeamID]; t != nil {
			t.MemberIDs = append(t.MemberIDs, m.UserID)
		}
	}
	return teams, nil
}

// Team is one team, fault.NotFound when there is none.
func (s *Staff) Team(ctx context.Context, id string) (*Team, error) {
	all, err := s.Teams(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.ID == id {
			return t, nil
		}
	}
	return nil, fault.NotFound("this team does not exist")
}

// CreateTeam makes a team.
func (s *Staff) CreateTeam(ctx context.Context, name string, members []string) (*Team, error) {
	t := &Team{ID: ids.New(), CreatedAt: s.now().UnixMilli(), Version: 1}
	return s.saveTeam(ctx, t, func(tx *gorm.DB) error {
		var err error
		if t.Name, err = teamName(name); err != nil {
			return err
		}
		if err := tx.Create(t).Error; err != nil {
			return err
		}
		if err := setMembersTx(tx, t.ID, members); err != nil {
			return err
		}
		return once.Tx(tx, t.ID)
	})
}

// PatchTeam changes a team's name or members; nil leaves them.
func (s *Staff) PatchTeam(ctx context.Context, id string, name *string, members *[]string, ifVersion int64) (*Team, error) {
	t := &Team{}
	return s.saveTeam(ctx, t, func(tx *gorm.DB) error {
		if err := tx.Where("id = ?", id).Take(t).Error; err != nil {
			return noTeam(err)
		}
		if ifVersion != 0 && ifVersion != t.Version {
			return fault.Stale("the team was changed meanwhile")
		}
		if name != nil {
			var err error
			if t.Name, err = teamName(*name); err != nil {
				return err
			}
		}
		t.Version++
		if err := tx.Save(t).Error; err != nil {
			return err
		}
		if members != nil {
			return setMembersTx(tx, id, *members)
		}
		return nil
	})
}

// AddMember and RemoveMember change who belongs to a team.
func (s *Staff) AddMember(ctx context.Context, teamID, userID string) (*Team, error) {
	return s.changeMember(ctx, teamID, func(tx *gorm.DB) error { return addMemberTx(tx, "user_id", teamID, userID) })
}

func (s *Staff) RemoveMember(ctx context.Context, teamID, userID string) (*Team, error) {
	return s.changeMember(ctx, teamID, func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM team_members WHERE team_id = ? AND user_id = ?", teamID, userID).Error
	})
}

func (s *Staff) changeMember(ctx context.Context, teamID string, change func(tx *gorm.DB) error) (*Team, error) {
	t := &Team{}
	return s.saveTeam(ctx, t, func(tx *gorm.DB) error {
		if err := tx.Where("id = ?", teamID).Take(t).Error; err != nil {
			return noTeam(err)
		}
		t.Version++
		return errors.Join(tx.Save(t).Error, change(tx))
	})
}

// DeleteTeam removes a team; its conversations belong to nobody's team then.
func (s *Staff) DeleteTeam(ctx context.Context, id string) error {
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		var n int64
		if err := tx.Table("conversations").Where("team_id = ?", id).Limit(1).Count(&n).Error; err != nil {
			return err
		}
		if n > 0 {
			return fault.Conflict("the team has conversations; give them to another one first")
		}
		res := tx.Exec("DELETE FROM teams WHERE id = ?", id)
		if res.Error == nil && res.RowsAffected == 0 {
			return fault.NotFound("this team does not exist")
		}
		return res.Error
	})
	if err != nil {
		return err
	}
	return s.Reload(ctx)
}

func (s *Staff) saveTeam(ctx context.Context, t *Team, save func(tx *gorm.DB) error) (*Team, error) {
	err := s.db.Tx(ctx, save)
	if db.IsDuplicate(err) && !errors.Is(err, once.ErrAgain) {
		return nil, fault.Invalid("name", "taken", "there is a team of this name already")
	}
	if err != nil {
		return nil, err
	}
	if err := s.Reload(ctx); err != nil {
		return nil, err
	}
	return s.Team(ctx, t.ID)
}

func setMembersTx(tx *gorm.DB, teamID string, members []string) error {
	if err := tx.Exec("DELETE FROM team_members WHERE team_id = ?", teamID).Error; err != nil {
		return err
	}
	for _, m := range members {
		if err := addMemberTx(tx, "member_ids", teamID, m); err != nil {
			return err
		}
	}
	return nil
}

func teamName(s string) (string, error) {
	if s = sanitize.Preview(s, 100); s == "" {
		return "", fault.Invalid("name", "required", "a team needs a name")
	}
	return s, nil
}

func noTeam(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fault.NotFound("this team does not exist")
	}
	return err
}
