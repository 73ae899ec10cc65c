// Package ids makes the opaque ids of everything Parley keeps: UUIDv7 (RFC 9562), so that younger ones sort after older ones.
package ids

import "github.com/google/uuid"

// New is a fresh id. It panics when the system's random source fails: without it nothing may go on.
func New() string { return uuid.Must(uuid.NewV7()).String() }
