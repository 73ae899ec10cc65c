import {
  IconBrandTelegram,
  IconDeviceMobileMessage,
  IconForms,
  IconMail,
  IconMessageCircle,
  IconPhone,
  type TablerIcon,
} from '@tabler/icons-react'
import type { ChannelType } from '../api/types'
import { t } from '../i18n'

const glyphs: Record<ChannelType, TablerIcon> = {
  email: IconMail,
  sms: IconDeviceMobileMessage,
  telegram: IconBrandTelegram,
  webchat: IconMessageCircle,
  telephony: IconPhone,
  form: IconForms,
}

export const CHANNEL_TYPES: ChannelType[] = ['email', 'webchat', 'telegram', 'sms', 'telephony', 'form']

export function channelTypeName(type: ChannelType): string {
  return t(`channelType.${type}`)
}

export function ChannelGlyph({ type, size = 16 }: { type: ChannelType; size?: number }) {
  const Glyph = glyphs[type] ?? IconMessageCircle
  return <Glyph size={size} stroke={1.75} aria-label={channelTypeName(type)} role="img" />
}
