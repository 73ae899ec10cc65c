import { beforeEach, describe, expect, it } from 'vitest'
import { Company } from './company'

let now = 0
let company: Company
const boris = { id: 'b', name: 'Boris' }
beforeEach(() => {
  now = 1_000_000
  company = new Company(() => now)
})

describe('company', () => {
  it('is there while it is heard of, and gone some time after the last word', () => {
    company.hear({ type: 'viewing', conversation_id: 'c', user: boris })
    now += 40_000
    expect(company.who('viewing', 'c')).toEqual([boris])
    now += 6_000
    expect(company.who('viewing', 'c')).toEqual([])
  })

  it('leaves when it says so', () => {
    company.hear({ type: 'viewing', conversation_id: 'c', user: boris })
    company.hear({ type: 'viewing', conversation_id: 'c', user: boris, on: false })
    expect(company.who('viewing', 'c')).toEqual([])
  })

  it('that types is forgotten within seconds', () => {
    company.hear({ type: 'typing', conversation_id: 'c', user: boris })
    expect(company.who('typing', 'c')).toEqual([boris])
    now += 5_000
    expect(company.who('typing', 'c')).toEqual([])
  })

  it('is the same array while it is the same people', () => {
    company.hear({ type: 'viewing', conversation_id: 'c', user: boris })
    const before = company.who('viewing', 'c')
    company.hear({ type: 'viewing', conversation_id: 'c', user: boris })
    expect(company.who('viewing', 'c')).toBe(before)
  })
})
