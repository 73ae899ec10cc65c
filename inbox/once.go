package inbox

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// Once is a request that must have its effect once, however often it comes (Idempotency-Key). The row is written in the
// transaction that makes the resource, so a request that was cut off by a crash is known by its resource.
type Once struct {
	UserID, Key, Route, Hash string
	At                       int64
}

type onceKey struct{}

// WithOnce makes the first resource created under ctx the effect of o.
func WithOnce(ctx context.Context, o *Once) context.Context {
	return context.WithValue(ctx, onceKey{}, o)
}

// OnceTx writes that this request made the resource id. Without an Idempotency-Key it does nothing. When another request with
// the same key was faster the unique index refuses (db.IsDuplicate) and the whole transaction is undone.
func OnceTx(tx *gorm.DB, id string) error {
	o, _ := tx.Statement.Context.Value(onceKey{}).(*Once)
	if o == nil {
		return nil
	}
	err := tx.Exec("INSERT INTO idempotency (user_id, key, route, hash, resource_id, created_at) VALUES (?, ?, ?, ?, ?, ?)", o.UserID, o.Key, o.Route, o.Hash, id, o.At).Error
	if err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	return nil
}
