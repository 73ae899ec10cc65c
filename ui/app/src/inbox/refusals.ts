import { useCallback, useSyncExternalStore } from 'react'

// What the hub refused, per conversation: shown at the conversation until somebody closes it.
const refusals = new Map<string, string>()
const listeners = new Set<() => void>()

function tell() {
  for (const fn of [...listeners]) fn()
}

export function refuse(conversation: string, reason: string) {
  refusals.set(conversation, reason)
  tell()
}

export function forgive(conversation: string) {
  refusals.delete(conversation)
  tell()
}

export function useRefusal(conversation: string): string | undefined {
  const subscribe = useCallback((fn: () => void) => {
    listeners.add(fn)
    return () => {
      listeners.delete(fn)
    }
  }, [])
  return useSyncExternalStore(subscribe, () => refusals.get(conversation))
}
