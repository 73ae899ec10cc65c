// Package mailtest holds the peers of an email channel for tests and for the demo: a real IMAP server in memory (go-imap's) and a real
// SMTP server that keeps what it takes (go-smtp's). Both listen on 127.0.0.1 and can be told to misbehave.
package mailtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// Mailbox is an IMAP server with one user, who has an INBOX and a Sent folder. Its methods are safe for concurrent use.
type Mailbox struct {
	Address  string
	Password string

	user *imapmemserver.User
	mem  *imapmemserver.Server
	line *line

	mu     sync.Mutex
	server *imapserver.Server
	listen net.Listener
	served sync.WaitGroup
	port   int
	mails  []held // what INBOX holds, oldest first
	closed bool
}

type held struct {
	uid imap.UID
	raw []byte
	at  time.Time
}

// NewMailbox starts a server whose user is address.
func NewMailbox(address string) (*Mailbox, error) {
	m := &Mailbox{Address: address, Password: "secret of " + address, mem: imapmemserver.New(), line: newLine()}
	m.user = imapmemserver.NewUser(address, m.Password)
	m.mem.AddUser(m.user)
	for _, name := range []string{"INBOX", "Sent"} {
		if err := m.user.Create(name, nil); err != nil {
			return nil, err
		}
	}
	return m, m.Up()
}

// Up listens (again, on the same port).
func (m *Mailbox) Up() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.server != nil || m.closed {
		return nil
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", m.port))
	if err != nil {
		return err
	}
	m.listen = l
	m.port = l.Addr().(*net.TCPAddr).Port
	m.server = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return m.mem.NewSession(), nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}, imap.CapIdle: {}, imap.CapMove: {}, imap.CapSpecialUse: {}},
		InsecureAuth: true,
		Logger:       quiet{},
	})
	server, begun := m.server, &begunListener{Listener: m.line.listener(l), begun: make(chan struct{})}
	m.served.Go(func() { _ = server.Serve(begun) }) // ends with Down
	<-begun.begun                                   // go-imap's Close and the beginning of its Serve race
	return nil
}

// begunListener tells when its server accepts for the first time.
type begunListener struct {
	net.Listener
	once  sync.Once
	begun chan struct{}
}

func (l *begunListener) Accept() (net.Conn, error) {
	l.once.Do(func() { close(l.begun) })
	return l.Listener.Accept()
}

// Down stops listening and cuts every connection.
func (m *Mailbox) Down() {
	m.mu.Lock()
	server, listen := m.server, m.listen
	m.server = nil
	m.mu.Unlock()
	if server != nil {
		listen.Close() // the server may not know it yet
		_ = server.Close()
	}
	m.line.cut()
	m.served.Wait()
}

// Close stops the server for good.
func (m *Mailbox) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.Down()
}

// Config is the `imap` part of an email channel's config.
func (m *Mailbox) Config() map[string]any {
	m.mu.Lock()
	defer m.mu.Unlock()
	return map[string]any{"host": "127.0.0.1", "port": m.port, "security": "none", "username": m.Address, "password": m.Password}
}

// Deliver puts a mail into INBOX, with CRLF for bare LF, and returns its UID.
func (m *Mailbox) Deliver(raw string) (uint32, error) {
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	return m.DeliverRaw([]byte(raw), time.Now())
}

// DeliverRaw puts bytes into INBOX as they are; at is the INTERNALDATE.
func (m *Mailbox) DeliverRaw(raw []byte, at time.Time) (uint32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.append(raw, at)
}

// RenameSent gives the Sent folder another name. Connections stay.
func (m *Mailbox) RenameSent(name string) error { return m.user.Rename("Sent", name, nil) }

// Sent puts a mail into the Sent folder, as the owner's mail program does after sending it.
func (m *Mailbox) Sent(raw string) error {
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	_, err := m.user.Append("Sent", strings.NewReader(raw), &imap.AppendOptions{Time: time.Now()})
	return err
}

func (m *Mailbox) append(raw []byte, at time.Time) (uint32, error) {
	data, err := m.user.Append("INBOX", bytes.NewReader(raw), &imap.AppendOptions{Time: at})
	if err != nil {
		return 0, err
	}
	m.mails = append(m.mails, held{data.UID, raw, at})
	return uint32(data.UID), nil
}

// Expunge removes the mail with that UID from INBOX.
func (m *Mailbox) Expunge(uid uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	session := imapmemserver.NewUserSession(m.user)
	defer session.Close()
	if _, err := session.Select("INBOX", &imap.SelectOptions{}); err != nil {
		return err
	}
	set := imap.UIDSetNum(imap.UID(uid))
	if err := session.Store(nil, set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil); err != nil {
		return err
	}
	if err := session.Expunge(nil, &set); err != nil {
		return err
	}
	kept := m.mails[:0]
	for _, x := range m.mails {
		if x.uid != imap.UID(uid) {
			kept = append(kept, x)
		}
	}
	m.mails = kept
	return nil
}

// UIDs is what INBOX holds, ascending.
func (m *Mailbox) UIDs() []uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	uids := make([]uint32, len(m.mails))
	for i, x := range m.mails {
		uids[i] = uint32(x.uid)
	}
	return uids
}

// NewUIDValidity makes INBOX anew: another UIDVALIDITY, the same mails with other UIDs (the last first). All connections are cut.
func (m *Mailbox) NewUIDValidity() error {
	m.Down()
	if err := m.remake(); err != nil {
		return err
	}
	return m.Up()
}

func (m *Mailbox) remake() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(m.user.Delete("INBOX"), m.user.Create("INBOX", nil)); err != nil {
		return err
	}
	old := m.mails
	m.mails = nil
	for i := len(old) - 1; i >= 0; i-- {
		if _, err := m.append(old[i].raw, old[i].at); err != nil {
			return err
		}
	}
	return nil
}

// Cut ends every open connection at once; new ones are taken.
func (m *Mailbox) Cut() { m.line.cut() }

// CutAfter lets every connection send n more bytes and then ends it; new connections are cut likewise until n is negative.
func (m *Mailbox) CutAfter(n int64) { m.line.cutAfter(n) }

// Stall makes the server swallow everything on open and new connections without an answer, until false.
func (m *Mailbox) Stall(on bool) { m.line.stall(on) }

// Connections is how many were opened so far.
func (m *Mailbox) Connections() int { return m.line.opened() }

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
