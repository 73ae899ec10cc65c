package form

import (
	"slices"
	"strings"
	"unicode"
)

// meaning is what a form's field is for.
type meaning string

const (
	meansName     meaning = "name"
	meansFirst    meaning = "first_name"
	meansMiddle   meaning = "middle_name"
	meansLast     meaning = "last_name"
	meansEmail    meaning = "email"
	meansPhone    meaning = "phone"
	meansMessage  meaning = "message"
	meansSubject  meaning = "subject"
	meansForm     meaning = "form_name"
	meansCompany  meaning = "company"
	meansPosition meaning = "position"
	meansCity     meaning = "city"
	meansCountry  meaning = "country"
	meansLocale   meaning = "locale"
	meansPage     meaning = "page"
	meansReferrer meaning = "referrer"
	meansText     meaning = "text"   // a line of the message
	meansNothing  meaning = "ignore" // machinery of the form's builder
)

var meanings = []meaning{meansName, meansFirst, meansMiddle, meansLast, meansEmail, meansPhone, meansMessage, meansSubject, meansForm,
	meansCompany, meansPosition, meansCity, meansCountry, meansLocale, meansPage, meansReferrer, meansText, meansNothing}

// means decides what a posted field is for: as the config says, else by its name.
func (c Config) means(name string) meaning {
	if m, ok := c.Fields[name]; ok {
		return meaning(m)
	}
	if machinery(name) {
		return meansNothing
	}
	last := lastSegment(name)
	for _, n := range []string{words(name), words(last), core(name), core(last)} {
		if m, ok := vocabulary[n]; ok {
			return m
		}
	}
	return meansText
}

// lastSegment is "email" of "form_fields[email]" and of "contact.email".
func lastSegment(name string) string {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '[' || r == ']' || r == '.' })
	if len(parts) == 0 {
		return name
	}
	return parts[len(parts)-1]
}

// words brings "Full-Name *", "fullName" and "FULL_NAME" to "full name".
func words(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		switch {
		case unicode.IsLetter(r) || unicode.Is(unicode.Mn, r):
			if unicode.IsUpper(r) && lower {
				b.WriteByte(' ')
			}
			lower = unicode.IsLower(r)
			b.WriteRune(unicode.ToLower(r))
		case unicode.IsDigit(r):
			lower = false
			b.WriteRune(r)
		case strings.ContainsRune(`'’ʼ"״`, r):
		default:
			lower = false
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// around are words that say nothing of what a field is for.
var around = []string{"your", "my", "the", "field", "input", "form", "text", "user", "customer", "client", "contact", "visitor", "lead", "enter", "please", "required",
	"ваш", "ваша", "ваше", "ваши", "укажите", "введите", "контактный", "контактное", "поле", "клиента", "ваш", "вкажіть", "введіть", "контактний",
	"su", "tu", "sus", "ihr", "ihre", "ihren", "votre", "vos", "seu", "sua", "twój", "twoje", "pole", "campo", "контакт", "контакты", "kontakt"}

// core is words without those around and without numbers at the end: "your-email-2" → "email".
func core(name string) string {
	var keep []string
	for _, w := range strings.Fields(words(name)) {
		w = strings.TrimRightFunc(w, unicode.IsDigit)
		if w != "" && !slices.Contains(around, w) {
			keep = append(keep, w)
		}
	}
	return strings.Join(keep, " ")
}

// machinery is a field that form builders add for themselves.
func machinery(name string) bool {
	n := strings.ToLower(name)
	if slices.Contains([]string{"_key", "_charset_", "tranid", "formid", "form_id", "formspec", "cookies", "projectid", "pageid", "siteid", "action", "submit",
		"token", "nonce", "timestamp", "g-recaptcha-response", "h-captcha-response", "cf-turnstile-response", "smart-token", "tildaspec-formskey"}, n) {
		return true
	}
	for _, prefix := range []string{"_wpcf7", "_wpnonce", "_wp_http", "tildaspec", "form-spec", "csrf", "__", "_csrf", "gform_", "is_submit", "state_", "hs_context"} {
		if strings.HasPrefix(n, prefix) {
			return true
		}
	}
	return false
}

var vocabulary = speak(map[meaning]string{
	meansName: "name|full name|fullname|fio|fname lname|person|contact name|имя|фио|ф и о|имя и фамилия|фамилия и имя|фамилия имя|фамилия имя отчество|как вас зовут|как к вам обращаться|контактное лицо|" +
		"імя|піб|п і б|імя та прізвище|прізвище та імя|як вас звати|nombre|nombre completo|nombre y apellido|nombre y apellidos|vor und nachname|nom complet|nom et prénom|nome|nome completo|nome e cognome|" +
		"imię i nazwisko|imie i nazwisko|імя і прозвішча|есім|isim|ad soyad|姓名|שם|שם מלא|الاسم|الاسم الكامل",
	meansFirst:  "first name|firstname|fname|given name|givenname|forename|nombre de pila|vorname|prénom|prenom|primeiro nome|imię|imie|ad|שם פרטי",
	meansMiddle: "middle name|middlename|patronymic|отчество|по батькові",
	meansLast:   "last name|lastname|lname|surname|family name|familyname|second name|фамилия|прізвище|apellido|apellidos|nachname|familienname|nom de famille|sobrenome|cognome|nazwisko|soyad|שם משפחה",
	meansEmail: "email|e mail|mail|email address|e mail address|mail address|emailaddress|адрес электронной почты|электронная почта|эл почта|электронный адрес|почта|емейл|емайл|имейл|мейл|мыло|" +
		"електронна пошта|ел пошта|електронна адреса|пошта|имэйл|correo|correo electrónico|correo electronico|dirección de correo|direccion de correo|email adresse|e mail adresse|courriel|adresse email|adresse e mail|" +
		"correio eletrônico|endereço de email|indirizzo email|posta elettronica|adres email|adres e mail|eposta|e posta|邮箱|电子邮件|דואל|אימייל|البريد الإلكتروني",
	meansPhone: "phone|tel|telephone|mobile|cell|cellphone|mobile phone|cell phone|phone number|phonenumber|telephone number|mobile number|whatsapp|whats app|viber|phone mobile|callback phone|" +
		"телефон|номер телефона|мобильный|мобильный телефон|моб телефон|сотовый|сотовый телефон|контактный телефон|тел|номер мобильного|" +
		"номер телефону|мобільний|мобільний телефон|контактний телефон|teléfono|telefono|móvil|movil|celular|número de teléfono|numero de telefono|telefon|telefonnummer|handy|handynummer|mobil|" +
		"téléphone|numéro de téléphone|portable|telefone|telemóvel|cellulare|numer telefonu|тэлефон|电话|手机|טלפון|נייד|الهاتف|رقم الهاتف",
	meansMessage: "message|comment|comments|msg|text|body|question|enquiry|inquiry|note|notes|description|details|request|textarea|how can we help|how can we help you|" +
		"сообщение|комментарий|комментарии|коментарий|вопрос|текст|текст сообщения|описание|пожелания|примечание|задача|запрос|" +
		"повідомлення|коментар|питання|запитання|опис|побажання|mensaje|comentario|comentarios|consulta|pregunta|nachricht|kommentar|anfrage|frage|bemerkung|commentaire|question|mensagem|comentário|" +
		"messaggio|commento|domanda|richiesta|wiadomość|wiadomosc|komentarz|pytanie|паведамленне|каментар|mesaj|留言|消息|הודעה|رسالة",
	meansSubject:  "subject|topic|reason|тема|тема сообщения|тема обращения|тема повідомлення|asunto|tema|betreff|objet|sujet|assunto|oggetto|temat",
	meansForm:     "formname|form name|form title|название формы|назва форми",
	meansCompany:  "company|company name|organization|organisation|business|business name|компания|организация|название компании|фирма|компанія|організація|empresa|compañía|firma|unternehmen|entreprise|société|azienda",
	meansPosition: "position|job title|jobtitle|role|job|должность|посада|cargo|puesto|stelle|poste",
	meansCity:     "city|town|город|місто|ciudad|stadt|ville|cidade|città|miasto|горад",
	meansCountry:  "country|country code|страна|країна|país|pais|land|pays|paese|kraj",
	meansLocale:   "lang|locale|language|язык|мова|idioma",
	meansPage:     "page|page url|pageurl|page uri|pageuri|source url|form url|current url|current page|landing page|landing|страница|сторінка",
	meansReferrer: "referrer|referer|ref url|referrer url|источник перехода",
})

func speak(said map[meaning]string) map[string]meaning {
	out := map[string]meaning{}
	for m, names := range said {
		for n := range strings.SplitSeq(names, "|") {
			out[n] = m
		}
	}
	return out
}
