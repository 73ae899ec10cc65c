package email

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"parley/connectors"
)

func (d *dovecot) pop3Config(more ...any) map[string]any {
	config := map[string]any{"host": "localhost", "port": d.pop3s, "security": "tls", "username": "support@hub.test", "password": "secret"}
	for i := 0; i+1 < len(more); i += 2 {
		config[more[i].(string)] = more[i+1]
	}
	return config
}

func TestDovecotPOP3(t *testing.T) {
	d := startDovecot(t)
	for _, security := range []string{"none", "starttls", "tls"} {
		port := d.pop3
		if security == "tls" {
			port = d.pop3s
		}
		if err := newChannel(t, map[string]any{"pop3": d.pop3Config("port", port, "security", security)}).Test(t.Context()); err != nil {
			t.Errorf("%s: %v", security, err)
		}
	}
	wrong := newChannel(t, map[string]any{"pop3": d.pop3Config("password", "wrong horse")})
	wrong.pace.silence = 20 * time.Second // Dovecot lets a wrong password wait
	if err := wrong.Test(t.Context()); !connectors.IsUnauthorized(err) || strings.Contains(err.Error(), "wrong horse") {
		t.Errorf("wrong password: %v", err)
	}

	sink := newSink()
	c := newChannel(t, map[string]any{"pop3": d.pop3Config()})
	deliver(t, d, 30)
	stop := running(t, c, sink)
	for _, in := range sink.awaitItems(t, 30) {
		if !strings.HasPrefix(in.Key, "pop3/") || in.At.IsZero() || strings.Contains(strings.ReplaceAll(string(in.Raw), "\r\n", ""), "\n") || in.Muted {
			t.Fatalf("%+v", in)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	deliver(t, d, 3)
	running(t, newChannel(t, map[string]any{"pop3": d.pop3Config()}), sink)
	sink.awaitItems(t, 33)
	sink.awaitState(t, connectors.StateConnected)
	sink.await(t, "figures", func(s *memorySink) bool {
		return strings.Contains(s.health[len(s.health)-1].Detail, "33 on the server, 33 here, 0 in quarantine, 0 missing")
	})
	if sink.doubles != 0 || len(sink.items()) != 33 {
		t.Errorf("%d items, %d fetched twice", len(sink.items()), sink.doubles)
	}
}

func TestDovecotPOP3TakesOnlyWhatTheChannelIsFor(t *testing.T) {
	d := startDovecot(t)
	sink := newSink()
	deliver(t, d, 2)
	c := newChannel(t, map[string]any{"pop3": d.pop3Config()})
	c.channel.CreatedAt = time.Now().Add(time.Hour) // what is there is older
	running(t, c, sink)
	sink.awaitState(t, connectors.StateConnected)
	for _, in := range sink.awaitItems(t, 2) {
		if in.Ignore == "" || strings.Contains(string(in.Raw), "Hello,") {
			t.Errorf("older mail: ignore %q, raw %q", in.Ignore, in.Raw)
		}
	}
	back := newChannel(t, map[string]any{"pop3": d.pop3Config("backfill_from", "2020-01-01")})
	back.channel.CreatedAt = c.channel.CreatedAt
	if _, err := back.Reconcile(t.Context(), sink); err != nil {
		t.Fatal(err)
	}
	if items := sink.items(); len(items) != 4 || !items[3].Muted || items[3].Ignore != "" {
		t.Errorf("with a backfill: %d items", len(items))
	}
}

func TestDovecotPOP3DeletesWhatIsStored(t *testing.T) {
	d := startDovecot(t)
	sink := newSink()
	deliver(t, d, 3)
	c := newChannel(t, map[string]any{"pop3": d.pop3Config("delete_after_days", 2)})
	if _, err := c.Reconcile(t.Context(), sink); err != nil {
		t.Fatal(err)
	}
	if n := d.holds("INBOX"); n != 3 {
		t.Errorf("%d mails left on the day they came", n)
	}
	c.host.Now = func() time.Time { return time.Now().Add(49 * time.Hour) }
	if _, err := c.Reconcile(t.Context(), sink); err != nil {
		t.Fatal(err)
	}
	if n := d.holds("INBOX"); n != 0 || len(sink.items()) != 3 {
		t.Errorf("%d mails left after two days, %d stored", n, len(sink.items()))
	}
}

// script is a POP3 server that answers by a table; a command that is not in it is refused.
func script(t *testing.T, answers map[string]string) map[string]any {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprint(conn, "+OK\r\n")
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					answer, ok := answers[lines.Text()]
					if !ok {
						answer = "-ERR no"
					}
					if answer == "cut" {
						return
					}
					fmt.Fprint(conn, answer+"\r\n")
				}
			}()
		}
	}()
	return map[string]any{"host": "127.0.0.1", "port": l.Addr().(*net.TCPAddr).Port, "security": "none", "username": "u", "password": "p"}
}

func TestOddMaildrops(t *testing.T) {
	good := map[string]string{"USER u": "+OK", "PASS p": "+OK", "QUIT": "+OK", "LIST": "+OK\r\n1 50\r\n2 50\r\n3 999999999\r\n.", "UIDL": "+OK\r\n1 a\r\n2 b\r\n3 huge\r\n.",
		"TOP 1 0": "+OK\r\nFrom: a@b.test\r\n\r\n.", "TOP 2 0": "+OK\r\nFrom: a@b.test\r\n\r\n.", "TOP 3 0": "+OK\r\nFrom: a@b.test\r\nSubject: huge\r\n\r\n.",
		"RETR 1": "+OK\r\nFrom: a@b.test\r\n\r\n..stuffed\r\n.\r", "RETR 2": "+OK\r\nFrom: a@b.test\r\n\r\nx\r\n."}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for k, v := range good {
			all[k] = v
		}
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	for _, tc := range []struct {
		name         string
		answers      map[string]string
		want         string // the comparison, or the error
		unauthorized bool
		items        int
	}{
		{"all is well", with(nil), "3 on the server, 2 here, 1 in quarantine, 0 missing", false, 3},
		{"one cannot be handed out", with(map[string]string{"RETR 1": "-ERR disk"}), "3 on the server, 1 here, 1 in quarantine, 1 missing", false, 2},
		{"no lasting names", with(map[string]string{"UIDL": "-ERR what"}), "no lasting names", false, 0},
		{"wrong password", with(map[string]string{"PASS p": "-ERR [AUTH] no"}), "[AUTH] no", true, 0},
		{"in use", with(map[string]string{"PASS p": "-ERR [IN-USE] another session"}), "another session", false, 0},
		{"cut in a mail", with(map[string]string{"RETR 2": "cut"}), "unexpected EOF", false, 1},
		{"says something else", map[string]string{"CAPA": "HTTP/1.1 400 Bad Request"}, "does not speak POP3", false, 0},
		{"an endless line", with(map[string]string{"UIDL": "+OK " + strings.Repeat("x", 10_000)}), "endless line", false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sink := newSink()
			c := newChannel(t, map[string]any{"pop3": script(t, tc.answers)})
			r, err := c.Reconcile(t.Context(), sink)
			var got string
			if err != nil {
				got = err.Error()
			} else {
				got = r[0].String()
			}
			if !strings.Contains(got, tc.want) || connectors.IsUnauthorized(err) != tc.unauthorized || len(sink.items()) != tc.items {
				t.Errorf("%s, %d items", got, len(sink.items()))
			}
			for _, in := range sink.items() {
				if in.Key == "pop3/a" && in.Text != ".stuffed\n" {
					t.Errorf("text %q", in.Text)
				}
			}
		})
	}
}

// talk is a connection to a server that says bytes and does not listen.
type talk struct {
	net.Conn
	io.Reader
}

func (t talk) Read(b []byte) (int, error)     { return t.Reader.Read(b) }
func (talk) Write(b []byte) (int, error)      { return len(b), nil }
func (talk) Close() error                     { return nil }
func (talk) SetDeadline(time.Time) error      { return nil }
func (talk) SetReadDeadline(time.Time) error  { return nil }
func (talk) SetWriteDeadline(time.Time) error { return nil }

// Whatever a POP3 server says, the client ends, and keeps no more than it may.
func FuzzMaildropServer(f *testing.F) {
	f.Add([]byte("+OK\r\n+OK\r\nSASL XOAUTH2\r\n.\r\n+OK\r\n+OK\r\n+OK\r\n1 a\r\n.\r\n+OK\r\n1 5\r\n.\r\n+OK\r\n..x\r\n.\r\n+OK\r\nx\r\n.\r\n+OK\r\n"))
	f.Add([]byte("+OK\r\n-ERR\r\n-ERR [AUTH] no\r\n"))
	f.Add([]byte("+OK\n+OK\n.\n+OK\n+OK\n+OK\nx\n-1 b\n99999999999999999999 c\n.\n+OK\n1\n.\n+OK\n."))
	f.Fuzz(func(t *testing.T, said []byte) {
		c := newChannel(t, map[string]any{"pop3": map[string]any{"host": "h", "port": 1, "security": "none", "username": "u", "password": "p"}})
		c.host.Dial = func(context.Context, string, string) (net.Conn, error) {
			return talk{Reader: bytes.NewReader(said)}, nil
		}
		sink := newSink()
		r, err := c.Reconcile(t.Context(), sink)
		if err == nil && r[0].Here+r[0].Quarantined != int64(len(sink.items())) {
			t.Errorf("%s, %d items", r[0], len(sink.items()))
		}
	})
}
