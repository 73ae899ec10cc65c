import { IconFlame, IconSnowflake, IconTemperature } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { Lead, Pipeline } from '../api/types'
import { locale, t } from '../i18n'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { useChannelName, usePipelines, useUserName } from '../session/queries'
import { money } from '../text/money'
import { readable } from '../text/phone'
import { Ago } from '../ui/Ago'
import { channelTypeName } from '../ui/channel'
import css from './leads.module.css'

const temperatures = { cold: IconSnowflake, warm: IconTemperature, hot: IconFlame }

/** A lead beside its conversation: where it stands, whose it is, where it came from. */
export function LeadCard({ id }: { id: string }) {
  const lead = useLive('lead', id)
  useQuery({
    queryKey: ['lead', id],
    enabled: !lead,
    queryFn: async () => {
      const askedAt = store.asking()
      store.snapshot('lead', [await api.lead(id)], askedAt)
      return id
    },
  })
  const owner = useUserName(lead?.owner_id)
  const channel = useChannelName(lead?.source?.channel_id)
  if (!lead) return null
  const utm = Object.entries(lead.source?.utm ?? {}).filter(([, v]) => v)
  return (
    <article className={css.card}>
      <header className={css.cardHead}>
        <span className={css.title} dir="auto">
          {readable(lead.title) || t('lead.untitled')}
        </span>
        <span className="dim small tabular">#{lead.number}</span>
      </header>
      <StagePicker lead={lead} />
      <dl className={css.facts}>
        {lead.value && (
          <div>
            <dt>{t('lead.value')}</dt>
            <dd className="tabular">{money(lead.value, locale())}</dd>
          </div>
        )}
        {lead.temperature && (
          <div>
            <dt>{t('lead.temperature')}</dt>
            <dd>
              <Temperature of={lead.temperature} />
            </dd>
          </div>
        )}
        <div>
          <dt>{t('lead.owner')}</dt>
          <dd dir="auto">{owner ?? t('lead.noOwner')}</dd>
        </div>
        {lead.source?.channel_type && (
          <div>
            <dt>{t('lead.source')}</dt>
            <dd dir="auto">{channel ?? channelTypeName(lead.source.channel_type)}</dd>
          </div>
        )}
        {utm.map(([name, value]) => (
          <div key={name}>
            <dt>utm_{name}</dt>
            <dd dir="auto">{value}</dd>
          </div>
        ))}
        <div>
          <dt>{t('lead.created')}</dt>
          <dd>
            <Ago at={lead.created_at} />
          </dd>
        </div>
      </dl>
    </article>
  )
}

export function Temperature({ of }: { of: 'cold' | 'warm' | 'hot' }) {
  const Glyph = temperatures[of]
  return (
    <span className={css.temperature}>
      <Glyph size={14} stroke={1.75} aria-hidden="true" />
      {t(`lead.${of}`)}
    </span>
  )
}

export function stageName(pipelines: Pipeline[] | undefined, lead: Lead): string | undefined {
  return pipelines?.find((p) => p.id === lead.pipeline_id)?.stages.find((s) => s.id === lead.stage_id)?.name
}

export function StagePicker({ lead }: { lead: Lead }) {
  const pipelines = usePipelines().data
  const [error, setError] = useState('')
  const stages = [...(pipelines?.find((p) => p.id === lead.pipeline_id)?.stages ?? [])].sort(
    (a, b) => a.position - b.position,
  )
  const move = async (stage: string) => {
    const undo = store.optimistic('lead', lead.id, { stage_id: stage })
    setError('')
    try {
      store.answer('lead', await api.saveLead(lead.id, { stage_id: stage }))
    } catch (e) {
      undo()
      setError(asProblem(e).message)
    }
  }
  if (stages.length === 0) return null
  return (
    <>
      <label className={css.stage}>
        <span className="hidden-text">{t('lead.stage')}</span>
        <select value={lead.stage_id} onChange={(e) => move(e.currentTarget.value)}>
          {stages.map((s) => (
            <option key={s.id} value={s.id}>
              {s.name}
            </option>
          ))}
        </select>
      </label>
      {error && (
        <p className={css.error} role="alert">
          {error}
        </p>
      )}
    </>
  )
}
