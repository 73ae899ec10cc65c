import { Button } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { Channel } from '../api/types'
import { t } from '../i18n'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { Ago } from '../ui/Ago'
import { channelTypeName } from '../ui/channel'
import { Failed, SkeletonRows } from '../ui/states'
import { toast } from '../ui/toasts'
import { Authorisation } from './Authorisation'
import { ChannelForm } from './ChannelForm'
import { ChannelLinks } from './ChannelLinks'
import { HealthWord } from './ChannelsPage'
import { Reconciliation } from './Reconciliation'
import { Section } from './SettingsPage'
import css from './settings.module.css'

export function ChannelPage() {
  const { channel: id } = useParams({ from: '/shell/settings/channels/$channel' })
  const c = useLive('channel', id)
  const query = useQuery({
    queryKey: ['channels', id],
    queryFn: async () => {
      const askedAt = store.asking()
      store.snapshot('channel', [await api.channel(id)], askedAt)
      return id
    },
  })
  const client = useQueryClient()
  if (!c || c.config === undefined) {
    if (query.isError) return <Failed error={query.error} what={t('channel.failed')} retry={() => query.refetch()} />
    return <SkeletonRows rows={5} />
  }
  const save = async (name: string, config: Record<string, unknown>) => {
    store.answer('channel', await api.saveChannel(id, { name, config }, c.version))
    client.invalidateQueries({ queryKey: ['channels'] })
    toast(t('common.saved'))
  }
  return (
    <Section title={c.name} actions={<span className="dim">{channelTypeName(c.type)}</span>}>
      <div className={css.blocks}>
        <Health c={c} />
        {c.type === 'email' && <Authorisation c={c} />}
        {c.type === 'email' && <Reconciliation c={c} />}
        <ChannelLinks c={c} />
        <section>
          <h2>{t('channel.settings')}</h2>
          <ChannelForm key={c.version} type={c.type} channel={c} submit={t('common.save')} onSave={save} />
        </section>
      </div>
    </Section>
  )
}

type Tried = { ok: boolean; detail: string }

/** How the channel is, in words; a test; and the switch. */
export function Health({ c }: { c: Channel }) {
  const [tried, setTried] = useState<Tried | null>(null)
  const [busy, setBusy] = useState(false)
  const off = c.state === 'disabled'

  const attempt = async (act: () => Promise<void>) => {
    setBusy(true)
    setTried(null)
    try {
      await act()
    } catch (e) {
      setTried({ ok: false, detail: asProblem(e).message })
    } finally {
      setBusy(false)
    }
  }
  const test = () => attempt(async () => setTried(await api.testChannel(c.id)))
  const toggle = () =>
    attempt(async () => store.answer('channel', await (off ? api.enableChannel(c.id) : api.disableChannel(c.id))))

  return (
    <section className={css.healthBox} aria-label={t('channel.health')}>
      <div>
        <HealthWord state={c.state} />
        <p>{t(`health.${c.state}_help`)}</p>
        {c.state_detail && (
          <p className="dim" dir="auto">
            {c.state_detail}
          </p>
        )}
        <p className="dim small">
          {c.last_inbound_at ? (
            <>
              {t('channel.lastInbound')} <Ago at={c.last_inbound_at} />
            </>
          ) : (
            t('channel.nothingYet')
          )}
        </p>
      </div>
      <div className={css.healthActs}>
        {!off && (
          <Button variant="default" onClick={test} loading={busy}>
            {t('channel.test')}
          </Button>
        )}
        <Button variant="default" onClick={toggle} disabled={busy}>
          {off ? t('channel.enable') : t('channel.disable')}
        </Button>
      </div>
      {tried && (
        <p className={tried.ok ? css.good : css.error} role="status" dir="auto">
          {tried.ok ? t('channel.testOk') : t('channel.testFailed')} {tried.detail}
        </p>
      )}
    </section>
  )
}
