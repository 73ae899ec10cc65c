import { describe, expect, it } from 'vitest'
import { readable } from './phone'
import { smsParts } from './sms'
import { dayName, duration, shortAgo, shortUntil } from './time'

const now = Date.parse('2026-11-21T12:00:00Z')
const ago = (ms: number) => new Date(now - ms).toISOString()
const MIN = 60_000

describe('a time', () => {
  const cases: [string, number, string, string][] = [
    ['just now', 20_000, 'en', 'now'],
    ['minutes', 8 * MIN, 'en', '8 min'],
    ['hours', 190 * MIN, 'en', '3 hr'],
    ['one minute short of a day', 23 * 60 * MIN + 59 * MIN, 'en', '23 hr'],
    ['a day is a date', 24 * 60 * MIN, 'en', 'Nov 20'],
    ['last year says so', 400 * 24 * 60 * MIN, 'en', 'Oct 17, 25'],
    ['russian', 8 * MIN, 'ru', '8 мин'],
    ['spanish', 190 * MIN, 'es', '3 h'],
    ['a clock that runs behind is no negative time', -5 * MIN, 'en', 'now'],
  ]
  for (const [name, age, locale, want] of cases) {
    it(name, () => expect(shortAgo(ago(age), locale, now)).toBe(want))
  }

  it('that is near is told in days, hours or minutes', () => {
    expect(shortUntil(ago(-3 * 24 * 60 * MIN), 'en', now)).toBe('3 days')
    expect(shortUntil(ago(-30_000), 'en', now)).toBe('1 min')
    expect(shortUntil(ago(MIN), 'en', now)).toBe('0 min')
  })

  it('heads a day by its name', () => {
    expect(dayName(ago(0), 'en', now)).toBe('Today')
    expect(dayName(ago(24 * 60 * MIN), 'es', now)).toBe('Ayer')
    expect(dayName('2026-11-17T12:00:00Z', 'en', now)).toBe('Tuesday, November 17')
  })

  it('of a call is minutes and seconds', () => {
    expect(duration(185)).toBe('3:05')
    expect(duration(3729)).toBe('1:02:09')
    expect(duration(0)).toBe('0:00')
  })
})

describe('a phone', () => {
  const cases = [
    ['+34600112233', '+34 600 112 233'],
    ['+79161234567', '+7 916 123 45 67'],
    ['+12025550123', '+1 202 555 0123'],
    ['+972501234567', '+972 501 234 567'],
    ['+442079460958', '+44 207 946 0958'],
    ['88005553535', '88005553535'],
    ['anonymous', 'anonymous'],
    ['+15', '+15'],
  ] as const
  for (const [raw, want] of cases) it(raw, () => expect(readable(raw)).toBe(want))
})

describe('an SMS', () => {
  it('of plain Latin takes 160 characters, then parts of 153', () => {
    expect(smsParts('a'.repeat(160))).toEqual({ parts: 1, left: 0 })
    expect(smsParts('a'.repeat(161))).toEqual({ parts: 2, left: 145 })
  })

  it('counts € twice', () => {
    expect(smsParts('€'.repeat(80))).toEqual({ parts: 1, left: 0 })
  })

  it('of any other script takes 70, then parts of 67', () => {
    expect(smsParts('ш'.repeat(70))).toEqual({ parts: 1, left: 0 })
    expect(smsParts('ш'.repeat(71))).toEqual({ parts: 2, left: 63 })
  })
})
