package db

import (
	"database/sql/driver"
	"strings"
	"unicode"

	"github.com/glebarez/go-sqlite"
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

// SkipLocked ends a SELECT whose rows others may be taking at the same time. SQLite has one writer and needs nothing.
func (d *DB) SkipLocked(table string) string {
	if d.Dialect == Postgres {
		return "FOR UPDATE OF " + table + " SKIP LOCKED"
	}
	return ""
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
