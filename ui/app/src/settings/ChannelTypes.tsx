import type { ChannelType } from '../api/types'
import { t } from '../i18n'
import { CHANNEL_TYPES, ChannelGlyph, channelTypeName } from '../ui/channel'
import css from './settings.module.css'

/** What can be connected, with what each needs. */
export function ChannelTypes({ onPick }: { onPick: (type: ChannelType) => void }) {
  return (
    <div className={css.types}>
      {CHANNEL_TYPES.map((type) => (
        <button key={type} type="button" className={css.type} onClick={() => onPick(type)}>
          <ChannelGlyph type={type} size={22} />
          <b>{channelTypeName(type)}</b>
          <span>{t(`channelType.${type}_help`)}</span>
        </button>
      ))}
    </div>
  )
}
