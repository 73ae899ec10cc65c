package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"parley/inbox"
	"parley/internal/archive"
	"parley/internal/blob"
	"parley/internal/clock"
	"parley/internal/secrets"

	"gorm.io/gorm"
)

func backup(ctx context.Context, env environment, args []string) error {
	var to string
	file, err := flags(env, "backup", args, func(f *flag.FlagSet) { f.StringVar(&to, "to", "", "the file to make") })
	if err != nil {
		return err
	}
	if to == "" {
		return usageError{errors.New("--to is needed")}
	}
	h, err := stores(ctx, env, file, false)
	if err != nil {
		return err
	}
	defer func() { _ = h.close() }()
	have, known, err := h.db.Versions(ctx)
	switch {
	case err != nil:
		return err
	case have == 0:
		return fmt.Errorf("there is nothing to back up: the database of %q is empty", h.config.DataDir)
	case have > known:
		return fmt.Errorf("the database has schema %d and this program knows up to %d: take the program that serves", have, known)
	}
	m, err := archive.Write(ctx, archive.Source{DB: h.db, Blobs: h.blobs, Secrets: h.secrets, Now: h.now, Version: version}, to)
	var incomplete *archive.IncompleteError
	if err != nil && !errors.As(err, &incomplete) {
		return err
	}
	_, werr := fmt.Fprintf(env.out, "%s holds %s\nIts credentials open only with the key %s, which is not in it.\nKeep a copy of %s somewhere apart from the backups.\n",
		to, contents(m), m.Key, h.config.Secrets.KeyFile)
	return errors.Join(err, werr)
}

func contents(m archive.Manifest) string {
	return fmt.Sprintf("%d conversations, %d messages, %d contacts and %d files (%.1f MB)",
		m.Tables["conversations"], m.Tables["messages"], m.Tables["contacts"], m.Blobs, float64(m.BlobBytes)/1e6)
}

// stores opens what a backup or a restore stands on: the database as it is, the key, and the blobs.
func stores(ctx context.Context, env environment, file string, mayMakeKey bool) (*house, error) {
	c, err := load(env, file)
	if err != nil {
		return nil, err
	}
	box, err := secrets.Load(c.Secrets.KeyFile, mayMakeKey)
	if err != nil {
		return nil, fmt.Errorf("secrets.key_file: %w", err)
	}
	h, err := site(ctx, clock.System, c)
	if err != nil {
		return nil, err
	}
	h.secrets = box
	if h.blobs, err = blob.Open(c.Blob.URL, c.DataDir, h.guard); err != nil {
		return nil, errors.Join(fmt.Errorf("blob.url: %w", err), h.close())
	}
	return h, nil
}

func restore(ctx context.Context, env environment, args []string) error {
	var from string
	var without bool
	file, err := flags(env, "restore", args, func(f *flag.FlagSet) {
		f.StringVar(&from, "from", "", "the file that parley backup made")
		f.BoolVar(&without, "without-key", false, "the key file is lost: restore all but the credentials of channels")
	})
	if err != nil {
		return err
	}
	if from == "" {
		return usageError{errors.New("--from is needed")}
	}
	a, err := archive.Open(ctx, from)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	h, err := stores(ctx, env, file, without)
	if errors.Is(err, secrets.ErrNoKey) {
		return fmt.Errorf("%w\nthe backup needs the key with fingerprint %s; if it is lost for good, --without-key restores all but the credentials of channels", err, a.Head.Key)
	}
	if err != nil {
		return err
	}
	defer func() { _ = h.close() }()
	unlock, err := h.lockData()
	if err != nil {
		return err
	}
	defer unlock()
	return h.restore(ctx, a, without, env.out)
}

func (h *house) restore(ctx context.Context, a *archive.Archive, dropCredentials bool, out io.Writer) error {
	var doubtful int
	settle := func(tx *gorm.DB) (err error) {
		doubtful, err = inbox.RestoredTx(tx, h.now())
		return err
	}
	m, err := a.Restore(ctx, archive.Target{DB: h.db, Blobs: h.blobs, Secrets: h.secrets, Now: h.now, DropCredentials: dropCredentials, Then: settle})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "restored %s, as they were at %s\neverybody has to sign in again\n", contents(m), m.CreatedAt.Format("2006-01-02 15:04:05 MST"))
	if doubtful > 0 {
		_, werr := fmt.Fprintf(out, "%d messages were on their way out; they are shown as unknown, because they may have been sent since\n", doubtful)
		err = errors.Join(err, werr)
	}
	if dropCredentials {
		_, werr := fmt.Fprintln(out, "channels need their credentials again: enter them in settings")
		err = errors.Join(err, werr)
	}
	if n := len(m.Missing); n > 0 {
		_, werr := fmt.Fprintf(out, "%d files were missing when the backup was made and still are\n", n)
		err = errors.Join(err, werr)
	}
	return err
}
