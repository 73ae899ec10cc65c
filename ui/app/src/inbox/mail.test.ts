import { describe, expect, it } from 'vitest'
import type { Conversation, Message } from '../api/types'
import { draftOf, mailFields, NO_MAIL, replySubject } from './mail'

describe('a mail', () => {
  it('sends nothing for fields that were left empty', () => {
    expect(mailFields(undefined)).toBeUndefined()
    expect(mailFields(NO_MAIL)).toEqual({})
    expect(mailFields({ ...NO_MAIL, cc: 'a@x.test, ', subject: ' Hi ' })).toEqual({ cc: ['a@x.test'], subject: 'Hi' })
  })

  it('answers a subject once', () => {
    expect(replySubject('Order')).toBe('Re: Order')
    expect(replySubject('RE: Order')).toBe('RE: Order')
    expect(replySubject('')).toBe('')
  })

  it('that is taken back after a reload keeps its recipients', () => {
    const c = { peer: 'ann@x.test' } as Conversation
    const m = (headers: object) => ({ kind: 'email', subject: 'S', body_text: 'Yes.\n\n-- \nMe', headers }) as Message
    expect(draftOf(m({ to: 'ann@x.test' }), c)).toEqual({ text: 'Yes.', attachments: [] })
    expect(draftOf(m({ to: 'ann@x.test', cc: ['b@x.test', 'c@x.test'] }), c).mail?.cc).toBe('b@x.test, c@x.test')
    expect(draftOf(m({ to: 'boss@x.test' }), c).mail?.to).toBe('boss@x.test')
  })
})
