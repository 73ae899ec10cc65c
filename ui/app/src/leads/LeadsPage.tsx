import { Button } from '@mantine/core'
import { IconTargetArrow } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { api } from '../api/client'
import { locale, t } from '../i18n'
import { wantContact } from '../inbox/people'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { useUserName } from '../session/queries'
import { money } from '../text/money'
import { contactName } from '../text/names'
import { readable } from '../text/phone'
import { Ago } from '../ui/Ago'
import { ChannelGlyph } from '../ui/channel'
import { Page } from '../ui/Page'
import { Empty, Failed, SkeletonRows } from '../ui/states'
import table from '../ui/table.module.css'
import { StagePicker, Temperature } from './LeadCard'

export function LeadsPage() {
  const leads = useInfiniteQuery({
    queryKey: ['leads', 'page'],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam }) => {
      const askedAt = store.asking()
      const page = await api.leads({ cursor: pageParam })
      store.snapshot('lead', page.data, askedAt)
      return { ids: page.data.map((l) => l.id), next: page.next_cursor }
    },
    getNextPageParam: (last) => last.next,
  })
  const ids = leads.data?.pages.flatMap((p) => p.ids) ?? []
  return (
    <Page title={t('nav.leads')} wide>
      {leads.isPending && <SkeletonRows height={48} />}
      {leads.isError && <Failed error={leads.error} what={t('leads.failed')} retry={() => leads.refetch()} />}
      {leads.isSuccess && ids.length === 0 && (
        <Empty icon={<IconTargetArrow size={32} stroke={1.5} />} title={t('leads.empty')}>
          {t('leads.emptyText')}
        </Empty>
      )}
      {ids.length > 0 && (
        <div className={table.scroll}>
          <table className={table.table}>
            <thead>
              <tr>
                <th>{t('lead.title')}</th>
                <th>{t('lead.stage')}</th>
                <th className={table.wide}>{t('lead.temperature')}</th>
                <th className={`${table.wide} ${table.number}`}>{t('lead.value')}</th>
                <th className={table.wide}>{t('lead.owner')}</th>
                <th className={table.number}>{t('lead.created')}</th>
              </tr>
            </thead>
            <tbody>
              {ids.map((id) => (
                <LeadRow key={id} id={id} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {leads.hasNextPage && (
        <Button mt="md" variant="default" onClick={() => leads.fetchNextPage()} loading={leads.isFetchingNextPage}>
          {t('common.showMore')}
        </Button>
      )}
    </Page>
  )
}

function LeadRow({ id }: { id: string }) {
  const lead = useLive('lead', id)
  const contact = useLive('contact', lead?.contact_id)
  const owner = useUserName(lead?.owner_id)
  useEffect(() => wantContact(lead?.contact_id), [lead?.contact_id])
  if (!lead) return null
  const title = (
    <span className={table.strong} dir="auto">
      {readable(lead.title) || contactName(contact)}
    </span>
  )
  return (
    <tr>
      <td>
        {lead.conversation_id ? (
          <Link to="/inbox/$view/{-$conversation}" params={{ view: 'all', conversation: lead.conversation_id }}>
            {title}
          </Link>
        ) : (
          title
        )}
        <div className="dim small">
          {lead.source?.channel_type && <ChannelGlyph type={lead.source.channel_type} size={14} />}{' '}
          <bdi>{contactName(contact)}</bdi>
        </div>
      </td>
      <td>
        <StagePicker lead={lead} />
      </td>
      <td className={table.wide}>{lead.temperature ? <Temperature of={lead.temperature} /> : '–'}</td>
      <td className={`${table.wide} ${table.number}`}>{lead.value ? money(lead.value, locale()) : '–'}</td>
      <td className={table.wide} dir="auto">
        {owner ?? '–'}
      </td>
      <td className={table.number}>
        <Ago at={lead.created_at} />
      </td>
    </tr>
  )
}
