import { IconX } from '@tabler/icons-react'
import { useEffect, useId, useRef } from 'react'
import { t } from '../i18n'
import css from './composer.module.css'
import type { MailDraft } from './drafts'

interface Props {
  value: MailDraft
  /** A mail passed on goes to somebody else; an answer goes to the person. */
  forward: boolean
  person: string
  subject: string
  onChange: (value: MailDraft) => void
  onClose: () => void
}

/** To, Cc, Bcc and subject of a mail that is being written. */
export function MailFields({ value, forward, person, subject, onChange, onClose }: Props) {
  const to = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (forward && !to.current?.value) to.current?.focus()
  }, [forward])
  const field = (name: keyof MailDraft) => ({
    value: value[name],
    onChange: (text: string) => onChange({ ...value, [name]: text }),
  })
  return (
    <div className={css.mailFields}>
      {forward ? (
        <Line name={t('mail.to')} {...field('to')} field={to} required />
      ) : (
        <p className={css.mailLine}>
          <span>{t('mail.to')}</span>
          <bdi className="cut">{person}</bdi>
        </p>
      )}
      <Line name={t('mail.cc')} {...field('cc')} />
      <Line name={t('mail.bcc')} {...field('bcc')} />
      <Line name={t('mail.subject')} {...field('subject')} placeholder={subject} words />
      <button
        type="button"
        className={css.mailClose}
        onClick={onClose}
        aria-label={forward ? t('composer.discardForward') : t('composer.onlyPerson')}
        title={forward ? t('composer.discardForward') : t('composer.onlyPerson')}
      >
        <IconX size={16} aria-hidden="true" />
      </button>
    </div>
  )
}

interface LineProps {
  name: string
  value: string
  onChange: (text: string) => void
  placeholder?: string
  required?: boolean
  /** Words, not addresses. */
  words?: boolean
  field?: React.Ref<HTMLInputElement>
}

function Line({ name, value, onChange, placeholder, required, words, field }: LineProps) {
  const id = useId()
  return (
    <p className={css.mailLine}>
      <label htmlFor={id}>{name}</label>
      <input
        ref={field}
        id={id}
        value={value}
        placeholder={placeholder}
        required={required}
        dir={words || value === '' ? 'auto' : 'ltr'}
        inputMode={words ? 'text' : 'email'}
        autoComplete="off"
        spellCheck={words}
        onChange={(e) => onChange(e.currentTarget.value)}
      />
    </p>
  )
}
