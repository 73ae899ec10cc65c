import type { Message } from '../api/types'

// Replies that the hub holds back for a few seconds so that they can be undone, by message id: until when.
const AFTERGLOW_MS = 3000
const held = new Map<string, number>()

export function hold(id: string, seconds: number) {
  held.set(id, Date.now() + seconds * 1000)
}

export function release(id: string) {
  held.delete(id)
}

export function heldUntil(m: Message): number | undefined {
  const until = held.get(m.id) ?? (m.send_at ? Date.parse(m.send_at) : undefined)
  return until && until > Date.now() - AFTERGLOW_MS ? until : undefined
}
