import type { Message } from '../api/types'
import { locale, t } from '../i18n'
import { header } from '../text/addresses'
import { fullTime } from '../text/time'
import css from './thread.module.css'

/** Who stands in a mail, when it was written, and what its server says about its sender; folded until asked. */
export function MailDetails({ m }: { m: Message }) {
  const lines = linesOf(m).filter(([, value]) => value !== '')
  if (lines.length === 0) return null
  return (
    <details className={css.details}>
      <summary>{t('mail.details')}</summary>
      <dl>
        {lines.map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd dir="auto">{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  )
}

function linesOf(m: Message): [string, string][] {
  return [
    [t('mail.from'), header(m, 'From')],
    [t('mail.replyTo'), header(m, 'Reply-To')],
    [t('mail.to'), header(m, 'To') || header(m, 'to')],
    [t('mail.cc'), header(m, 'Cc') || header(m, 'cc')],
    [t('mail.bcc'), header(m, 'bcc')],
    [t('mail.date'), dated(header(m, 'Date'))],
    [t('mail.authentication'), header(m, 'Authentication') || header(m, 'Authentication-Results')],
  ]
}

/** The date that its sender wrote, in the reader's words where it can be read. */
function dated(value: string): string {
  const at = Date.parse(value)
  return Number.isNaN(at) ? value : fullTime(new Date(at).toISOString(), locale())
}
