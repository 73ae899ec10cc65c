package main

import (
	"errors"
	"fmt"
	"strings"

	"parley/internal/fault"
)

// explain writes a fault's fields out, for people at a shell.
func explain(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || len(f.Fields) == 0 {
		return err
	}
	var lines []string
	for _, x := range f.Fields {
		lines = append(lines, fmt.Sprintf("%s: %s", x.Field, x.Message))
	}
	return errors.New(strings.Join(lines, "\n"))
}
