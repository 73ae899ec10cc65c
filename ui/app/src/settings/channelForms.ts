// What each type of channel needs to know (CONTRACT §3), as a form: one table, shown by ChannelForm.

import type { ChannelType } from '../api/types'

export type Values = Record<string, string | boolean>

export interface Field {
  /** Where it stands in the config: "imap.host". */
  path: string
  kind: 'text' | 'secret' | 'number' | 'select' | 'switch' | 'list' | 'area'
  required?: boolean
  options?: string[]
  preset?: string | boolean
  placeholder?: string
  /** Rarely needed: folded away. */
  advanced?: boolean
  /** Only asked when this holds. */
  when?: (v: Values) => boolean
  /** Can be made up here: a secret that both sides only have to share. */
  generate?: boolean
  /** Starts a block of its own, with this heading. */
  heading?: 'receive' | 'send' | 'oauth'
}

const is = (path: string, value: string | boolean) => (v: Values) => v[path] === value
const security = ['tls', 'starttls', 'none']

const auth = ['password', 'oauth2']
const reads = (box: 'imap' | 'pop3') => (v: Values) => v[box] === true && (box === 'imap' || v.imap !== true)
const both = (a: (v: Values) => boolean, b: (v: Values) => boolean) => (v: Values) => a(v) && b(v)
const withToken = (v: Values) =>
  (reads('imap')(v) && v['imap.auth'] === 'oauth2') ||
  (reads('pop3')(v) && v['pop3.auth'] === 'oauth2') ||
  (v.smtp === true && v['smtp.auth'] === 'oauth2')
const ownProvider = both(withToken, is('oauth.provider', 'custom'))

const email: Field[] = [
  { path: 'address', kind: 'text', required: true, placeholder: 'support@example.com' },
  { path: 'name', kind: 'text' },
  { path: 'imap', kind: 'switch', preset: true, heading: 'receive' },
  { path: 'imap.host', kind: 'text', required: true, placeholder: 'imap.example.com', when: reads('imap') },
  { path: 'imap.security', kind: 'select', options: security, preset: 'tls', when: reads('imap') },
  { path: 'imap.port', kind: 'number', preset: '993', when: reads('imap') },
  { path: 'imap.auth', kind: 'select', options: auth, preset: 'password', when: reads('imap') },
  { path: 'imap.username', kind: 'text', required: true, when: reads('imap') },
  {
    path: 'imap.password',
    kind: 'secret',
    required: true,
    when: both(reads('imap'), (v) => v['imap.auth'] !== 'oauth2'),
  },
  { path: 'imap.mailboxes', kind: 'list', advanced: true, placeholder: 'INBOX', when: reads('imap') },
  { path: 'imap.backfill_from', kind: 'text', advanced: true, placeholder: '2026-01-01', when: reads('imap') },
  { path: 'imap.authserv_id', kind: 'text', advanced: true, placeholder: 'mx.example.com', when: reads('imap') },
  { path: 'pop3', kind: 'switch', preset: false, when: (v) => v.imap !== true },
  { path: 'pop3.host', kind: 'text', required: true, placeholder: 'pop.example.com', when: reads('pop3') },
  { path: 'pop3.security', kind: 'select', options: security, preset: 'tls', when: reads('pop3') },
  { path: 'pop3.port', kind: 'number', preset: '995', when: reads('pop3') },
  { path: 'pop3.auth', kind: 'select', options: auth, preset: 'password', when: reads('pop3') },
  { path: 'pop3.username', kind: 'text', required: true, when: reads('pop3') },
  {
    path: 'pop3.password',
    kind: 'secret',
    required: true,
    when: both(reads('pop3'), (v) => v['pop3.auth'] !== 'oauth2'),
  },
  { path: 'pop3.backfill_from', kind: 'text', advanced: true, placeholder: '2026-01-01', when: reads('pop3') },
  { path: 'pop3.delete_after_days', kind: 'number', advanced: true, placeholder: '30', when: reads('pop3') },
  { path: 'receiver.enabled', kind: 'switch', preset: false },
  { path: 'smtp', kind: 'switch', preset: true, heading: 'send' },
  { path: 'smtp.host', kind: 'text', required: true, placeholder: 'smtp.example.com', when: is('smtp', true) },
  { path: 'smtp.security', kind: 'select', options: security, preset: 'starttls', when: is('smtp', true) },
  { path: 'smtp.port', kind: 'number', preset: '587', when: is('smtp', true) },
  { path: 'smtp.auth', kind: 'select', options: auth, preset: 'password', when: is('smtp', true) },
  { path: 'smtp.username', kind: 'text', when: is('smtp', true) },
  {
    path: 'smtp.password',
    kind: 'secret',
    when: both(is('smtp', true), (v) => v['smtp.auth'] !== 'oauth2'),
  },
  { path: 'smtp.per_minute', kind: 'number', advanced: true, placeholder: '60', when: is('smtp', true) },
  {
    path: 'smtp.save_to_sent',
    kind: 'switch',
    preset: false,
    advanced: true,
    when: both(reads('imap'), is('smtp', true)),
  },
  {
    path: 'oauth.provider',
    kind: 'select',
    options: ['google', 'microsoft', 'custom'],
    preset: 'google',
    heading: 'oauth',
    when: withToken,
  },
  { path: 'oauth.client_id', kind: 'text', required: true, when: withToken },
  { path: 'oauth.client_secret', kind: 'secret', when: withToken },
  { path: 'oauth.auth_url', kind: 'text', required: true, placeholder: 'https://…/authorize', when: ownProvider },
  { path: 'oauth.token_url', kind: 'text', required: true, placeholder: 'https://…/token', when: ownProvider },
  { path: 'oauth.scopes', kind: 'list', when: ownProvider },
  { path: 'signature', kind: 'area' },
  { path: 'new_subject', kind: 'select', options: ['join', 'new_conversation'], preset: 'join', advanced: true },
  { path: 'plus_addressing', kind: 'switch', preset: false, advanced: true },
]

const sms: Field[] = [
  { path: 'account_sid', kind: 'text', required: true, placeholder: 'AC…' },
  { path: 'auth_token', kind: 'secret', required: true },
  { path: 'from', kind: 'text', required: true, placeholder: '+12025550123', when: (v) => !v.messaging_service_sid },
  { path: 'messaging_service_sid', kind: 'text', advanced: true, placeholder: 'MG…' },
  { path: 'api_url', kind: 'text', advanced: true },
]

const telegram: Field[] = [
  { path: 'token', kind: 'secret', required: true, placeholder: '123456:ABC…' },
  { path: 'mode', kind: 'select', options: ['polling', 'webhook'], preset: 'polling' },
  { path: 'webhook_secret', kind: 'secret', generate: true, when: is('mode', 'webhook') },
  { path: 'api_url', kind: 'text', advanced: true },
]

const webchat: Field[] = [
  { path: 'allowed_origins', kind: 'list', preset: '*', placeholder: 'https://www.example.com' },
  { path: 'greeting', kind: 'area' },
  { path: 'title', kind: 'text' },
  { path: 'identity_secret', kind: 'secret', advanced: true, generate: true },
]

const telephony: Field[] = [
  { path: 'provider', kind: 'select', options: ['generic', 'twilio'], preset: 'generic' },
  { path: 'secret', kind: 'secret', required: true, generate: true, when: is('provider', 'generic') },
  { path: 'account_sid', kind: 'text', required: true, when: is('provider', 'twilio') },
  { path: 'auth_token', kind: 'secret', required: true, when: is('provider', 'twilio') },
  { path: 'ring', kind: 'list', required: true, placeholder: '+12025550123', when: is('provider', 'twilio') },
  { path: 'numbers', kind: 'list', placeholder: '+12025550123' },
  { path: 'recording.fetch', kind: 'switch', preset: false },
  { path: 'consent', kind: 'area', when: is('provider', 'twilio') },
  { path: 'greeting', kind: 'area', advanced: true, when: is('provider', 'twilio') },
  { path: 'api_url', kind: 'text', advanced: true },
]

const form: Field[] = [
  { path: 'allowed_origins', kind: 'list', preset: '*', placeholder: 'https://www.example.com' },
  { path: 'redirect_url', kind: 'text', placeholder: 'https://www.example.com/thanks' },
  { path: 'honeypot', kind: 'text', advanced: true, placeholder: '_hp' },
]

const everyType: Field[] = [
  { path: 'default_region', kind: 'text', advanced: true, placeholder: 'ES' },
  {
    path: 'lead.create',
    kind: 'select',
    options: ['new_contact', 'always', 'never'],
    preset: 'new_contact',
    advanced: true,
  },
]

const forms: Record<ChannelType, Field[]> = { email, sms, telegram, webchat, telephony, form }

/** What is sent along and never asked. */
const fixed: Partial<Record<ChannelType, Record<string, unknown>>> = { sms: { provider: 'twilio' } }

export function fieldsOf(type: ChannelType): Field[] {
  return [...forms[type], ...everyType]
}

/** The switches "imap", "pop3" and "smtp" stand for the presence of their whole block. */
const BLOCKS = new Set(['imap', 'pop3', 'smtp'])

export function valuesOf(type: ChannelType, config: Record<string, unknown> | undefined): Values {
  const values: Values = {}
  for (const f of fieldsOf(type)) {
    const value = config && at(config, f.path)
    if (BLOCKS.has(f.path)) values[f.path] = config ? value != null : (f.preset ?? true)
    else if (f.kind === 'switch') values[f.path] = config ? value === true : (f.preset ?? false)
    else if (f.kind === 'list')
      values[f.path] = Array.isArray(value) ? value.join('\n') : config ? '' : String(f.preset ?? '')
    else
      values[f.path] =
        value != null && value !== 0
          ? String(value)
          : String((!config && f.preset) || (f.kind === 'select' && f.preset) || '')
  }
  return values
}

/** The config as the hub takes it. What was there and has been emptied becomes null: the edit is a merge. */
export function configOf(type: ChannelType, values: Values, before?: Record<string, unknown>): Record<string, unknown> {
  const config: Record<string, unknown> = structuredClone({ ...before, ...(fixed[type] ?? {}) })
  for (const f of fieldsOf(type)) {
    const raw = values[f.path]
    if (BLOCKS.has(f.path)) {
      if (raw === false || (f.when && !f.when(values))) config[f.path] = before?.[f.path] == null ? undefined : null
      continue
    }
    if (f.when && !f.when(values)) {
      if (config[f.path.split('.')[0] ?? ''] && before && at(before, f.path) != null) put(config, f.path, null)
      continue
    }
    const value = parsed(f, raw)
    if (value !== undefined) put(config, f.path, value)
    else if (before && at(before, f.path) != null) put(config, f.path, null)
  }
  return JSON.parse(JSON.stringify(config))
}

function parsed(f: Field, raw: string | boolean | undefined): unknown {
  if (f.kind === 'switch') return raw === true
  const text = String(raw ?? '').trim()
  if (f.kind === 'list') {
    const items = text
      .split(/[\n,]+/)
      .map((x) => x.trim())
      .filter(Boolean)
    return items.length ? items : undefined
  }
  if (text === '') return undefined
  return f.kind === 'number' ? Number(text) : text
}

function at(config: Record<string, unknown>, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (x, name) => (x && typeof x === 'object' ? (x as Record<string, unknown>)[name] : undefined),
      config,
    )
}

function put(config: Record<string, unknown>, path: string, value: unknown) {
  const names = path.split('.')
  let x = config
  for (const name of names.slice(0, -1)) {
    if (!x[name] || typeof x[name] !== 'object') x[name] = {}
    x = x[name] as Record<string, unknown>
  }
  x[names.at(-1)!] = value
}
