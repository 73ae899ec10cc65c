//go:build !race

package email

// slower is how much longer things may take than is promised.
const slower = 1
