// Times as agents read them: relative under 24 hours, absolute beyond, always in the reader's zone.

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** "now", "8 min", "3 hr" under a day; "12 Nov" beyond; the year when it is another one. */
export function shortAgo(iso: string, locale: string, now: number): string {
  const at = Date.parse(iso)
  const age = now - at
  if (age < MINUTE) return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(0, 'second')
  if (age < HOUR) return unit(Math.floor(age / MINUTE), 'minute', locale)
  if (age < DAY) return unit(Math.floor(age / HOUR), 'hour', locale)
  return shortDate(at, locale, now)
}

/** How long until a time: "5 min", "3 hr", "2 days"; "0 min" when it has passed. */
export function shortUntil(iso: string, locale: string, now: number): string {
  const left = Math.max(0, Date.parse(iso) - now)
  if (left < HOUR) return unit(Math.ceil(left / MINUTE), 'minute', locale)
  if (left < DAY) return unit(Math.round(left / HOUR), 'hour', locale)
  return unit(Math.round(left / DAY), 'day', locale)
}

function unit(n: number, name: 'minute' | 'hour' | 'day', locale: string): string {
  return new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short' }).format(n)
}

function shortDate(at: number, locale: string, now: number): string {
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  const year = sameYear ? {} : ({ year: '2-digit' } as const)
  return new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', ...year }).format(at)
}

export function clock(iso: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(Date.parse(iso))
}

export function fullTime(iso: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' }).format(Date.parse(iso))
}

export function dayAndTime(iso: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  }).format(Date.parse(iso))
}

/** The heading over a day of a thread: "Today", "Yesterday", "Tuesday, 17 November". */
export function dayName(iso: string, locale: string, now: number): string {
  const days = Math.round((startOfDay(now) - startOfDay(Date.parse(iso))) / DAY)
  if (days === 0 || days === 1) {
    const word = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-days, 'day')
    return capital(word, locale)
  }
  const sameYear = new Date(iso).getFullYear() === new Date(now).getFullYear()
  const year = sameYear ? {} : ({ year: 'numeric' } as const)
  const day = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', ...year })
  return capital(day.format(Date.parse(iso)), locale)
}

function capital(text: string, locale: string): string {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1)
}

export function sameDay(a: string, b: string): boolean {
  return startOfDay(Date.parse(a)) === startOfDay(Date.parse(b))
}

function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0)
}

/** "3:05", "1:02:09". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const hours = Math.floor(s / 3600)
  const minutes = Math.floor((s % 3600) / 60)
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`
}
