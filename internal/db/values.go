package db

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// Strings is a list of strings kept as JSON text.
type Strings []string

// List is never nil.
func (s Strings) List() []string {
	if s == nil {
		return []string{}
	}
	return s
}

// Value and Scan keep it as JSON text.
func (s Strings) Value() (driver.Value, error) { return jsonText(s.List()) }
func (s *Strings) Scan(v any) error            { return scanJSON(v, s) }

// Map is a JSON object kept as text.
type Map map[string]any

// Object is never nil.
func (m Map) Object() map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// Value and Scan keep it as JSON text.
func (m Map) Value() (driver.Value, error) { return jsonText(m.Object()) }
func (m *Map) Scan(v any) error            { return scanJSON(v, m) }

func jsonText(v any) (driver.Value, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func scanJSON(v, into any) error {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(x), into)
	case []byte:
		return json.Unmarshal(x, into)
	}
	return fmt.Errorf("JSON column holds %T", v)
}

// Time is a stored time (unix milliseconds) as people and JSON see it, in UTC.
func Time(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// TimeOrNull is Time, nil for 0.
func TimeOrNull(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := Time(ms)
	return &t
}

// OrNull is nil for "".
func OrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
