// A view of the inbox: which conversations are in it, in which order, and when the order may change.
// Rows never move under a pointer or a reading eye: while the list is held, new order waits as a count of changes.

import type { ChannelType, Conversation } from '../api/types'

export type Sort = 'newest' | 'oldest' | 'waiting'

export interface Filter {
  view: 'mine' | 'unassigned' | 'all'
  status: 'open' | 'pending' | 'snoozed' | 'resolved'
  channel_type?: ChannelType
  channel?: string
  team?: string
  label?: string
  q?: string
  sort: Sort
}

/** Whether a conversation is in a view. A text search only the hub can answer, so it never gains rows by events. */
export function inView(c: Conversation, f: Filter, me: string): boolean {
  if (c.status !== f.status) return false
  if (f.view === 'mine' && c.assignee_id !== me) return false
  if (f.view === 'unassigned' && c.assignee_id !== null) return false
  if (f.channel_type && c.channel_type !== f.channel_type) return false
  if (f.channel && c.channel_id !== f.channel) return false
  if (f.team && c.team_id !== f.team) return false
  return !f.label || c.labels.includes(f.label)
}

export function activityOf(c: Conversation): string {
  return c.last_message?.created_at ?? c.created_at
}

/** The order of the hub's lists: by the sort, newest activity between equals. */
export function compare(sort: Sort): (a: Conversation, b: Conversation) => number {
  return (a, b) => {
    const first = firstKey(sort, a, b)
    if (first !== 0) return first
    const byTime = activityOf(b).localeCompare(activityOf(a)) || b.id.localeCompare(a.id)
    return sort === 'oldest' ? -byTime : byTime
  }
}

function firstKey(sort: Sort, a: Conversation, b: Conversation): number {
  if (sort === 'waiting') return (a.waiting_since ?? '9').localeCompare(b.waiting_since ?? '9')
  return 0
}

export interface Arrangement {
  /** What the list shows, in order. */
  rows: string[]
  /** How many rows would come, go or move if the order were let free. */
  changes: number
}

/** What to show when `wanted` is the true order and the list is held at `shown`. */
export function arrange(shown: string[], wanted: string[], held: boolean): Arrangement {
  if (!held || shown.length === 0) return { rows: wanted, changes: 0 }
  return { rows: shown, changes: countChanges(shown, wanted) }
}

function countChanges(shown: string[], wanted: string[]): number {
  const before = new Set(shown)
  const after = new Set(wanted)
  const gone = shown.filter((id) => !after.has(id)).length
  const come = wanted.filter((id) => !before.has(id)).length
  const left = shown.filter((id) => after.has(id))
  const stayed = wanted.filter((id) => before.has(id))
  const moved = left.length - longestRising(stayed.map((id) => left.indexOf(id)))
  return gone + come + moved
}

/** The length of the longest rising run that can be picked from xs: rows outside it have moved. */
function longestRising(xs: number[]): number {
  const tails: number[] = []
  for (const x of xs) {
    let at = tails.findIndex((t) => t >= x)
    if (at < 0) at = tails.length
    tails[at] = x
  }
  return tails.length
}
