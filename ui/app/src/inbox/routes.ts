// By which channels a contact can be answered: those of which the contact has an address.

import type { Channel, ChannelType, Contact, Conversation, Identity } from '../api/types'

const kindFor: Partial<Record<ChannelType, Identity['kind']>> = {
  email: 'email',
  sms: 'phone',
  telegram: 'telegram',
  webchat: 'webchat',
}
const boundToChannel = new Set<ChannelType>(['telegram', 'webchat'])

/** The channels that lead back to the person, the conversation's own first. */
export function routesTo(c: Conversation, contact: Contact | undefined, channels: Channel[]): Channel[] {
  const open = channels.filter((ch) => ch.state !== 'disabled' && kindFor[ch.type])
  const own = open.filter((ch) => ch.id === c.channel_id)
  const others = open.filter((ch) => ch.id !== c.channel_id && hasAddress(ch, contact))
  return [...own, ...others]
}

function hasAddress(ch: Channel, contact: Contact | undefined): boolean {
  return !!contact?.identities.some(
    (i) => i.kind === kindFor[ch.type] && (!boundToChannel.has(ch.type) || i.channel_id === ch.id),
  )
}
