import { Button } from '@mantine/core'
import { IconPhone } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { api } from '../api/client'
import type { CallState } from '../api/types'
import { callsRoute } from '../app/router'
import { t } from '../i18n'
import { CallGlyph, callTitle } from '../inbox/CallItem'
import { wantContact } from '../inbox/people'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { useUserName } from '../session/queries'
import { contactName, isNamed } from '../text/names'
import { readable } from '../text/phone'
import { duration } from '../text/time'
import { Ago } from '../ui/Ago'
import { Page } from '../ui/Page'
import { Player } from '../ui/Player'
import { Empty, Failed, SkeletonRows } from '../ui/states'
import css from './calls.module.css'

const STATES: CallState[] = ['answered', 'ended', 'missed', 'failed', 'ringing']

export function CallsPage() {
  const filter = callsRoute.useSearch()
  const go = useNavigate()
  const calls = useInfiniteQuery({
    queryKey: ['calls', filter],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam }) => {
      const askedAt = store.asking()
      const page = await api.calls({ ...filter, cursor: pageParam })
      store.snapshot('call', page.data, askedAt)
      return { ids: page.data.map((c) => c.id), next: page.next_cursor }
    },
    getNextPageParam: (last) => last.next,
  })
  const ids = calls.data?.pages.flatMap((p) => p.ids) ?? []
  const filtered = filter.state || filter.direction

  const filters = (
    <div className={css.selects}>
      <select
        aria-label={t('calls.state')}
        value={filter.state ?? ''}
        onChange={(e) =>
          go({
            to: '/calls',
            search: { ...filter, state: (e.currentTarget.value || undefined) as CallState | undefined },
          })
        }
      >
        <option value="">{t('calls.anyState')}</option>
        {STATES.map((s) => (
          <option key={s} value={s}>
            {t(`callState.${s}`)}
          </option>
        ))}
      </select>
      <select
        aria-label={t('calls.direction')}
        value={filter.direction ?? ''}
        onChange={(e) =>
          go({
            to: '/calls',
            search: {
              ...filter,
              direction: (e.currentTarget.value || undefined) as 'inbound' | 'outbound' | undefined,
            },
          })
        }
      >
        <option value="">{t('calls.anyDirection')}</option>
        <option value="inbound">{t('calls.inbound')}</option>
        <option value="outbound">{t('calls.outbound')}</option>
      </select>
    </div>
  )

  return (
    <Page title={t('nav.calls')} actions={filters} wide>
      {calls.isPending && <SkeletonRows height={56} />}
      {calls.isError && <Failed error={calls.error} what={t('calls.failed')} retry={() => calls.refetch()} />}
      {calls.isSuccess && ids.length === 0 && (
        <Empty
          icon={<IconPhone size={32} stroke={1.5} />}
          title={filtered ? t('calls.noneFound') : t('calls.empty')}
          action={filtered ? <Link to="/calls">{t('inbox.clearFilters')}</Link> : undefined}
        >
          {!filtered && t('calls.emptyText')}
        </Empty>
      )}
      <ul className={css.list}>
        {ids.map((id) => (
          <CallRow key={id} id={id} />
        ))}
      </ul>
      {calls.hasNextPage && (
        <div className={css.more}>
          <Button variant="default" onClick={() => calls.fetchNextPage()} loading={calls.isFetchingNextPage}>
            {t('common.showMore')}
          </Button>
        </div>
      )}
    </Page>
  )
}

function CallRow({ id }: { id: string }) {
  const call = useLive('call', id)
  const contact = useLive('contact', call?.contact_id)
  const agent = useUserName(call?.agent_id)
  useEffect(() => wantContact(call?.contact_id), [call?.contact_id])
  if (!call) return null
  const stranger = call.direction === 'inbound' ? call.from : call.to
  return (
    <li className={css.call}>
      <CallGlyph call={call} size={20} />
      <div className={css.who}>
        {call.conversation_id ? (
          <Link
            to="/inbox/$view/{-$conversation}"
            params={{ view: 'all', conversation: call.conversation_id }}
            className={`${css.whoName} cut`}
            dir="auto"
          >
            {contactName(contact)}
          </Link>
        ) : (
          <span className={`${css.whoName} cut`} dir="auto">
            {contactName(contact)}
          </span>
        )}
        <span className="dim small">{callTitle(call)}</span>
      </div>
      <span className={`${css.number} ltr`}>
        {!isNamed(contact) ? '' : stranger ? readable(stranger) : t('call.hidden')}
      </span>
      <span className={`${css.agent} cut`} dir="auto">
        {agent ?? ''}
      </span>
      <span className={css.length}>{call.talk_seconds ? duration(call.talk_seconds) : '–'}</span>
      <span className={css.when}>
        <Ago at={call.started_at ?? call.created_at} />
      </span>
      {call.recording?.state === 'ready' && (
        <div className={css.recording}>
          <Player
            src={`/api/v1/calls/${call.id}/recording`}
            name={t('call.recording')}
            seconds={call.recording.duration}
          />
        </div>
      )}
      {call.recording?.state === 'pending' && (
        <p className={`${css.recording} dim small`}>{t('call.recordingPending')}</p>
      )}
      {call.recording?.state === 'failed' && <p className={`${css.recording} small`}>{t('call.recordingFailed')}</p>}
    </li>
  )
}
