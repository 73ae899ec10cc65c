package email

import (
	"strings"
	"testing"
	"time"
)

// Lines by which mail programs introduce a quote without marks, all of them with nothing but the quote below.
func TestIntroductionsInManyLanguages(t *testing.T) {
	for _, intro := range []string{
		"On Mon, 6 May 2024 at 10:20, Ann Lee <ann@x.test> wrote:",
		"On 06.05.24 10:20, Ann Lee wrote:",
		"On Monday, May 6, 2024 at 10:20:00 AM GMT+2, Ann Lee <ann@x.test> wrote:",
		"On Mon, 6 May 2024 at 10:20, Ann Lee\n<ann@x.test>\nwrote:",
		"Am Mo., 6. Mai 2024 um 10:20 Uhr schrieb Ann Lee <ann@x.test>:",
		"Am 06.05.24 um 10:20 schrieb Ann Lee:",
		"Le lun. 6 mai 2024 à 10:20, Ann Lee <ann@x.test> a écrit :",
		"Le 6 mai 2024 à 10:20, Ann Lee <ann@x.test> a écrit\u202f:",
		"El lun, 6 may 2024 a las 10:20, Ann Lee (<ann@x.test>) escribió:",
		"Il giorno lun 6 mag 2024 alle ore 10:20 Ann Lee <ann@x.test> ha scritto:",
		"Em seg., 6 de mai. de 2024 às 10:20, Ann Lee <ann@x.test> escreveu:",
		"Op ma 6 mei 2024 om 10:20 schreef Ann Lee <ann@x.test>:",
		"pon., 6 maj 2024 o 10:20 Ann Lee <ann@x.test> napisał(a):",
		"Den mån 6 maj 2024 kl 10:20 skrev Ann Lee <ann@x.test>:",
		"man. 6. maj 2024 kl. 10.20 skrev Ann Lee <ann@x.test>:",
		"ma 6. toukok. 2024 klo 10.20 Ann Lee (ann@x.test) kirjoitti:",
		"po 6. 5. 2024 v 10:20 odesílatel Ann Lee <ann@x.test> napsal:",
		"Ann Lee <ann@x.test> ezt írta (időpont: 2024. máj. 6., H, 10:20):",
		"пн, 6 мая 2024 г. в 10:20, Анна Ли <ann@x.test>:",
		"6 мая 2024 г., в 10:20, Анна Ли <ann@x.test> написал(а):",
		"06.05.2024 10:20, Анна Ли пишет:",
		"06.05.2024, 10:20, \"Анна Ли\" <ann@x.test>:",
		"Понедельник, 6 мая 2024, 10:20 +03:00 от Анна Ли <ann@x.test>:",
		"пн, 6 трав. 2024 р. о 10:20 Анна Лі <ann@x.test> пише:",
		"Ann Lee <ann@x.test>, 6 May 2024 Pzt, 10:20 tarihinde şunu yazdı:",
		"张三 <ann@x.test> 于2024年5月6日周一 10:20写道：",
		"在 2024年5月6日，10:20，张三 <ann@x.test> 写道：",
		"2024年5月6日(月) 10:20 山田 <ann@x.test>:",
		"2024년 5월 6일 (월) 오전 10:20, 김 <ann@x.test>님이 작성:",
		"Vào 10:20, 6 thg 5, 2024, Ann Lee <ann@x.test> đã viết:",
		"În lun., 6 mai 2024 la 10:20, Ann Lee <ann@x.test> a scris:",
		"---- On Mon, 06 May 2024 10:20:00 +0200 Ann Lee <ann@x.test> wrote ----",
		"-----Original Message-----\nFrom: Ann",
		"-------- Исходное сообщение --------\nОт: Анна",
		"-----Ursprüngliche Nachricht-----\nVon: Ann",
		"________________________________\nFrom: Ann Lee <ann@x.test>\nSent: Monday, May 6, 2024 10:20\nTo: Support\nSubject: Order",
		"Von: Ann Lee <ann@x.test>\nGesendet: Montag, 6. Mai 2024 10:20\nAn: Support <s@hub.test>\nBetreff: Bestellung",
		"От: Анна Ли <ann@x.test>\nОтправлено: 6 мая 2024 г. 10:20\nКому: Поддержка\nТема: Заказ",
		"De: Ann Lee <ann@x.test>\nEnviado el: lunes, 6 de mayo de 2024 10:20\nPara: Soporte\nAsunto: Pedido",
		"De : Ann Lee <ann@x.test>\nEnvoyé : lundi 6 mai 2024 10:20\nÀ : Aide\nObjet : Commande",
		"发件人: 张三 <ann@x.test>\n发送时间: 2024年5月6日 10:20\n收件人: 支持\n主题: 订单",
		"差出人: 山田 <ann@x.test>\n送信日時: 2024年5月6日 10:20\n宛先: サポート\n件名: 注文",
	} {
		text := "My order is late.\n\n" + intro + "\n\nHow can we help?\n\nAnn"
		if got := Visible(text, Origin{}); got != "My order is late." {
			t.Errorf("%s\n\tgot %q", intro, got)
		}
	}
}

// What a customer writes must stay to be seen, however much it looks like a quote.
func TestOwnWordsAreNotFolded(t *testing.T) {
	for _, text := range []string{
		"I need a flight:\n\nFrom: London\nTo: Paris\nDate: 12 May 2024\n\nThanks for looking!",
		"On 12 May 2024 I ordered two lamps and you sent nothing at all. Where are they?",
		"On the invoice the total is wrong.\nOn 5 May it was right.",
		"Please send it to ann@x.test:\nmy old address no longer works.",
		"The error is:\n--------------\nE42 at start\n--------------\nWhat does it mean?",
		"Date: 5 May\nTime: 10:20\nSubject of the talk: lamps",
		"Sent from my desk, so answer by mail please.",
		"Thanks,\nthe second parcel arrived as well, but it is broken and I want my money back.",
		"I call him -Bob\n\n-No",
		"Best regards to your team, they were great.\nNow to my question: where is my order?",
		"-- \nOnly a signature here",
		"The first lamp is fine.\n_______\nThe second is broken.",
		"Hello\n\nBest regards,\nAnn\n\nPS: the number of the order is 4711.",
		"First\n--\n" + strings.Repeat("A long list of things that are broken.\n", 30),
	} {
		if got := Visible(text, Origin{From: Address{Name: "Carl Orff", Addr: "carl@x.test"}}); got != "" {
			t.Errorf("%q\n\tis cut to %q", text, got)
		}
	}
}

func TestSignaturesAreFolded(t *testing.T) {
	from := Address{Name: "Anna Lee", Addr: "anna@x.test"}
	for _, end := range []string{
		"-- \nAnna Lee\nLamps Ltd.", "--\nAnna", "Best regards,\nAnna Lee\n+44 20 7946 0000", "С уважением,\nАнна Ли", "Mit freundlichen Grüßen\n\nAnna Lee",
		"Thanks,\nAnna", "Cheers\n\nAnna Lee\nHead of Lamps", "Anna Lee\nwww.lamps.test", "Sent from my iPhone", "Отправлено с iPhone", "Von meinem iPhone gesendet",
		"Get Outlook for iOS<https://aka.ms/o0ukef>", "Envoyé de mon iPhone", "Enviado desde mi iPhone", "Отправлено из Яндекс Почты для мобильных", "发自我的 iPhone", "iPhoneから送信", "-Anna Lee",
	} {
		text := "My order is late.\n\n" + end + "\n"
		if got := Visible(text, Origin{From: from}); got != "My order is late." {
			t.Errorf("%q: got %q", end, got)
		}
	}
}

func TestForwardedMailIsShown(t *testing.T) {
	text := "Please look at this.\n\n---------- Forwarded message ---------\nFrom: Ann <ann@x.test>\nDate: Mon, 6 May 2024 at 10:20\nSubject: Offer\nTo: <me@x.test>\n\nThe offer."
	if got := Visible(text, Origin{}); got != "" {
		t.Errorf("a forwarded mail is cut to %q", got)
	}
	outlook := "Please look at this.\n\nFrom: Ann <ann@x.test>\nSent: Monday, 6 May 2024 10:20\nTo: me\nSubject: Offer\n\nThe offer."
	if got := Visible(outlook, Origin{Forward: true}); got != "" {
		t.Errorf("a forwarded mail is cut to %q", got)
	}
	page := `<div>Please look at this.</div><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>From: Ann</div>The offer.</div>`
	if _, got := FoldHTML(page, Origin{}); got != "" {
		t.Errorf("a forwarded page is cut to %q", got)
	}
}

func TestQuotesInPagesAreMarked(t *testing.T) {
	const q, s = ` data-parley-fold="quote"`, ` data-parley-fold="signature"`
	for _, tc := range []struct{ name, page, marked, visible string }{
		{"gmail", `<div>Yes.</div><div class="gmail_quote">On Monday:<blockquote>Is it?</blockquote></div>`,
			`<div>Yes.</div><div` + q + ` class="gmail_quote">On Monday:<blockquote>Is it?</blockquote></div>`, "Yes."},
		{"an answer below", `<blockquote type="cite">Is it?</blockquote><p>Yes.</p>`, `<blockquote` + q + ` type="cite">Is it?</blockquote><p>Yes.</p>`, "Yes."},
		{"nested elements of one name", `<p>Yes.</p><div class="yahoo_quoted"><div>a</div><div>b</div></div><p>And no.</p>`,
			`<p>Yes.</p><div` + q + ` class="yahoo_quoted"><div>a</div><div>b</div></div><p>And no.</p>`, "Yes.\n\nAnd no."},
		{"outlook on the web", `<div>Yes.</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Ann</div><div>Is it?</div>loose text`,
			`<div>Yes.</div><div` + q + ` id="appendonsend"></div><hr` + q + `><div` + q + ` id="divRplyFwdMsg">From: Ann</div><div` + q + `>Is it?</div><span` + q + `>loose text</span>`, "Yes."},
		{"a quote that its container outlives", `<div>Yes.<br>From: Ann &lt;a@x.test&gt;<br>Sent: May 6, 2024<br>To: us<br>Subject: x<br><b>Is it?</b></div>`,
			`<div>Yes.<br><span` + q + `>From: Ann &lt;a@x.test&gt;</span><br` + q + `><span` + q + `>Sent: May 6, 2024</span><br` + q + `><span` + q + `>To: us</span><br` + q + `><span` + q + `>Subject: x</span><br` + q + `><b` + q + `>Is it?</b></div>`, "Yes."},
		{"a signature", `<p>Yes.</p><div class="gmail_signature">Ann</div>`, `<p>Yes.</p><div` + s + ` class="gmail_signature">Ann</div>`, "Yes."},
		{"a rule between paragraphs", `<p>One.</p><hr><p>Two.</p>`, `<p>One.</p><hr><p>Two.</p>`, ""},
		{"indented, not quoted", `<p>Please change</p><blockquote style="margin:0 0 0 40px">line 7</blockquote>`, `<p>Please change</p><blockquote style="margin:0 0 0 40px">line 7</blockquote>`, ""},
		{"nothing but a quote", `<blockquote type="cite">Is it?</blockquote>`, `<blockquote type="cite">Is it?</blockquote>`, ""},
		{"marked by its sender", `<p>Yes.</p><p DATA-parley-fold="quote">No.</p>`, `<p>Yes.</p><p data-fold="quote">No.</p>`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			marked, visible := FoldHTML(tc.page, Origin{})
			if marked != tc.marked || visible != tc.visible {
				t.Errorf("got  %s\nwant %s\nvisible %q, want %q", marked, tc.marked, visible, tc.visible)
			}
		})
	}
}

func TestVisibleTextOfAWholeMail(t *testing.T) {
	const page = `<p>Yes.</p><p>-- <br>Ann</p><blockquote type="cite">Is it blue?</blockquote>`
	const plain = "Yes.\r\n\r\n> Is it blue?\r\n"
	head := "From: Ann <ann@x.test>\r\nMIME-Version: 1.0\r\n"
	both := "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n" + plain + "--b\r\nContent-Type: text/html\r\n\r\n" + page + "\r\n--b--\r\n"
	for name, raw := range map[string]string{"a page alone": head + "Content-Type: text/html\r\n\r\n" + page, "plain alone": head + "\r\n" + plain, "both": head + both} {
		text, visible, marked := foldBodies(Parse([]byte(raw)))
		if visible != "Yes." || !strings.Contains(text, "Is it blue?") || strings.Contains(raw, "text/html") != strings.Contains(marked, `<blockquote data-parley-fold="quote"`) {
			t.Errorf("%s: text %q, visible %q, page %q", name, text, visible, marked)
		}
	}
}

// FuzzFold looks for a text of which folding loses something.
func FuzzFold(f *testing.F) {
	for _, s := range []string{"Hi\n\nOn 6 May 2024 at 10:20 Ann wrote:\n> x\n\n-- \nme", "From: a@b\nSent: 1\nTo: c\nSubject: d\n\nx", "<div class=gmail_quote><br><hr>x</div>y", "\n>\n\r\n--\n", "a<style>b</style><blockquote>c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var all strings.Builder
		for _, p := range Fold(text, Origin{From: Address{Name: "Ann"}}) {
			all.WriteString(p.Text)
		}
		if all.String() != text {
			t.Errorf("folded %q to %q", text, all.String())
		}
		marked, _ := FoldHTML(text, Origin{})
		if packed(htmlText(marked)) != packed(htmlText(withoutOurMarks(text))) {
			t.Errorf("%q became %q", text, marked)
		}
	})
}

func TestTimeOfFoldingIsLinear(t *testing.T) {
	shapes := map[string]func(n int) string{
		"quote marks":              func(n int) string { return strings.Repeat(">", n*20) },
		"quoted lines":             func(n int) string { return strings.Repeat("> a\n", n) },
		"introductions":            func(n int) string { return strings.Repeat("On 6 May 2024\n", n) },
		"introductions that end":   func(n int) string { return strings.Repeat("On 6 May 2024 x\nwrote:\n> a\n", n/2) },
		"half headers":             func(n int) string { return strings.Repeat("From: a\nTo: b\n\n", n/2) },
		"signature marks":          func(n int) string { return strings.Repeat("--\n", n) },
		"closings":                 func(n int) string { return strings.Repeat("Best regards,\n> a\n", n/2) },
		"one long line":            func(n int) string { return "On 6 May 2024 " + strings.Repeat("x ", n*10) },
		"blank lines":              func(n int) string { return "On 6 May 2024 10:20 Ann wrote:" + strings.Repeat("\n", n*10) },
		"introductions and blanks": func(n int) string { return strings.Repeat("On 6 May 2024 10:20 Ann wrote:\n> a\n\n\n\n\n", n/4) },
		"open quote elements":      func(n int) string { return strings.Repeat(`<div class="gmail_quote">`, n) },
		"quote elements":           func(n int) string { return strings.Repeat(`<div class="gmail_quote">a</div>b`, n/2) },
		"open blockquotes":         func(n int) string { return strings.Repeat("<blockquote>a", n) },
		"pages of lines":           func(n int) string { return strings.Repeat("6 May 2024 wrote:<br>", n) },
		"text without an end":      func(n int) string { return strings.Repeat("x<b>", n) },
		"blanks between tags":      func(n int) string { return strings.Repeat(" <b>", n) },
		"open marks":               func(n int) string { return strings.Repeat("<", n*5) },
	}
	fold := func(s string) {
		Fold(s, Origin{From: Address{Name: "Ann Lee", Addr: "a@x.test"}})
		FoldHTML(s, Origin{})
	}
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) { timeGrowsLinearly(t, shape, fold) })
	}
}

// timeGrowsLinearly lets eight times the input take at most 2.6³ times the time: 2.6 for each doubling.
func timeGrowsLinearly(t *testing.T, shape func(n int) string, do func(string)) {
	t.Helper()
	took := func(s string) time.Duration {
		best := time.Hour
		for range 3 {
			began := time.Now()
			do(s)
			best = min(best, time.Since(began))
		}
		return best
	}
	small, large := shape(2_500), shape(20_000)
	var a, b time.Duration
	for range 4 { // other programs on the machine: what is slow is slow every time
		a, b = took(small), took(large)
		if b < 20*time.Millisecond || float64(b) <= 2.6*2.6*2.6*float64(a) {
			t.Logf("%d kB in %s, %d kB in %s", len(small)>>10, a, len(large)>>10, b)
			return
		}
	}
	t.Errorf("%d kB took %s, %d kB took %s", len(small)>>10, a, len(large)>>10, b)
}
