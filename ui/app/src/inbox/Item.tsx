import { IconAlertTriangle, IconBolt, IconDots, IconNote } from '@tabler/icons-react'
import { memo } from 'react'
import type { Attachment, Message } from '../api/types'
import { locale, t } from '../i18n'
import { useLive } from '../live/hooks'
import type { Pending } from '../live/store'
import { hasFolded } from '../text/mail'
import { contactName } from '../text/names'
import { clock, fullTime } from '../text/time'
import { Avatar } from '../ui/Avatar'
import { AttachmentList } from './Attachments'
import { activityText } from './activity'
import { CallItem } from './CallItem'
import { DeliveryState, PendingState } from './Delivery'
import type { Mode } from './drafts'
import { MailDetails } from './MailDetails'
import { MailFrame } from './MailFrame'
import { PlainText } from './PlainText'
import { useQuotes } from './quotes'
import css from './thread.module.css'

interface Props {
  m: Message
  grouped: boolean
  onUndo: (mode: Mode) => void
}

/** One item of a thread, whatever its kind. */
export const Item = memo(function Item({ m, grouped, onUndo }: Props) {
  if (m.kind === 'call') return <CallItem m={m} />
  if (m.direction === 'activity') return <Activity m={m} />
  return <Said m={m} grouped={grouped} onUndo={onUndo} />
})

function Activity({ m }: { m: Message }) {
  return (
    <article className={css.activity} aria-label={t('thread.activity')}>
      <IconBolt size={14} stroke={1.75} aria-hidden="true" />
      <span dir="auto">{activityText(m.body_text, m.author.name).join(' · ')}</span>
      <Clock at={m.created_at} />
    </article>
  )
}

function Said({ m, grouped, onUndo }: { m: Message; grouped: boolean; onUndo: (mode: Mode) => void }) {
  const contact = useLive('contact', m.contact_id)
  const ours = m.direction !== 'inbound'
  const name = m.author.name || (ours ? t('thread.us') : contactName(contact))
  const mail = m.kind === 'email' && m.body_html !== ''
  const files = (m.attachments ?? []).filter((a) => !standsInText(m, a))
  return (
    <article
      className={css.said}
      data-side={ours ? 'ours' : 'theirs'}
      data-note={m.direction === 'note' || undefined}
      data-mail={mail || undefined}
      aria-label={t('thread.by', { name })}
    >
      {!grouped && (
        <header className={css.by}>
          {!ours && <Avatar name={name} small />}
          {m.direction === 'note' && <IconNote size={14} stroke={1.75} aria-hidden="true" />}
          <span dir="auto" className={css.name}>
            {name}
          </span>
          {m.direction === 'note' && <span>{t('thread.note')}</span>}
          {m.auto && <span>{t('thread.auto')}</span>}
          <Clock at={m.created_at} />
        </header>
      )}
      <div className={css.bubble}>
        <Body m={m} mail={mail} />
        {files.length > 0 && !m.deleted_at && <AttachmentList attachments={files} />}
        {m.edits && m.edits.length > 0 && <Edits m={m} />}
      </div>
      {m.direction === 'outbound' && <DeliveryState m={m} onUndo={onUndo} />}
    </article>
  )
}

/** A picture that is drawn among the words need not be listed below them. */
function standsInText(m: Message, a: Attachment): boolean {
  return m.body_html.includes(`/files/attachments/${a.id}?`)
}

function Body({ m, mail }: { m: Message; mail: boolean }) {
  const [quotes, toggleQuotes] = useQuotes()
  if (m.deleted_at) return <p className={css.gone}>{t('thread.deleted')}</p>
  return (
    <>
      {m.subject && (
        <p className={css.subject} dir="auto">
          {m.subject}
        </p>
      )}
      {m.kind === 'email' && <MailDetails m={m} />}
      {mail ? (
        <MailFrame html={m.body_html} contact={m.contact_id} quotes={quotes} />
      ) : (
        <PlainText text={quotes ? m.body_text : m.visible_text || m.body_text} />
      )}
      {(mail ? hasFolded(m.body_html) : m.visible_text !== '') && (
        <button
          type="button"
          className={css.quotes}
          onClick={toggleQuotes}
          aria-expanded={quotes}
          title={t('keys.withKey', { name: t('keys.quotes'), key: 'O' })}
        >
          <IconDots size={16} aria-hidden="true" />
          {quotes ? t('thread.hideQuotes') : t('thread.showQuotes')}
        </button>
      )}
    </>
  )
}

function Edits({ m }: { m: Message }) {
  return (
    <details className={css.edits}>
      <summary>{t('thread.edited', { count: m.edits!.length })}</summary>
      {m.edits!.map((e) => (
        <p key={e.at} dir="auto">
          <Clock at={e.at} /> {e.body_text}
        </p>
      ))}
    </details>
  )
}

function Clock({ at }: { at: string }) {
  return (
    <time dateTime={at} title={fullTime(at, locale())} className={css.clock}>
      {clock(at, locale())}
    </time>
  )
}

/** A message that the hub has not confirmed yet. */
export function PendingItem({ p, onUndo }: { p: Pending; onUndo: (mode: Mode) => void }) {
  return (
    <article className={css.said} data-side="ours" data-note={p.note || undefined} data-pending>
      <div className={css.bubble}>
        <PlainText text={p.body} />
        {p.attachments.map((a) => (
          <p key={a.id} className="small" dir="auto">
            {a.name}
          </p>
        ))}
      </div>
      {p.state === 'refused' && <IconAlertTriangle size={16} className={css.failed} aria-hidden="true" />}
      <PendingState p={p} onUndo={onUndo} />
    </article>
  )
}
