package configs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// check says what is allowed and whether a text is; it returns the text as it is to be kept.
type check struct {
	allowed string
	clean   func(string) (string, error)
}

var errNotAllowed = errors.New("not allowed")

func text(key, def, doc string, ch check, field func(*Config) *string) setting {
	return setting{
		Setting: Setting{Key: key, Type: "text", Default: def, Doc: doc, Allowed: ch.allowed},
		value:   def,
		assign: func(c *Config, raw any) error {
			if raw == nil {
				raw = ""
			}
			s, ok := raw.(string)
			if !ok {
				return errNotAllowed
			}
			if s == "" && def == "" { // derived later, or off
				*field(c) = ""
				return nil
			}
			clean, err := ch.clean(strings.TrimSpace(s))
			if err != nil {
				return err
			}
			*field(c) = clean
			return nil
		},
	}
}

func number(key string, def int, doc string, low, high int, field func(*Config) *int) setting {
	return setting{
		Setting: Setting{Key: key, Type: "number", Default: strconv.Itoa(def), Doc: doc,
			Allowed: fmt.Sprintf("a whole number from %d to %d", low, high)},
		value: def,
		assign: func(c *Config, raw any) error {
			n, err := wholeNumber(raw)
			if err != nil || n < low || n > high {
				return errNotAllowed
			}
			*field(c) = n
			return nil
		},
	}
}

func wholeNumber(raw any) (int, error) {
	switch v := raw.(type) {
	case int:
		return v, nil
	case string:
		return strconv.Atoi(strings.TrimSpace(v))
	}
	return 0, errNotAllowed
}

func yesNo(key string, def bool, doc string, field func(*Config) *bool) setting {
	return setting{
		Setting: Setting{Key: key, Type: "yes or no", Default: strconv.FormatBool(def), Doc: doc, Allowed: "true or false"},
		value:   def,
		assign: func(c *Config, raw any) error {
			switch v := raw.(type) {
			case bool:
				*field(c) = v
				return nil
			case string:
				switch strings.ToLower(strings.TrimSpace(v)) {
				case "true":
					*field(c) = true
					return nil
				case "false":
					*field(c) = false
					return nil
				}
			}
			return errNotAllowed
		},
	}
}

func list(key, doc string, ch check, field func(*Config) *[]string) setting {
	return setting{
		Setting: Setting{Key: key, Type: "list", Default: "[]", Doc: doc, Allowed: "a list of " + ch.allowed},
		value:   []any{},
		assign: func(c *Config, raw any) error {
			items, err := texts(raw)
			if err != nil {
				return err
			}
			out := make([]string, 0, len(items))
			for _, item := range items {
				clean, err := ch.clean(item)
				if err != nil {
					return err
				}
				out = append(out, clean)
			}
			*field(c) = out
			return nil
		},
	}
}

// texts reads a YAML list of texts, or one text with commas.
func texts(raw any) ([]string, error) {
	var parts []string
	switch v := raw.(type) {
	case nil:
		return nil, nil
	case string:
		parts = strings.Split(v, ",")
	case []any:
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, errNotAllowed
			}
			parts = append(parts, s)
		}
	default:
		return nil, errNotAllowed
	}
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out, nil
}

// printed is raw as a person would have written it.
func printed(raw any) string {
	switch v := raw.(type) {
	case nil:
		return ""
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = printed(item)
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(raw)
}
