package demo

import "fmt"

// play is what a new customer and a colleague say to each other.
type play struct {
	language        string
	subject         string
	opening         string // %d is an order's number where it has one
	answer, second  string
	hasNumber, mood bool // mood: with a photo where the channel carries one
}

// first is how the nth newcomer begins.
func (p play) first(n int) saying {
	w := saying{subject: p.subject, text: p.opening}
	if p.hasNumber {
		w.text = fmt.Sprintf(p.opening, 10500+n)
	}
	if p.mood {
		w.photo = &file{"photo.jpg", "image/jpeg", jpegOf(plant(n%2 == 0))}
	}
	return w
}

var plays = []play{
	{language: "en", subject: "Where is my order?", opening: "Hi, order FL-%d was due yesterday. Could you see where it is?", hasNumber: true,
		answer: "It's out for delivery and should be with you before six. Sorry for the wait!", second: "It just came, thank you!"},
	{language: "en", subject: "Leaves are curling", opening: "The leaves of my calathea curl up every evening. Is it thirsty?", mood: true,
		answer: "No, that's how it sleeps! If they stay curled by day, give it more water.", second: "How sweet, I did not know that 😄"},
	{language: "es", subject: "Cambio de dirección", opening: "Hola, ¿puedo cambiar la dirección del pedido FL-%d?", hasNumber: true,
		answer: "Claro, todavía no ha salido. ¿Cuál es la nueva dirección?", second: "Calle del Olmo 12, segundo. ¡Gracias!"},
	{language: "en", subject: "A present", opening: "I'd like to send a plant to a friend with a card. Can you write it by hand?",
		answer: "With pleasure. What should it say?", second: "“Happy new home, and don't forget to water me.” 🎁"},
	{language: "ru", subject: "Пересадка", opening: "Добрый день! Когда лучше пересаживать монстеру, сейчас или весной?",
		answer: "Лучше весной, в марте. До тех пор ей хватит и этого горшка.", second: "Понятно, подожду до марта. Спасибо!"},
	{language: "en", subject: "Return", opening: "The fig from order FL-%d is larger than I thought and does not fit. Can I exchange it?", hasNumber: true,
		answer: "Of course, within fourteen days. Would the small one do?", second: "The small one would be perfect."},
	{language: "he", subject: "שאלה על השקיה", opening: "שלום, כל כמה זמן משקים פיקוס בחורף?",
		answer: "פעם בשבועיים מספיק, רק כשהאדמה יבשה.", second: "תודה! אני כנראה משקה יותר מדי 🙈"},
	{language: "en", subject: "Opening hours", opening: "Are you open on the second Sunday of the month as well?",
		answer: "Only the first Sunday, ten to four. Tuesday to Saturday until six.", second: "Then I'll come on Saturday."},
	{language: "en", subject: "Is it dead?", opening: "Be honest: is it dead? 🥀", mood: true,
		answer: "Not at all! Cut everything brown, water it once and wait three weeks.", second: "You give me hope. I'll report!"},
	{language: "es", subject: "Plagas", opening: "Tengo unos bichitos blancos en las hojas, ¿qué hago?", mood: true,
		answer: "Son cochinillas: pase un algodón con alcohol y repita en una semana.", second: "Voy a probarlo hoy mismo."},
	{language: "ru", subject: "Доставка", opening: "Здравствуйте, заказ FL-%d можно доставить после шести вечера?", hasNumber: true,
		answer: "Да, поставила доставку с 18 до 20. Удобно?", second: "Идеально, спасибо большое!"},
}

// nameBook are names to combine; address is how their mail begins.
var nameBook = map[string]struct {
	first, last []string
	address     string
}{
	"en": {[]string{"Alice", "Ben", "Chloe", "Duncan", "Edith", "Farah", "George", "Hannah", "Imran", "Judith", "Kofi"}, []string{"Marsh", "Thorn", "Bellweather", "Okoro", "Winslow", "Patel", "Greaves"}, "post"},
	"es": {[]string{"Carmen", "Diego", "Elvira", "Fermín", "Gloria"}, []string{"Robles", "del Río", "Naranjo", "Castaño"}, "correo"},
	"ru": {[]string{"Анна", "Борис", "Вера", "Глеб", "Дина"}, []string{"Березко", "Лесных", "Травник", "Садко"}, "pochta"},
	"he": {[]string{"תמר", "אלון", "הדס", "ארז"}, []string{"שקד", "גפן", "כרמל"}, "doar"},
}

var offices = []struct{ company, message, budget string }{
	{"Harbour Law", "Four meeting rooms without much light. What would you suggest?", "1000–2000 €"},
	{"Tilly's Bakery", "Two big plants beside the door that survive flour and children.", "up to 500 €"},
	{"Northgate Yoga", "Hanging plants for a studio, 90 m², warm and humid.", "500–1000 €"},
	{"Pixel & Pine", "We are 25 people and want one plant for each desk.", "1000–2000 €"},
	{"Old Mill Hotel", "Lobby and terrace, with care all year round.", "more than 5000 €"},
}
