import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { api } from '../api/client'
import { t } from '../i18n'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { Avatar } from '../ui/Avatar'
import { Failed, SkeletonRows } from '../ui/states'
import { ContactName } from './ContactName'
import css from './contacts.module.css'
import { Identities } from './Identities'
import { TimelineEntry } from './TimelineEntry'

/** One contact: who it is, and everything that has passed between us. */
export function ContactDetail({ id, back }: { id: string; back: ReactNode }) {
  const contact = useLive('contact', id)
  const query = useQuery({
    queryKey: ['contact', id],
    queryFn: async () => {
      const askedAt = store.asking()
      store.snapshot('contact', [await api.contact(id)], askedAt)
      return id
    },
  })
  if (!contact && query.isError)
    return <Failed error={query.error} what={t('contact.failed')} retry={() => query.refetch()} />
  if (!contact) return <SkeletonRows rows={5} />
  const fields = Object.entries(contact.fields ?? {}).filter(([, v]) => v !== null && v !== '')
  return (
    <div className={css.detailInner}>
      <header className={css.detailHead}>
        {back}
        <Avatar name={contact.name} />
        <ContactName contact={contact} heading="h2" />
      </header>
      <div className={css.columns}>
        <section className={css.main}>
          <h2>{t('contact.timeline')}</h2>
          <Timeline id={id} />
        </section>
        <aside className={css.side}>
          <section>
            <h2>{t('card.identities')}</h2>
            <Identities identities={contact.identities} />
          </section>
          {fields.length > 0 && (
            <section>
              <h2>{t('card.fields')}</h2>
              {fields.map(([name, value]) => (
                <p key={name}>
                  <span className="dim">{name}</span> <bdi>{String(value)}</bdi>
                </p>
              ))}
            </section>
          )}
        </aside>
      </div>
    </div>
  )
}

function Timeline({ id }: { id: string }) {
  const timeline = useQuery({ queryKey: ['timeline', id], queryFn: async () => (await api.timeline(id)).data })
  if (timeline.isPending) return <SkeletonRows rows={4} height={56} />
  if (timeline.isError)
    return <Failed error={timeline.error} what={t('contact.timelineFailed')} retry={() => timeline.refetch()} />
  if (timeline.data.length === 0) return <p className="dim">{t('contact.noTimeline')}</p>
  return (
    <ol className={css.timeline}>
      {timeline.data.map((e) => (
        <TimelineEntry key={`${e.type}${(e.conversation ?? e.call ?? e.lead)?.id}`} entry={e} />
      ))}
    </ol>
  )
}
