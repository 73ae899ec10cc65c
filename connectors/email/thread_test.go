package email

import (
	"path/filepath"
	"strings"
	"testing"
)

// bySubjectAlone are the cases in which IMAP makes a parent of a mail that nothing names: the same subject. For us that is a
// suggestion to the agent and never a thread: "Invoice" and "Re: Invoice" come from many people.
var bySubjectAlone = map[string]bool{"thread3.mbox": true, "thread-orderedsubject.mbox": true}

// Cycles of references, repeated ids, parents that are gone: the parents are those that an IMAP server finds (RFC 5256).
func TestParentsAreThoseOfIMAP(t *testing.T) {
	dir := corpus(t, "mail-thread-imaptest")
	var want struct {
		Cases []struct {
			Mbox  string
			Steps []struct {
				Expect     string
				Renumbered string `json:"expect_renumbered"`
				UseFirst   int    `json:"use_first"`
				Append     int    `json:"append_message"`
				Delete     []int
			}
		}
	}
	readJSON(t, filepath.Join(dir, "expected.json"), &want)
	c := newChannel(t, map[string]any{"receiver": map[string]any{"enabled": true}})
	steps := 0
	for _, tc := range want.Cases {
		if bySubjectAlone[tc.Mbox] {
			continue
		}
		all := mailsOf(readText(t, filepath.Join(dir, tc.Mbox)))
		here := all
		for i, s := range tc.Steps {
			if s.UseFirst > 0 {
				here = all[:s.UseFirst]
			}
			if s.Append > 0 {
				here = append(here[:len(here):len(here)], all[s.Append-1])
			}
			here = leave(here, s.Delete)
			expected := parentsIn(s.Expect + s.Renumbered)
			for n, m := range here {
				if got := parentOf(c, here, n, m); got != expected[n+1] {
					t.Errorf("%s, step %d: the parent of mail %d is %d, want %d (%s)", tc.Mbox, i+1, n+1, got, expected[n+1], s.Expect+s.Renumbered)
				}
			}
			steps++
		}
	}
	t.Logf("mail-thread-imaptest: parents equal in %d steps of %d cases", steps, len(want.Cases)-len(bySubjectAlone))
}

// parentOf is the first mail that has the nearest of the ids by which m is threaded, as the inbox looks for it; 0 when there is none, or
// when it would be below m itself.
func parentOf(c *Connector, all []Mail, n int, m Mail) int {
	for _, id := range c.thread(m).ReplyTo {
		for i, other := range all {
			if other.MessageID == id && i != n {
				if below(c, all, n, i, map[int]bool{}) {
					return 0
				}
				return i + 1
			}
		}
	}
	return 0
}

// below tells whether the earlier mail n is an ancestor of i by what i names.
func below(c *Connector, all []Mail, n, i int, seen map[int]bool) bool {
	if i == n {
		return true
	}
	if seen[i] || i > n {
		return false
	}
	seen[i] = true
	for _, id := range c.thread(all[i]).ReplyTo {
		for j, other := range all {
			if other.MessageID == id {
				return below(c, all, n, j, seen)
			}
		}
	}
	return false
}

func mailsOf(mbox string) (mails []Mail) {
	for _, raw := range strings.Split("\n"+mbox, "\nFrom ")[1:] {
		mails = append(mails, Parse([]byte("From "+raw)))
	}
	return mails
}

func leave(mails []Mail, gone []int) (left []Mail) {
	for i, m := range mails {
		keep := true
		for _, g := range gone {
			keep = keep && g != i+1
		}
		if keep {
			left = append(left, m)
		}
	}
	return left
}

// parentsIn reads the notation of RFC 5256: in "(1 (2 4)(3))" 2 and 3 are children of 1, and 4 of 2.
func parentsIn(notation string) map[int]int {
	parents := map[int]int{}
	stack := []int{0}
	last := 0
	for _, r := range notation {
		switch {
		case r == '(':
			stack = append(stack, last)
		case r == ')':
			last = stack[len(stack)-1]
			stack = stack[:len(stack)-1]
		case r >= '1' && r <= '9':
			parents[int(r-'0')] = last
			last = int(r - '0')
		}
	}
	return parents
}
