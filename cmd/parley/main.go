// Command parley is the whole hub: one binary that serves, and the tools to look after it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Set by the linker (Makefile).
var (
	version = "dev"
	commit  = "unknown"
	date    = "unknown"
)

// command is one word after parley.
type command struct {
	name, does, example string
	run                 func(ctx context.Context, env environment, args []string) error
}

// environment is what a command touches of the world.
type environment struct {
	vars        []string
	in          io.Reader
	out, errOut io.Writer
}

// commands is the list that --help shows.
func commands() []command {
	return []command{
		{"serve", "runs the hub", "parley serve --config parley.yaml", serve},
		{"migrate", "brings the database to the newest schema", "parley migrate", migrate},
		{"user create", "adds a person", "parley user create --email anna@example.com --name Anna --role agent", userCreate},
		{"token create", "prints an API token of a person", "parley token create --email anna@example.com --name script --expires 720h", tokenCreate},
		{"doctor", "checks config, database, blob store, broker and channels", "parley doctor", doctor},
		{"backup", "writes the whole installation into one file, while it serves", "parley backup --to parley-2026-11-21.tar.gz", backup},
		{"restore", "fills an empty installation from a backup", "parley restore --from parley-2026-11-21.tar.gz", restore},
		{"demo", "serves a throw-away installation with simulated customers", "parley demo", demo},
		{"openapi", "prints the description of the API (OpenAPI 3.1)", "parley openapi > openapi.json", openapi},
		{"healthcheck", "asks a running hub whether it is ready; for containers", "parley healthcheck", healthcheck},
		{"version", "prints version, commit and build date", "parley version", printVersion},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, environment{os.Environ(), os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// run answers the exit status: 0 done, 1 failed, 2 not understood.
func run(ctx context.Context, env environment, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		help(env.out)
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	c, rest, ok := find(args)
	if !ok {
		fmt.Fprintf(env.errOut, "parley: there is no command %q; parley --help lists them\n", args[0])
		return 2
	}
	err := c.run(ctx, env, rest)
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(env.errOut, "parley %s: %v\nfor example: %s\n", c.name, err, c.example)
		return 2
	}
	fmt.Fprintf(env.errOut, "parley %s: %v\n", c.name, err)
	return 1
}

// find takes one or two words as the command's name.
func find(args []string) (command, []string, bool) {
	for _, c := range commands() {
		if c.name == args[0] {
			return c, args[1:], true
		}
		if len(args) > 1 && c.name == args[0]+" "+args[1] {
			return c, args[2:], true
		}
	}
	return command{}, nil, false
}

func help(w io.Writer) {
	fmt.Fprintf(w, "Parley: all channels of a company in one live inbox, with a CRM core.\n\nusage: parley COMMAND [--config FILE] [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-13s %s\n  %-13s   %s\n", c.name, c.does, "", c.example)
	}
	fmt.Fprint(w, "\nSettings come from the YAML file and, over it, from variables such as PARLEY_SERVER_PORT;\nconfigs/parley.example.yaml lists them all. With none at all `parley serve` works: http://localhost:8080\n")
}

// usageError is a command line that was not understood.
type usageError struct{ error }

// flags reads a command's flags; --config is everybody's.
func flags(env environment, name string, args []string, define func(*flag.FlagSet)) (configFile string, err error) {
	f := flag.NewFlagSet("parley "+name, flag.ContinueOnError)
	f.SetOutput(env.errOut)
	f.StringVar(&configFile, "config", "", "the YAML file with the settings")
	if define != nil {
		define(f)
	}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return "", err
		}
		return "", usageError{err}
	}
	if f.NArg() > 0 {
		return "", usageError{fmt.Errorf("%q is not understood", f.Arg(0))}
	}
	return configFile, nil
}

func printVersion(_ context.Context, env environment, args []string) error {
	if _, err := flags(env, "version", args, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(env.out, "parley %s, commit %s, built %s\n", version, commit, date)
	return err
}
