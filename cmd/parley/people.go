package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"parley/internal/staff"
	"parley/ui/api"
)

func migrate(ctx context.Context, env environment, args []string) error {
	file, err := flags(env, "migrate", args, nil)
	if err != nil {
		return err
	}
	c, err := load(env, file)
	if err != nil {
		return err
	}
	h, err := foundation(ctx, c, true)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.out, "the database has the newest schema")
	return errors.Join(err, h.close())
}

// open is foundation for a small command.
func open(ctx context.Context, env environment, file string) (*house, error) {
	c, err := load(env, file)
	if err != nil {
		return nil, err
	}
	return foundation(ctx, c, c.Database.AutoMigrate)
}

func userCreate(ctx context.Context, env environment, args []string) error {
	var n staff.NewUser
	var stdin bool
	file, err := flags(env, "user create", args, func(f *flag.FlagSet) {
		f.StringVar(&n.Email, "email", "", "their e-mail address")
		f.StringVar(&n.Name, "name", "", "the name people will see")
		f.StringVar(&n.Role, "role", "", "owner, admin, manager or agent")
		f.BoolVar(&stdin, "password-stdin", false, "read the password from standard input instead of printing a link")
	})
	if err != nil {
		return err
	}
	if n.Email == "" || n.Name == "" || n.Role == "" {
		return usageError{errors.New("--email, --name and --role are needed")}
	}
	if stdin {
		line, err := bufio.NewReader(io.LimitReader(env.in, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n.Password = strings.TrimRight(line, "\r\n"); n.Password == "" {
			return errors.New("standard input holds no password")
		}
	}
	h, err := open(ctx, env, file)
	if err != nil {
		return err
	}
	defer func() { _ = h.close() }()
	u, err := h.staff.Create(ctx, n, false)
	if err != nil || stdin {
		return explain(err)
	}
	link, err := h.staff.Link(ctx, u.ID)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.out, "%s/set-password#%s\n", h.config.Server.PublicURL, link)
	return err
}

func tokenCreate(ctx context.Context, env environment, args []string) error {
	var address, name, scopes string
	var expires time.Duration
	file, err := flags(env, "token create", args, func(f *flag.FlagSet) {
		f.StringVar(&address, "email", "", "whose token it is")
		f.StringVar(&name, "name", "", "what it is for")
		f.StringVar(&scopes, "scopes", "", "read or write; without it the token may do all that its person may")
		f.DurationVar(&expires, "expires", 0, "how long it is good for, such as 720h; without it for ever")
	})
	if err != nil {
		return err
	}
	if address == "" || name == "" {
		return usageError{errors.New("--email and --name are needed")}
	}
	h, err := open(ctx, env, file)
	if err != nil {
		return err
	}
	defer func() { _ = h.close() }()
	u := byEmail(h.staff, address)
	if u == nil {
		return fmt.Errorf("nobody here has the address %s", address)
	}
	var list []string
	if scopes != "" {
		list = strings.Split(scopes, ",")
	}
	clear, _, err := h.staff.CreateToken(ctx, u.ID, name, list, expires)
	if err != nil {
		return explain(err)
	}
	_, err = fmt.Fprintln(env.out, clear)
	return err
}

func byEmail(s *staff.Staff, address string) *staff.User {
	for _, u := range s.All() {
		if strings.EqualFold(u.Email, address) {
			return u
		}
	}
	return nil
}

// openapi prints what the API says of itself. It needs no database of its own.
func openapi(_ context.Context, env environment, args []string) error {
	if _, err := flags(env, "openapi", args, nil); err != nil {
		return err
	}
	b, err := api.Describe(version)
	if err != nil {
		return err
	}
	_, err = env.out.Write(b)
	return err
}
