import { ActionIcon } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useId } from 'react'
import { api } from '../api/client'
import type { Conversation } from '../api/types'
import { ContactName } from '../contacts/ContactName'
import { Identities } from '../contacts/Identities'
import { t } from '../i18n'
import { LeadCard } from '../leads/LeadCard'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { Ago } from '../ui/Ago'
import { Avatar } from '../ui/Avatar'
import { ChannelGlyph, channelTypeName } from '../ui/channel'
import { SkeletonRows } from '../ui/states'
import css from './card.module.css'
import { matchEvidence } from './match'

/** Everything we know about the person of this conversation. */
export function Card({ c, onClose }: { c: Conversation; onClose: () => void }) {
  const contact = useLive('contact', c.contact_id)
  if (!contact) return <SkeletonRows rows={4} height={56} />
  const fields = Object.entries(contact.fields ?? {}).filter(([, v]) => v !== null && v !== '')
  return (
    <div className={css.card}>
      <header className={css.head}>
        <Avatar name={contact.name} />
        <div className={css.headText}>
          <ContactName contact={contact} />
          <Link to="/contacts/{-$contact}" params={{ contact: contact.id }} className="small">
            {t('card.openContact')}
          </Link>
        </div>
        <span className={css.close}>
          <ActionIcon onClick={onClose} aria-label={t('common.close')}>
            <IconX size={18} />
          </ActionIcon>
        </span>
      </header>
      <Section title={t('card.identities')}>
        <Identities identities={contact.identities} />
      </Section>
      {c.match && (
        <Section title={t('card.match')}>
          <p>{t(`match.${c.match.how}`)}</p>
          {matchEvidence(c.match.evidence) && (
            <p className="dim small" dir="auto">
              {matchEvidence(c.match.evidence)}
            </p>
          )}
        </Section>
      )}
      <Leads contact={contact.id} lead={c.lead_id} />
      {fields.length > 0 && (
        <Section title={t('card.fields')}>
          <dl className={css.fields}>
            {fields.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd dir="auto">{String(value)}</dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
      <History contact={contact.id} current={c.id} />
    </div>
  )
}

export function Section({ title, children }: { title: string; children: React.ReactNode }) {
  const id = useId()
  return (
    <section className={css.section} aria-labelledby={id}>
      <h3 id={id} className={css.title}>
        {title}
      </h3>
      {children}
    </section>
  )
}

function Leads({ contact, lead }: { contact: string; lead: string | null }) {
  const found = useQuery({
    queryKey: ['leads', { contact }],
    queryFn: async () => {
      const askedAt = store.asking()
      const { data } = await api.leads({ contact, limit: 20 })
      store.snapshot('lead', data, askedAt)
      return data.map((l) => l.id)
    },
  })
  const ids = [...new Set([...(lead ? [lead] : []), ...(found.data ?? [])])]
  if (ids.length === 0) return null
  return (
    <Section title={t('card.leads', { count: ids.length })}>
      <div className={css.stack}>
        {ids.map((id) => (
          <LeadCard key={id} id={id} />
        ))}
      </div>
    </Section>
  )
}

const SHOWN = 8

function History({ contact, current }: { contact: string; current: string }) {
  const found = useQuery({
    queryKey: ['conversations', { contact }],
    queryFn: async () => {
      const askedAt = store.asking()
      const { data } = await api.conversations({ contact, limit: 20 })
      store.snapshot('conversation', data, askedAt)
      return data.map((c) => c.id)
    },
  })
  const others = (found.data ?? []).filter((id) => id !== current)
  if (others.length === 0) return null
  return (
    <Section title={t('card.history')}>
      <ul className={css.history}>
        {others.slice(0, SHOWN).map((id) => (
          <Past key={id} id={id} />
        ))}
      </ul>
    </Section>
  )
}

function Past({ id }: { id: string }) {
  const c = useLive('conversation', id)
  if (!c) return null
  return (
    <li>
      <Link to="/inbox/$view/{-$conversation}" params={{ view: 'all', conversation: id }} className={css.past}>
        <ChannelGlyph type={c.channel_type} />
        <span className="cut" dir="auto">
          {c.subject || c.last_message?.preview || channelTypeName(c.channel_type)}
        </span>
        <span className="dim small">{t(`status.${c.status}`)}</span>
        <Ago at={c.updated_at} className="dim small" />
      </Link>
    </li>
  )
}
