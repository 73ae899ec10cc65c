import { IconArrowLeft } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { api } from '../api/client'
import type { Channel, ChannelType } from '../api/types'
import { t } from '../i18n'
import { store } from '../live/live'
import { channelTypeName } from '../ui/channel'
import { ChannelForm } from './ChannelForm'
import { ChannelTypes } from './ChannelTypes'
import { Section } from './SettingsPage'
import css from './settings.module.css'

export function NewChannelPage() {
  const { type } = useSearch({ from: '/shell/settings/channels/new' })
  const go = useNavigate()
  const create = useCreateChannel((c) => go({ to: '/settings/channels/$channel', params: { channel: c.id } }))
  if (!type) {
    return (
      <Section title={t('channel.connect')} wide>
        <ChannelTypes onPick={(picked) => go({ to: '/settings/channels/new', search: { type: picked } })} />
      </Section>
    )
  }
  return (
    <Section
      title={t('channel.connectType', { type: channelTypeName(type) })}
      actions={
        <Link to="/settings/channels/new" className={css.backLink}>
          <IconArrowLeft size={16} aria-hidden="true" />
          {t('channel.otherType')}
        </Link>
      }
    >
      <ChannelForm
        key={type}
        type={type}
        submit={t('channel.connect')}
        onSave={(name, config) => create(type, name, config)}
      />
    </Section>
  )
}

export function useCreateChannel(onCreated: (c: Channel) => void) {
  const client = useQueryClient()
  return async (type: ChannelType, name: string, config: Record<string, unknown>) => {
    const c = await api.createChannel({ type, name, config })
    store.answer('channel', c)
    client.invalidateQueries({ queryKey: ['channels'] })
    onCreated(c)
  }
}
