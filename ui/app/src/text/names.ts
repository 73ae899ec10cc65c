import type { Contact, Conversation, Identity } from '../api/types'
import { t } from '../i18n'
import { readable } from './phone'

/** What to call a contact: the name, else the best address we have, else that nobody knows. */
export function contactName(c: Contact | undefined): string {
  if (!c) return '…'
  if (c.name) return readable(c.name)
  const best = c.identities.find((i) => i.kind === 'phone' || i.kind === 'email') ?? c.identities[0]
  if (!best || best.kind === 'webchat') return t('contact.visitor')
  return identityText(best)
}

export function identityText(i: Identity): string {
  return i.kind === 'phone' ? readable(i.value) : i.value
}

/** Whom a conversation is with, also before the contact's card has been read. */
export function peerName(c: Conversation, contact: Contact | undefined): string {
  return contact ? contactName(contact) : readable(c.peer_name || c.peer) || '…'
}

/** Whether somebody has a name that is more than their number. */
export function isNamed(c: Contact | undefined): boolean {
  return !!c?.name && !/^\+\d+$/.test(c.name)
}
