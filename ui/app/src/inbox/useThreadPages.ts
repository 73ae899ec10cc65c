import { useQuery } from '@tanstack/react-query'
import { useCallback, useState } from 'react'
import { api } from '../api/client'
import { useThread } from '../live/hooks'
import { store } from '../live/live'

/** A conversation's thread: its newest page, kept true by events, and older pages on demand. */
export function useThreadPages(id: string) {
  const thread = useThread(id)
  const [reading, setReading] = useState(false)
  const newest = useQuery({
    queryKey: ['messages', id],
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const askedAt = store.asking()
      const page = await api.messages(id, undefined, signal)
      store.threadPage(id, page.data, page.next_cursor, askedAt)
      return page.data.length
    },
  })

  const readOlder = useCallback(async () => {
    const before = store.thread(id).older
    if (!before || reading) return
    setReading(true)
    try {
      const askedAt = store.asking()
      const page = await api.messages(id, before)
      store.threadPage(id, page.data, page.next_cursor, askedAt, before)
    } finally {
      setReading(false)
    }
  }, [id, reading])

  return { thread, newest, readOlder, reading }
}
