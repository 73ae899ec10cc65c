import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import en from './en.json'
import es from './es.json'
import ru from './ru.json'

type Catalogue = Record<string, Record<string, string>>
const PLURAL = /_(one|two|few|many|other)$/
const base = (c: Catalogue) =>
  new Set(Object.entries(c).flatMap(([ns, words]) => Object.keys(words).map((k) => `${ns}.${k.replace(PLURAL, '')}`)))
const forms = (c: Catalogue) =>
  new Set(Object.entries(c).flatMap(([ns, words]) => Object.keys(words).map((k) => `${ns}.${k}`)))

describe('a catalogue', () => {
  for (const [name, other] of Object.entries({ es, ru })) {
    it(`in ${name} has every sentence of the English one, and no other`, () => {
      expect([...base(other)].sort()).toEqual([...base(en)].sort())
    })

    it(`in ${name} has every plural form of its language`, () => {
      const needed = new Intl.PluralRules(name).resolvedOptions().pluralCategories
      const plurals = [...forms(en)].filter((k) => k.endsWith('_other')).map((k) => k.replace(PLURAL, ''))
      const missing = plurals.flatMap((k) => needed.map((n) => `${k}_${n}`)).filter((k) => !forms(other).has(k))
      expect(missing).toEqual([])
    })

    it(`in ${name} fills in the same values`, () => {
      const values = (text: string | undefined) =>
        [...(text ?? '').matchAll(/{{(\w+)}}/g)]
          .map((m) => m[1])
          .sort()
          .join()
      const differing = Object.entries(en as Catalogue).flatMap(([ns, words]) =>
        Object.entries(words)
          .filter(([k, text]) => !PLURAL.test(k) && values(text) !== values((other as Catalogue)[ns]?.[k]))
          .map(([k]) => `${ns}.${k}`),
      )
      expect(differing).toEqual([])
    })
  }

  it('has every sentence that the app says', () => {
    const known = base(en)
    const said = sources('src').flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/\bt\(\s*'([\w.-]+)'/g)].map((m) => m[1]!),
    )
    const contexts = new Set([...known].map((k) => k.replace(/_[^_.]+$/, '')))
    expect(said.filter((k) => !known.has(k) && !contexts.has(k))).toEqual([])
  })
})

function sources(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((f) =>
    f.isDirectory()
      ? sources(join(dir, f.name))
      : /\.tsx?$/.test(f.name) && !f.name.includes('.test.')
        ? [join(dir, f.name)]
        : [],
  )
}
