// What an agent does to a conversation: shown at once, then told to the hub; a refusal puts it back and says why.

import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { Conversation } from '../api/types'
import { t } from '../i18n'
import { store } from '../live/live'
import { toast } from '../ui/toasts'
import { refuse } from './refusals'

export type Change = Partial<
  Pick<Conversation, 'status' | 'assignee_id' | 'team_id' | 'priority' | 'labels' | 'snoozed_until'>
>

/** Changes a conversation, with a way back when said names it. */
export async function change(id: string, to: Change, said?: string) {
  const before = store.get('conversation', id)
  const undo = store.optimistic('conversation', id, to)
  if (said && before) toast(said, () => change(id, pick(before, to)))
  try {
    store.answer('conversation', await api.saveConversation(id, to))
  } catch (e) {
    undo()
    refuse(id, asProblem(e).message)
  }
}

function pick(from: Conversation, fields: Change): Change {
  return Object.fromEntries(Object.keys(fields).map((f) => [f, from[f as keyof Change]]))
}

export function resolveOrReopen(c: Conversation) {
  if (c.status === 'resolved') return change(c.id, { status: 'open' }, t('done.reopened', { number: c.number }))
  return change(c.id, { status: 'resolved', snoozed_until: null }, t('done.resolved', { number: c.number }))
}

export function snooze(c: Conversation, until: string) {
  return change(c.id, { status: 'snoozed', snoozed_until: until }, t('done.snoozed', { number: c.number }))
}

export async function markRead(c: Conversation) {
  if (c.unread_count === 0) return
  const undo = store.optimistic('conversation', c.id, { unread_count: 0 })
  await api.markRead(c.id).catch(undo)
}

export async function markUnread(c: Conversation) {
  const undo = store.optimistic('conversation', c.id, { unread_count: Math.max(1, c.unread_count) })
  try {
    await api.markUnread(c.id)
  } catch (e) {
    undo()
    refuse(c.id, asProblem(e).message)
  }
}

/** Times somebody may want to be reminded at, in the reader's zone. */
export function snoozeTimes(now: Date): { name: 'hour' | 'evening' | 'tomorrow' | 'monday'; at: Date }[] {
  const at = (days: number, hour: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour)
  const toMonday = (8 - now.getDay()) % 7 || 7
  const times = [
    { name: 'hour' as const, at: new Date(now.getTime() + 3_600_000) },
    { name: 'evening' as const, at: at(0, 18) },
    { name: 'tomorrow' as const, at: at(1, 9) },
    { name: 'monday' as const, at: at(toMonday, 9) },
  ]
  return times.filter((x) => x.name !== 'evening' || x.at.getTime() - now.getTime() > 2 * 3_600_000)
}
