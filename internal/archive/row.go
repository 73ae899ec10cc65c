package archive

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/internal/db"
)

// row reads one row after the other of one table into the same places.
type row struct {
	table  db.Table
	names  [][]byte // `"column":`
	values []any    // what Scan fills
}

func newRow(t db.Table) (*row, error) {
	r := &row{table: t}
	for _, c := range t.Columns {
		name, err := json.Marshal(c.Name)
		if err != nil {
			return nil, err
		}
		r.names = append(r.names, append(name, ':'))
		r.values = append(r.values, place(c.Kind))
	}
	return r, nil
}

func place(k db.Kind) any {
	switch k {
	case db.Integer:
		return new(sql.NullInt64)
	case db.Float:
		return new(sql.NullFloat64)
	case db.Bool:
		return new(sql.NullBool)
	case db.Bytes:
		return new(any) // SQLite gives no bytes as a nil slice, which is not NULL
	}
	return new(sql.NullString)
}

// appendTo writes the row as one line.
func (r *row) appendTo(line []byte) ([]byte, error) {
	line = append(line, '{')
	for i, v := range r.values {
		if i > 0 {
			line = append(line, ',')
		}
		b, err := json.Marshal(plain(v))
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", r.table.Name, r.table.Columns[i].Name, err)
		}
		line = append(append(line, r.names[i]...), b...)
	}
	return append(line, '}', '\n'), nil
}

// rawText is a text that is not UTF-8, which JSON cannot hold. Only SQLite has such.
type rawText struct {
	Base64 []byte `json:"base64"`
}

func plain(v any) any {
	switch x := v.(type) {
	case *sql.NullInt64:
		if x.Valid {
			return x.Int64
		}
	case *sql.NullFloat64:
		if x.Valid {
			return x.Float64
		}
	case *sql.NullBool:
		if x.Valid {
			return x.Bool
		}
	case *any:
		if b, valid := (*x).([]byte); valid {
			return append([]byte{}, b...)
		}
	case *sql.NullString:
		switch {
		case x.Valid && utf8.ValidString(x.String):
			return x.String
		case x.Valid:
			return rawText{[]byte(x.String)}
		}
	}
	return nil
}

// parseRow gives the values of a line in the order of t's columns. onlyUTF8 says that the database takes no other text, and no NUL.
func parseRow(t db.Table, line map[string]json.RawMessage, onlyUTF8 bool) ([]any, error) {
	if len(line) != len(t.Columns) {
		return nil, fmt.Errorf("a row of %s has %d columns, the table has %d", t.Name, len(line), len(t.Columns))
	}
	values := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		raw, ok := line[c.Name]
		if !ok {
			return nil, fmt.Errorf("a row of %s has no %s", t.Name, c.Name)
		}
		if string(raw) == "null" {
			continue
		}
		v, err := parseValue(c.Kind, raw)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t.Name, c.Name, err)
		}
		if s, isText := v.(string); isText && onlyUTF8 {
			v = strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�")
		}
		values[i] = v
	}
	return values, nil
}

func parseValue(k db.Kind, raw json.RawMessage) (any, error) {
	switch k {
	case db.Integer:
		return strconv.ParseInt(string(raw), 10, 64)
	case db.Float:
		return strconv.ParseFloat(string(raw), 64)
	case db.Bool:
		return strconv.ParseBool(string(raw))
	case db.Bytes:
		b := []byte{}
		return b, into(raw, &b)
	}
	if n := len(raw) - 1; n > 0 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1:n]), nil // most are like that, and a restore has millions
	}
	if raw[0] == '{' {
		var t rawText
		err := into(raw, &t)
		return string(t.Base64), err
	}
	var s string
	err := into(raw, &s)
	return s, err
}

// into decodes a value without repeating it in the error.
func into(raw json.RawMessage, v any) error {
	if json.Unmarshal(raw, v) != nil {
		return fmt.Errorf("the value is no %T", v)
	}
	return nil
}
