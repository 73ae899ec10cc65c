package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"strings"

	"parley/connectors/email/mailtest"
)

// readPost has customers read the shop's mails until ctx ends.
func (s *Show) readPost(ctx context.Context) {
	seen := map[*byte]bool{}
	for {
		m, err := s.providers.post.Wait(ctx, func(m mailtest.Mail) bool { return len(m.Raw) > 0 && !seen[&m.Raw[0]] })
		if err != nil {
			return
		}
		seen[&m.Raw[0]] = true
		if len(m.To) == 0 {
			continue
		}
		if c := s.customers.withMail(m.To[0]); c != nil {
			s.react(c, plainOf(m), func(_ context.Context, line string) error { return s.writeMail(c, saying{text: line}, &m) })
		}
	}
}

// mailTo waits for the nth mail of the shop to somebody.
func (s *Show) mailTo(ctx context.Context, address string, n int) (mailtest.Mail, error) {
	seen := map[*byte]bool{}
	return s.providers.post.Wait(ctx, func(m mailtest.Mail) bool {
		if len(m.Raw) == 0 || len(m.To) == 0 || !strings.EqualFold(m.To[0], address) || seen[&m.Raw[0]] {
			return false
		}
		seen[&m.Raw[0]] = true
		return len(seen) == n
	})
}

// plainOf is the plain text of one of the shop's mails, "" when it has none.
func plainOf(m mailtest.Mail) string {
	got := m.Message()
	if got == nil {
		return ""
	}
	return plainPart(got.Header.Get("Content-Type"), got.Header.Get("Content-Transfer-Encoding"), got.Body)
}

func plainPart(contentType, encoding string, body io.Reader) string {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				return ""
			}
			if text := plainPart(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p); text != "" {
				return text
			}
		}
	}
	if kind != "text/plain" {
		return ""
	}
	if strings.EqualFold(encoding, "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return ""
	}
	if strings.EqualFold(encoding, "base64") {
		if b, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(b))); err != nil {
			return ""
		}
	}
	return string(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
}

func decodedHeader(s string) string {
	if text, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		return text
	}
	return s
}
