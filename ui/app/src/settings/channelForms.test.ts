import { describe, expect, it } from 'vitest'
import { configOf, valuesOf } from './channelForms'

describe('a channel form', () => {
  it('starts with presets that work', () => {
    expect(configOf('webchat', valuesOf('webchat', undefined))).toEqual({
      allowed_origins: ['*'],
      lead: { create: 'new_contact' },
    })
  })

  it('sends no mail settings for what is switched off', () => {
    const values = {
      ...valuesOf('email', undefined),
      address: 'a@b.example',
      imap: false,
      'receiver.enabled': true,
      'smtp.host': 's',
    }
    expect(configOf('email', values)).toEqual({
      address: 'a@b.example',
      receiver: { enabled: true },
      smtp: { host: 's', security: 'starttls', port: 587, auth: 'password' },
      new_subject: 'join',
      plus_addressing: false,
      lead: { create: 'new_contact' },
    })
  })

  it('gives a secret back as it was shown, so that it stays', () => {
    const config = { token: '***', mode: 'polling' }
    expect(configOf('telegram', valuesOf('telegram', config), config)).toMatchObject({ token: '***', mode: 'polling' })
  })

  it('clears what was emptied', () => {
    const config = { allowed_origins: ['*'], greeting: 'Hi' }
    expect(configOf('webchat', { ...valuesOf('webchat', config), greeting: '' }, config)).toMatchObject({
      greeting: null,
    })
  })

  it('removes a whole block that was switched off', () => {
    const config = { address: 'a@b.example', imap: { host: 'i', port: 993 }, smtp: { host: 's' } }
    const sent = configOf('email', { ...valuesOf('email', config), imap: false }, config)
    expect(sent.imap).toBeNull()
    expect(sent.smtp).toMatchObject({ host: 's' })
  })

  it('reads a mailbox by one way only', () => {
    const config = { address: 'a@b.example', imap: { host: 'i', port: 993 } }
    const values = { ...valuesOf('email', config), imap: false, pop3: true, 'pop3.host': 'p' }
    expect(configOf('email', values, config)).toMatchObject({ imap: null, pop3: { host: 'p' } })
    expect(configOf('email', { ...values, imap: true }, config)).not.toHaveProperty('pop3')
  })

  it('forgets a password where a token signs in, and keeps what the provider granted', () => {
    const oauth = { provider: 'google', client_id: 'c', refresh_token: '***' }
    const config = { address: 'a@b.example', imap: { host: 'i', auth: 'oauth2', password: '***' }, oauth }
    expect(configOf('email', valuesOf('email', config), config)).toMatchObject({ imap: { password: null }, oauth })
  })

  it('keeps settings that it does not know', () => {
    const config = { allowed_origins: ['*'], color: '#123456' }
    expect(configOf('webchat', valuesOf('webchat', config), config)).toMatchObject({ color: '#123456' })
  })

  it('reads a list by lines or commas', () => {
    const values = {
      ...valuesOf('form', undefined),
      allowed_origins: 'https://a.example\nhttps://b.example, https://c.example',
    }
    expect(configOf('form', values).allowed_origins).toEqual([
      'https://a.example',
      'https://b.example',
      'https://c.example',
    ])
  })
})
