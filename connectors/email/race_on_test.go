//go:build race

package email

// slower is how much longer the race detector makes things take, on a machine that has other work too.
const slower = 15
