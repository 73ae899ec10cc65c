import { ActionIcon, Menu } from '@mantine/core'
import { IconAdjustmentsHorizontal, IconArrowsSort, IconSearch, IconX } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import type { InboxSearch } from '../app/router'
import { t } from '../i18n'
import type { Filter } from '../live/view'
import { useTeamName, useTeams } from '../session/queries'
import { CHANNEL_TYPES, ChannelGlyph, channelTypeName } from '../ui/channel'
import css from './list.module.css'

const STATUSES = ['open', 'pending', 'snoozed', 'resolved'] as const
const SORTS = ['newest', 'waiting', 'oldest'] as const
const TYPING_MS = 250

export function Filters({ filter }: { filter: Filter }) {
  const go = useNavigate()
  const teams = useTeams().data ?? []
  const set = (change: Partial<InboxSearch>) =>
    go({
      to: '/inbox/$view/{-$conversation}',
      params: (p) => ({ ...p, view: filter.view }),
      search: (s: InboxSearch) => ({ ...s, ...change }),
    })

  return (
    <div className={css.filters}>
      <div className={css.filterRow}>
        <SearchField value={filter.q ?? ''} onChange={(q) => set({ q: q || undefined })} />
        <Menu position="bottom-end" width={220}>
          <Menu.Target>
            <ActionIcon aria-label={t('inbox.filter')} title={t('inbox.filter')}>
              <IconAdjustmentsHorizontal size={18} stroke={1.75} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown mah="70vh" style={{ overflowY: 'auto' }}>
            <Menu.Label>{t('inbox.status')}</Menu.Label>
            {STATUSES.map((s) => (
              <Menu.Item
                key={s}
                rightSection={filter.status === s && '✓'}
                onClick={() => set({ status: s === 'open' ? undefined : s })}
              >
                {t(`status.${s}`)}
              </Menu.Item>
            ))}
            <Menu.Divider />
            <Menu.Label>{t('inbox.channel')}</Menu.Label>
            {CHANNEL_TYPES.map((type) => (
              <Menu.Item
                key={type}
                leftSection={<ChannelGlyph type={type} />}
                rightSection={filter.channel_type === type && '✓'}
                onClick={() => set({ channel_type: filter.channel_type === type ? undefined : type })}
              >
                {channelTypeName(type)}
              </Menu.Item>
            ))}
            {teams.length > 0 && <Menu.Label>{t('inbox.team')}</Menu.Label>}
            {teams.map((team) => (
              <Menu.Item
                key={team.id}
                rightSection={filter.team === team.id && '✓'}
                onClick={() => set({ team: filter.team === team.id ? undefined : team.id })}
              >
                <bdi>{team.name}</bdi>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
        <Menu position="bottom-end" width={220}>
          <Menu.Target>
            <ActionIcon aria-label={t('inbox.sort')} title={t('inbox.sort')}>
              <IconArrowsSort size={18} stroke={1.75} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {SORTS.map((s) => (
              <Menu.Item
                key={s}
                rightSection={filter.sort === s && '✓'}
                onClick={() => set({ sort: s === 'newest' ? undefined : s })}
              >
                {t(`sort.${s}`)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      </div>
      <ActiveFilters filter={filter} set={set} />
    </div>
  )
}

/** What hides rows is said above them, and can be taken away there. */
function ActiveFilters({ filter, set }: { filter: Filter; set: (change: Partial<InboxSearch>) => void }) {
  const team = useTeamName(filter.team)
  const chips: [string, Partial<InboxSearch>][] = []
  if (filter.status !== 'open') chips.push([t(`status.${filter.status}`), { status: undefined }])
  if (filter.channel_type) chips.push([channelTypeName(filter.channel_type), { channel_type: undefined }])
  if (filter.team) chips.push([team ?? t('inbox.team'), { team: undefined }])
  if (filter.label) chips.push([filter.label, { label: undefined }])
  if (filter.sort !== 'newest') chips.push([t(`sort.${filter.sort}`), { sort: undefined }])
  if (chips.length === 0) return null
  return (
    <div className={css.chips}>
      {chips.map(([name, change]) => (
        <button
          key={name}
          type="button"
          className={css.chip}
          onClick={() => set(change)}
          aria-label={t('inbox.removeFilter', { name })}
        >
          <bdi>{name}</bdi>
          <IconX size={12} aria-hidden="true" />
        </button>
      ))}
    </div>
  )
}

function SearchField({ value, onChange }: { value: string; onChange: (q: string) => void }) {
  const [text, setText] = useState(value)
  const latest = useRef(onChange)
  latest.current = onChange
  useEffect(() => setText(value), [value])
  useEffect(() => {
    if (text === value) return
    const timer = setTimeout(() => latest.current(text.trim()), TYPING_MS)
    return () => clearTimeout(timer)
  }, [text, value])
  return (
    <label className={css.search}>
      <IconSearch size={16} stroke={1.75} aria-hidden="true" />
      <span className="hidden-text">{t('inbox.search')}</span>
      <input
        type="search"
        value={text}
        dir="auto"
        placeholder={t('inbox.search')}
        onChange={(e) => setText(e.currentTarget.value)}
        onKeyDown={(e) => e.key === 'Escape' && e.currentTarget.blur()}
      />
    </label>
  )
}
