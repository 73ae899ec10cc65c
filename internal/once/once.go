// Package once makes a request have its effect once, however often it comes (the Idempotency-Key of the API).
package once

import (
	"context"
	"errors"
	"fmt"

	"parley/internal/db"

	"gorm.io/gorm"
)

// Request is a request that must have its effect once, however often it comes (Idempotency-Key). The row is written in the
// transaction that makes the resource, so a request that was cut off by a crash is known by its resource.
type Request struct {
	UserID, Key, Route, Hash string
	At                       int64
}

// ErrAgain says that another request with the same key was faster.
var ErrAgain = errors.New("a request with this Idempotency-Key is being answered")

type key struct{}

// With makes the first resource created under ctx the effect of o.
func With(ctx context.Context, o *Request) context.Context {
	return context.WithValue(ctx, key{}, o)
}

// Tx writes that this request made the resource id. Without an Idempotency-Key it does nothing. When another request with
// the same key was faster the unique index refuses (db.IsDuplicate) and the whole transaction is undone.
func Tx(tx *gorm.DB, id string) error {
	o, _ := tx.Statement.Context.Value(key{}).(*Request)
	if o == nil {
		return nil
	}
	err := tx.Exec("INSERT INTO idempotency (user_id, key, route, hash, resource_id, created_at) VALUES (?, ?, ?, ?, ?, ?)", o.UserID, o.Key, o.Route, o.Hash, id, o.At).Error
	if db.IsDuplicate(err) {
		return errors.Join(ErrAgain, err)
	}
	if err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	return nil
}
