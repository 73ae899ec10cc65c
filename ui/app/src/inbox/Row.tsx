import { memo, useEffect, useSyncExternalStore } from 'react'
import { t } from '../i18n'
import { useLive } from '../live/hooks'
import { activityOf } from '../live/view'
import { peerName } from '../text/names'
import { Ago } from '../ui/Ago'
import { Avatar } from '../ui/Avatar'
import { ChannelGlyph } from '../ui/channel'
import { drafts } from './drafts'
import css from './list.module.css'
import { wantContact } from './people'

interface Props {
  id: string
  selected: boolean
  /** It is not in the view any more and is shown only so that nothing jumps. */
  left: boolean
  position: number
  size: number
  onOpen: (id: string) => void
}

export const Row = memo(function Row({ id, selected, left, position, size, onOpen }: Props) {
  const c = useLive('conversation', id)
  const contact = useLive('contact', c?.contact_id)
  const draft = useSyncExternalStore(drafts.subscribe, () => drafts.preview(id))
  const nameless = c && !c.peer_name
  useEffect(() => {
    if (nameless) wantContact(c?.contact_id)
  }, [nameless, c?.contact_id])
  if (!c) return null

  const name = peerName(c, contact)
  const last = c.last_message
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the list
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus and names the active row
    <div
      id={`row-${id}`}
      role="option"
      aria-selected={selected}
      aria-posinset={position}
      aria-setsize={size}
      className={css.row}
      data-unread={c.unread_count > 0 || undefined}
      data-left={left || undefined}
      onClick={() => onOpen(id)}
    >
      <Avatar name={name} />
      <div className={css.rowText}>
        <div className={css.rowLine}>
          <span className={`${css.rowName} cut`} dir="auto">
            {name}
          </span>
          {c.priority === 'urgent' && <span className={css.urgent}>{t('priority.urgent')}</span>}
          <Ago at={activityOf(c)} className={css.rowTime} />
        </div>
        <div className={css.rowLine}>
          <span className={css.rowGlyph}>
            <ChannelGlyph type={c.channel_type} size={14} />
          </span>
          {draft && <em className={css.draft}>{t('row.draft')}</em>}
          {!draft && last?.direction === 'outbound' && <span className={css.you}>{t('row.us')}</span>}
          <span className={`${css.rowPreview} cut`} dir="auto">
            {draft || last?.preview || c.subject || t('row.noText')}
          </span>
          {c.unread_count > 0 && (
            <span className={css.unread} title={t('row.unread', { count: c.unread_count })}>
              {c.unread_count > 99 ? '99+' : c.unread_count}
            </span>
          )}
        </div>
      </div>
    </div>
  )
})
