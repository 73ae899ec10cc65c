package configs

import (
	"regexp"
	"strings"
)

var (
	passwordInURL = regexp.MustCompile(`://.*@`)
	secretInQuery = regexp.MustCompile(`(?i)((?:secret|passw|token|access_?key|credential)[^=&#\s]*\s*=\s*)[^&#]*`)
	secretName    = regexp.MustCompile(`(?i)secret|passw|token|credential|\bkey\b|_key|dsn`)
)

// MaskURL is s without its password, or whatever else in it looks like a secret, for logs and errors. It needs no well-formed
// URL: a wrong one is what errors are about. When in doubt it hides too much.
func MaskURL(s string) string {
	s = passwordInURL.ReplaceAllStringFunc(s, func(m string) string {
		user, _, hasPassword := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(m, "://"), "@"), ":")
		if !hasPassword {
			user = "***"
		}
		return "://" + user + ":***@"
	})
	return secretInQuery.ReplaceAllString(s, "${1}***")
}

// maskUnknown shows the value of a key that we do not know, unless it may be a secret.
func maskUnknown(key, value string) string {
	if secretName.MatchString(key) {
		return "***"
	}
	return MaskURL(value)
}
