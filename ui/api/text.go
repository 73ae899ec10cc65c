package api

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"parley/internal/fault"

	"github.com/gofiber/fiber/v2"
)

// plainText stands before every route of the API: no text may come in that a database can't keep. PostgreSQL takes neither NUL nor bytes
// that are no UTF-8, and would answer with an error of ours.
func (a *API) plainText(c *fiber.Ctx) error {
	if !text(c.OriginalURL()) || !text(c.Get("Idempotency-Key")) {
		return a.answer(c, fault.Malformed("the address or a header holds a NUL character or bytes that are no UTF-8"))
	}
	if hasNUL(c.Body()) && !strings.HasPrefix(c.Get("Content-Type"), "multipart/") && c.Method() != http.MethodGet {
		return a.answer(c, fault.Malformed("a text in the body holds a NUL character"))
	}
	return c.Next()
}

// text tells whether s, also where it is percent-encoded, is text.
func text(s string) bool {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		plain = s // what is wrong with it is for the route to say
	}
	return utf8.ValidString(plain) && !strings.ContainsRune(plain, 0)
}

// hasNUL tells whether a JSON document has the escape of NUL in a string. (The character itself makes it no JSON.)
func hasNUL(json []byte) bool {
	for {
		i := bytes.IndexByte(json, '\\')
		if i < 0 || i+1 >= len(json) {
			return false
		}
		if bytes.HasPrefix(json[i+1:], []byte("u0000")) {
			return true
		}
		json = json[i+2:] // what is escaped is no escape itself
	}
}
