package main

import (
	"context"
	"errors"
)

func demo(context.Context, environment, []string) error { return errors.New("being built") }
