package auth

import (
	"strings"
	"testing"
)

func TestATokenIsFoundByItsHashAndNeverTwiceTheSame(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		clear, hash := NewToken(APIToken)
		if !strings.HasPrefix(clear, "ply_") || len(clear) != len("ply_")+43 || strings.ContainsAny(clear, " \n+/=") {
			t.Fatalf("token %q", clear)
		}
		if HashToken(clear) != hash || strings.Contains(hash, clear[4:]) {
			t.Fatalf("hash %q of %q", hash, clear)
		}
		if seen[clear] {
			t.Fatal("drawn twice")
		}
		seen[clear] = true
	}
}

func TestACSRFTokenIsGoodForItsSessionOnly(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	session, _ := NewToken(SessionToken)
	other, _ := NewToken(SessionToken)
	token := CSRFToken(key, session)
	if !CSRFMatches(key, session, token) {
		t.Error("refused for its own session")
	}
	if strings.Contains(token, session) {
		t.Error("it tells the session")
	}
	for name, ok := range map[string]bool{
		"another session": CSRFMatches(key, other, token),
		"another key":     CSRFMatches([]byte("another key, another installation"), session, token),
		"nothing given":   CSRFMatches(key, session, ""),
		"no session":      CSRFMatches(key, "", CSRFToken(key, "")),
		"cut":             CSRFMatches(key, session, token[:10]),
	} {
		if ok {
			t.Errorf("%s is taken", name)
		}
	}
}
