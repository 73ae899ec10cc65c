//go:build mutant

package inbox

import "os"

// A test that has never failed proves nothing. Built with the tag mutant, which no shipped binary is, the variable MUTANT names a guarantee
// to break, and the tests of that guarantee (cmd/parley) must then fail.
var (
	acknowledgesFirst = os.Getenv("MUTANT") == "acknowledge-first" // yes to the provider, and only then the commit
	repeatsBlindly    = os.Getenv("MUTANT") == "repeat-blindly"    // what may have been sent is sent again
)
