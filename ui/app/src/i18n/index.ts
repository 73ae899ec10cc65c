import i18next from 'i18next'
import en from './en.json'

export const LANGUAGES = { en: 'English', es: 'Español', ru: 'Русский' } as const
export type Language = keyof typeof LANGUAGES

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en }
  }
}

const KEY = 'parley.language'

function chosen(): Language {
  const wanted = [localStorage.getItem(KEY) ?? '', ...navigator.languages.map((l) => l.slice(0, 2))]
  return (wanted.find((l) => l in LANGUAGES) as Language | undefined) ?? 'en'
}

async function catalogue(language: Language): Promise<object> {
  if (language === 'ru') return (await import('./ru.json')).default
  if (language === 'es') return (await import('./es.json')).default
  return en
}

export async function startI18n() {
  await i18next.init({
    lng: 'en',
    fallbackLng: 'en',
    resources: { en: { translation: en } },
    interpolation: { escapeValue: false },
  })
  await setLanguage(chosen())
}

export async function setLanguage(language: Language) {
  i18next.addResourceBundle(language, 'translation', await catalogue(language))
  localStorage.setItem(KEY, language)
  await i18next.changeLanguage(language)
  document.documentElement.lang = language
  document.documentElement.dir = i18next.dir(language)
}

export const t = i18next.t

/** The reader's locale for Intl: the chosen language, with the browser's region where they agree. */
export function locale(): string {
  return navigator.languages.find((l) => l.startsWith(i18next.language)) ?? i18next.language
}

export function language(): Language {
  return i18next.language as Language
}

export function onLanguage(fn: () => void): () => void {
  i18next.on('languageChanged', fn)
  return () => i18next.off('languageChanged', fn)
}
