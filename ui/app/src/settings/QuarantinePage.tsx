import { Button } from '@mantine/core'
import { IconShieldCheck } from '@tabler/icons-react'
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { InboundItem } from '../api/types'
import { t } from '../i18n'
import { useChannelName } from '../session/queries'
import { Ago } from '../ui/Ago'
import { Empty, Failed, SkeletonRows } from '../ui/states'
import table from '../ui/table.module.css'
import { Section } from './SettingsPage'
import css from './settings.module.css'

/** What came in and could not be understood: kept as it came, to be replayed once mended. */
export function QuarantinePage() {
  const items = useInfiniteQuery({
    queryKey: ['inbound', 'quarantined'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => api.inbound({ state: 'quarantined', cursor: pageParam }),
    getNextPageParam: (last) => last.next_cursor,
  })
  const rows = items.data?.pages.flatMap((p) => p.data) ?? []
  return (
    <Section title={t('settings.quarantine')} wide>
      <p className="dim">{t('quarantine.lead')}</p>
      {items.isPending && <SkeletonRows rows={4} height={48} />}
      {items.isError && <Failed error={items.error} what={t('quarantine.failed')} retry={() => items.refetch()} />}
      {items.isSuccess && rows.length === 0 && (
        <Empty icon={<IconShieldCheck size={32} stroke={1.5} />} title={t('quarantine.none')}>
          {t('quarantine.noneText')}
        </Empty>
      )}
      {rows.length > 0 && (
        <div className={table.scroll}>
          <table className={table.table}>
            <thead>
              <tr>
                <th>{t('quarantine.received')}</th>
                <th>{t('quarantine.channel')}</th>
                <th>{t('quarantine.reason')}</th>
                <th>
                  <span className="hidden-text">{t('common.more')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((item) => (
                <Row key={item.id} item={item} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {items.hasNextPage && (
        <Button mt="md" variant="default" onClick={() => items.fetchNextPage()} loading={items.isFetchingNextPage}>
          {t('common.showMore')}
        </Button>
      )}
    </Section>
  )
}

function Row({ item }: { item: InboundItem }) {
  const client = useQueryClient()
  const channel = useChannelName(item.channel_id)
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const act = async (what: (id: string) => Promise<unknown>) => {
    setBusy(true)
    setError('')
    try {
      await what(item.id)
      client.invalidateQueries({ queryKey: ['inbound'] })
    } catch (e) {
      setError(asProblem(e).message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <tr>
      <td>
        <Ago at={item.received_at} />
      </td>
      <td dir="auto">{channel ?? '–'}</td>
      <td dir="auto">
        {item.reason}
        {error && (
          <p className={css.error} role="alert">
            {error}
          </p>
        )}
      </td>
      <td>
        <div className={table.acts}>
          <Button size="xs" variant="default" onClick={() => act(api.replay)} disabled={busy}>
            {t('quarantine.replay')}
          </Button>
          <Button
            size="xs"
            variant="subtle"
            color="gray"
            disabled={busy}
            onClick={() => window.confirm(t('quarantine.discardSure')) && act(api.discard)}
          >
            {t('quarantine.discard')}
          </Button>
        </div>
      </td>
    </tr>
  )
}
