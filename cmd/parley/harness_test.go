package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/internal/db/dbtest"
)

// asProgram makes this test binary behave as parley: the whole program under the race detector, as the tests around it.
const asProgram = "TEST_BINARY_IS_PARLEY"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	dbtest.Main(m)
}

// shipped is the binary as it is shipped, mutant one built with the tag mutant: in it alone MUTANT names a guarantee to break.
var (
	shipped = sync.OnceValues(func() (string, error) { return build("parley") })
	mutant  = sync.OnceValues(func() (string, error) { return build("parley-mutant", "-tags", "mutant") })
)

func build(name string, flags ...string) (string, error) {
	path, err := filepath.Abs(filepath.Join("../../.cache/test", name))
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-o", path}, flags...), ".")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
}

func built(t testing.TB, how func() (string, error)) string {
	t.Helper()
	path, err := how()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// eachDatabase runs f with the URL of an empty database of each kind; that of SQLite is "", the program's default.
func eachDatabase(t *testing.T, postgres func(testing.TB) string, f func(t *testing.T, databaseURL string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, "") })
	t.Run("postgres", func(t *testing.T) { f(t, postgres(t)) })
}

// hub is an installation as one test sees it.
type hub struct {
	t testing.TB
	*installation
}

// in is the same installation, whose failures are those of t.
func (h *hub) in(t testing.TB) *hub { return &hub{t, h.installation} }

// installation is a data directory and the process that serves it.
type installation struct {
	bin   string // "" is this test binary
	dir   string
	env   []string
	url   string
	token string
	log   journal
	known map[string]string // ids that lists were asked for

	mu   sync.Mutex
	cmd  *exec.Cmd
	exit chan struct{} // closed when the process is gone
}

// journal is what the process wrote.
type journal struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all.Write(p)
}

func (j *journal) tail() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	b := j.all.Bytes()
	return string(b[max(0, len(b)-3000):])
}

// newHub prepares an installation; nothing runs yet.
func newHub(t testing.TB, bin, databaseURL string, env ...string) *hub {
	t.Helper()
	port := freePort(t)
	h := &hub{t, &installation{bin: bin, dir: t.TempDir(), url: fmt.Sprintf("http://127.0.0.1:%d", port)}}
	h.env = []string{fmt.Sprintf("PARLEY_SERVER_PORT=%d", port), "PARLEY_SERVER_PUBLIC_URL=" + h.url, "PARLEY_SERVER_ALLOW_PRIVATE_HOSTS=127.0.0.1",
		"PARLEY_SERVER_TRUSTED_PROXIES=127.0.0.1", "PARLEY_DATA_DIR=" + filepath.Join(h.dir, "data")}
	if databaseURL != "" {
		h.env = append(h.env, "PARLEY_DATABASE_URL="+databaseURL)
	}
	h.env = append(h.env, env...)
	t.Cleanup(func() {
		h.kill()
		if t.Failed() && h.cmd != nil {
			t.Logf("the end of the program's log:\n%s", h.log.tail())
		}
	})
	return h
}

// serving is a running installation with an owner and the owner's token.
func serving(t testing.TB, bin, databaseURL string, env ...string) *hub {
	t.Helper()
	h := newHub(t, bin, databaseURL, env...)
	h.serve()
	h.must(http.MethodPost, "/setup", object{"name": "Olga Owner", "email": "olga@hub.test", "password": "correct horse battery"}, nil)
	out, err := h.command("token", "create", "--email", "olga@hub.test", "--name", "test").Output()
	if err != nil {
		t.Fatalf("token create: %v", err)
	}
	if h.token = strings.TrimSuffix(string(out), "\n"); h.token == "" || strings.ContainsAny(h.token, " \n") {
		t.Fatalf("token create printed %q, not one line with a token", out)
	}
	return h
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// command is `parley args…` for this installation.
func (h *hub) command(args ...string) *exec.Cmd {
	bin := h.bin
	if bin == "" {
		bin, _ = os.Executable()
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir = h.dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PARLEY_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(append(cmd.Env, asProgram+"=1"), h.env...)
	return cmd
}

// start starts `parley serve` and does not wait for it.
func (h *hub) start() {
	h.t.Helper()
	cmd := h.command("serve")
	cmd.Stdout, cmd.Stderr = &h.log, &h.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, exit := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread() // Pdeathsig fires when the thread that started it ends
		defer close(exit)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		h.t.Fatalf("parley serve: %v", err)
	}
	h.mu.Lock()
	h.cmd, h.exit = cmd, exit
	h.mu.Unlock()
}

// serve starts it and waits until it answers.
func (h *hub) serve() {
	h.t.Helper()
	h.start()
	end := time.Now().Add(30 * time.Second)
	for time.Now().Before(end) {
		select {
		case <-h.exit:
			h.t.Fatalf("parley serve ended by itself:\n%s", h.log.tail())
		default:
		}
		if status, _, err := h.do(http.MethodGet, "/readyz", nil, nil); err == nil && status == http.StatusOK {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	h.t.Fatal("parley serve is not ready within 30 s")
}

// kill ends the process at once, as a power cut would end it.
func (h *hub) kill() {
	h.mu.Lock()
	cmd, exit := h.cmd, h.exit
	h.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Kill()
	<-exit
}

// stop asks the process to end and answers its status and how long it took.
func (h *hub) stop() (status int, took time.Duration) {
	h.t.Helper()
	began := time.Now()
	_ = h.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-h.exit:
	case <-time.After(15 * time.Second):
		h.t.Error("15 s after SIGTERM it still runs")
		h.kill()
	}
	return h.cmd.ProcessState.ExitCode(), time.Since(began)
}

type object = map[string]any

var client = &http.Client{Timeout: 60 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport: &http.Transport{MaxIdleConnsPerHost: 16}}

// do makes one request to a path of the hub. body is nil, bytes, or what becomes JSON.
func (h *hub) do(method, path string, header http.Header, body any) (status int, answer []byte, err error) {
	var r io.Reader
	typ := ""
	switch x := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(x)
	default:
		b, err := json.Marshal(x)
		if err != nil {
			return 0, nil, err
		}
		r, typ = bytes.NewReader(b), "application/json"
	}
	req, err := http.NewRequest(method, h.url+path, r)
	if err != nil {
		return 0, nil, err
	}
	if typ != "" {
		req.Header.Set("Content-Type", typ)
	}
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// ask makes a request to the API and decodes an answer of success.
func (h *hub) ask(method, path string, header http.Header, body, into any) (status int, err error) {
	status, answer, err := h.do(method, "/api/v1"+path, header, body)
	if err == nil && status/100 == 2 && into != nil {
		err = json.Unmarshal(answer, into)
	}
	return status, err
}

// must makes a request to the API that has to succeed and decodes its answer.
func (h *hub) must(method, path string, body, into any) {
	h.t.Helper()
	status, answer, err := h.do(method, "/api/v1"+path, nil, body)
	if err != nil || status/100 != 2 {
		h.t.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			h.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
}

// all reads every page of a list.
func all[T any](h *hub, path string) []T {
	h.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	var out []T
	for cursor, n := "", 0; ; n++ {
		var p struct {
			Data []T
			Next *string `json:"next_cursor"`
		}
		h.must(http.MethodGet, path+sep+"limit=200"+cursor, nil, &p)
		out = append(out, p.Data...)
		if p.Next == nil {
			return out
		}
		if cursor = "&cursor=" + *p.Next; strings.HasSuffix(path, "/messages") {
			cursor = "&before=" + *p.Next
		}
		if n > 1000 {
			h.t.Fatalf("%s has no end", path)
		}
	}
}

// channel is a connected channel with the address of its webhook.
type channel struct {
	ID    string
	State string
	URLs  map[string]string `json:"webhook_urls"`
}

func (h *hub) connect(typ string, config any) channel {
	h.t.Helper()
	var c channel
	h.must(http.MethodPost, "/channels", object{"type": typ, "name": "my " + typ, "config": config}, &c)
	return c
}

// until asks again and again whether something has come to pass that no event tells of.
func (h *hub) until(what string, done func() bool) {
	h.t.Helper()
	h.within(30*time.Second, what, done)
}

func (h *hub) within(d time.Duration, what string, done func() bool) {
	h.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	h.t.Fatalf("in %s it did not come to pass that %s", d, what)
}

// exitCode is a finished command's status.
func exitCode(err error) int {
	var e *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.ExitCode()
	}
	return -1
}

// running waits until a channel's connector is up.
func (h *hub) running(c channel) {
	h.t.Helper()
	h.until("the channel runs", func() bool {
		var now channel
		h.must(http.MethodGet, "/channels/"+c.ID, nil, &now)
		return now.State == "connected"
	})
}
