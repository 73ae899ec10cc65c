package telegram

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"

	"parley/connectors"
)

// downloadLimit is what a bot may fetch (core.telegram.org/bots/api#getfile).
const downloadLimit = 20 << 20

// envelopeFields are fields of a message that are not its content.
var envelopeFields = set("message_id", "message_thread_id", "is_topic_message", "from", "sender_chat", "sender_boost_count",
	"sender_business_bot", "date", "business_connection_id", "chat", "forward_origin", "forward_from", "forward_from_chat",
	"forward_from_message_id", "forward_signature", "forward_sender_name", "forward_date", "is_automatic_forward",
	"reply_to_message", "external_reply", "quote", "reply_to_story", "via_bot", "edit_date", "has_protected_content",
	"is_from_offline", "media_group_id", "author_signature", "entities", "caption_entities", "link_preview_options", "effect_id",
	"show_caption_above_media", "has_media_spoiler", "reply_markup", "paid_star_count", "text", "caption")

func (m *message) fillContent(in *connectors.Inbound) {
	in.Text = withLinks(m.Text, m.Entities)
	if in.Text == "" {
		in.Text = withLinks(m.Caption, m.CaptionEntities)
	}
	in.Source = m.startedFrom()
	m.fillFiles(in)
	if in.Kind == "" {
		m.fillCard(in)
	}
	if in.Text == "" && len(in.Parts) == 0 {
		in.Text = "[unsupported message: " + m.unknownContent() + "]"
	}
}

// startedFrom reads the word behind t.me/BOT?start=WORD, which tells where a person came from.
func (m *message) startedFrom() connectors.Source {
	word, ok := strings.CutPrefix(m.Text, "/start ")
	if word = strings.TrimSpace(word); !ok || word == "" {
		return connectors.Source{}
	}
	return connectors.Source{UTM: map[string]string{"start": word}}
}

func (m *message) fillFiles(in *connectors.Inbound) {
	add := func(f *file, name, mime string) {
		if f != nil && f.ID != "" {
			in.Parts = append(in.Parts, f.attachment(name, mime))
		}
	}
	add(largest(m.Photo), "photo.jpg", "image/jpeg")
	add(m.Voice, "voice.ogg", "audio/ogg")
	add(m.Audio, "audio", "audio/mpeg")
	add(m.Video, "video.mp4", "video/mp4")
	add(m.VideoNote, "video.mp4", "video/mp4")
	add(m.Animation, "animation.mp4", "video/mp4")
	if m.Animation == nil { // an animation comes as a document as well
		add(m.Document, "file", "application/octet-stream")
	}
	if s := m.Sticker; s != nil {
		in.Kind, in.Text = "sticker", s.Emoji
		add(&s.file, s.fileName(), s.mime())
	}
}

func largest(sizes []file) *file {
	var best *file
	for i := range sizes {
		if best == nil || sizes[i].Width*sizes[i].Height > best.Width*best.Height {
			best = &sizes[i]
		}
	}
	return best
}

func (s *sticker) mime() string {
	switch {
	case s.Animated:
		return "application/x-tgsticker"
	case s.Video:
		return "video/webm"
	}
	return "image/webp"
}

func (s *sticker) fileName() string {
	switch {
	case s.Animated:
		return "sticker.tgs"
	case s.Video:
		return "sticker.webm"
	}
	return "sticker.webp"
}

// attachment is f with the name and type that its kind usually has, where it tells none itself.
func (f *file) attachment(name, mime string) connectors.Attachment {
	a := connectors.Attachment{Name: name, MIME: mime, Size: f.Size, FetchRef: f.ID}
	if f.Name != "" {
		a.Name = f.Name
	}
	if f.MIME != "" {
		a.MIME = f.MIME
	}
	if f.Size > downloadLimit {
		a.FetchRef, a.Problem = "", "over Telegram's 20 MB limit for bots: ask for another way"
	}
	return a
}

// fillCard writes out what is neither words nor a file.
func (m *message) fillCard(in *connectors.Inbound) {
	switch {
	case m.Venue != nil:
		in.Kind, in.Text = "location", joinLines(m.Venue.Title, m.Venue.Address, m.Venue.Location.String())
	case m.Location != nil:
		in.Kind, in.Text = "location", m.Location.String()
	case m.Contact != nil:
		in.Kind, in.Text = "contact", m.Contact.String()
		if m.Contact.UserID != 0 && m.Contact.UserID == m.From.ID {
			in.Sender.Claims = append(in.Sender.Claims, connectors.Claim{Kind: connectors.KindPhone, Value: m.Contact.phone(), Trust: connectors.TrustChannel})
		}
	case m.Poll != nil:
		in.Kind, in.Text = "poll", m.Poll.String()
	case m.Dice != nil:
		in.Kind, in.Text = "dice", m.Dice.Emoji+" "+strconv.Itoa(m.Dice.Value)
	}
}

func (l location) String() string { return fmt.Sprintf("📍 %.6f, %.6f", l.Latitude, l.Longitude) }

func (c *contact) String() string {
	return strings.Join(strings.Fields("☎ "+c.First+" "+c.Last+" "+c.phone()), " ")
}

// phone is the number as Telegram gives it; it leaves out the plus of the international form now and then.
func (c *contact) phone() string {
	if c.Phone != "" && strings.Trim(c.Phone, "0123456789") == "" {
		return "+" + c.Phone
	}
	return c.Phone
}

func (p *poll) String() string {
	lines := []string{"📊 " + p.Question}
	for _, o := range p.Options {
		lines = append(lines, "– "+o.Text)
	}
	return joinLines(lines...)
}

func joinLines(lines ...string) string {
	var full []string
	for _, l := range lines {
		if l != "" {
			full = append(full, l)
		}
	}
	return strings.Join(full, "\n")
}

func (m *message) unknownContent() string {
	var unknown []string
	for _, f := range m.fields {
		if !envelopeFields[f] {
			unknown = append(unknown, f)
		}
	}
	if len(unknown) == 0 {
		return "empty"
	}
	sort.Strings(unknown)
	return unknown[0]
}

// withLinks writes the address behind each linked word, which the words alone would lose.
func withLinks(text string, entities []entity) string {
	units := utf16.Encode([]rune(text))
	sort.SliceStable(entities, func(i, j int) bool { return entities[i].Offset > entities[j].Offset })
	for _, e := range entities {
		if words := e.of(text); e.Type == "text_link" && e.URL != "" && words != "" && words != e.URL {
			end := e.Offset + e.Length
			units = append(units[:end:end], append(utf16.Encode([]rune(" ("+e.URL+")")), units[end:]...)...)
		}
	}
	return string(utf16.Decode(units))
}

// of is the part of text that e marks, "" when it lies outside.
func (e entity) of(text string) string {
	units := utf16.Encode([]rune(text))
	if e.Offset < 0 || e.Length <= 0 || e.Offset > len(units) || e.Length > len(units)-e.Offset {
		return ""
	}
	return string(utf16.Decode(units[e.Offset : e.Offset+e.Length]))
}
