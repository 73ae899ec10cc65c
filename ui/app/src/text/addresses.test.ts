import { describe, expect, it } from 'vitest'
import type { Message } from '../api/types'
import { addressesIn, isTo, othersOf } from './addresses'

const mail = (direction: Message['direction'], headers: Record<string, unknown>) => ({ direction, headers }) as Message

describe('a field of addresses', () => {
  it('takes them between commas, semicolons and line ends, each once', () => {
    expect(addressesIn('a@x.test, b@x.test; <c@x.test>\na@x.test,')).toEqual(['a@x.test', 'b@x.test', 'c@x.test'])
    expect(addressesIn(' ')).toEqual([])
  })
})

describe('reply all', () => {
  const own = ['support@shop.test']

  it('leaves out the person, ourselves by any detail, and repetitions', () => {
    const recipients = ['Support+t0ken@shop.test', 'bob@x.test', 'BOB@x.test', 'ann@x.test', 'carla@x.test']
    expect(othersOf(mail('inbound', { recipients }), 'ann@x.test', own)).toEqual(['bob@x.test', 'carla@x.test'])
  })

  it('goes on with those of our last answer, and never with those whom we hid', () => {
    const m = mail('outbound', { to: 'ann@x.test', cc: ['bob@x.test'], bcc: ['boss@x.test'] })
    expect(othersOf(m, 'ann@x.test', own)).toEqual(['bob@x.test'])
  })

  it('knows a mail that was passed on from one to the person', () => {
    expect(isTo(mail('outbound', { to: 'Ann@x.test' }), ['ann@x.test'])).toBe(true)
    expect(isTo(mail('outbound', { to: 'boss@x.test' }), ['ann@x.test'])).toBe(false)
  })
})
