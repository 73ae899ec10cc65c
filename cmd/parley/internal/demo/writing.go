package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"strings"

	"parley/connectors"
	"parley/connectors/connectortest/faketelegram"
	"parley/connectors/email/mailtest"
)

// saying is something that a customer says by any channel; what a channel can't carry is left out.
type saying struct {
	subject string // of a first mail
	text    string
	html    string
	inline  []file // pictures of the html
	files   []file
	photo   *file             // Telegram, MMS
	voice   bool              // Telegram
	place   bool              // Telegram: a pin on the map
	header  map[string]string // of a mail, beside the usual
}

// writeMail puts a mail into the shop's mailbox. answering is the shop's mail that it answers, nil for none.
func (s *Show) writeMail(c *customer, w saying, answering *mailtest.Mail) error {
	l := letter{id: newID(domainOf(c.mail)), from: mail.Address{Name: c.name, Address: c.mail}, to: shopMail, subject: w.subject, text: w.text, html: w.html,
		inline: w.inline, files: w.files, at: s.o.Clock.Now(), header: w.header}
	if answering != nil {
		if err := l.answer(*answering); err != nil {
			return err
		}
	}
	_, err := s.providers.mailbox.DeliverRaw(l.raw(), l.at)
	return err
}

// answer makes l the answer to a mail, quoting it.
func (l *letter) answer(m mailtest.Mail) error {
	got := m.Message()
	if got == nil {
		return fmt.Errorf("the shop's mail to %s can't be read", l.from.Address)
	}
	id := got.Header.Get("Message-Id")
	l.inReplyTo, l.references = id, append(strings.Fields(got.Header.Get("References")), id)
	if to := got.Header.Get("Reply-To"); to != "" {
		l.to = to
	}
	l.subject = decodedHeader(got.Header.Get("Subject"))
	at, err := got.Header.Date()
	if err != nil {
		at = m.At
	}
	l.text += quoted("Fernleaf", at, plainOf(m))
	return nil
}

// writeText sends an SMS to the shop's number, as an MMS when there is a picture.
func (s *Show) writeText(ctx context.Context, c *customer, w saying) error {
	more := url.Values{"FromCountry": {"GB"}}
	if w.photo != nil {
		more.Set("NumMedia", "1")
		more.Set("MediaUrl0", s.providers.twilio.AddMedia(w.photo.mime, w.photo.data))
		more.Set("MediaContentType0", w.photo.mime)
	}
	status, answer, err := s.providers.twilio.Post(ctx, s.office.channels[connectors.SMS].hook(), s.providers.twilio.Inbound(c.phone, w.text, more))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("a text message was answered %d %s", status, answer)
	}
	return err
}

// writeTelegram writes to the bot and returns the message as Telegram has it.
func (s *Show) writeTelegram(c *customer, w saying) (faketelegram.Object, error) {
	bot := s.providers.telegram
	more := faketelegram.Object{}
	switch {
	case w.photo != nil:
		more["photo"] = []faketelegram.Object{{"file_id": bot.AddFile("photo.jpg", w.photo.data), "width": 480, "height": 600, "file_size": len(w.photo.data)}}
		more["caption"], more["text"] = w.text, nil
	case w.voice:
		more["voice"] = faketelegram.Object{"file_id": bot.AddFile("voice.ogg", voice), "duration": voiceSeconds, "mime_type": "audio/ogg", "file_size": len(voice)}
		more["text"] = nil
	case w.place:
		more["location"] = faketelegram.Object{"latitude": 51.4545, "longitude": -2.5879}
		more["text"] = nil
	}
	u := bot.Message(c.telegram, w.text, more)
	var told struct {
		Message faketelegram.Object `json:"message"`
	}
	if err := json.Unmarshal(u.JSON, &told); err != nil {
		return nil, err
	}
	bot.Push(u)
	return told.Message, nil
}

// editTelegram changes what was written.
func (s *Show) editTelegram(was faketelegram.Object, text string) {
	was["text"], was["edit_date"] = text, was["date"]
	s.providers.telegram.Push(s.providers.telegram.Update("edited_message", was))
}

// fillIn posts the office-plants form as its page does.
func (s *Show) fillIn(ctx context.Context, fields map[string]string) error {
	b, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.office.channels[connectors.Form].hook(), bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", s.o.Base)
	req.Header.Set("Referer", s.o.Base+"/demo")
	res, err := s.door.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("a form was answered %s: %s", res.Status, said)
	}
	return nil
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }
