package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
)

// Kind is what a column holds, the same on both databases.
type Kind int

// The kinds of columns.
const (
	Integer Kind = iota + 1 // int64
	Float                   // float64
	Text                    // string
	Bool                    // bool
	Bytes                   // []byte
)

var kinds = map[string]Kind{
	"integer": Integer, "bigint": Integer, "int": Integer,
	"real": Float, "double precision": Float,
	"text": Text, "boolean": Bool, "blob": Bytes, "bytea": Bytes,
}

// Column is a column that can be written; generated ones are none.
type Column struct {
	Name   string
	Kind   Kind
	serial bool
}

// Table is a table as whoever copies all rows needs it.
type Table struct {
	Name    string
	Columns []Column
}

// Snapshot runs f in a transaction that only reads and sees one moment of the whole database, however long it takes. Writers go on.
func (d *DB) Snapshot(ctx context.Context, f func(tx *gorm.DB) error) error {
	o := &sql.TxOptions{ReadOnly: true}
	if d.Dialect == Postgres {
		o.Isolation = sql.LevelRepeatableRead
	}
	return d.read.WithContext(ctx).Transaction(f, o)
}

// TablesTx lists all tables of ours, each after those that it refers to. Indexes that the database fills by itself are none.
func (d *DB) TablesTx(tx *gorm.DB) ([]Table, error) {
	names, columns, refers := sqliteTables, sqliteColumns, sqliteRefers
	if d.Dialect == Postgres {
		names, columns, refers = postgresTables, postgresColumns, postgresRefers
	}
	var all []string
	if err := tx.Raw(names).Scan(&all).Error; err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	tables, needs := map[string]Table{}, map[string][]string{}
	for _, name := range all {
		t, err := tableTx(tx, columns, name)
		if err != nil {
			return nil, err
		}
		var others []string
		if err := tx.Raw(refers, name).Scan(&others).Error; err != nil {
			return nil, fmt.Errorf("references of %s: %w", name, err)
		}
		tables[name], needs[name] = t, others
	}
	return inOrder(all, tables, needs)
}

const (
	sqliteTables  = `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT IN ('goose_db_version', 'conversation_counts') ORDER BY name`
	sqliteColumns = `SELECT name, LOWER(type) AS type, FALSE AS serial FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid`
	sqliteRefers  = `SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)`

	postgresTables = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name NOT IN ('goose_db_version', 'conversation_counts') ORDER BY table_name`

	postgresColumns = `SELECT column_name AS name, data_type AS type, is_identity = 'YES' AS serial FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = ? AND is_generated = 'NEVER' ORDER BY ordinal_position`
	postgresRefers = `SELECT DISTINCT r.relname FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
		WHERE k.contype = 'f' AND t.relnamespace = current_schema()::regnamespace AND t.relname = ?`
)

func tableTx(tx *gorm.DB, columns, name string) (Table, error) {
	var rows []struct {
		Name, Type string
		Serial     bool
	}
	if err := tx.Raw(columns, name).Scan(&rows).Error; err != nil {
		return Table{}, fmt.Errorf("columns of %s: %w", name, err)
	}
	t := Table{Name: name}
	for _, r := range rows {
		k, known := kinds[r.Type]
		if !known {
			return t, fmt.Errorf("column %s.%s has the type %s, which the two databases do not share", name, r.Name, r.Type)
		}
		t.Columns = append(t.Columns, Column{r.Name, k, r.Serial})
	}
	return t, nil
}

// inOrder puts each table behind those that it needs.
func inOrder(names []string, tables map[string]Table, needs map[string][]string) ([]Table, error) {
	var out []Table
	done := map[string]bool{}
	for len(out) < len(names) {
		before := len(out)
		for _, name := range names {
			waits := slices.ContainsFunc(needs[name], func(other string) bool { return other != name && !done[other] })
			if !done[name] && !waits {
				done[name] = true
				out = append(out, tables[name])
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("tables refer to each other in a circle: %d of %d have an order", before, len(names))
		}
	}
	return out, nil
}

// SelectTx reads all of a table; the columns come in t's order. The caller closes the rows.
func (t Table) SelectTx(tx *gorm.DB) (*sql.Rows, error) {
	return tx.Raw("SELECT " + t.columnList() + " FROM " + quote(t.Name)).Rows()
}

func (t Table) columnList() string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = quote(c.Name)
	}
	return strings.Join(names, ", ")
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// RowsAtOnce is how many rows of t one InsertTx should be given.
func (t Table) RowsAtOnce() int { return max(1, 1000/len(t.Columns)) }

// InsertTx writes rows whose values are in the order of t's columns, with one statement.
func (d *DB) InsertTx(tx *gorm.DB, t Table, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	var q strings.Builder
	q.WriteString("INSERT INTO " + quote(t.Name) + " (" + t.columnList() + ") VALUES ")
	args := make([]any, 0, len(rows)*len(t.Columns))
	for i, row := range rows {
		if i > 0 {
			q.WriteString(", ")
		}
		for j, v := range row {
			q.WriteString(map[bool]string{true: "(", false: ", "}[j == 0])
			args = append(args, v)
			if d.Dialect == Postgres {
				q.WriteString("$" + strconv.Itoa(len(args)))
			} else {
				q.WriteString("?")
			}
		}
		q.WriteString(")")
	}
	// not through gorm, which takes an empty list of bytes for none
	if _, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, q.String(), args...); err != nil {
		return fmt.Errorf("fill %s: %w", t.Name, err)
	}
	return nil
}

// EmptyTx deletes all rows of all tables.
func EmptyTx(tx *gorm.DB, tables []Table) error {
	for _, t := range slices.Backward(tables) {
		if err := tx.Exec("DELETE FROM " + quote(t.Name)).Error; err != nil {
			return fmt.Errorf("empty %s: %w", t.Name, err)
		}
	}
	return nil
}

// CountOnTx lets the database number new rows from the highest number on that tables hold. (SQLite does so by itself.)
func (d *DB) CountOnTx(tx *gorm.DB, tables []Table) error {
	for _, t := range tables {
		for _, c := range t.Columns {
			if !c.serial {
				continue
			}
			highest := "(SELECT MAX(" + quote(c.Name) + ") FROM " + quote(t.Name) + ")"
			err := tx.Exec("SELECT setval(pg_get_serial_sequence(?, ?), COALESCE("+highest+", 1), "+highest+" IS NOT NULL)", quote(t.Name), c.Name).Error
			if err != nil {
				return fmt.Errorf("numbers of %s: %w", t.Name, err)
			}
		}
	}
	return nil
}
