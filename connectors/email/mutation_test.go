package email

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/metrics"
	"testing"
	"time"
	"unicode/utf8"
)

// No mail of the corpora, and none of 10,000 that differ from them in what goes wrong on the way, may cost a crash, 2 s or 64 MB, or
// give text that a database refuses. The mutations are the same in every run; after 20 s the rest is left out, and said.
func TestMutatedMailIsReadInTimeAndMemory(t *testing.T) {
	files := otherMails(t)
	more, _ := filepath.Glob(filepath.Join(corpus(t, "mail-bounce-sisimai"), "eml", "*.eml"))
	var mails [][]byte
	for _, file := range append(files, more...) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, raw)
	}
	var slowest time.Duration
	var largest uint64
	read := func(raw []byte, what string) {
		took, memory := costOf(raw, func(m Mail) {
			for _, s := range []string{m.Text, m.HTML, m.Subject, m.MessageID} {
				if !utf8.ValidString(s) {
					t.Errorf("%s: not storable: %.80q", what, s)
				}
			}
		})
		slowest, largest = max(slowest, took), max(largest, memory)
		if took > slower*2*time.Second || memory > 64<<20 {
			t.Errorf("%s of %d bytes: %s, %d MB", what, len(raw), took, memory>>20)
		}
	}
	for _, raw := range mails {
		read(raw, "a mail")
	}
	r := rand.New(rand.NewPCG(3, 1994))
	began, done := time.Now(), 0
	for ; done < 10_000 && time.Since(began) < 20*time.Second; done++ {
		read(mutate(r, mails), "a mutation")
	}
	t.Logf("%d mails and %d mutations in %s: none took more than %s or allocated more than %d MB", len(mails), done, time.Since(began).Round(time.Millisecond), slowest.Round(time.Millisecond), largest>>20)
	if done < 10_000 {
		t.Logf("not tested: %d mutations of 10,000, the machine is slow today", 10_000-done)
	}
}

// costOf reads a mail as the connector does, and tells its time and every byte that it allocated, whether it is still in use or not.
func costOf(raw []byte, check func(Mail)) (time.Duration, uint64) {
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(allocated)
	before, began := allocated[0].Value.Uint64(), time.Now()
	m := Parse(raw)
	Classify(m)
	foldBodies(m)
	took := time.Since(began)
	metrics.Read(allocated)
	check(m)
	return took, allocated[0].Value.Uint64() - before
}

// mutate takes a mail and does to it what happens to mails: bits flip, pieces are lost, doubled, exchanged with those of another.
func mutate(r *rand.Rand, mails [][]byte) []byte {
	raw := append([]byte{}, mails[r.IntN(len(mails))]...)
	other := mails[r.IntN(len(mails))]
	for range 1 + r.IntN(8) {
		if len(raw) == 0 {
			return raw
		}
		i := r.IntN(len(raw))
		j := min(len(raw), i+1+r.IntN(2000))
		switch r.IntN(8) {
		case 0:
			raw[i] = byte(r.IntN(256))
		case 1:
			raw = append(raw[:i], raw[j:]...)
		case 2:
			raw = append(raw[:j:j], raw[i:]...)
		case 3:
			raw = raw[:i]
		case 4:
			k := r.IntN(len(other))
			raw = append(raw[:i:i], append(append([]byte{}, other[k:min(len(other), k+r.IntN(3000))]...), raw[i:]...)...)
		case 5:
			piece := []string{"\r\n", "\n\n", "--", "=?utf-8?q?", "\x00", "\xff\xfe", "boundary=", "<blockquote type=cite>", "Content-Type: multipart/mixed; boundary=a\n\n--a\n", "((((", "\"", "=\n"}[r.IntN(12)]
			raw = append(raw[:i:i], append([]byte(piece), raw[i:]...)...)
		case 6:
			for k := i; k < j; k++ {
				raw[k] ^= 0x80
			}
		case 7:
			if len(raw) < 100<<10 {
				piece := raw[i:j:j]
				for range r.IntN(30) {
					raw = append(raw, piece...)
				}
			}
		}
	}
	return raw
}
