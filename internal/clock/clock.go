// Package clock is where time comes from. Whoever needs the time takes a Clock, so that a test can have Tuesday.
package clock

import "time"

// Clock answers the present time.
type Clock func() time.Time

// System is the machine's clock, in UTC.
func System() time.Time { return time.Now().UTC() }
