// Package drill rehearses the loss of an installation: backed up under load, destroyed, restored elsewhere.
package drill

import (
	"bytes"
	"encoding/json"
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

func TestMain(m *testing.M) { dbtest.Main(m) }

// built is the program, built once.
var built = sync.OnceValues(func() (string, error) {
	path, err := filepath.Abs("../../../.cache/test/parley-drill")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", path, "parley/cmd/parley")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
})

type object = map[string]any

// hub is one installation run by the program.
type hub struct {
	t     *testing.T
	bin   string
	dir   string
	url   string
	env   []string
	token string
	cmd   *exec.Cmd
	exit  chan struct{}
}

// newHub is an installation that is not served yet. more are further settings.
func newHub(t *testing.T, more ...string) *hub {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	h := &hub{t: t, bin: bin, dir: t.TempDir(), url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PARLEY_") {
			h.env = append(h.env, v)
		}
	}
	h.env = append(append(h.env, fmt.Sprintf("PARLEY_SERVER_PORT=%d", port), "PARLEY_SERVER_PUBLIC_URL="+h.url, "PARLEY_SERVER_ALLOW_PRIVATE_HOSTS=127.0.0.1"), more...)
	t.Cleanup(h.kill)
	return h
}

func (h *hub) command(args ...string) *exec.Cmd {
	cmd := exec.Command(h.bin, args...)
	cmd.Dir, cmd.Env = h.dir, h.env
	return cmd
}

// run runs a command to its end and answers its status and all it said.
func (h *hub) run(args ...string) (status int, said string) {
	h.t.Helper()
	cmd := h.command(args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		h.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// serve starts it and waits until it answers.
func (h *hub) serve() {
	h.t.Helper()
	var log bytes.Buffer
	cmd := h.command("serve")
	cmd.Stderr = &log
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
		h.t.Fatal(err)
	}
	h.cmd, h.exit = cmd, exit
	for range 3000 {
		select {
		case <-exit:
			h.t.Fatalf("parley serve ended by itself: %s", log.String())
		default:
		}
		if status, _ := h.do(http.MethodGet, "/readyz", nil, nil); status == http.StatusOK {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.t.Fatalf("parley serve is not ready within 30 s")
}

// kill ends the process as a power cut would.
func (h *hub) kill() {
	if h.cmd != nil {
		_ = h.cmd.Process.Kill()
		<-h.exit
		h.cmd = nil
	}
}

// do makes one request; status is 0 when there was no answer.
func (h *hub) do(method, path string, body any, into any) (status int, answer string) {
	h.t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, h.url+path, r)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	if into != nil && res.StatusCode/100 == 2 {
		if err := json.Unmarshal(b, into); err != nil {
			h.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return res.StatusCode, string(b)
}

// must is do for a request that has to succeed.
func (h *hub) must(method, path string, body, into any) {
	h.t.Helper()
	if status, answer := h.do(method, path, body, into); status/100 != 2 {
		h.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
}

// settle makes the owner and their token.
func (h *hub) settle() {
	h.t.Helper()
	if status, said := h.run("user", "create", "--email", "owner@example.com", "--name", "Owner", "--role", "owner"); status != 0 {
		h.t.Fatal(said)
	}
	cmd := h.command("token", "create", "--email", "owner@example.com", "--name", "drill")
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatal(err)
	}
	h.token = strings.TrimSpace(string(out))
}

func (h *hub) channel(typ string, config object) (id string) {
	h.t.Helper()
	var c struct{ ID string }
	h.must(http.MethodPost, "/api/v1/channels", object{"type": typ, "name": "a " + typ, "config": config}, &c)
	return c.ID
}
