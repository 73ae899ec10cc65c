// Package page is how long lists are read: by keyset, so that page 1,000 costs what page 1 does and nothing is shown twice
// while new rows come in.
package page

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"parley/internal/fault"

	"gorm.io/gorm"
)

// Default and Most are how many rows a page has.
const (
	Default = 50
	Most    = 200
)

// Of is one page of a list. Next is nil on the last.
type Of[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next_cursor"`
}

// Ask is which page is wanted.
type Ask struct {
	Limit  int    // 0: Default
	Cursor string // "" for the first
}

// Size is the number of rows.
func (a Ask) Size() int {
	if a.Limit <= 0 {
		return Default
	}
	return min(a.Limit, Most)
}

// Key is a row's place: the number it is sorted by, and its id.
type Key struct {
	At int64
	ID string
}

// Apply sorts q by (column, id) and begins behind the cursor. It asks for one row more than the page has, by which Cut sees whether more
// follow. The error is fault.Malformed for a cursor that is none of ours.
func (a Ask) Apply(q *gorm.DB, column, id string, newestFirst bool) (*gorm.DB, error) {
	dir, cmp := "", ">"
	if newestFirst {
		dir, cmp = " DESC", "<"
	}
	if a.Cursor != "" {
		k, err := decode(a.Cursor)
		if err != nil {
			return nil, err
		}
		q = q.Where(fmt.Sprintf("(%s, %s) %s (?, ?)", column, id, cmp), k.At, k.ID)
	}
	return q.Order(column + dir + ", " + id + dir).Limit(a.Size() + 1), nil
}

// Cut makes a page of rows that were read with Apply.
func Cut[R, V any](a Ask, rows []R, key func(R) Key, view func(R) V) Of[V] {
	p := Of[V]{Data: []V{}}
	if n := a.Size(); len(rows) > n {
		rows = rows[:n]
		next := encode(key(rows[n-1]))
		p.Next = &next
	}
	for _, r := range rows {
		p.Data = append(p.Data, view(r))
	}
	return p
}

func encode(k Key) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(k.At, 36) + "." + k.ID))
}

func decode(s string) (Key, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	at, id, ok := strings.Cut(string(raw), ".")
	n, perr := strconv.ParseInt(at, 36, 64)
	if err != nil || !ok || perr != nil || len(id) > 64 || strings.ContainsRune(id, 0) {
		return Key{}, fault.Malformed("the cursor is not one that a list gave")
	}
	return Key{n, id}, nil
}
