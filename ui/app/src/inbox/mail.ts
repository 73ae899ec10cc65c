// What makes an answer a mail: its further recipients and its subject, as somebody types them and as they are sent.

import type { NewMessage } from '../api/client'
import type { Conversation, Message } from '../api/types'
import { locale, t } from '../i18n'
import { addressesIn, header, plainAddress } from '../text/addresses'
import { withoutSignature } from '../text/signature'
import { fullTime } from '../text/time'
import type { Draft, MailDraft } from './drafts'

export type MailFields = Pick<NewMessage, 'to' | 'cc' | 'bcc' | 'subject'>

export const NO_MAIL: MailDraft = { to: '', cc: '', bcc: '', subject: '' }

/** What is sent of it: nothing for a field that was left empty. */
export function mailFields(d: MailDraft | undefined): MailFields | undefined {
  if (!d) return undefined
  const cc = addressesIn(d.cc)
  const bcc = addressesIn(d.bcc)
  const to = addressesIn(d.to)[0]
  const subject = d.subject.trim()
  return { ...(to && { to }), ...(cc.length && { cc }), ...(bcc.length && { bcc }), ...(subject && { subject }) }
}

/** The subject that the hub gives an answer by itself. */
export function replySubject(subject: string | undefined): string {
  if (!subject) return ''
  return /^re:/i.test(subject) ? subject : `Re: ${subject}`
}

/** A mail as it is passed on: room for a comment above it, and what it was. */
export function forwardOf(m: Message, subject: string): Draft {
  const about: [string, string][] = [
    [t('mail.from'), header(m, 'From') || m.author.name],
    [t('mail.to'), header(m, 'To') || header(m, 'to')],
    [t('mail.date'), fullTime(m.created_at, locale())],
    [t('mail.subject'), m.subject || subject],
  ]
  const lines = about.filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`)
  return {
    text: ['', '', `---------- ${t('mail.forwarded')} ----------`, ...lines, '', m.body_text].join('\n'),
    attachments: [],
    mail: { ...NO_MAIL, subject: `Fwd: ${m.subject || subject}`.trim() },
  }
}

/** The words of an answer of ours, without what the hub put below them, as a draft to go on with. */
export function draftOf(m: Message, c: Conversation | undefined): Draft {
  if (m.kind !== 'email') return { text: m.body_text, attachments: [] }
  const to = header(m, 'to')
  const away = c !== undefined && to !== '' && plainAddress(to) !== plainAddress(c.peer)
  const mail = { ...NO_MAIL, to: away ? to : '', cc: header(m, 'cc'), bcc: header(m, 'bcc') }
  return {
    text: withoutSignature(m.body_text),
    attachments: [],
    ...((away || mail.cc || mail.bcc) && { mail: { ...mail, subject: m.subject ?? '' } }),
  }
}
