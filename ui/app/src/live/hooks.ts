import { useCallback, useEffect, useSyncExternalStore } from 'react'
import type { EventFrame, Message } from '../api/types'
import { link, store } from './live'
import type { Link } from './socket'
import type { Entities, Kind, Pending, ThreadState } from './store'

/** The resource as the live store holds it now, or undefined while nobody has read it. */
export function useLive<K extends Kind>(kind: K, id: string | null | undefined): Entities[K] | undefined {
  const subscribe = useCallback((fn: () => void) => store.topics.subscribe(`${kind}:${id}`, fn), [kind, id])
  return useSyncExternalStore(subscribe, () => (id ? store.get(kind, id) : undefined))
}

export function useThread(conversation: string): ThreadState {
  const subscribe = useCallback(
    (fn: () => void) => store.topics.subscribe(`thread:${conversation}`, fn),
    [conversation],
  )
  return useSyncExternalStore(subscribe, () => store.thread(conversation))
}

export function usePending(conversation: string): Pending[] {
  const subscribe = useCallback(
    (fn: () => void) => store.topics.subscribe(`thread:${conversation}`, fn),
    [conversation],
  )
  return useSyncExternalStore(subscribe, () => store.pendingOf(conversation))
}

export function useMessage(id: string): Message | undefined {
  const subscribe = useCallback((fn: () => void) => store.topics.subscribe(`message:${id}`, fn), [id])
  return useSyncExternalStore(subscribe, () => store.message(id))
}

export function useLink(): Link {
  return useSyncExternalStore(link.subscribe, () => link.state)
}

export function useEvents(fn: (e: EventFrame) => void) {
  useEffect(() => store.onEvent(fn), [fn])
}
