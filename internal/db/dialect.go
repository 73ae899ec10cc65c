package db

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode"

	sqlite "github.com/glebarez/go-sqlite"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// SQLite's own LOWER knows the letters of English alone, and nobody would find "Иванов" by "иванов".
func init() {
	sqlite.MustRegisterDeterministicScalarFunction("lower", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		if s, ok := args[0].(string); ok {
			return strings.ToLower(s), nil
		}
		return args[0], nil
	})
}

// Refused tells whether the database refused a statement for what it says, and would do so again; everything else (away, locked, full) may
// pass.
func Refused(err error) bool {
	var p *pgconn.PgError
	var s *sqlite.Error
	switch {
	case errors.As(err, &p): // data exception, integrity, no such thing: PostgreSQL, Appendix A
		return strings.HasPrefix(p.Code, "22") || strings.HasPrefix(p.Code, "23") || strings.HasPrefix(p.Code, "42")
	case errors.As(err, &s):
		switch s.Code() & 0xff { // https://www.sqlite.org/rescode.html
		case 1, 18, 19, 20, 25: // ERROR, TOOBIG, CONSTRAINT, MISMATCH, RANGE
			return true
		}
		return false
	}
	return errors.Is(err, gorm.ErrDuplicatedKey) || errors.Is(err, gorm.ErrForeignKeyViolated) || errors.Is(err, gorm.ErrCheckConstraintViolated) || errors.Is(err, gorm.ErrRecordNotFound)
}

// Away tells whether err is the failure of the way to the database, so that nothing else will succeed either just now.
func Away(err error) bool {
	var c *pgconn.ConnectError
	var n net.Error
	var p *pgconn.PgError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &c) || errors.As(err, &n) ||
		errors.As(err, &p) && strings.HasPrefix(p.Code, "57") // the server is stopping or starting
}

// Matching asks for the rows of table in which columns are one of the given lists of values, each found through the index.
func Matching(tx *gorm.DB, table string, columns []string, values [][]string) *gorm.DB {
	if len(values) == 0 {
		return tx.Table(table).Where("1 = 0")
	}
	var list, on []string
	var args []any
	for i, c := range columns {
		on = append(on, fmt.Sprintf("%s.%s = v.column%d", table, c, i+1)) // both call the columns of VALUES column1, column2 …
	}
	row := "(" + strings.Repeat("?, ", len(columns)-1) + "?)"
	for _, v := range values {
		list = append(list, row)
		for _, x := range v {
			args = append(args, x)
		}
	}
	return tx.Table("(VALUES "+strings.Join(list, ", ")+") AS v", args...).Select(table + ".*").Joins("CROSS JOIN " + table). // CROSS: SQLite's planner keeps the order
																	Where(strings.Join(on, " AND "))
}

// SkipLocked ends a SELECT whose rows others may be taking at the same time. SQLite has one writer and needs nothing.
func (d *DB) SkipLocked(table string) string {
	if d.Dialect == Postgres {
		return "FOR UPDATE OF " + table + " SKIP LOCKED"
	}
	return ""
}

// Newest asks for the rows of table (which has a full-text index and is numbered by n) that hold all words of q, youngest first; it reads no
// more of them than are taken. ok is false when q has no words.
func (d *DB) Newest(tx *gorm.DB, table, q string) (rows *gorm.DB, ok bool) {
	condition, argument, ok := d.Words(table, q)
	if !ok {
		return tx, false
	}
	if d.Dialect == Postgres {
		return tx.Table(table).Where(condition, argument).Order(table + ".n DESC"), true
	}
	fts := table + "_fts"
	return tx.Table(fts).Joins("CROSS JOIN "+table+" ON "+table+".n = "+fts+".rowid").Where(fts+" MATCH ?", argument).Order(fts + ".rowid DESC"), true
}

// Words is the condition, with its argument, that a row of table (which has a full-text index) holds all words of q, the last one as
// a beginning; ok is false when q has no words. Words part at punctuation, as they do in the index.
func (d *DB) Words(table, q string) (condition, argument string, ok bool) {
	words := strings.FieldsFunc(strings.ToLower(q), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	if len(words) == 0 {
		return "", "", false
	}
	words = words[:min(len(words), 16)]
	if d.Dialect == Postgres {
		return table + ".words @@ to_tsquery('simple', ?)", "'" + strings.Join(words, "' & '") + "':*", true
	}
	return table + ".n IN (SELECT rowid FROM " + table + "_fts WHERE " + table + "_fts MATCH ?)", `"` + strings.Join(words, `" "`) + `"*`, true
}
