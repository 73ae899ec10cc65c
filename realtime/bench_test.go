package realtime

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/internal/db/dbtest"
)

// reader is the cheapest client there is: it counts frames.
type reader struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialReader(b *testing.B, n *node, query string) *reader {
	b.Helper()
	conn, err := net.Dial("tcp", n.srv.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "GET /ws?user=boss&token=t%s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", query)
	if err != nil {
		b.Fatal(err)
	}
	r := &reader{conn, bufio.NewReaderSize(conn, 4<<10)}
	for {
		line, err := r.in.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		if line == "\r\n" {
			break
		}
	}
	if _, err := r.next(nil); err != nil { // hello
		b.Fatal(err)
	}
	return r
}

// next reads one frame; its text is kept in keep when that is not nil. Events are longer than what else comes.
func (r *reader) next(keep *bytes.Buffer) (event bool, err error) {
	var h [10]byte
	if _, err := io.ReadFull(r.in, h[:2]); err != nil {
		return false, err
	}
	n := int(h[1])
	switch n {
	case 126:
		_, err = io.ReadFull(r.in, h[2:4])
		n = int(binary.BigEndian.Uint16(h[2:]))
	case 127:
		_, err = io.ReadFull(r.in, h[2:])
		n = int(binary.BigEndian.Uint64(h[2:]))
	}
	if err != nil {
		return false, err
	}
	if keep != nil {
		keep.Reset()
		_, err = io.CopyN(keep, r.in, int64(n))
	} else {
		_, err = r.in.Discard(n)
	}
	return h[0] == 0x81 && n > 150, err
}

func benchNode(b *testing.B, sockets int) (*node, []*reader) {
	n := startNode(b, dbtest.Open(b, dbtest.SQLiteURL(b)), nodeOptions{})
	all := make([]*reader, sockets)
	for i := range all {
		all[i] = dialReader(b, n, "")
		b.Cleanup(func() { _ = all[i].conn.Close() })
	}
	return n, all
}

// BenchmarkPush commits events of about 600 bytes and waits until 1,000 sockets have them all.
func BenchmarkPush(b *testing.B) {
	for _, rate := range []int{0, 50, 200, 400} { // events a second; 0: as fast as eight writers can
		name := "flood"
		if rate > 0 {
			name = strconv.Itoa(rate) + "-a-second"
		}
		b.Run(name, func(b *testing.B) { benchPush(b, 1000, rate) })
	}
}

func benchPush(b *testing.B, sockets, rate int) {
	n, all := benchNode(b, sockets)
	var late, commits []time.Duration
	var mu sync.Mutex
	var reading sync.WaitGroup
	for i, r := range all {
		reading.Go(func() {
			mine := r.follow(b, b.N, i%25 == 0)
			mu.Lock()
			late = append(late, mine...)
			mu.Unlock()
		})
	}
	pad := strings.Repeat("x", 400)
	var next atomic.Int64
	b.ResetTimer()
	began, spent := time.Now(), cpu()
	var writing sync.WaitGroup
	for range 8 {
		writing.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(b.N) {
					return
				}
				if rate > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
				}
				at := time.Now()
				n.say(b, "message.created", "c", everybody, fmt.Sprintf("%020d %s", at.UnixNano(), pad))
				mu.Lock()
				commits = append(commits, time.Since(at))
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	reading.Wait()
	took := time.Since(began)
	b.StopTimer()
	b.ReportMetric(float64(b.N)*float64(sockets)/took.Seconds(), "deliveries/s")
	b.ReportMetric(float64((cpu()-spent).Microseconds())/float64(b.N*sockets), "cpu-us/delivery") // both ends
	for name, all := range map[string][]time.Duration{"commit": commits, "screen": late} {        // both from before the commit
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, name+"-p50-ms")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, name+"-p99-ms")
	}
}

// cpu is the processor time this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// follow reads count events; when timed, it answers how long after the writer began each came.
func (r *reader) follow(b *testing.B, count int, timed bool) (late []time.Duration) {
	var keep *bytes.Buffer
	if timed {
		keep = &bytes.Buffer{}
	}
	for seen := 0; seen < count; {
		event, err := r.next(keep)
		if err != nil {
			b.Error(err)
			return late
		}
		if !event {
			continue
		}
		seen++
		if timed {
			_, text, _ := strings.Cut(keep.String(), `"data":"`)
			at, _ := strconv.ParseInt(text[:20], 10, 64)
			late = append(late, time.Duration(time.Now().UnixNano()-at))
		}
	}
	return late
}

// BenchmarkIdle measures what an idle socket holds in this process, the client's end not counted.
func BenchmarkIdle(b *testing.B) {
	const sockets = 1000
	for b.Loop() {
		n := startNode(b, dbtest.Open(b, dbtest.SQLiteURL(b)), nodeOptions{})
		conns := make([]net.Conn, 0, sockets)
		before, goroutines := heap(), runtime.NumGoroutine()
		for range sockets {
			r := dialReader(b, n, "")
			r.in = nil
			conns = append(conns, r.conn)
		}
		time.Sleep(time.Second)
		b.ReportMetric(float64(heap()-before)/sockets, "bytes/socket")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/sockets, "goroutines/socket")
		for _, c := range conns {
			_ = c.Close()
		}
		n.end()
	}
}

// BenchmarkResume is a client that comes back 100 events later, from memory and from the log.
func BenchmarkResume(b *testing.B) {
	for _, kept := range []int{8192, 10} {
		b.Run(map[bool]string{true: "memory", false: "log"}[kept > 1000], func(b *testing.B) {
			n := startNode(b, dbtest.Open(b, dbtest.SQLiteURL(b)), nodeOptions{tail: TailOptions{Entries: kept}})
			for i := range 200 {
				n.say(b, "message.created", "c", everybody, fmt.Sprint(i, strings.Repeat("x", 400)))
			}
			eventually(b, "the tail is at the end", func() bool { return n.tail.Head() == 200 })
			for b.Loop() {
				r := dialReader(b, n, "&since=100")
				for seen := 0; seen < 100; {
					event, err := r.next(nil)
					if err != nil {
						b.Fatal(err)
					}
					if event {
						seen++
					}
				}
				_ = r.conn.Close()
			}
		})
	}
}
