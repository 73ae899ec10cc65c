// Package twiliosig judges the signature of Twilio's webhooks (https://www.twilio.com/docs/usage/security#validating-requests).
package twiliosig

import (
	"net/http"
	"strings"

	"github.com/twilio/twilio-go/client"
)

// Valid tells whether the request was signed with authToken: the form's fields, or the JSON body's hash, after the public URL that was
// called. An empty token validates nothing.
func Valid(authToken, publicURL string, header http.Header, body []byte) bool {
	signature := header.Get("X-Twilio-Signature")
	if authToken == "" || signature == "" {
		return false // the library takes a forgery for good when it has no token
	}
	publicURL, _, _ = strings.Cut(publicURL, "#") // connection overrides are not signed
	v := client.NewRequestValidator(authToken)
	return v.ValidateBody(publicURL, body, signature)
}
