package auth

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
)

//go:embed common.txt
var commonText string

// commonWords are what most guessed passwords are built around.
var commonWords = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(commonText) {
		words[w] = true
	}
	return words
})

// letters that people write for other letters
var unleet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", "@", "a", "$", "s", "!", "i", "|", "i")

// isCommon tells whether a password is a common word, plain or in the ways that guessers try first: other case, figures
// and signs around it, figures for letters, said twice, backwards; or a run along the keyboard or of one sign.
func isCommon(password string) bool {
	p := strings.ToLower(password)
	if isRun(p) {
		return true
	}
	core := strings.TrimFunc(p, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, form := range []string{p, core, unleet.Replace(p), strings.TrimFunc(unleet.Replace(p), notLetter), unleet.Replace(core), backwards(core)} {
		if commonWords()[form] || commonWords()[once(form)] {
			return true
		}
	}
	return false
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

// rows of keyboards and the like, walked in both directions
var rows = []string{"0123456789012345678901234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop",
	"йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю", "1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm", "q1w2e3r4t5y6u7i8o9p0"}

// isRun tells whether p is made of at most two walks along a row, or of one or two signs.
func isRun(p string) bool {
	different := map[rune]bool{}
	for _, r := range p {
		different[r] = true
	}
	if len(different) <= 2 {
		return true
	}
	rest := p
	for range 2 {
		rest = rest[walk(rest):]
		if rest == "" {
			return true
		}
	}
	return false
}

// walk is the length of the longest beginning of p, at least four bytes, that runs along a row; 0 when there is none.
func walk(p string) int {
	longest := 0
	for _, row := range rows {
		for _, line := range []string{row, backwards(row)} {
			for n := len(p); n > longest && n >= 4; n-- {
				if strings.Contains(line, p[:n]) {
					longest = n
				}
			}
		}
	}
	return longest
}

func backwards(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

// once is the half of a text that says the same twice, otherwise the text.
func once(s string) string {
	if half := len(s) / 2; len(s)%2 == 0 && s[:half] == s[half:] {
		return s[:half]
	}
	return s
}

// isPersonal tells whether a password is one of the texts or the local part of an address, whatever stands around it.
func isPersonal(password string, personal []string) bool {
	p := strings.TrimFunc(strings.ToLower(password), notLetter)
	for _, text := range personal {
		text = strings.ToLower(strings.TrimSpace(text))
		local, _, _ := strings.Cut(text, "@")
		for _, t := range []string{text, local, strings.ReplaceAll(text, " ", "")} {
			if t = strings.TrimFunc(t, notLetter); t != "" && t == p {
				return true
			}
		}
	}
	return false
}
