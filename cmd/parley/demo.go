package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	demoshop "parley/cmd/parley/internal/demo"
	"parley/configs"
	"parley/internal/clock"
)

const week = 7 * 24 * time.Hour

func demo(ctx context.Context, env environment, args []string) error {
	var port int
	var speed float64
	file, err := flags(env, "demo", args, func(f *flag.FlagSet) {
		f.IntVar(&port, "port", 8080, "the port on 127.0.0.1")
		f.Float64Var(&speed, "speed", 1, "how many times faster than life the customers are")
	})
	switch {
	case err != nil:
		return err
	case file != "":
		return usageError{errors.New("the demo has settings of its own and takes no --config")}
	case port < 1 || port > 65535:
		return usageError{errors.New("--port is between 1 and 65535")}
	case speed <= 0 || speed > 100:
		return usageError{errors.New("--speed is between 0 and 100")}
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(env.errOut, &slog.HandlerOptions{Level: slog.LevelWarn})))
	err = runDemo(ctx, env.out, port, speed)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is taken; take another one: parley demo --port %d", port, port+1)
	}
	return err
}

// runDemo serves an installation that is gone when ctx ends.
func runDemo(ctx context.Context, out io.Writer, port int, speed float64) (err error) {
	dir, err := os.MkdirTemp("", "parley-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	c, err := configs.Load("", []string{fmt.Sprint("PARLEY_SERVER_PORT=", port), "PARLEY_SERVER_HOST=127.0.0.1", "PARLEY_SERVER_PUBLIC_URL=" + base,
		"PARLEY_SERVER_ALLOW_PRIVATE_HOSTS=127.0.0.1", "PARLEY_DATA_DIR=" + filepath.Join(dir, "data")})
	if err != nil {
		return err
	}
	past := demoshop.NewClock(clock.System, week)
	show, err := demoshop.New(demoshop.Options{Base: base, Out: out, Clock: past, Speed: speed})
	if err != nil {
		return err
	}
	defer show.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	played := make(chan error, 1)
	begun := false
	err = serveHouseAt(ctx, past.Now, c, func(*house, net.Addr) {
		begun = true
		go func() {
			defer cancel() // a shop that could not be opened is not served
			played <- show.Run(ctx)
		}()
	})
	cancel()
	if begun {
		err = errors.Join(err, <-played)
	}
	return err
}
