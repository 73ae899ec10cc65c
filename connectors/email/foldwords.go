package email

import "strings"

// The words by which mail programs of many languages introduce quotes and sign mails, in lower case.

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Split(words, "|") {
		set[w] = true
	}
	return set
}

// attributionLeads stand before the date.
var attributionLeads = wordSet("on|le|el|il|in|am|op|em|no|en|den|d.|på|pe|ti|ma|dne|dňa|w|dnia|v|u|vào|la|pada|dia|dana|lúc|þann|az|ngày|em:|on:|στις|a|la|data|в|у|на|от|від|ב-|في")

// weekdays that stand alone at the beginning.
var weekdays = wordSet("mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday|" +
	"пн|вт|ср|чт|пт|сб|вс|нд|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье|понеділок|вівторок|середа|четвер|п'ятниця|субота|неділя|" +
	"ma|ti|ke|to|pe|la|su|maanantai|tiistai|keskiviikko|torstai|perjantai|lauantai|sunnuntai|" +
	"mo|di|mi|do|fr|sa|so|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|" +
	"lun|mar|mer|jeu|ven|sam|dim|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|mié|jue|vie|sáb|dom|gio|seg|ter|qua|qui|sex|" +
	"pon|wt|śr|czw|pt|sob|ndz|po|út|st|čt|pá|ne|pzt|sal|çar|per|cum|cmt|paz|man|tir|ons|tor|fre|lør|søn|mån|tis|lör|sön|woe|vr|za|zo|wo")

// wroteVerbs end an introduction.
var wroteVerbs = []string{"wrote", "writes", "has written", "a écrit", "écrit", "escribió", "escribio", "escribe", "ha scritto", "scrive", "ha scrito", "scrisse",
	"schrieb", "hat geschrieben", "schreibt", "folgendes geschrieben", "schreef", "het volgende geschreven", "geschreven", "escreveu", "escreveu o seguinte", "va escriure",
	"napisał", "napisała", "napisał(a)", "napisał/a", "napisali", "pisze", "napsal", "napsala", "napsal(a)", "napísal", "napísala", "napísal(a)", "napísal/a", "je napisao", "je napisala", "je napisal", "napisao je", "je napisao/la",
	"skrev", "skrev følgende", "skrev följande", "skrifaði", "kirjoitti", "írta", "ezt írta", "a következőt írta", "kirjutas", "rakstīja", "rašė", "parašė", "a scris", "έγραψε",
	"пишет", "писал", "писала", "писал(а)", "написал", "написала", "написал(а)", "пише", "писав", "написав", "написала", "написав(-ла)", "написав(ла)", "написав/ла", "написа", "напиша",
	"yazdı", "şunu yazdı", "şunları yazdı", "写道", "寫道", "写到", "のメール", "書きました", "님이 작성", "님이 씀", "작성", "đã viết", "viết", "menulis", "เขียนว่า", "כתב", "כתבה", "كتب", "نوشت"}

// innerVerbs stand before the name.
var innerVerbs = []string{" schrieb ", " schreef ", " skrev ", " ezt írta ", " skrifaði ", " napsal ", " wrote (", " írta ", " hat ", " от ", " від "}

// headerWords name the fields of a printed header.
var headerWords = func() map[string]headerRole {
	all := map[string]headerRole{}
	for role, words := range map[headerRole]string{
		roleFrom: "from|von|de|da|van|od|fra|från|lähettäjä|feladó|от|от кого|від|від кого|kimden|gönderen|发件人|寄件者|差出人|送信者|보낸 사람|보낸사람|expéditeur|remitente|mittente|afzender|remetente|nadawca|odesílatel|odosielateľ|avsändare|avsender|afsender|di|από|từ|dari|de la|มาจาก|מאת|من",
		roleTo:   "to|an|à|a|para|per|aan|do|komu|til|till|vastaanottaja|címzett|кому|кому:|kime|alıcı|收件人|宛先|받는 사람|받는사람|destinataire|destinatario|destinatário|ontvanger|adresat|pre|mottagare|mottaker|modtager|către|προς|đến|tới|kepada|ถึง|אל|إلى",
		roleSent: "sent|gesendet|envoyé|envoyé le|enviado|enviado el|enviado em|inviato|verzonden|wysłano|wysłane|skickat|sendt|lähetetty|odesláno|odoslané|elküldve|küldve|отправлено|дата отправки|надіслано|відправлено|gönderildi|gönderme tarihi|发送时间|傳送時間|寄件日期|送信日時|送信|보낸 날짜|보낸날짜|trimis|στάλθηκε|απεσταλμένα|đã gửi|gửi|dikirim|sent at|date sent|נשלח|poslano|poslané|отправлен",
		roleDate: "date|datum|fecha|data|dato|päivämäärä|päiväys|dátum|дата|tarih|日期|日付|날짜|ημερομηνία|ngày|tanggal|time|date:|date/time|kuupäev",
		roleSubject: "subject|betreff|objet|asunto|oggetto|onderwerp|assunto|temat|ämne|emne|aihe|předmět|predmet|tárgy|тема|konu|主题|主旨|件名|제목|subiect|θέμα|chủ đề|tiêu đề|subjek|perihal|re|" +
			"sujet|naslov|zadeva|teema|נושא|الموضوع",
		roleOther: "cc|bcc|kopie|copie|copia|c.c.|cópia|kópia|kopia|dw|копия|копія|másolatot kap|bilgi|抄送|副本|参照|참조|reply-to|reply to|importance|attachments|anlagen|pièces jointes|вложения|priority|répondre à|antwort an|kopio|cc:|приоритет|важность",
	} {
		for _, w := range strings.Split(words, "|") {
			all[w] = role
		}
	}
	return all
}()

// originalMarks stand between dashes above the mail that is answered.
var originalMarks = wordSet("original message|original appointment|original mail|original email|original|reply message|ursprüngliche nachricht|ursprüngliche mail|original-nachricht|originalnachricht|originalmail|message d'origine|message d’origine|message original|message initial|" +
	"mensaje original|messaggio originale|messaggio original|oorspronkelijk bericht|origineel bericht|mensagem original|oryginalna wiadomość|wiadomość oryginalna|wiadomość pierwotna|ursprungligt meddelande|originalmeddelande|oprindelig meddelelse|oprindelig besked|" +
	"opprinnelig melding|original melding|alkuperäinen viesti|původní zpráva|pôvodná správa|eredeti üzenet|исходное сообщение|оригинальное сообщение|исходное письмо|первоначальное сообщение|оригінальне повідомлення|початкове повідомлення|原始邮件|原始郵件|元のメッセージ|original message:|원본 메시지|원본 메일|" +
	"orijinal mesaj|özgün ileti|mesaj original|mesajul original|αρχικό μήνυμα|izvorna poruka|originalna poruka|izvirno sporočilo|algne sõnum|thư gốc|pesan asli|missatge original|original-mail|antwort auf")

// forwardMarks stand above a mail that is passed on.
var forwardMarks = wordSet("forwarded message|begin forwarded message|forwarded by|original forwarded message|weitergeleitete nachricht|anfang der weitergeleiteten nachricht|message transféré|début du message transféré|début du message réexpédié|mensaje reenviado|inicio del mensaje reenviado|" +
	"messaggio inoltrato|inizio messaggio inoltrato|doorgestuurd bericht|begin doorgestuurd bericht|mensagem encaminhada|início da mensagem reencaminhada|przekazana wiadomość|wiadomość przekazana|początek przekazywanej wiadomości|vidarebefordrat meddelande|vidarebefordrat brev|" +
	"videresendt meddelelse|videresendt melding|videresendt besked|välitetty viesti|edelleenlähetetty viesti|přeposlaná zpráva|preposlaná správa|továbbított üzenet|пересылаемое сообщение|пересланное сообщение|пересылаемое письмо|пересланное письмо|начало переадресованного сообщения|переслане повідомлення|" +
	"iletilen mesaj|yönlendirilmiş ileti|转发的邮件|轉寄的郵件|転送されたメッセージ|전달된 메시지|mesaj redirecționat|προωθημένο μήνυμα")

// sentFromPrefixes begin the line that a program adds by itself.
var sentFromPrefixes = []string{"sent from my ", "sent via ", "sent with ", "sent using ", "get outlook for ", "sent from outlook", "sent from mail for", "sent from yahoo", "sent from samsung", "sent from proton", "sent from gmail", "sent from aol", "sent from windows",
	"sent from android", "sent from iphone", "sent from ipad", "sent from blackberry", "sent from the all new", "sent from spark", "sent from nine", "sent from front", "sent from a mobile", "sent from mobile", "sent from zoho", "sent from yandex",
	"sent from huawei", "sent from xiaomi", "sent by ", "gesendet von ", "gesendet mit ", "gesendet über ", "gesendet aus ", "von meinem ", "von meiner ", "diese nachricht wurde von meinem ", "outlook für ", "envoyé de mon ", "envoyé depuis ", "envoyé à partir d", "envoyé par ", "envoyé avec ", "télécharger outlook ", "obtenez outlook ",
	"enviado desde ", "enviado do ", "enviado a partir d", "enviado de ", "enviado con ", "enviado via ", "enviado pelo ", "obtener outlook ", "obter o outlook ", "inviato da ", "inviato dal ", "inviato con ", "ottieni outlook ", "verzonden vanaf ", "verzonden met ", "verstuurd vanaf ", "verzonden via ", "outlook voor ", "outlook downloaden ",
	"skickat från ", "skickades från ", "sendt fra ", "sendt med ", "hent outlook ", "hämta outlook ", "få outlook ", "lähetetty ", "wysłane z ", "wysłano z ", "wysłano za ", "pobierz outlook ", "odesláno z ", "odoslané z ", "küldve ", "elküldve ", "отправлено с ", "отправлено из ", "отправлено через ", "послано из ", "надіслано з ", "надіслано із ",
	"відправлено з ", "отправлено от ", "poslano z ", "poslano s ", "trimis de pe ", "trimis din ", "στάλθηκε από ", "从我的 ", "发自我的", "從我的", "發自我的", "из outlook", "iphone'umdan ", "iphone’umdan ", "я использую ", "đã gửi từ ", "gửi từ ", "dikirim dari ", "enviat des de ", "nachricht von meinem ", "scarica outlook "}

// sentFromSuffixes end it in languages that put the verb last.
var sentFromSuffixes = []string{" gesendet", "から送信", "に送信", "에서 보냄", "보냄", " gönderildi", "发送", "發送", " küldve", " elküldve", "изпратено"}

// regards close a mail so formally that a name is all that can follow.
var regards = wordSet("best regards|kind regards|regards|warm regards|warmest regards|many regards|with best regards|with kind regards|with regards|kindest regards|best wishes|with best wishes|yours sincerely|yours faithfully|yours truly|rgds|br|" +
	"mit freundlichen grüßen|mit freundlichen grüssen|mit freundlichem gruß|mit freundlichem gruss|freundliche grüße|freundliche grüsse|viele grüße|viele grüsse|beste grüße|beste grüsse|liebe grüße|liebe grüsse|herzliche grüße|schöne grüße|mfg|lg|vg|" +
	"cordialement|bien cordialement|très cordialement|bien à vous|salutations|sincères salutations|meilleures salutations|cdlt|saludos|un saludo|saludos cordiales|atentamente|un cordial saludo|atenciosamente|cumprimentos|melhores cumprimentos|com os melhores cumprimentos|abraços|" +
	"cordiali saluti|distinti saluti|un saluto|saluti|met vriendelijke groet|met vriendelijke groeten|vriendelijke groet|vriendelijke groeten|groeten|mvg|pozdrawiam|z poważaniem|pozdrowienia|s pozdravem|s přátelským pozdravem|s pozdravom|üdvözlettel|" +
	"med vänliga hälsningar|vänliga hälsningar|med vänlig hälsning|vänligen|hälsningar|mvh|med venlig hilsen|venlig hilsen|de bedste hilsner|hilsen|med vennlig hilsen|vennlig hilsen|ystävällisin terveisin|terveisin|с уважением|з повагою|с наилучшими пожеланиями|с уважением и наилучшими пожеланиями|з найкращими побажаннями|" +
	"saygılarımla|iyi çalışmalar|cu stimă|cu respect|με εκτίμηση|lep pozdrav|srdačan pozdrav|lijep pozdrav|lugupidamisega|trân trọng|此致|敬具|よろしくお願いいたします")

// closings may also be said in the middle of things; only the writer's name below makes them the end.
var closings = wordSet("thanks|thank you|many thanks|thanks a lot|thanks in advance|thank you in advance|thank you very much|thx|cheers|sincerely|best|cordially|yours|love|respectfully|take care|danke|vielen dank|danke im voraus|vielen dank im voraus|gruß|grüße|grüsse|merci|merci d'avance|merci beaucoup|gracias|muchas gracias|" +
	"gracias de antemano|grazie|grazie mille|bedankt|alvast bedankt|dank je wel|obrigado|obrigada|muito obrigado|dziękuję|z góry dziękuję|děkuji|díky|tack|tack på förhand|tak|takk|kiitos|köszönöm|спасибо|заранее спасибо|большое спасибо|благодарю|дякую|teşekkürler|mulțumesc|ευχαριστώ|hvala|谢谢|ありがとうございます")
