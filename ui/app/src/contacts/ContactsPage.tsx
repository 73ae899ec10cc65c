import { ActionIcon } from '@mantine/core'
import { IconAddressBook, IconArrowLeft } from '@tabler/icons-react'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useState } from 'react'
import { api } from '../api/client'
import { contactsRoute } from '../app/router'
import { useShortcuts } from '../app/useShortcuts'
import { t } from '../i18n'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { contactName, identityText } from '../text/names'
import { Avatar } from '../ui/Avatar'
import { Empty, Failed, RefreshLine, SkeletonRows } from '../ui/states'
import { ContactDetail } from './ContactDetail'
import css from './contacts.module.css'

const ROW_PX = 56
const TYPING_MS = 250

export function ContactsPage() {
  const { contact } = contactsRoute.useParams()
  const { q } = contactsRoute.useSearch()
  const go = useNavigate()
  const close = () => go({ to: '/contacts/{-$contact}', params: { contact: undefined }, search: { q } })
  useShortcuts(contact ? [{ keys: 'Escape', title: t('keys.back'), run: close }] : [])

  return (
    <div className={css.page} data-open={contact !== undefined || undefined}>
      <section className={css.listPane} aria-label={t('nav.contacts')}>
        <header className={css.listHead}>
          <h1>{t('nav.contacts')}</h1>
        </header>
        <Search q={q} contact={contact} />
        <ContactList q={q} selected={contact} />
      </section>
      <section className={css.detail} aria-label={t('contact.label')}>
        {contact ? (
          <ContactDetail
            key={contact}
            id={contact}
            back={
              <ActionIcon className={css.backLink} onClick={close} aria-label={t('common.back')}>
                <IconArrowLeft size={20} />
              </ActionIcon>
            }
          />
        ) : (
          <Empty icon={<IconAddressBook size={36} stroke={1.5} />} title={t('contacts.pick')}>
            {t('contacts.pickText')}
          </Empty>
        )}
      </section>
    </div>
  )
}

function Search({ q, contact }: { q?: string; contact?: string }) {
  const go = useNavigate()
  const [text, setText] = useState(q ?? '')
  useEffect(() => {
    if (text.trim() === (q ?? '')) return
    const timer = setTimeout(
      () =>
        go({
          to: '/contacts/{-$contact}',
          params: { contact },
          search: { q: text.trim() || undefined },
          replace: true,
        }),
      TYPING_MS,
    )
    return () => clearTimeout(timer)
  }, [text, q, contact, go])
  return (
    <div className={css.searchBox}>
      <input
        type="search"
        className={css.search}
        value={text}
        dir="auto"
        placeholder={t('contacts.search')}
        aria-label={t('contacts.search')}
        onChange={(e) => setText(e.currentTarget.value)}
      />
    </div>
  )
}

function ContactList({ q, selected }: { q?: string; selected?: string }) {
  const scroller = useRef<HTMLDivElement>(null)
  const contacts = useInfiniteQuery({
    queryKey: ['contacts', q ?? ''],
    initialPageParam: undefined as string | undefined,
    placeholderData: keepPreviousData,
    queryFn: async ({ pageParam, signal }) => {
      const askedAt = store.asking()
      const page = await api.contacts({ q, cursor: pageParam, limit: 50 }, signal)
      store.snapshot('contact', page.data, askedAt)
      return { ids: page.data.map((c) => c.id), next: page.next_cursor }
    },
    getNextPageParam: (last) => last.next,
  })
  const ids = contacts.data?.pages.flatMap((p) => p.ids) ?? []
  const virtual = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (last >= ids.length - 10 && contacts.hasNextPage && !contacts.isFetchingNextPage) contacts.fetchNextPage()
  }, [last, ids.length, contacts.hasNextPage, contacts.isFetchingNextPage, contacts.fetchNextPage])

  return (
    <div ref={scroller} className={css.scroller}>
      <RefreshLine on={contacts.isRefetching} />
      {contacts.isPending && <SkeletonRows height={ROW_PX} />}
      {contacts.isError && (
        <Failed error={contacts.error} what={t('contacts.failed')} retry={() => contacts.refetch()} />
      )}
      {contacts.isSuccess && ids.length === 0 && (
        <Empty title={q ? t('contacts.noneFound') : t('contacts.empty')}>
          {q ? t('contacts.noneFoundText') : t('contacts.emptyText')}
        </Empty>
      )}
      <div style={{ blockSize: virtual.getTotalSize(), position: 'relative' }}>
        {items.map((item) => (
          <ContactRow
            key={ids[item.index]}
            id={ids[item.index]!}
            top={item.start}
            selected={ids[item.index] === selected}
            q={q}
          />
        ))}
      </div>
    </div>
  )
}

function ContactRow({ id, top, selected, q }: { id: string; top: number; selected: boolean; q?: string }) {
  const c = useLive('contact', id)
  if (!c) return null
  const address = c.identities.find((i) => i.kind !== 'webchat')
  return (
    <Link
      to="/contacts/{-$contact}"
      params={{ contact: id }}
      search={{ q }}
      className={css.row}
      aria-current={selected ? 'page' : undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <Avatar name={c.name} />
      <span className={css.rowText}>
        <span className={`${css.rowName} cut`} dir="auto">
          {contactName(c)}
        </span>
        {address && c.name && (
          <span className="dim small cut">
            <bdi className="ltr tabular">{identityText(address)}</bdi>
          </span>
        )}
      </span>
    </Link>
  )
}
