import { Button } from '@mantine/core'
import { IconArrowDown } from '@tabler/icons-react'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { Conversation, Message } from '../api/types'
import { useShortcuts } from '../app/useShortcuts'
import { locale, t } from '../i18n'
import { usePending } from '../live/hooks'
import { store } from '../live/live'
import { useMe } from '../session/session'
import { dayName, sameDay } from '../text/time'
import { useNow } from '../ui/Ago'
import { Failed, RefreshLine, SkeletonRows } from '../ui/states'
import { markRead } from './actions'
import type { Mode } from './drafts'
import { Item, PendingItem } from './Item'
import { QuotesOfThread, useQuotesOfThread } from './quotes'
import { noteSeen } from './seen'
import css from './thread.module.css'
import { useThreadPages } from './useThreadPages'

const GROUP_MS = 3 * 60_000
const READ_AFTER_MS = 1000
const END_PX = 48

export function Thread({ c, onUndo }: { c: Conversation; onUndo: (mode: Mode) => void }) {
  const { thread, newest, readOlder, reading } = useThreadPages(c.id)
  const pending = usePending(c.id)
  const now = useNow()
  const me = useMe()
  const scroller = useRef<HTMLDivElement>(null)
  const divider = useRef<HTMLDivElement>(null)
  const end = useEnd(scroller, [thread.ids.length, pending.length])
  const messages = thread.ids.map((id) => store.message(id)).filter((m): m is Message => m !== undefined)
  const firstUnread = useFirstUnread(c, messages, thread.loaded)
  useOpening(scroller, divider, thread.loaded)
  useKeepPlace(scroller, thread.ids[0])
  useReading(c, end.atEnd && thread.loaded, messages.at(-1), me.id)
  const { quotes, toggle } = useQuotesOfThread()
  useShortcuts([{ keys: 'o', title: t('keys.quotes'), run: toggle }])

  return (
    <div className={css.wrap}>
      <RefreshLine on={newest.isRefetching || reading} />
      <div
        ref={scroller}
        className={css.scroller}
        role="feed"
        aria-label={t('thread.label')}
        aria-busy={!thread.loaded}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling area must be reachable by keyboard
        tabIndex={0}
        data-pane
        onScroll={end.onScroll}
      >
        <div className={css.items}>
          {!thread.loaded && newest.isPending && <SkeletonRows rows={5} height={72} />}
          {!thread.loaded && newest.isError && (
            <Failed error={newest.error} what={t('thread.failed')} retry={() => newest.refetch()} />
          )}
          {thread.older && (
            <div className={css.older}>
              <Button variant="default" size="xs" onClick={readOlder} loading={reading}>
                {t('thread.older')}
              </Button>
            </div>
          )}
          <QuotesOfThread value={quotes}>
            {messages.map((m, i) => {
              const before = messages[i - 1]
              return (
                <div key={m.id} className={css.entry}>
                  {(!before || !sameDay(before.created_at, m.created_at)) && (
                    <p className={css.day}>
                      <span>{dayName(m.created_at, locale(), now)}</span>
                    </p>
                  )}
                  {m.id === firstUnread && (
                    <div ref={divider} className={css.unread}>
                      <span>{t('thread.unread')}</span>
                    </div>
                  )}
                  <Item m={m} grouped={m.id !== firstUnread && sameGroup(before, m)} onUndo={onUndo} />
                </div>
              )
            })}
          </QuotesOfThread>
          {pending
            .filter((p) => !p.arrived)
            .map((p) => (
              <PendingItem key={p.key} p={p} onUndo={onUndo} />
            ))}
        </div>
      </div>
      {end.fresh > 0 && (
        <button type="button" className={css.jump} onClick={end.jump}>
          {t('thread.new', { count: end.fresh })}
          <IconArrowDown size={16} aria-hidden="true" />
        </button>
      )}
      <p className="hidden-text" aria-live="polite">
        {end.fresh > 0 ? t('thread.new', { count: end.fresh }) : ''}
      </p>
    </div>
  )
}

function sameGroup(before: Message | undefined, m: Message): boolean {
  if (!before || before.direction !== m.direction || before.author.id !== m.author.id) return false
  if (m.direction === 'activity' || m.kind === 'email' || before.kind === 'email') return false
  return Date.parse(m.created_at) - Date.parse(before.created_at) < GROUP_MS && sameDay(before.created_at, m.created_at)
}

/** The first message that was unread when the conversation was opened; it stays marked until it is left. */
function useFirstUnread(c: Conversation, messages: Message[], loaded: boolean): string | undefined {
  const [count] = useState(c.unread_count)
  const [first, setFirst] = useState<string | undefined>()
  useEffect(() => {
    if (!loaded || count === 0 || first) return
    const inbound = messages.filter((m) => m.direction === 'inbound')
    setFirst(inbound[Math.max(0, inbound.length - count)]?.id)
  }, [loaded, count, messages, first])
  return first
}

/** Opens at the first unread message, otherwise at the end. */
function useOpening(
  scroller: React.RefObject<HTMLDivElement | null>,
  divider: React.RefObject<HTMLDivElement | null>,
  loaded: boolean,
) {
  const opened = useRef(false)
  useLayoutEffect(() => {
    const box = scroller.current
    if (!loaded || opened.current || !box) return
    opened.current = true
    box.scrollTop = box.scrollHeight
    requestAnimationFrame(() => {
      if (divider.current) box.scrollTop = Math.min(box.scrollTop, divider.current.offsetTop - END_PX)
    })
  }, [loaded, scroller, divider])
}

/** Older items that come in above leave the reader where they were. */
function useKeepPlace(scroller: React.RefObject<HTMLDivElement | null>, oldest: string | undefined) {
  const before = useRef<{ oldest?: string; height: number }>({ height: 0 })
  useLayoutEffect(() => {
    const box = scroller.current
    if (!box) return
    const grown = box.scrollHeight - before.current.height
    if (before.current.oldest && oldest !== before.current.oldest && box.scrollTop < END_PX) box.scrollTop += grown
    before.current = { oldest, height: box.scrollHeight }
  })
}

/** Follows new items only for a reader who is at the end already; others hear how many there are. */
function useEnd(scroller: React.RefObject<HTMLDivElement | null>, [items, waiting]: [number, number]) {
  const [atEnd, setAtEnd] = useState(true)
  const [fresh, setFresh] = useState(0)
  const last = useRef({ items, waiting })
  const follow = useRef(true)

  const onScroll = () => {
    const box = scroller.current
    if (!box) return
    const near = box.scrollHeight - box.scrollTop - box.clientHeight < END_PX
    follow.current = near
    setAtEnd(near)
    if (near) setFresh(0)
  }
  const jump = () => {
    const box = scroller.current
    if (box) box.scrollTop = box.scrollHeight
  }

  useLayoutEffect(() => {
    const came = items - last.current.items
    const written = waiting > last.current.waiting
    const first = last.current.items === 0
    last.current = { items, waiting }
    const box = scroller.current
    if (!box || first) return
    if (written || follow.current) box.scrollTop = box.scrollHeight
    else if (came > 0 && came < 10) setFresh((n) => n + came)
  }, [items, waiting, scroller])

  useEffect(() => {
    const box = scroller.current
    if (!box) return
    const grown = new ResizeObserver(() => {
      if (follow.current) box.scrollTop = box.scrollHeight
    })
    grown.observe(box)
    return () => grown.disconnect()
  }, [scroller])

  return { atEnd, fresh, jump, onScroll }
}

/** What has stood on a visible screen for a second counts as seen, and as read. */
function useReading(c: Conversation, before: boolean, newest: Message | undefined, me: string) {
  const latest = useRef(c)
  latest.current = c
  const own = newest?.author.id === me
  // biome-ignore lint/correctness/useExhaustiveDependencies: starts again with every new message
  useEffect(() => {
    if (!before) return
    const timer = setTimeout(
      () => {
        if (document.visibilityState === 'hidden') return
        noteSeen(c.id, latest.current.last_seq)
        markRead(latest.current)
      },
      own ? 0 : READ_AFTER_MS,
    )
    return () => clearTimeout(timer)
  }, [before, c.id, c.last_seq, newest?.id, own])
}
