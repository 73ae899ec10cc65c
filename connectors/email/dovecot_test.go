package email

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"parley/connectors"
	"parley/connectors/email/mailtest"
)

// dovecot is a private Dovecot on free ports, for a mailbox of support@hub.test.
type dovecot struct {
	t           *testing.T
	conf        string
	imap, lmtp  int
	imaps       int
	pop3, pop3s int
	tokens      *mailtest.Tokens // for support@hub.test
	stopped     chan error
	dir         string
}

// sentBox is the Sent folder of that Dovecot: known by its special use alone.
const sentBox = "Verschickt"

func startDovecot(t *testing.T) *dovecot {
	t.Helper()
	path, err := exec.LookPath("dovecot")
	if err != nil {
		if path = "/usr/sbin/dovecot"; !exists(path) {
			t.Skip("not tested: reading from a real Dovecot, which is not installed (apt-get install dovecot-imapd dovecot-lmtpd dovecot-pop3d)")
		}
	}
	if os.Getuid() != 0 {
		t.Skip("not tested: reading from a real Dovecot, which only root can start")
	}
	t.Parallel()                                   // each has its own, and mostly waits for it
	dir, err := os.MkdirTemp("", "parley-dovecot") // t.TempDir is too long for its sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &dovecot{t: t, dir: dir, conf: filepath.Join(dir, "dovecot.conf"), imap: freePort(t), imaps: freePort(t), lmtp: freePort(t), pop3: freePort(t), pop3s: freePort(t), stopped: make(chan error, 1)}
	if d.tokens, err = mailtest.NewTokens("support@hub.test"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.tokens.Close)
	mails := filepath.Join(dir, "mail")
	for _, sub := range []string{"run", "state", "mail"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, open := range []string{dir, mails} {
		if err := os.Chmod(open, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{
		filepath.Join(dir, "oauth2"): "tokeninfo_url = " + d.tokens.URL + "/tokeninfo?access_token=\nintrospection_mode = auth\nusername_attribute = email\n",
		filepath.Join(dir, "users"):  "support@hub.test:{PLAIN}secret::::::\n",
		d.conf:                       strings.NewReplacer("$POP3S", fmt.Sprint(d.pop3s), "$POP3", fmt.Sprint(d.pop3), "$P", dir, "$CERT", certFile, "$KEY", keyFile, "$IMAPS", fmt.Sprint(d.imaps), "$IMAP", fmt.Sprint(d.imap), "$LMTP", fmt.Sprint(d.lmtp)).Replace(dovecotConf),
	}
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "-F", "-c", d.conf)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.stopped <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-d.stopped:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
		}
	})
	d.awaitPort(d.lmtp, &out)
	d.awaitPort(d.imap, &out)
	return d
}

const dovecotConf = `
base_dir = $P/run
state_dir = $P/state
log_path = $P/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <$CERT
ssl_key = <$KEY
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
mail_location = maildir:$P/mail/%d/%n
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
mail_fsync = never
recipient_delimiter = +
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $P/oauth2
}
passdb {
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u $P/users
}
userdb {
  driver = static
  args = allow_all_users=yes uid=mail gid=mail home=$P/mail/%d/%n
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Verschickt {
    auto = create
    special_use = \Sent
  }
}
service pop3-login {
  inet_listener pop3 {
    port = $POP3
  }
  inet_listener pop3s {
    port = $POP3S
    ssl = yes
  }
}
service imap-login {
  inet_listener imap {
    port = $IMAP
  }
  inet_listener imaps {
    port = $IMAPS
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $LMTP
  }
}
`

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (d *dovecot) awaitPort(port int, out *bytes.Buffer) {
	d.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			return
		}
	}
	log, _ := os.ReadFile(filepath.Join(d.dir, "dovecot.log"))
	d.t.Fatalf("Dovecot does not listen on %d: %s%s", port, out, log)
}

// Deliver hands a mail over by LMTP, as Postfix would.
func (d *dovecot) Deliver(raw string) (uint32, error) {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", d.lmtp))
	if err != nil {
		return 0, err
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	if err := c.Mail("anna@customer.test", nil); err != nil {
		return 0, err
	}
	if err := c.Rcpt("support@hub.test", nil); err != nil {
		return 0, err
	}
	w, err := c.Data()
	if err != nil {
		return 0, err
	}
	if _, err := w.Write([]byte(strings.ReplaceAll(raw, "\n", "\r\n"))); err != nil {
		return 0, err
	}
	return 0, w.Close()
}

// imapConfig is the `imap` part of a channel's config, over TLS.
func (d *dovecot) imapConfig() map[string]any {
	return map[string]any{"host": "localhost", "port": d.imaps, "security": "tls", "username": "support@hub.test", "password": "secret"}
}

func (d *dovecot) doveadm(args ...string) {
	d.t.Helper()
	out, err := exec.Command("doveadm", append([]string{"-c", d.conf}, args...)...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("doveadm %v: %v %s", args, err, out)
	}
}

func TestDovecot(t *testing.T) {
	d := startDovecot(t)
	for _, security := range []string{"none", "starttls", "tls"} {
		port := d.imap
		if security == "tls" {
			port = d.imaps
		}
		c := newChannel(t, map[string]any{"imap": map[string]any{"host": "localhost", "port": port, "security": security, "username": "support@hub.test", "password": "secret"}})
		if err := c.Test(t.Context()); err != nil {
			t.Errorf("%s: %v", security, err)
		}
	}
	wrong := newChannel(t, map[string]any{"imap": map[string]any{"host": "localhost", "port": d.imap, "security": "starttls", "username": "support@hub.test", "password": "no"}})
	wrong.pace.silence = 20 * time.Second // Dovecot lets a wrong password wait
	if err := wrong.Test(t.Context()); !connectors.IsUnauthorized(err) {
		t.Errorf("wrong password: %v", err)
	}

	sink := newSink()
	c := newChannel(t, map[string]any{"imap": map[string]any{"host": "localhost", "port": d.imaps, "security": "tls", "username": "support@hub.test", "password": "secret"}})
	running(t, c, sink)
	sink.awaitState(t, connectors.StateConnected)
	time.Sleep(300 * time.Millisecond) // settled in IDLE
	began := time.Now()
	deliver(t, d, 1)
	sink.awaitItems(t, 1)
	t.Logf("in the sink %s after LMTP took it (Dovecot holds IDLE news back for about 500 ms)", time.Since(began))

	deliver(t, d, 150)
	sink.awaitItems(t, 151)
	d.doveadm("mailbox", "update", "--uid-validity", "4242", "-u", "support@hub.test", "INBOX")
	d.doveadm("kick", "support@hub.test")
	deliver(t, d, 3)
	sink.awaitItems(t, 154)
	d.doveadm("expunge", "-u", "support@hub.test", "mailbox", "INBOX", "all")
	deliver(t, d, 2)
	items := sink.awaitItems(t, 156)
	seen := map[string]bool{}
	for _, in := range items {
		if seen[in.Subject] {
			t.Errorf("%q is stored twice", in.Subject)
		}
		seen[in.Subject] = true
	}
	if len(items) != 156 {
		t.Errorf("%d items", len(items))
	}
	if !strings.Contains(items[155].Key, "/4242/") {
		t.Errorf("key %s: the new UIDVALIDITY was not seen", items[155].Key)
	}
}
