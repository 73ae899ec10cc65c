package staff

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/internal/auth"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/internal/once"
	"parley/internal/sanitize"

	"gorm.io/gorm"
)

const (
	sessionIdle     = 7 * 24 * time.Hour
	sessionAbsolute = 30 * 24 * time.Hour
	linkFor         = 72 * time.Hour
	touchEvery      = int64(60_000) // ms between notes of a session's last use
)

// Token is an API token, without its secret.
type Token struct {
	ID         string `gorm:"primaryKey"`
	UserID     string
	Name       string
	Hash       string
	Scopes     db.Strings
	LastUsedAt int64
	ExpiresAt  int64
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
}

// Session is a browser that is signed in. Hash is under what its cookie is found.
type Session struct {
	Hash       string `gorm:"primaryKey"`
	UserID     string
	UserAgent  string
	Address    string
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	LastSeenAt int64
	ExpiresAt  int64
}

var errUnknown = fault.Unauthorized("you are not signed in, or not any more")

// SignIn checks a password and opens a session. The error does not tell whether the person exists.
func (s *Staff) SignIn(ctx context.Context, email, password, userAgent, address string) (cookie string, u *User, err error) {
	u = &User{}
	err = s.db.Read(ctx).Where("email = ?", strings.ToLower(strings.TrimSpace(email))).Take(u).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil, err
	}
	if !auth.PasswordMatches(u.PasswordHash, password) || u.Disabled || u.ID == "" {
		return "", nil, fault.Unauthorized("the address or the password is not right")
	}
	cookie, err = s.openSession(ctx, u.ID, userAgent, address)
	if known, ok := s.User(u.ID); ok {
		u = known
	}
	return cookie, u, err
}

// OpenSession signs in somebody who has just proved themselves otherwise (the first owner, a set-password link).
func (s *Staff) OpenSession(ctx context.Context, userID, userAgent, address string) (cookie string, err error) {
	return s.openSession(ctx, userID, userAgent, address)
}

func (s *Staff) openSession(ctx context.Context, userID, userAgent, address string) (string, error) {
	clear, hash := auth.NewToken(auth.SessionToken)
	now := s.now()
	row := Session{Hash: hash, UserID: userID, UserAgent: sanitize.Preview(userAgent, 200), Address: address, CreatedAt: now.UnixMilli(), LastSeenAt: now.UnixMilli(),
		ExpiresAt: now.Add(sessionAbsolute).UnixMilli()}
	if err := s.db.Write(ctx).Create(&row).Error; err != nil {
		return "", fmt.Errorf("open session: %w", err)
	}
	return clear, nil
}

// BySession is whose session a cookie is; fault.Unauthorized when it is nobody's or over.
func (s *Staff) BySession(ctx context.Context, cookie string) (*User, *Session, error) {
	if !strings.HasPrefix(cookie, auth.SessionToken) {
		return nil, nil, errUnknown
	}
	row := &Session{}
	err := s.db.Read(ctx).Where("hash = ?", auth.HashToken(cookie)).Take(row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil, errUnknown
	}
	if err != nil {
		return nil, nil, err
	}
	now := s.now().UnixMilli()
	u, ok := s.User(row.UserID)
	if !ok || u.Disabled || now > row.ExpiresAt || now-row.LastSeenAt > sessionIdle.Milliseconds() {
		return nil, nil, errUnknown
	}
	if now-row.LastSeenAt > touchEvery {
		if err := s.db.Write(ctx).Exec("UPDATE sessions SET last_seen_at = ? WHERE hash = ?", now, row.Hash).Error; err != nil {
			return nil, nil, err
		}
	}
	return u, row, nil
}

// SignOut ends a session.
func (s *Staff) SignOut(ctx context.Context, hash string) error {
	err := s.db.Write(ctx).Exec("DELETE FROM sessions WHERE hash = ?", hash).Error
	s.tell()
	return err
}

func (s *Staff) tell() {
	s.mu.RLock()
	changed := slices.Clone(s.changed)
	s.mu.RUnlock()
	for _, f := range changed {
		f()
	}
}

// ByToken is whose API token this is; fault.Unauthorized when it is nobody's, revoked or over.
func (s *Staff) ByToken(ctx context.Context, clear string) (*User, *Token, error) {
	if !strings.HasPrefix(clear, auth.APIToken) || len(clear) > 200 {
		return nil, nil, errUnknown
	}
	t := &Token{}
	err := s.db.Read(ctx).Where("hash = ?", auth.HashToken(clear)).Take(t).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil, errUnknown
	}
	if err != nil {
		return nil, nil, err
	}
	now := s.now().UnixMilli()
	u, ok := s.User(t.UserID)
	if !ok { // made by another process a moment ago
		if err := s.Reload(ctx); err != nil {
			return nil, nil, err
		}
		u, ok = s.User(t.UserID)
	}
	if !ok || u.Disabled || t.ExpiresAt != 0 && now > t.ExpiresAt {
		return nil, nil, errUnknown
	}
	s.mu.Lock()
	s.used[t.ID] = now
	s.mu.Unlock()
	return u, t, nil
}

// CreateToken makes an API token of a person and answers its secret, which is not kept. expires 0: never.
func (s *Staff) CreateToken(ctx context.Context, userID, name string, scopes []string, expires time.Duration) (clear string, t *Token, err error) {
	if name = sanitize.Preview(name, 100); name == "" {
		return "", nil, fault.Invalid("name", "required", "a token needs a name, so that people know what it is for")
	}
	for _, sc := range scopes {
		if sc != ScopeRead && sc != ScopeWrite {
			return "", nil, fault.Invalid("scopes", "unknown", "read or write")
		}
	}
	if expires < 0 {
		return "", nil, fault.Invalid("expires_at", "in_the_past", "the token would be over already")
	}
	clear, hash := auth.NewToken(auth.APIToken)
	t = &Token{ID: ids.New(), UserID: userID, Name: name, Hash: hash, Scopes: scopes, CreatedAt: s.now().UnixMilli()}
	if expires > 0 {
		t.ExpiresAt = s.now().Add(expires).UnixMilli()
	}
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(t).Error; err != nil {
			return err
		}
		return once.Tx(tx, t.ID)
	})
	return clear, t, err
}

// Scopes of a token. One without scopes may do all that its person may.
const (
	ScopeRead  = "read"
	ScopeWrite = "write"
)

// May tells whether the token's scopes allow a request that reads, or one that changes something.
func (t *Token) May(write bool) bool {
	if len(t.Scopes) == 0 || slices.Contains(t.Scopes, ScopeWrite) {
		return true
	}
	return !write && slices.Contains(t.Scopes, ScopeRead)
}

// Tokens lists userID's tokens, or everybody's when all is set, newest first.
func (s *Staff) Tokens(ctx context.Context, userID string, all bool) (out []*Token, err error) {
	q := s.db.Read(ctx).Order("created_at DESC, id DESC").Limit(1000)
	if !all {
		q = q.Where("user_id = ?", userID)
	}
	return out, q.Find(&out).Error
}

// Revoke ends a token: userID's own, or anybody's when all is set. Its sockets are closed within seconds.
func (s *Staff) Revoke(ctx context.Context, id, userID string, all bool) error {
	q := s.db.Write(ctx).Where("id = ?", id)
	if !all {
		q = q.Where("user_id = ?", userID)
	}
	res := q.Delete(&Token{})
	if res.Error == nil && res.RowsAffected == 0 {
		return fault.NotFound("this token does not exist")
	}
	s.tell()
	return res.Error
}

// Alive tells which of these credentials (session hashes and token ids) still open the door.
func (s *Staff) Alive(ctx context.Context, credentials []string) (map[string]bool, error) {
	now := s.now().UnixMilli()
	out := map[string]bool{}
	if len(credentials) == 0 {
		return out, nil
	}
	for part := range slices.Chunk(credentials, 500) {
		var rows []struct{ ID, UserID string }
		err := s.db.Read(ctx).Raw(`SELECT hash AS id, user_id FROM sessions WHERE hash IN ? AND expires_at > ?
			UNION ALL SELECT id, user_id FROM tokens WHERE id IN ? AND (expires_at = 0 OR expires_at > ?)`, part, now, part, now).Scan(&rows).Error
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if u, ok := s.User(r.UserID); ok && !u.Disabled {
				out[r.ID] = true
			}
		}
	}
	return out, nil
}

// Link makes a one-time link secret with which a person sets their password.
func (s *Staff) Link(ctx context.Context, userID string) (clear string, err error) {
	clear, hash := auth.NewToken(auth.LinkToken)
	err = s.db.Write(ctx).Exec("INSERT INTO password_links (hash, user_id, expires_at) VALUES (?, ?, ?)", hash, userID, s.now().Add(linkFor).UnixMilli()).Error
	return clear, err
}

// SetPassword uses a link. All sessions and tokens of the person end; the answer is who it was.
func (s *Staff) SetPassword(ctx context.Context, link, password string) (*User, error) {
	u := &User{}
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		var userID string
		now := s.now().UnixMilli()
		err := tx.Raw("UPDATE password_links SET used_at = ? WHERE hash = ? AND used_at = 0 AND expires_at > ? RETURNING user_id", now, auth.HashToken(link), now).Scan(&userID).Error
		if err != nil {
			return err
		}
		if userID == "" {
			return fault.NotFound("this link was used already, or is too old")
		}
		if err := tx.Where("id = ? AND NOT disabled", userID).Take(u).Error; err != nil {
			return fault.NotFound("this link was used already, or is too old")
		}
		if err := auth.CheckPassword(password, u.Email, u.Name); err != nil {
			return err
		}
		hash, err := auth.HashPassword(password)
		if err != nil {
			return err
		}
		if err := endAccessTx(tx, userID); err != nil {
			return err
		}
		return tx.Model(&User{}).Where("id = ?", userID).UpdateColumns(map[string]any{"password_hash": hash, "updated_at": now, "version": u.Version + 1}).Error
	})
	if err != nil {
		return nil, err
	}
	return u, s.Reload(ctx)
}
