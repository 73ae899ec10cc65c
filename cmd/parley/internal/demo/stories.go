package demo

import (
	"time"

	"parley/connectors"
)

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * hour
)

// stories is the past week.
func stories() []story {
	var all []story
	for _, some := range [][]story{letters(), texts(), telegrams(), chats(), telephone(), forms()} {
		all = append(all, some...)
	}
	return all
}

func letters() []story {
	fern := &file{"fern.jpg", "image/jpeg", jpegOf(plant(true))}
	return []story{
		{byMail("Elena Novak", "en", "elena.novak@example.com", "Tuesday suits me best, any time after ten."), connectors.Email, moment{6, 9, 12}, in(
			says(0, saying{subject: "Order FL-10417: one pot broken", text: "Hello,\n\nmy parcel came this morning and the pot of the rubber fig is in three pieces. The plant itself looks fine.\nA photo is attached.\n\nKind regards\nElena Novak",
				files: []file{{"broken-pot.jpg", "image/jpeg", fern.data}}}),
			takes(20*minute, tomas, "damaged", "order"),
			answers(5*minute, tomas, "Hello Elena,\n\nI'm sorry about the pot! A new one leaves today; you needn't send anything back. Does terracotta suit you again?\n\nTomás, Fernleaf"),
			text(50*minute, "Terracotta is perfect, thank you for the quick help!"),
			resolves(10*minute, tomas))},
		{byMail("Priya Raman", "en", "priya.raman@studio-lark.test", "Please send the offer to this address, I'll pass it on.", "Our budget is about 2,500 euros."), connectors.Email, moment{5, 11, 5}, in(
			says(0, saying{subject: "Plants for a new studio, 120 m²", text: "Dear Fernleaf team,\n\nwe are moving into a new studio in March and would like about thirty plants that forgive dry air.\nThe plan is below. Could you make an offer with care once a month?\n\nPriya Raman\nStudio Lark",
				html: `<p>Dear Fernleaf team,</p><p>we are moving into a new studio in March and would like about <b>thirty plants</b> that forgive dry air. The plan is below.</p>` +
					`<p><img src="cid:plan.png" alt="our plan" width="240"></p><p>Could you make an offer with care once a month?</p><p>Priya Raman<br><i>Studio Lark</i></p>`,
				inline: []file{{"plan.png", "image/png", pngOf(plant(false))}}}),
			takes(2*hour, mara, "offices"),
			moves(minute, mara, "Qualified", "warm", "2400.00"),
			answersWith(30*minute, mara, map[string]any{"format": "markdown", "body": "Dear Priya,\n\nwhat a lovely room. For dry air I would take:\n\n- **rubber fig**, eight of them\n- **ZZ plant**, ten\n- **snake plant**, twelve\n\nDo you have north or south windows?\n\nMara"}),
			text(3*hour, "North on the street side, south to the yard. The desks are all on the north side."),
			moves(20*hour, mara, "Proposal", "hot", "2680.00"),
			notes(minute, mara, "Offer sent with 10 % for the first year of care. She decides with her partner by Friday."))},
		{byMail("María de los Ángeles Fernández-Villaverde y Santamaría de la Cruz", "es", "m.fernandez@example.org"), connectors.Email, moment{4, 10, 40}, in(
			says(0, saying{subject: "¿Envían a Sevilla?", text: "Buenos días:\n\n¿Envían también a Sevilla? Quisiera tres helechos de Boston para un patio con sombra, y me preocupa el calor del viaje.\n\nUn saludo\nMaría de los Ángeles"}),
			answers(70*minute, nora, "Buenos días, María de los Ángeles:\n\nSí, en cuatro días. Si pasan de 35 grados esperamos a que refresque y la avisamos. ¿Le reservo los tres?\n\nNora, Fernleaf"),
			text(25*minute, "Resérvemelos, por favor. Muchas gracias."))},
		{byMail("Ольга Ветрова", "ru", "o.vetrova@example.com"), connectors.Email, moment{3, 14, 20}, in(
			says(0, saying{subject: "Желтеют листья у фикуса", text: "Здравствуйте!\n\nКупила у вас фикус две недели назад, листья внизу желтеют и опадают. Поливаю раз в три дня. Что я делаю не так?\n\nОльга"}),
			changes(15*minute, nora, change{"team": care, "labels": []string{"care"}}),
			takes(30*minute, tomas, "care"),
			answers(5*minute, tomas, "Здравствуйте, Ольга! Скорее всего, фикусу слишком мокро: поливайте раз в десять дней, когда земля просохнет на палец. Есть ли у горшка дренаж?"),
			text(4*hour, "Дренаж есть, а вот поливала, видимо, и правда слишком часто. Попробую, спасибо!"),
			changes(minute, tomas, change{"snoozed_for": 30 * hour}))},
		{byMail("נועה ברק", "he", "noa.barak@example.com"), connectors.Email, moment{1, 9, 30}, in(
			says(0, saying{subject: "משלוח של שרשרת לבבות", text: "שלום,\n\nהזמנתי שרשרת לבבות (מספר הזמנה FL-10466) והמעקב לא זז כבר יומיים. אפשר לבדוק?\n\nתודה,\nנועה"}),
			takes(hour, mara, "delivery"))},
		{byMail("Harriet Oakes", "en", "harriet.oakes@example.net"), connectors.Email, moment{2, 16, 2}, in(
			says(0, saying{subject: "Workshop in December?", text: "Hi, will there be a wreath workshop again this year? We were five last time and would come again.\n\nHarriet"}),
			answers(40*minute, mara, "Hi Harriet, yes, on the 12th at two. Shall I keep five seats for you?"),
			automatic(minute, "Out of office: Workshop in December?", "I am walking in the hills until Monday and read no mail. Harriet"))},
		{byMail("Dr. Bartholomew Quill", "en", "quill@example.org"), connectors.Email, moment{2, 9, 45}, in(
			says(0, saying{subject: "Invoice for the county library", text: "Please find our order form attached. We need the invoice in the library's name, with the order number on it.\n\nB. Quill",
				files: []file{{"order-form-2214.pdf", "application/pdf", sheet("County Library, order 2214", "6 x Boston fern", "2 x rubber fig", "Delivery before 15 December")}}}),
			moves(3*hour, nora, "Won", "hot", "172.00"),
			answers(minute, nora, "Dear Dr. Quill, the invoice is on its way with the number 2214 on it. Thank you!"),
			resolves(minute, nora))},
		{byMail("Jonas Weber", "en", "jonas.weber@example.com", "Then I'd like the larger one, please."), connectors.Email, moment{0, 0, 190}, in(
			says(0, saying{subject: "Gift card", text: "Hello, can I buy a gift card that my aunt can use in your glasshouse as well? She does not do the internet 🙂\n\nJonas"}))},
		{byMail("Amelia Stone", "en", "amelia.stone@example.com"), connectors.Email, moment{0, 0, 46}, in(
			says(0, saying{subject: "Is the string of hearts safe for cats?", text: "Our cat eats everything. Is the string of hearts poisonous? And the rubber fig?\n\nThanks\nAmelia"}))},
		{byMail("Garden Letters", "en", "news@gardenletters.test"), connectors.Email, moment{1, 7, 15}, in(
			says(0, saying{subject: "Garden Letters no. 48: winter light", text: "This week: which windowsills are bright enough in December, and why you should stop feeding your ferns.",
				header: map[string]string{"List-Id": "<garden-letters.gardenletters.test>", "List-Unsubscribe": "<https://gardenletters.test/leave>", "Precedence": "bulk"}}))},
	}
}

func texts() []story {
	leaf := &file{"leaf.jpg", "image/jpeg", jpegOf(plant(true))}
	return []story{
		{byText("Dan Archer", "en", 210), connectors.SMS, moment{5, 17, 44}, in(
			text(0, "Hi, is the shop open this Saturday?"),
			answers(8*minute, mara, "Hi! Yes, from ten to six, Glasshouse Lane 4. Mara, Fernleaf"),
			knows(minute, mara, map[string]any{"name": "Dan Archer"}),
			text(3*minute, "Brilliant, see you then 👍"),
			resolves(minute, mara))},
		{byText("Sian Price", "en", 211, "It stands about two metres from a south window."), connectors.SMS, moment{2, 12, 8}, in(
			says(0, saying{text: "What is wrong with my fern? 😢", photo: leaf}),
			takes(12*minute, tomas, "care"),
			answers(minute, tomas, "Brown tips mean dry air. Cut them off and put the fern in the bathroom for a week. How warm is the room?"),
			text(16*minute, "About 24, the radiator is right below it..."),
			answers(5*minute, tomas, "That's it! Away from the radiator and it will recover by itself."),
			text(2*minute, "You are a star ⭐️"))},
		{byText("Igor", "ru", 212), connectors.SMS, moment{1, 18, 20}, in(
			text(0, "Добрый вечер, заказ FL-10471 приедет завтра?"))},
		{byText("", "en", 999), connectors.SMS, moment{3, 10, 30}, in(
			text(0, "Pls call me back about the big monstera"),
			answers(25*minute, mara, "Hello, which is a good time to call you? Mara, Fernleaf"),
			resolves(day, mara))},
		{byText("", "en", 214), connectors.SMS, moment{0, 0, 75}, in(
			text(0, "My parcel says delivered but there is nothing at the door. Order FL-10483."),
			changes(2*minute, nora, change{"priority": "urgent", "labels": []string{"delivery"}, "team": sales}))},
		{byText("", "es", 215), connectors.SMS, moment{0, 0, 21}, in(
			text(0, "Hola, ¿cuánto cuesta el ficus grande de la ventana?"))},
	}
}

func telegrams() []story {
	photo := &file{"photo.jpg", "image/jpeg", jpegOf(plant(false))}
	ill := &file{"photo.jpg", "image/jpeg", jpegOf(plant(true))}
	return []story{
		{byTelegram("Виктор", "Соколов", "vsokolov", "ru", 1), connectors.Telegram, moment{6, 15, 10}, in(
			text(0, "Здравствуйте! Нужны растения для зала ожидания в клинике, 15–20 штук, неядовитые."),
			takes(30*minute, nora, "offices"),
			moves(minute, nora, "Qualified", "warm", "1350.00"),
			answers(minute, nora, "Здравствуйте, Виктор! С удовольствием. Какое там освещение и какая высота потолка?"),
			text(50*minute, "Окна на восток, потолок 3,20. Дети будут трогать всё подряд 🙂"),
			answers(2*hour, nora, "Тогда калатеи, нефролеписы и три больших пальмы арека: все безопасны для детей. Пришлю предложение завтра."),
			moves(day, nora, "Proposal", "hot", "1480.00"),
			text(2*hour, "Получил, согласую с главврачом и вернусь."),
			changes(minute, nora, change{"snoozed_for": 2 * day}))},
		{byTelegram("Lucía", "Herrera", "luciaherrera", "es", 2), connectors.Telegram, moment{4, 19, 3}, in(
			says(0, saying{text: "¡Miren qué bonita ha crecido! 😍 Gracias por el consejo.", photo: photo}),
			answers(14*hour, mara, "¡Qué maravilla, Lucía! ¿Podemos enseñarla en la tienda?"),
			text(20*minute, "Claro que sí, será un honor 🥰"),
			resolves(minute, mara))},
		{byTelegram("Tamsin", "Doyle", "", "en", 3, "I cut it off, thank you!"), connectors.Telegram, moment{1, 11, 26}, in(
			says(0, saying{voice: true}),
			text(minute, "Sorry, hands full of soil, so I sent a voice message"),
			takes(20*minute, tomas, "care"),
			answers(2*minute, tomas, "No worries! A bent frond can stay as long as it's green. Cut it off right at the soil once it turns brown."))},
		{byTelegram("יואב", "לוי", "yoavl", "he", 4), connectors.Telegram, moment{2, 13, 50}, in(
			text(0, "היי, אפשר להזמין סידור ליום הולדת 60? בערך 8 שולחנות"),
			corrects(2*minute, "היי, אפשר להזמין סידור ליום הולדת 60? בערך 12 שולחנות"),
			takes(15*minute, mara, "events"),
			moves(minute, mara, "Qualified", "warm", "540.00"),
			answers(minute, mara, "שלום יואב, בשמחה! מתי האירוע ואיפה?"),
			says(9*minute, saying{place: true}),
			text(minute, "שם, ב-14 בדצמבר בערב 🎉"))},
		{byTelegram("Wendeline Aurelia Cassandra", "van der Hoogenband-Castellanos", "wendeline_of_the_many_plants", "en", 5), connectors.Telegram, moment{3, 20, 31}, in(
			text(0, "Do you buy back plants? I have forty-one and a new flat with one window 🪴🪴🪴🪴🪴🪴🪴🪴"),
			answers(13*hour, tomas, "We don't, but on the first Sunday of the month there is a swap table in the glasshouse. Bring them along!"),
			text(hour, "That is even better. See you on Sunday!"),
			resolves(minute, tomas))},
		{byTelegram("Marek", "Dvořák", "marekd", "en", 6), connectors.Telegram, moment{0, 0, 130}, in(
			says(0, saying{text: "These spots came overnight. Contagious? The others stand right beside it 😬", photo: ill}),
			changes(4*minute, nora, change{"team": care, "priority": "high"}))},
		{byTelegram("Ana", "Belén", "anabelen", "es", 7), connectors.Telegram, moment{0, 0, 12}, in(
			text(0, "Hola! ¿Tienen monsteras pequeñas esta semana?"))},
	}
}

func chats() []story {
	return []story{
		{byMail("Ruth Calder", "en", "ruth.calder@example.com"), connectors.Webchat, moment{5, 13, 22}, in(
			text(0, "Hello, do you deliver to the islands?"),
			answers(minute, mara, "Hello Ruth! Yes, it takes one day more. Which island?"),
			text(minute, "Skye"),
			answers(minute, mara, "Then five days, and we'd pack it with a heat pad for nothing."),
			text(minute, "Lovely. I'll order tonight 😊"),
			moves(minute, mara, "Qualified", "warm", "64.00"),
			resolves(2*minute, mara))},
		{&customer{name: "", language: "en", lines: []string{"In the kitchen, over the sink."}}, connectors.Webchat, moment{3, 21, 15}, in(
			text(0, "which plant survives a kitchen without windows"),
			answers(11*hour, tomas, "With a lamp: a ZZ plant or a snake plant. Without any light: none, honestly. Where would it stand?"))},
		{byMail("Дарья", "ru", "darya@example.org"), connectors.Webchat, moment{1, 16, 40}, in(
			text(0, "Здравствуйте, а можно забрать заказ самой в субботу?"),
			takes(3*minute, nora),
			answers(minute, nora, "Да, с десяти до шести. Сколько вам нужно времени, чтобы дойти от станции? Мы можем принести к калитке."),
			text(2*minute, "Ой, это было бы прекрасно!"))},
		{byMail("Tobias Finch", "en", "tobias@finch-coffee.test", "Two cafés, one on each side of the river."), connectors.Webchat, moment{1, 10, 12}, in(
			text(0, "Hi, we run two small cafés and want hanging plants above the counters. Do you install them too?"),
			takes(2*minute, mara, "offices"),
			moves(minute, mara, "Proposal", "hot", "890.00"),
			answers(minute, mara, "We do! Could you tell me the width of the counters?"),
			text(6*minute, "3.4 m and 2.8 m"),
			notes(2*minute, mara, "Same kind of rail as for the bakery in spring, Tomás still has the drawing."))},
		{&customer{name: "", language: "en"}, connectors.Webchat, moment{0, 0, 33}, in(
			text(0, "hi! my fern arrived but it's a bit sad 🥲 is that normal?"))},
		{byMail("Inés", "es", "ines@example.net"), connectors.Webchat, moment{0, 0, 6}, in(
			text(0, "¿Hasta qué hora puedo pedir para que salga hoy?"))},
	}
}

func telephone() []story {
	sian := byTelephone("", 301)
	return []story{
		{byTelephone("Greenhill School", 300), connectors.Telephony, moment{4, 9, 5}, in(
			calls(0, "21", 94*time.Second),
			knows(2*minute, mara, map[string]any{"name": "Greenhill School", "labels": []string{"school"}}),
			moves(minute, mara, "Qualified", "warm", "420.00"),
			notes(minute, mara, "Wants forty small succulents for a class project, needs them before the holidays."),
			changes(minute, mara, change{"assignee": mara, "labels": []string{"offices"}}))},
		{sian, connectors.Telephony, moment{3, 12, 47}, in(misses(0), calls(35*minute, "22", 41*time.Second), resolves(minute, tomas))},
		{&customer{language: "en"}, connectors.Telephony, moment{2, 18, 55}, in(misses(0))},
		{byText("Dan Archer", "en", 210), connectors.Telephony, moment{2, 10, 14}, in(calls(0, "21", 63*time.Second))},
		{byTelephone("", 303), connectors.Telephony, moment{1, 15, 30}, in(misses(0), misses(4*minute))},
		{byTelephone("", 304), connectors.Telephony, moment{0, 0, 58}, in(misses(0))},
	}
}

func forms() []story {
	post := func(name, mail, company, message string, more ...string) map[string]string {
		f := map[string]string{"name": name, "email": mail, "company": company, "message": message, "utm_source": "search", "utm_campaign": "office-plants"}
		for i := 0; i+1 < len(more); i += 2 {
			f[more[i]] = more[i+1]
		}
		return f
	}
	return []story{
		{byMail("Caroline Ashby", "en", "c.ashby@example.com", "Thursday at three would be ideal."), connectors.Form, moment{5, 8, 50}, in(
			fills(post("Caroline Ashby", "c.ashby@example.com", "Ashby & Daughters", "Reception and two meeting rooms, about 15 plants. Please come and have a look.", "phone", "+44 7700 900240", "budget", "1000–2000 €")),
			takes(hour, mara, "offices"),
			answers(5*minute, mara, "Dear Caroline, I could come by on Thursday. Would three o'clock suit you?"),
			moves(minute, mara, "Proposal", "hot", "1780.00"))},
		{byMail("Paul Winter", "en", "paul@winter-dental.test"), connectors.Form, moment{4, 20, 2}, in(
			fills(post("Paul Winter", "paul@winter-dental.test", "Winter Dental", "Waiting room, 6 plants, care every two weeks.")),
			takes(13*hour, nora, "offices"),
			answers(minute, nora, "Dear Paul, our offer is attached to this answer in words: six plants, 312 euros, care 40 euros a visit. Shall we start in January?"),
			moves(minute, nora, "Won", "hot", "1272.00"),
			resolves(2*day, nora))},
		{byMail("Simón Prado", "es", "simon.prado@hotel-mirador.test"), connectors.Form, moment{2, 11, 33}, in(
			fills(post("Simón Prado", "simon.prado@hotel-mirador.test", "Hotel Mirador", "Somos un hotel de 40 habitaciones y queremos una planta en cada una.", "lang", "es")),
			takes(2*hour, mara, "offices"),
			moves(minute, mara, "Qualified", "hot", "3200.00"),
			answers(minute, mara, "Estimado Simón: ¡con mucho gusto! ¿Qué luz tienen las habitaciones?"))},
		{byMail("Leonard Pike", "en", "leonard@pike-and-sons.test"), connectors.Form, moment{1, 14, 5}, in(
			fills(post("Leonard Pike", "leonard@pike-and-sons.test", "Pike & Sons", "Price for two large palms?")),
			answers(40*minute, mara, "Dear Leonard, 180 euros each, delivered and potted. Would you like to see them first?"),
			bounces(minute),
			moves(minute, nora, "Lost", "cold", ""))},
		{byMail("Grace Adeyemi", "en", "grace.adeyemi@example.org"), connectors.Form, moment{0, 0, 95}, in(
			fills(post("Grace Adeyemi", "grace.adeyemi@example.org", "Adeyemi Architects", "We'd like a green wall in our entrance, 4 × 2.6 m. Is that something you do?", "phone", "+44 7700 900241", "budget", "more than 5000 €")))},
	}
}
