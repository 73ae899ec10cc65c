package email

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// drop is one signed-in session with a POP3 server (RFC 1939, 2449, 2595, 5034). The server locks the maildrop while it lasts.
type drop struct {
	conn net.Conn
	text *textproto.Conn
	stop func() bool
	caps map[string]string // CAPA: keyword → its arguments
}

// dropMail is one mail of a maildrop.
type dropMail struct {
	n    int    // in this session
	uidl string // for good
	size int64  // bytes; 0 when the server does not say
}

// popRefusal is an answer -ERR.
type popRefusal string

func (r popRefusal) Error() string { return oneLine(string(r)) }

const (
	popLine = 4 << 10  // bytes of the longest line of a reply that is no mail
	popList = 32 << 20 // bytes of the longest list: some 400,000 mails
)

// dialPOP3 connects and signs in. The connection ends with ctx.
func (c *Connector) dialPOP3(ctx context.Context) (*drop, error) {
	cfg := c.config.POP3
	k, err := c.credentials(ctx, cfg.Auth, cfg.Username, cfg.Password)
	if err != nil {
		return nil, err
	}
	dialCtx, cancel := context.WithTimeout(ctx, c.pace.dial)
	defer cancel()
	raw, err := c.host.Dial(dialCtx, "tcp", cfg.endpoint())
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", cfg.endpoint(), err)
	}
	d := &drop{conn: writeLimitConn{newWatchConn(raw, c.pace.silence), c.pace.silence}}
	d.stop = context.AfterFunc(ctx, func() { raw.Close() })
	if err = d.begin(cfg); err != nil {
		err = fmt.Errorf("greet %s: %w", cfg.endpoint(), err)
	} else {
		err = c.loginPOP3(d, k)
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *drop) begin(cfg *POP3Config) error {
	tlsConfig := &tls.Config{ServerName: cfg.Host}
	if cfg.Security == securityTLS {
		d.conn = tls.Client(d.conn, tlsConfig)
	}
	d.text = textproto.NewConn(d.conn)
	if _, err := d.reply(); err != nil {
		return err
	}
	if cfg.Security == securityStartTLS {
		if _, err := d.ask("STLS"); err != nil {
			return fmt.Errorf("start TLS: %w", err)
		}
		if d.text.R.Buffered() > 0 {
			return errors.New("start TLS: the server goes on in clear")
		}
		d.conn = tls.Client(d.conn, tlsConfig)
		d.text = textproto.NewConn(d.conn)
	}
	return d.readCaps()
}

func (d *drop) readCaps() error {
	d.caps = map[string]string{}
	lines, err := d.askLines("CAPA")
	var no popRefusal
	if errors.As(err, &no) {
		return nil // a server from before RFC 2449
	}
	for _, l := range lines {
		name, args, _ := strings.Cut(l, " ")
		d.caps[strings.ToUpper(name)] = strings.ToUpper(args)
	}
	return err
}

func (c *Connector) loginPOP3(d *drop, k credentials) error {
	err := d.login(k, c.config.POP3)
	var no popRefusal
	if errors.As(err, &no) && !notNow(no) || isTokenRefusal(err) {
		return c.refused(k, err)
	}
	if err != nil {
		return fmt.Errorf("sign in as %s: %w", k.user, err)
	}
	return nil
}

// notNow is true for refusals that have nothing to do with the credentials (RFC 2449 §8.1, RFC 3206): the maildrop is in use, the server is busy.
func notNow(r popRefusal) bool {
	s := strings.ToUpper(string(r))
	return strings.HasPrefix(s, "[IN-USE]") || strings.HasPrefix(s, "[LOGIN-DELAY]") || strings.HasPrefix(s, "[SYS/") || strings.Contains(s, "LOCK")
}

func (d *drop) login(k credentials, cfg *POP3Config) error {
	if k.token == "" {
		if strings.ContainsAny(k.user+k.password, "\r\n") {
			return popRefusal("a user name and a password are one line each")
		}
		if _, err := d.ask("USER " + k.user); err != nil {
			return err
		}
		_, err := d.ask("PASS " + k.password)
		return err
	}
	mechanism, err := k.bearer(func(name string) bool { return slices.Contains(strings.Fields(d.caps["SASL"]), name) }, cfg.Host, cfg.Port)
	if err != nil {
		return err
	}
	name, initial, err := mechanism.Start()
	if err != nil {
		return err
	}
	// the initial response goes on a line of its own: with it AUTH would be longer than a server must take (RFC 5034 §4)
	answer, err := d.askSASL("AUTH " + name)
	if err == nil && strings.HasPrefix(answer, "+ ") || answer == "+" {
		answer, err = d.askSASL(base64.StdEncoding.EncodeToString(initial))
	}
	if err != nil || strings.HasPrefix(answer, "+OK") {
		return err
	}
	why, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(answer, "+ "))
	_, err = mechanism.Next(why)
	return err
}

// askSASL is ask for a step of AUTH, whose answer may be a challenge.
func (d *drop) askSASL(line string) (string, error) {
	if err := d.text.PrintfLine("%s", line); err != nil {
		return "", err
	}
	answer, err := d.line()
	if err == nil && strings.HasPrefix(answer, "-ERR") {
		err = popRefusal(strings.TrimSpace(answer[4:]))
	}
	return answer, err
}

// ask sends a command and reads the line that answers it.
func (d *drop) ask(command string) (string, error) {
	if err := d.text.PrintfLine("%s", command); err != nil {
		return "", err
	}
	return d.reply()
}

func (d *drop) reply() (string, error) {
	l, err := d.line()
	switch {
	case err != nil:
		return "", err
	case strings.HasPrefix(l, "+OK"):
		return strings.TrimSpace(l[3:]), nil
	case strings.HasPrefix(l, "-ERR"):
		return "", popRefusal(strings.TrimSpace(l[4:]))
	}
	return "", fmt.Errorf("the server does not speak POP3: %q", cutDisplay(l))
}

func (d *drop) line() (string, error) {
	var line []byte
	for {
		part, err := d.text.R.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > popLine {
			return "", errors.New("the server sent an endless line")
		}
		if err == nil {
			return strings.TrimRight(string(line), "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", noEOF(err)
		}
	}
}

// askLines sends a command that is answered by a list.
func (d *drop) askLines(command string) ([]string, error) {
	if _, err := d.ask(command); err != nil {
		return nil, err
	}
	var lines []string
	for size := 0; ; {
		l, err := d.line()
		if err != nil {
			return nil, err
		}
		if l == "." {
			return lines, nil
		}
		if size += len(l) + 16; size > popList {
			return nil, errors.New("the server sent an endless list")
		}
		lines = append(lines, strings.TrimPrefix(l, "."))
	}
}

// list is what the maildrop holds.
func (d *drop) list() ([]dropMail, error) {
	lines, err := d.askLines("UIDL")
	var no popRefusal
	if errors.As(err, &no) {
		return nil, fmt.Errorf("the server gives mail no lasting names (UIDL): %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("list the maildrop: %w", err)
	}
	sizes, err := d.sizes()
	if err != nil {
		return nil, err
	}
	mails := make([]dropMail, 0, len(lines))
	for _, l := range lines {
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		if n, err := strconv.Atoi(f[0]); err == nil && n > 0 {
			mails = append(mails, dropMail{n, f[1], sizes[n]})
		}
	}
	return mails, nil
}

func (d *drop) sizes() (map[int]int64, error) {
	lines, err := d.askLines("LIST")
	if err != nil {
		return nil, fmt.Errorf("list the maildrop: %w", err)
	}
	sizes := make(map[int]int64, len(lines))
	for _, l := range lines {
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.Atoi(f[0])
		sizes[n], _ = strconv.ParseInt(f[1], 10, 64)
	}
	return sizes, nil
}

// retrieve is the bytes of a mail, at most one more than a mail may have.
func (d *drop) retrieve(n int) ([]byte, error) { return d.body(fmt.Sprintf("RETR %d", n)) }

// header is the header of a mail; where the server knows no TOP, the whole mail.
func (d *drop) header(n int) ([]byte, error) {
	raw, err := d.body(fmt.Sprintf("TOP %d 0", n))
	var no popRefusal
	if errors.As(err, &no) {
		return d.retrieve(n)
	}
	return raw, err
}

func (d *drop) body(command string) ([]byte, error) {
	if _, err := d.ask(command); err != nil {
		return nil, fmt.Errorf("fetch mail: %w", err)
	}
	var b bytes.Buffer
	lineStart := true
	for {
		part, err := d.text.R.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("fetch mail: %w", noEOF(err))
		}
		if lineStart && part[0] == '.' {
			if err == nil && len(bytes.TrimRight(part, "\r\n")) == 1 {
				return b.Bytes(), nil
			}
			part = part[1:]
		}
		lineStart = err == nil
		if b.Len() <= MaxSize {
			b.Write(part)
		}
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (d *drop) remove(n int) error {
	_, err := d.ask(fmt.Sprintf("DELE %d", n))
	return err
}

// quit ends the session; only now does the server remove what was marked.
func (d *drop) quit() error {
	if _, err := d.ask("QUIT"); err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

func (d *drop) close() {
	d.stop()
	d.conn.Close()
}

func (c *Connector) testPOP3(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.pace.test)
	defer cancel()
	d, err := c.dialPOP3(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	if _, err := d.list(); err != nil {
		return err
	}
	return d.quit()
}

// receivedAt is when the last server took a mail (its topmost Received field), zero when it does not say.
func receivedAt(h Header) time.Time {
	v := h.Get("Received")
	if i := strings.LastIndexByte(v, ';'); i >= 0 {
		return parseDate(v[i+1:])
	}
	return time.Time{}
}
