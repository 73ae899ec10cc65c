package demo

import (
	"fmt"

	"parley/connectors/connectortest/faketelegram"
)

// The numbers are from the ranges kept for drama (Ofcom: +44 7700 900…, +44 20 7946 0…); the mail domains are those of RFC 2606.

func byMail(name, language, address string, lines ...string) *customer {
	return &customer{name: name, language: language, mail: address, lines: lines}
}

func byText(name, language string, n int, lines ...string) *customer {
	return &customer{name: name, language: language, phone: fmt.Sprintf("+447700900%03d", n), lines: lines}
}

func byTelegram(first, last, handle, language string, n int64, lines ...string) *customer {
	return &customer{name: first + " " + last, language: language, lines: lines,
		telegram: faketelegram.Person{ID: 5_000_000_000 + n, First: first, Last: last, Handle: handle, Language: language}}
}

// byTelephone calls; n below 1000 is a landline in London.
func byTelephone(name string, n int) *customer {
	return &customer{name: name, language: "en", phone: fmt.Sprintf("+442079460%03d", n)}
}

// small is what somebody says who has nothing more to tell.
type small struct {
	thanks, yes, again []string // to words, to a question, by themselves
}

var smallTalk = map[string]small{
	"en": {
		thanks: []string{"Wonderful, thank you! 🌿", "That helps a lot, thanks.", "Great, I'll do that."},
		yes:    []string{"Yes please, that would be perfect.", "Yes, that works for me.", "Let me check at home and tell you tonight. I think so, yes."},
		again:  []string{"Hi again, is there any news?", "Sorry to ask once more: did you have a chance to look at this?", "One more thing: do you deliver on Saturdays?"},
	},
	"es": {
		thanks: []string{"¡Perfecto, muchas gracias! 🌱", "Muy amable, gracias.", "Estupendo, así lo haré."},
		yes:    []string{"Sí, por favor, sería ideal.", "Sí, me viene bien.", "Lo miro en casa y les digo esta noche."},
		again:  []string{"Hola de nuevo, ¿hay alguna novedad?", "¿Pudieron mirar lo mío?", "Una cosa más: ¿entregan los sábados?"},
	},
	"ru": {
		thanks: []string{"Отлично, большое спасибо! 🌿", "Спасибо, очень помогли.", "Хорошо, так и сделаю."},
		yes:    []string{"Да, пожалуйста, было бы замечательно.", "Да, мне подходит.", "Посмотрю дома и вечером напишу. Думаю, да."},
		again:  []string{"Здравствуйте ещё раз, есть новости?", "Извините, что снова беспокою: получилось посмотреть?", "И ещё вопрос: вы доставляете по субботам?"},
	},
	"he": {
		thanks: []string{"מעולה, תודה רבה! 🌿", "תודה, עזרתם מאוד.", "מצוין, כך אעשה."},
		yes:    []string{"כן בבקשה, זה יהיה נהדר.", "כן, מתאים לי.", "אבדוק בבית ואכתוב הערב. אני חושבת שכן."},
		again:  []string{"שלום שוב, יש חדש?", "סליחה שאני שואלת שוב: הספקתם לבדוק?", "עוד דבר: אתם שולחים גם בשבת?"},
	},
}
