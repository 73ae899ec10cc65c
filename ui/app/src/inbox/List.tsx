import { ActionIcon } from '@mantine/core'
import { IconChevronUp, IconInboxOff, IconSearch, IconX } from '@tabler/icons-react'
import { Link, useNavigate } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useState } from 'react'
import { useCounts } from '../app/Rail'
import type { InboxSearch, InboxView } from '../app/router'
import { useShortcuts } from '../app/useShortcuts'
import { t } from '../i18n'
import type { Filter } from '../live/view'
import { Empty, Failed, RefreshLine, SkeletonRows } from '../ui/states'
import { Filters } from './Filters'
import css from './list.module.css'
import { Row } from './Row'
import { useView } from './useView'

const ROW_PX = 64
const KEYBOARD_HOLD_MS = 2000

interface Props {
  filter: Filter
  me: string
  selected: string | undefined
  onOpen: (id: string | undefined) => void
  /** Told which row comes next, to go on to when the open one is done with. */
  onNeighbour: (id: string | undefined) => void
}

export function List({ filter, me, selected, onOpen, onNeighbour }: Props) {
  const [pointer, setPointer] = useState(false)
  const [moving, setMoving] = useState(false)
  const { query, rows, changes, showChanges, members } = useView(filter, me, pointer || moving, selected)
  const scroller = useRef<HTMLDivElement>(null)
  const holding = useRef<ReturnType<typeof setTimeout>>(undefined)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 6,
    getItemKey: (i) => rows[i] ?? i,
  })
  const at = selected ? rows.indexOf(selected) : -1

  useEffect(() => onNeighbour(rows[at + 1] ?? rows[at - 1]), [rows, at, onNeighbour])

  const move = (to: number) => {
    const id = rows[Math.max(0, Math.min(rows.length - 1, to))]
    if (!id) return
    setMoving(true)
    clearTimeout(holding.current)
    holding.current = setTimeout(() => setMoving(false), KEYBOARD_HOLD_MS)
    onOpen(id)
    virtual.scrollToIndex(rows.indexOf(id))
  }
  const go = useNavigate()
  const tab = (view: InboxView) => go({ to: '/inbox/$view/{-$conversation}', params: { view } })
  useShortcuts([
    { keys: 'j', title: t('keys.next'), run: () => move(at + 1) },
    { keys: 'k', title: t('keys.previous'), run: () => move(at - 1) },
    { keys: 'ArrowDown', title: t('keys.next'), run: () => move(at + 1) },
    { keys: 'ArrowUp', title: t('keys.previous'), run: () => move(at - 1) },
    { keys: 'Home', title: t('keys.first'), run: () => move(0) },
    { keys: 'End', title: t('keys.last'), run: () => move(rows.length - 1) },
    { keys: '.', title: t('keys.showChanges'), run: showChanges },
    { keys: '1', title: t('keys.tab', { name: t('view.mine') }), run: () => tab('mine') },
    { keys: '2', title: t('keys.tab', { name: t('view.unassigned') }), run: () => tab('unassigned') },
    { keys: '3', title: t('keys.tab', { name: t('view.all') }), run: () => tab('all') },
  ])

  const items = virtual.getVirtualItems()
  const lastShown = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (lastShown >= rows.length - 10 && query.hasNextPage && !query.isFetchingNextPage) query.fetchNextPage()
  }, [lastShown, rows.length, query.hasNextPage, query.isFetchingNextPage, query.fetchNextPage])

  return (
    <section className={css.pane} aria-label={t('inbox.list')}>
      <h1 className="hidden-text">{t('inbox.title', { context: filter.view })}</h1>
      <Tabs current={filter} />
      <Filters filter={filter} />
      <div className={css.body}>
        <RefreshLine on={query.isRefetching} />
        {changes > 0 && (
          <button type="button" className={css.changes} onClick={showChanges}>
            <IconChevronUp size={14} aria-hidden="true" />
            {t('inbox.changed', { count: changes })}
          </button>
        )}
        {query.isPending && <SkeletonRows height={ROW_PX} />}
        {query.isError && rows.length === 0 && (
          <Failed error={query.error} what={t('inbox.failed')} retry={() => query.refetch()} />
        )}
        {query.isSuccess && rows.length === 0 && <NoRows filter={filter} />}
        <div
          ref={scroller}
          className={css.scroller}
          role="listbox"
          tabIndex={0}
          data-pane
          aria-label={t('inbox.list')}
          aria-activedescendant={selected && at >= 0 ? `row-${selected}` : undefined}
          onPointerEnter={(e) => e.pointerType === 'mouse' && setPointer(true)}
          onPointerLeave={() => setPointer(false)}
          onKeyDown={(e) => {
            if (e.key === 'Enter' && at < 0) move(0)
          }}
        >
          <div style={{ blockSize: virtual.getTotalSize(), position: 'relative' }}>
            {items.map((item) => {
              const id = rows[item.index]!
              return (
                <div key={id} className={css.slot} style={{ transform: `translateY(${item.start}px)` }}>
                  <Row
                    id={id}
                    selected={id === selected}
                    left={!members.has(id)}
                    position={item.index + 1}
                    size={query.hasNextPage ? -1 : rows.length}
                    onOpen={onOpen}
                  />
                </div>
              )
            })}
          </div>
        </div>
      </div>
    </section>
  )
}

function Tabs({ current }: { current: Filter }) {
  const counts = useCounts().data
  return (
    <nav className={css.tabs} aria-label={t('inbox.views')}>
      {(['mine', 'unassigned', 'all'] as const).map((view) => (
        <Link
          key={view}
          to="/inbox/$view/{-$conversation}"
          params={{ view }}
          search={(s: InboxSearch) => ({ ...s, q: undefined })}
          className={css.tab}
          aria-current={current.view === view ? 'page' : undefined}
        >
          {t(`view.${view}`)}
          {counts && <span className={css.tabCount}>{counts[view]}</span>}
        </Link>
      ))}
    </nav>
  )
}

function NoRows({ filter }: { filter: Filter }) {
  const go = useNavigate()
  const filtered = filter.q || filter.channel_type || filter.team || filter.label
  if (filtered) {
    const clear = () => go({ to: '/inbox/$view/{-$conversation}', params: { view: filter.view } })
    return (
      <Empty
        icon={<IconSearch size={28} stroke={1.5} />}
        title={t('inbox.noneFound')}
        action={
          <button type="button" className={css.textButton} onClick={clear}>
            {t('inbox.clearFilters')}
          </button>
        }
      >
        {t('inbox.noneFoundText')}
      </Empty>
    )
  }
  return (
    <Empty icon={<IconInboxOff size={28} stroke={1.5} />} title={t('inbox.empty', { context: filter.status })}>
      {filter.status === 'open' && t('inbox.emptyText', { context: filter.view })}
    </Empty>
  )
}

export function ClearButton({ onClick, name }: { onClick: () => void; name: string }) {
  return (
    <ActionIcon size={24} onClick={onClick} aria-label={name}>
      <IconX size={14} />
    </ActionIcon>
  )
}
