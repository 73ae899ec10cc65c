// The panel's words. Hebrew is prepared: complete, and not yet read over by a native speaker.

const en = {
  title: "Chat with us",
  close: "Close chat",
  log: "Conversation",
  write: "Write a message",
  send: "Send",
  connecting: "Connecting…",
  lost: "No connection. What you write is kept and goes out as soon as it is back.",
  away: "We are away just now. Leave a message, we will answer here.",
  waiting: "Sending…",
  kept: "Waiting for the connection",
  sent: "Sent",
  failed: "Not sent",
  retry: "Try again",
  discard: "Remove",
  typing: "Writing…",
  today: "Today",
  chat: "Chat",
  unread: { one: "Chat, {n} new message", other: "Chat, {n} new messages" } as Record<string, string>,
};

export type Words = typeof en;

const ru: Words = {
  title: "Напишите нам",
  close: "Закрыть чат",
  log: "Переписка",
  write: "Напишите сообщение",
  send: "Отправить",
  connecting: "Подключаемся…",
  lost: "Нет связи. Всё, что вы напишете, сохранится и уйдёт, как только она появится.",
  away: "Сейчас нас нет на месте. Оставьте сообщение, мы ответим здесь.",
  waiting: "Отправляется…",
  kept: "Ждёт связи",
  sent: "Отправлено",
  failed: "Не отправлено",
  retry: "Повторить",
  discard: "Удалить",
  typing: "Печатает…",
  today: "Сегодня",
  chat: "Чат",
  unread: {
    one: "Чат, {n} новое сообщение",
    few: "Чат, {n} новых сообщения",
    many: "Чат, {n} новых сообщений",
    other: "Чат, {n} нового сообщения",
  },
};

const es: Words = {
  title: "Escríbenos",
  close: "Cerrar el chat",
  log: "Conversación",
  write: "Escribe un mensaje",
  send: "Enviar",
  connecting: "Conectando…",
  lost: "Sin conexión. Lo que escribas se guarda y se enviará en cuanto vuelva.",
  away: "Ahora no estamos. Deja un mensaje y te responderemos aquí.",
  waiting: "Enviando…",
  kept: "A la espera de conexión",
  sent: "Enviado",
  failed: "No enviado",
  retry: "Reintentar",
  discard: "Eliminar",
  typing: "Escribiendo…",
  today: "Hoy",
  chat: "Chat",
  unread: {
    one: "Chat, {n} mensaje nuevo",
    many: "Chat, {n} de mensajes nuevos",
    other: "Chat, {n} mensajes nuevos",
  },
};

const he: Words = {
  title: "דברו איתנו",
  close: "סגירת הצ׳אט",
  log: "שיחה",
  write: "כתיבת הודעה",
  send: "שליחה",
  connecting: "מתחבר…",
  lost: "אין חיבור. מה שתכתבו יישמר ויישלח ברגע שהחיבור יחזור.",
  away: "אנחנו לא זמינים כרגע. השאירו הודעה ונענה כאן.",
  waiting: "נשלח…",
  kept: "ממתין לחיבור",
  sent: "נשלח",
  failed: "לא נשלח",
  retry: "ניסיון נוסף",
  discard: "הסרה",
  typing: "כותב…",
  today: "היום",
  chat: "צ׳אט",
  unread: {
    one: "צ׳אט, הודעה חדשה {n}",
    two: "צ׳אט, {n} הודעות חדשות",
    many: "צ׳אט, {n} הודעות חדשות",
    other: "צ׳אט, {n} הודעות חדשות",
  },
};

export const catalogues: Record<string, Words> = { en, ru, es, he };

export type Language = { tag: string; words: Words; dir: "ltr" | "rtl" };

// speak finds the first of the wanted languages that there are words for; English otherwise.
export function speak(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const [base = ""] = tag.toLowerCase().split("-");
    const words = catalogues[base];
    if (words) return { tag, words, dir: base === "he" ? "rtl" : "ltr" };
  }
  return { tag: "en", words: en, dir: "ltr" };
}

// counted is the form of a text for n.
export function counted(forms: Record<string, string>, n: number, tag: string): string {
  const form = forms[new Intl.PluralRules(tag).select(n)] ?? forms.other ?? "";
  return form.replace("{n}", new Intl.NumberFormat(tag).format(n));
}
