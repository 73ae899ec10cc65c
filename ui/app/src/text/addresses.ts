// Addresses of mails: in the headers of a message, and as somebody types them.

import type { Message } from '../api/types'

/** What may follow To, Cc and Bcc in a field: addresses between commas, semicolons, spaces or line ends, each once. */
export function addressesIn(text: string): string[] {
  const found = text.split(/[\s,;]+/).flatMap((x) => x.replace(/^<|>$/g, '') || [])
  return [...new Set(found)]
}

/** An address without its detail, for comparing: "Support+x@Shop.example" is "support@shop.example". */
export function plainAddress(address: string): string {
  return address.toLowerCase().replace(/\+[^@]*(?=@)/, '')
}

/** The value of a header as text; lists are joined. "" when there is none. */
export function header(m: Message, name: string): string {
  const value = m.headers?.[name]
  return Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : ''
}

function list(m: Message, name: string): string[] {
  const value = m.headers?.[name]
  return Array.isArray(value) ? value.map(String) : []
}

/** Whether a mail of ours went to one of these people, and not elsewhere as one passed on does. */
export function isTo(m: Message, people: string[]): boolean {
  const to = plainAddress(header(m, 'to'))
  return people.some((p) => plainAddress(p) === to)
}

/** Whom "reply all" writes to beside the person: everybody who stood in the mail, without them and without ourselves. */
export function othersOf(m: Message, person: string, own: string[]): string[] {
  const named = m.direction === 'inbound' ? list(m, 'recipients') : [header(m, 'to'), ...list(m, 'cc')]
  const left = new Set([person, ...own].map(plainAddress))
  return named.filter((a) => {
    const plain = plainAddress(a)
    return plain.includes('@') && !left.has(plain) && left.add(plain)
  })
}
