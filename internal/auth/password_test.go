package auth

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/fault"
)

func TestWeakPasswordsAreRefused(t *testing.T) {
	cases := []struct {
		name, password, code string
		personal             []string
	}{
		{"seven", "xK9#mQ2", "too_short", nil},
		{"seven letters of two bytes", "жщкпэюя", "too_short", nil},
		{"129", strings.Repeat("xK9#mQ2!", 16) + "x", "too_long", nil},
		{"common", "password", "too_common", nil},
		{"other case and figures around", "Welcome2024!", "too_common", nil},
		{"figures for letters", "P4ssw0rd!", "too_common", nil},
		{"said twice", "dragondragon", "too_common", nil},
		{"backwards", "drowssap", "too_common", nil},
		{"along the keyboard", "asdfghjkl", "too_common", nil},
		{"two rows", "1234qwer", "too_common", nil},
		{"Russian row", "йцукенгш", "too_common", nil},
		{"downwards", "987654321", "too_common", nil},
		{"one letter", "aaaaaaaaaaaa", "too_common", nil},
		{"the address", "olga.owner@hub.test", "too_personal", []string{"Olga.Owner@hub.test"}},
		{"the name and a year", "OlgaOwner1987", "too_personal", []string{"Olga Owner"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var f *fault.Error
			if err := CheckPassword(c.password, c.personal...); !errors.As(err, &f) || f.Kind != fault.KindInvalid || f.Fields[0].Code != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
		})
	}
}

func TestGoodPasswordsPass(t *testing.T) {
	for _, p := range []string{"Kx7-9f3a1c", "correct horse battery staple", "жёлтая субмарина 5", "tr0ub4dor&3x", strings.Repeat("xK9#mQ2!", 16), "olgas own secret", "mvB-dragon-tea"} {
		if err := CheckPassword(p, "olga@hub.test", "Olga Owner", ""); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestOnlyThePasswordMatchesItsHash(t *testing.T) {
	kept, err := HashPassword("Kx7-9f3a1c é")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kept, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(kept, "Kx7") {
		t.Errorf("kept %s", kept)
	}
	if !PasswordMatches(kept, "Kx7-9f3a1c é") {
		t.Error("the password itself is refused")
	}
	if !PasswordMatches(kept, "Kx7-9f3a1c e\u0301") {
		t.Error("the same letters, typed on another machine, are refused")
	}
	for _, wrong := range []string{"", "kx7-9f3a1c é", "Kx7-9f3a1c é ", strings.Repeat("x", 200)} {
		if PasswordMatches(kept, wrong) {
			t.Errorf("%q is taken", wrong)
		}
	}
	again, _ := HashPassword("Kx7-9f3a1c é")
	if again == kept {
		t.Error("two people with one password have one hash")
	}
}

func TestADamagedHashMatchesNothing(t *testing.T) {
	kept, _ := HashPassword("Kx7-9f3a1c")
	for _, bad := range []string{"", "x", kept[:len(kept)-4], strings.Replace(kept, "argon2id", "argon2i", 1), strings.Replace(kept, "t=2", "t=0", 1),
		strings.Replace(kept, "m=19456", "m=99999999", 1), strings.Replace(kept, "p=1", "p=0", 1), strings.Replace(kept, "v=19", "v=16", 1)} {
		if PasswordMatches(bad, "Kx7-9f3a1c") {
			t.Errorf("%q matches", bad)
		}
	}
}

func TestAnUnknownPersonTakesAsLong(t *testing.T) {
	kept, _ := HashPassword("Kx7-9f3a1c")
	PasswordMatches("", "warm up")
	fastest := func(kept string) time.Duration {
		best := time.Hour
		for range 3 {
			start := time.Now()
			PasswordMatches(kept, "a guess of somebody")
			best = min(best, time.Since(start))
		}
		return best
	}
	var known, unknown time.Duration
	for range 4 { // a busy machine may spoil one measurement, not four
		known, unknown = fastest(kept), fastest("")
		if unknown > known/2 && unknown < known*2 {
			return
		}
	}
	t.Errorf("a known person takes %s, an unknown one %s", known, unknown)
}

func TestAnOverlongPasswordCostsNothing(t *testing.T) {
	kept, _ := HashPassword("Kx7-9f3a1c")
	huge := strings.Repeat("x", 1<<20)
	start := time.Now()
	for range 50 {
		if PasswordMatches(kept, huge) {
			t.Fatal("it matches")
		}
		if _, err := HashPassword(huge); err == nil {
			t.Fatal("it is hashed")
		}
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("100 of them took %s", d)
	}
}

func TestAnOlderCostIsRenewed(t *testing.T) {
	kept, _ := HashPassword("Kx7-9f3a1c")
	if NeedsRehash(kept) {
		t.Error("a new hash is already old")
	}
	cheap := cost{memory: 1024, passes: 1, lanes: 1}
	old := encode(cheap, []byte("0123456789abcdef"), derive(cheap, []byte("0123456789abcdef"), "Kx7-9f3a1c"))
	if !PasswordMatches(old, "Kx7-9f3a1c") || !NeedsRehash(old) {
		t.Error("a hash of an earlier release must still match, and be renewed")
	}
}

func TestManyGuessesAtOnceAreAnsweredInTurn(t *testing.T) {
	kept, _ := HashPassword("Kx7-9f3a1c")
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if !PasswordMatches(kept, "Kx7-9f3a1c") {
				t.Error("refused under load")
			}
		})
	}
	wg.Wait()
}
