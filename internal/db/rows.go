package db

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// rows gathers what one transaction (Tx) stores, so that a table is written with one statement for all of its rows, and numbers are counted
// once for all who want one.
type rows struct {
	tables  map[string]table
	numbers map[string][]*int64
	known   map[same]any
}

type table interface {
	storeTx(tx *gorm.DB) error
}

type same struct {
	kind reflect.Type
	key  string
}

// order is that of the tables: a row comes after those it refers to.
var order = []string{"contacts", "identities", "conversations", "leads", "messages", "attachments", "journal"}

type rowsKey struct{}

func gather(ctx context.Context) context.Context {
	return context.WithValue(ctx, rowsKey{}, &rows{tables: map[string]table{}, numbers: map[string][]*int64{}, known: map[same]any{}})
}

func rowsOf(tx *gorm.DB) *rows {
	return tx.Statement.Context.Value(rowsKey{}).(*rows)
}

// gathered are the rows of one table.
type gathered[T any] struct {
	name    string
	rows    []*T
	replace bool // a row that is there already
}

func (g *gathered[T]) storeTx(tx *gorm.DB) error {
	if g.replace {
		tx = tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true})
	}
	atOnce := 500
	if tx.Name() == SQLite {
		atOnce = 16 // its driver looks through all values for each of them
	}
	if err := tx.CreateInBatches(g.rows, atOnce).Error; err != nil {
		return fmt.Errorf("store %s: %w", g.name, err)
	}
	return nil
}

// Same is the one copy of a row that a transaction works on: the first that was given under key. What is gathered is not in the table yet, so
// one that was read again would be an older state.
func Same[T any](tx *gorm.DB, key string, row *T) *T {
	known := rowsOf(tx).known
	k := same{reflect.TypeFor[T](), key}
	if first, ok := known[k].(*T); ok {
		return first
	}
	known[k] = row
	return row
}

// StoreTx has row inserted when the transaction ends, as it is then, or at FlushTx. Storing the same row again changes nothing.
func StoreTx[T any](tx *gorm.DB, row *T) error { return store(tx, row, false) }

// ReplaceTx is StoreTx for a row that may be there already: one that was read, and locked, in this transaction.
func ReplaceTx[T any](tx *gorm.DB, row *T) error { return store(tx, row, true) }

func store[T any](tx *gorm.DB, row *T, replace bool) error {
	name, err := tableOf[T](tx)
	if err != nil {
		return err
	}
	r := rowsOf(tx)
	g, _ := r.tables[name].(*gathered[T])
	if g == nil {
		g = &gathered[T]{name: name}
		r.tables[name] = g
	}
	g.replace = g.replace || replace
	if !slices.Contains(g.rows, row) {
		g.rows = append(g.rows, row)
	}
	return nil
}

var names sync.Map // reflect.Type → name of the table: gorm makes it anew each time

func tableOf[T any](tx *gorm.DB) (string, error) {
	kind := reflect.TypeFor[T]()
	if name, ok := names.Load(kind); ok {
		return name.(string), nil
	}
	s := &gorm.Statement{DB: tx}
	if err := s.Parse(new(T)); err != nil {
		return "", err
	}
	if !slices.Contains(order, s.Table) {
		return "", fmt.Errorf("rows of %s are not gathered", s.Table)
	}
	names.Store(kind, s.Table)
	return s.Table, nil
}

// NumberTx puts the next number of a sequence that people see into n when the transaction ends, or at FlushTx.
func NumberTx(tx *gorm.DB, counter string, n *int64) {
	r := rowsOf(tx)
	r.numbers[counter] = append(r.numbers[counter], n)
}

// FlushTx writes what was gathered until now, for a statement that must find it.
func FlushTx(tx *gorm.DB) error {
	r := rowsOf(tx)
	for _, counter := range []string{"conversation", "lead"} { // always in this order: two transactions that want both don't lock each other out
		if err := countTx(tx, counter, r.numbers[counter]); err != nil {
			return err
		}
	}
	clear(r.numbers)
	for _, name := range order {
		if t := r.tables[name]; t != nil {
			if err := t.storeTx(tx); err != nil {
				return err
			}
		}
	}
	clear(r.tables)
	return nil
}

func countTx(tx *gorm.DB, counter string, wanted []*int64) error {
	if len(wanted) == 0 {
		return nil
	}
	var last int64
	err := tx.Raw("UPDATE counters SET value = value + ? WHERE name = ? RETURNING value", len(wanted), counter).Scan(&last).Error
	if err != nil {
		return fmt.Errorf("number of the %s: %w", counter, err)
	}
	if last == 0 {
		return fmt.Errorf("there is no counter %q", counter)
	}
	for i, n := range wanted {
		*n = last - int64(len(wanted)-1-i)
	}
	return nil
}
