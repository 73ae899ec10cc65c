//go:build !mutant

package inbox

// Guarantees that only a binary built with the tag mutant can break (mutant.go).
const (
	acknowledgesFirst = false
	repeatsBlindly    = false
)
