package staff_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"parley/internal/clock"
	"parley/internal/db"
	"parley/internal/db/dbtest"
	"parley/internal/fault"
	"parley/internal/staff"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const password = "Kx7-walnut-42"

func open(t *testing.T, d *db.DB, now clock.Clock) *staff.Staff {
	t.Helper()
	s, err := staff.Open(context.Background(), d, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func add(t *testing.T, s *staff.Staff, email, role string) *staff.User {
	t.Helper()
	u, err := s.Create(context.Background(), staff.NewUser{Email: email, Name: email, Role: role, Password: password}, false)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestOfTwoFirstOwnersOneIsMade(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d, clock.System)
		var wg sync.WaitGroup
		made := make(chan error, 8)
		for _, who := range []string{"a", "b", "c", "d"} {
			wg.Go(func() {
				_, err := s.Create(context.Background(), staff.NewUser{Email: who + "@x.test", Name: who, Role: staff.Owner, Password: password}, true)
				made <- err
			})
		}
		wg.Wait()
		close(made)
		ok := 0
		for err := range made {
			if err == nil {
				ok++
			} else if !fault.Is(err, fault.KindNotFound) {
				t.Error(err)
			}
		}
		if ok != 1 || s.NeedsOwner() {
			t.Fatalf("%d owners were made", ok)
		}
	})
}

func TestASessionLivesUntilItIsOverOrItsPersonIsDisabled(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	now := time.Now()
	s := open(t, d, func() time.Time { return now })
	ctx := context.Background()
	add(t, s, "owner@x.test", staff.Owner)
	anna := add(t, s, "Anna@X.test", staff.Agent)
	if _, _, err := s.SignIn(ctx, "anna@x.test", "wrong", "", ""); !fault.Is(err, fault.KindUnauthorized) {
		t.Fatal(err)
	}
	cookie, u, err := s.SignIn(ctx, " ANNA@x.test", password, "Firefox", "127.0.0.1")
	if err != nil || u.ID != anna.ID {
		t.Fatal(err)
	}
	_, row, err := s.BySession(ctx, cookie)
	if err != nil {
		t.Fatal(err)
	}
	if alive, _ := s.Alive(ctx, []string{row.Hash, "no such"}); !alive[row.Hash] || len(alive) != 1 {
		t.Fatal(alive)
	}
	now = now.Add(8 * 24 * time.Hour)
	if _, _, err := s.BySession(ctx, cookie); err == nil {
		t.Error("a session that nobody used for eight days still opens")
	}
	now = now.Add(-8 * 24 * time.Hour)
	token, _, err := s.CreateToken(ctx, anna.ID, "script", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	off := true
	if _, err := s.Patch(ctx, anna.ID, staff.UserPatch{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.BySession(ctx, cookie); err == nil {
		t.Error("a disabled person's session opens")
	}
	if _, _, err := s.ByToken(ctx, token); err == nil {
		t.Error("a disabled person's token opens")
	}
	if _, _, err := s.SignIn(ctx, "anna@x.test", password, "", ""); err == nil {
		t.Error("a disabled person signs in")
	}
}

func TestTheLastOwnerStaysOne(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	s := open(t, d, clock.System)
	boss := add(t, s, "boss@x.test", staff.Owner)
	agent, off := staff.Agent, true
	for _, p := range []staff.UserPatch{{Role: &agent}, {Disabled: &off}} {
		if _, err := s.Patch(context.Background(), boss.ID, p); !fault.Is(err, fault.KindConflict) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	add(t, s, "second@x.test", staff.Owner)
	if _, err := s.Patch(context.Background(), boss.ID, staff.UserPatch{Role: &agent}); err != nil {
		t.Error(err)
	}
}

func TestALinkSetsAPasswordOnceAndEndsWhatWasOpen(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	now := time.Now()
	s := open(t, d, func() time.Time { return now })
	ctx := context.Background()
	u := add(t, s, "u@x.test", staff.Agent)
	cookie, _, _ := s.SignIn(ctx, "u@x.test", password, "", "")
	link, err := s.Link(ctx, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetPassword(ctx, link, "short"); !fault.Is(err, fault.KindInvalid) {
		t.Fatalf("a bad password: %v", err)
	}
	if _, err := s.SetPassword(ctx, link, "another-Kx7-42"); err != nil {
		t.Fatal("a refused password uses no link up:", err)
	}
	if _, _, err := s.BySession(ctx, cookie); err == nil {
		t.Error("the session of before still opens")
	}
	if _, err := s.SetPassword(ctx, link, "third-Kx7-42-x"); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("used twice: %v", err)
	}
	late, _ := s.Link(ctx, u.ID)
	now = now.Add(73 * time.Hour)
	if _, err := s.SetPassword(ctx, late, "third-Kx7-42-x"); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("after 73 hours: %v", err)
	}
}

func TestTokensEndAndAreRevokedByThoseWhoMay(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLiteURL(t))
	now := time.Now()
	s := open(t, d, func() time.Time { return now })
	ctx := context.Background()
	a, b := add(t, s, "a@x.test", staff.Agent), add(t, s, "b@x.test", staff.Agent)
	clear, tok, err := s.CreateToken(ctx, a.ID, "t", []string{staff.ScopeRead}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	u, got, err := s.ByToken(ctx, clear)
	if err != nil || u.ID != a.ID || got.May(true) || !got.May(false) {
		t.Fatalf("%v %+v", err, got)
	}
	if err := s.Revoke(ctx, tok.ID, b.ID, false); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("somebody else's token: %v", err)
	}
	now = now.Add(2 * time.Hour)
	if _, _, err := s.ByToken(ctx, clear); err == nil {
		t.Error("a token that is over opens")
	}
	now = now.Add(-2 * time.Hour)
	told := 0
	s.OnChange(func() { told++ })
	if err := s.Revoke(ctx, tok.ID, a.ID, false); err != nil || told == 0 {
		t.Fatal(err, told)
	}
	if _, _, err := s.ByToken(ctx, clear); err == nil {
		t.Error("a revoked token opens")
	}
}

func TestWhatTheCommandLineDoesIsSeenByTheServer(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		server, shell := open(t, d, clock.System), open(t, d, clock.System)
		ctx := context.Background()
		u := add(t, shell, "anna@x.test", staff.Agent)
		clear, _, err := shell.CreateToken(ctx, u.ID, "t", nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := server.ByToken(ctx, clear); err != nil {
			t.Error("the token is not known at once:", err)
		}
		team, err := shell.CreateTeam(ctx, "North", []string{u.ID})
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Fresh(ctx); err != nil {
			t.Fatal(err)
		}
		if got, ok := server.User(u.ID); !ok || len(got.TeamIDs) != 1 || got.TeamIDs[0] != team.ID {
			t.Errorf("%+v", got)
		}
		if _, err := shell.CreateTeam(ctx, "North", nil); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("two teams of one name: %v", err)
		}
	})
}
