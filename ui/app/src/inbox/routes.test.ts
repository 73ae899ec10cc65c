import { describe, expect, it } from 'vitest'
import type { Channel, Contact, Conversation } from '../api/types'
import { routesTo } from './routes'

const ch = (id: string, type: string, state = 'connected') => ({ id, type, state }) as Channel
const channels = [
  ch('mail', 'email'),
  ch('sms', 'sms'),
  ch('bot', 'telegram'),
  ch('bot2', 'telegram'),
  ch('form', 'form'),
  ch('off', 'email', 'disabled'),
]
const contact = {
  identities: [
    { kind: 'email', value: 'a@b.example', trust: 'asserted', channel_id: null },
    { kind: 'telegram', value: '7', trust: 'channel', channel_id: 'bot' },
  ],
} as Contact
const on = (channel_id: string) => ({ channel_id }) as Conversation

describe('the way back to a person', () => {
  it('is first the channel they wrote on', () => {
    expect(routesTo(on('bot'), contact, channels).map((c) => c.id)).toEqual(['bot', 'mail'])
  })

  it('leads from a form to their other addresses', () => {
    expect(routesTo(on('form'), contact, channels).map((c) => c.id)).toEqual(['mail', 'bot'])
  })

  it('never goes by a bot they have not met, or a channel that is off', () => {
    const ids = routesTo(on('form'), contact, channels).map((c) => c.id)
    expect(ids).not.toContain('bot2')
    expect(ids).not.toContain('off')
  })

  it('is none when there is no address', () => {
    expect(routesTo(on('form'), { ...contact, identities: [] }, channels)).toEqual([])
  })
})
