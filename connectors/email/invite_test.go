package email

import (
	"strings"
	"testing"
)

const meeting = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n" +
	"ORGANIZER;CN=\"Lee, Ann\":mailto:ann@customer.test\r\nSUMMARY:Lamps\\, and more \r\n lamps\r\nDTSTART;TZID=Europe/Berlin:20240506T102000\r\nDTEND;TZID=Europe/Berlin:20240506T110000\r\n" +
	"a line of nonsense\r\nLOCATION:Room 4\\nsecond floor\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\nBEGIN:VALARM\r\nSUMMARY:Reminder\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func TestInvitesAreReadOut(t *testing.T) {
	event := func(lines string) string {
		return "BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + lines + "\nEND:VEVENT\nEND:VCALENDAR"
	}
	for _, tc := range []struct{ name, calendar, want string }{
		{"an invitation", meeting, "Invitation: Lamps, and more lamps\nWhen: Mon, 6 May 2024, 10:20–11:00 (Europe/Berlin)\nRepeats: weekly\nWhere: Room 4 second floor\nOrganiser: Lee, Ann <ann@customer.test>"},
		{"a day", event("SUMMARY:Holiday\nDTSTART;VALUE=DATE:20240506\nDTEND;VALUE=DATE:20240507"), "Event: Holiday\nWhen: Mon, 6 May 2024"},
		{"days", event("SUMMARY:Fair\nDTSTART;VALUE=DATE:20240506\nDTEND;VALUE=DATE:20240509"), "Event: Fair\nWhen: Mon, 6 May 2024 – Wed, 8 May 2024"},
		{"UTC and a duration", event("SUMMARY:Call\nDTSTART:20240506T233000Z\nDURATION:PT1H30M"), "Event: Call\nWhen: Mon, 6 May 2024, 23:30 – Tue, 7 May 2024, 01:00 (UTC)"},
		{"an answer", strings.Replace(event("SUMMARY:Call\nATTENDEE;PARTSTAT=DECLINED;CN=Bob:mailto:bob@x.test"), "BEGIN:VEVENT", "METHOD:REPLY\nBEGIN:VEVENT", 1), "Answer to an invitation: Call – Bob <bob@x.test> declined"},
		{"cancelled", strings.Replace(event("SUMMARY:Call"), "BEGIN:VEVENT", "METHOD:CANCEL\nBEGIN:VEVENT", 1), "Cancelled: Call"},
		{"nothing known", event(""), "Event: (no title)"},
		{"cut short", meeting[:strings.Index(meeting, "LOCATION")], "Invitation: Lamps, and more lamps\nWhen: Mon, 6 May 2024, 10:20–11:00 (Europe/Berlin)\nOrganiser: Lee, Ann <ann@customer.test>"},
		{"no event", "BEGIN:VCALENDAR\nEND:VCALENDAR", ""},
		{"nonsense", ":::;;;=\x00\n\n BEGIN", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v, ok := ReadInvite([]byte(tc.calendar), "utf-8")
			if got := v.String(); ok != (tc.want != "") || ok && got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestInviteIsTheTextOfAMailWithoutAny(t *testing.T) {
	c := newChannel(t, map[string]any{"receiver": map[string]any{"enabled": true}})
	head := "From: ann@customer.test\r\nTo: support@hub.test\r\nSubject: Lamps\r\n"
	in, _ := c.envelope([]byte(head + "Content-Type: text/calendar; method=REQUEST\r\n\r\n" + meeting))
	if !strings.HasPrefix(in.Text, "Invitation: Lamps, and more lamps\nWhen: ") || len(in.Parts) != 1 || in.Parts[0].MIME != "text/calendar" {
		t.Errorf("text %q, %d parts", in.Text, len(in.Parts))
	}
	in, _ = c.envelope([]byte(head + "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nCome to the lamps.\r\n--b\r\nContent-Type: text/calendar\r\n\r\n" + meeting + "--b--\r\n"))
	if strings.TrimSpace(in.Text) != "Come to the lamps." || in.Headers["Invite"] != "Invitation: Lamps, and more lamps, Mon, 6 May 2024, 10:20–11:00 (Europe/Berlin)" || len(in.Parts) != 1 {
		t.Errorf("text %q, header %q, %d parts", in.Text, in.Headers["Invite"], len(in.Parts))
	}
	tnef := head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee\r\n--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+Ig==\r\n--b--\r\n"
	in, _ = c.envelope([]byte(tnef))
	if len(in.Parts) != 1 || in.Parts[0].Name != "winmail.dat" || string(in.Parts[0].Data) != "\x78\x9f\x3e\x22" {
		t.Errorf("TNEF: %+v", in.Parts)
	}
}

func FuzzReadInvite(f *testing.F) {
	f.Add([]byte(meeting))
	f.Add([]byte("BEGIN:VEVENT\nDTSTART:99999999T999999Z\nDURATION:P99999999W\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		v, _ := ReadInvite(b, "")
		_ = v.String()
	})
}
