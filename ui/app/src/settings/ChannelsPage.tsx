import { Button } from '@mantine/core'
import { IconPlugConnected, IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { Channel } from '../api/types'
import { t } from '../i18n'
import { useLive } from '../live/hooks'
import { useChannels } from '../session/queries'
import { Ago } from '../ui/Ago'
import { ChannelGlyph, channelTypeName } from '../ui/channel'
import { Empty, Failed, SkeletonRows } from '../ui/states'
import { Section } from './SettingsPage'
import css from './settings.module.css'

export function ChannelsPage() {
  const channels = useChannels()
  const add = (
    <Button component={Link} to="/settings/channels/new" leftSection={<IconPlus size={16} />}>
      {t('channel.connect')}
    </Button>
  )
  return (
    <Section title={t('settings.channels')} actions={channels.data?.length ? add : undefined}>
      {channels.isPending && <SkeletonRows rows={4} height={60} />}
      {channels.isError && (
        <Failed error={channels.error} what={t('channel.listFailed')} retry={() => channels.refetch()} />
      )}
      {channels.data?.length === 0 && (
        <Empty icon={<IconPlugConnected size={32} stroke={1.5} />} title={t('channel.none')} action={add}>
          {t('channel.noneText')}
        </Empty>
      )}
      {channels.data && channels.data.length > 0 && (
        <ul className={css.channels}>
          {channels.data.map((c) => (
            <li key={c.id}>
              <ChannelRow channel={c} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

function ChannelRow({ channel }: { channel: Channel }) {
  const c = useLive('channel', channel.id) ?? channel
  return (
    <Link to="/settings/channels/$channel" params={{ channel: c.id }} className={css.channel}>
      <ChannelGlyph type={c.type} size={20} />
      <span className="cut">
        <span className={css.channelName} dir="auto">
          {c.name}
        </span>
        <br />
        <span className="dim small">
          {channelTypeName(c.type)}
          {' · '}
          {c.last_inbound_at ? (
            <>
              {t('channel.lastInbound')} <Ago at={c.last_inbound_at} />
            </>
          ) : (
            t('channel.nothingYet')
          )}
        </span>
      </span>
      <HealthWord state={c.state} />
    </Link>
  )
}

export function HealthWord({ state }: { state: Channel['state'] }) {
  return (
    <span className={css.health} data-state={state}>
      {t(`health.${state}`)}
    </span>
  )
}
