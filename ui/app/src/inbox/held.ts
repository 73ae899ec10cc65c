import type { Message } from '../api/types'
import type { Draft, Mode } from './drafts'

/** What somebody wrote, and where. */
export interface Words {
  mode: Mode
  draft: Draft
}

// Replies that the hub holds back so that they can be undone, by message id: until when, and what was written.
const AFTERGLOW_MS = 3000
const held = new Map<string, { until: number; words: Words }>()

export function hold(id: string, until: number, words: Words) {
  held.set(id, { until, words })
}

export function release(id: string): Words | undefined {
  const words = held.get(id)?.words
  held.delete(id)
  return words
}

export function heldUntil(m: Message): number | undefined {
  const until = held.get(m.id)?.until ?? (m.send_at ? Date.parse(m.send_at) : undefined)
  return until && until > Date.now() - AFTERGLOW_MS ? until : undefined
}
