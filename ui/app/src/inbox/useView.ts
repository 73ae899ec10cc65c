import { useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { api } from '../api/client'
import type { Conversation } from '../api/types'
import { store } from '../live/live'
import { arrange, compare, type Filter, inView } from '../live/view'

const PAGE = 50

function hubQuery(f: Filter) {
  return {
    status: f.status,
    assignee: f.view === 'mine' ? 'me' : f.view === 'unassigned' ? 'none' : undefined,
    channel_type: f.channel_type,
    channel: f.channel,
    team: f.team,
    label: f.label,
    q: f.q,
    sort: f.sort,
    limit: PAGE,
  }
}

let revision = 0
const subscribeAll = (fn: () => void) =>
  store.topics.subscribe('conversation', () => {
    revision++
    fn()
  })

/** One view of the inbox, read page by page and kept true by events. */
export function useView(filter: Filter, me: string, held: boolean, selected: string | undefined) {
  const query = useInfiniteQuery({
    queryKey: ['conversations', filter],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const askedAt = store.asking()
      const page = await api.conversations({ ...hubQuery(filter), cursor: pageParam }, signal)
      store.snapshot('conversation', page.data, askedAt)
      return { ids: page.data.map((c) => c.id), next: page.next_cursor }
    },
    getNextPageParam: (last) => last.next,
  })
  const at = useSyncExternalStore(subscribeAll, () => revision)

  const fetched = useMemo(() => query.data?.pages.flatMap((p) => p.ids) ?? [], [query.data])
  const more = query.hasNextPage
  // biome-ignore lint/correctness/useExhaustiveDependencies: `at` stands for the contents of the store
  const wanted = useMemo(() => wantedRows(filter, me, fetched, more), [filter, me, fetched, more, at])

  const shown = useRef<{ key: string; rows: string[] }>({ key: '', rows: [] })
  const [freed, free] = useState(0)
  const key = JSON.stringify(filter)
  const before = shown.current.key === key ? shown.current.rows : []
  // biome-ignore lint/correctness/useExhaustiveDependencies: `freed` lets the order go once
  const { rows, changes } = useMemo(() => {
    const arranged = arrange(before, keepSelected(before, wanted, selected), held)
    return arranged
  }, [wanted, held, freed, key, selected])
  useEffect(() => {
    shown.current = { key, rows }
  }, [key, rows])

  const showChanges = () => {
    shown.current = { key, rows: [] }
    free((n) => n + 1)
  }
  return { query, rows, changes, showChanges, members: new Set(wanted) }
}

function wantedRows(filter: Filter, me: string, fetched: string[], more: boolean): string[] {
  if (filter.q) return fetched.filter((id) => store.get('conversation', id))
  const order = compare(filter.sort)
  const rows: Conversation[] = []
  for (const c of store.all('conversation')) if (inView(c, filter, me)) rows.push(c)
  rows.sort(order)
  if (!more) return rows.map((c) => c.id)
  // Below the last page read there may be rows that nobody has seen: what would stand there waits for its page.
  const read = new Set(fetched)
  let end = rows.length
  while (end > 0 && !read.has(rows[end - 1]!.id)) end--
  return rows.slice(0, end).map((c) => c.id)
}

/** The open row stays where it was, greyed, when it leaves the view: nothing vanishes under the reader. */
function keepSelected(before: string[], wanted: string[], selected: string | undefined): string[] {
  if (!selected || wanted.includes(selected)) return wanted
  const at = before.indexOf(selected)
  if (at < 0 || !store.get('conversation', selected)) return wanted
  return [...wanted.slice(0, at), selected, ...wanted.slice(at)]
}
