// What TanStack Query holds is made fresh by the event log: a resync reads everything on the screen again, and lists
// that the store does not keep are asked again when an event touches them, at most once a second.

import type { QueryClient } from '@tanstack/react-query'
import type { LiveStore } from '../live/store'

const PAUSE_MS = 1000

const touches: Record<string, string[]> = {
  conversation: ['counts', 'timeline'],
  message: [],
  contact: ['contacts'],
  lead: ['leads', 'timeline'],
  call: ['calls', 'timeline'],
  channel: ['channels'],
}

export function keepFresh(client: QueryClient, store: LiveStore): () => void {
  const due = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  const refresh = () => {
    timer = undefined
    for (const key of due) client.invalidateQueries({ queryKey: [key] })
    due.clear()
  }
  const stopEvents = store.onEvent((e) => {
    for (const key of touches[e.type.split('.')[0] ?? ''] ?? []) due.add(key)
    if (due.size && !timer) timer = setTimeout(refresh, PAUSE_MS)
  })
  const stopResync = store.onResync(() => client.invalidateQueries({ predicate: (q) => q.queryKey[0] !== 'session' }))
  return () => {
    clearTimeout(timer)
    stopEvents()
    stopResync()
  }
}
