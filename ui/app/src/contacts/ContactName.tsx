import { ActionIcon } from '@mantine/core'
import { IconPencil } from '@tabler/icons-react'
import { useRef, useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { Contact } from '../api/types'
import { t } from '../i18n'
import { store } from '../live/live'
import { contactName } from '../text/names'
import css from './contacts.module.css'

/** A contact's name, changed in place: Enter saves, Esc leaves it as it was. */
export function ContactName({ contact, heading: Heading = 'h3' }: { contact: Contact; heading?: 'h1' | 'h2' | 'h3' }) {
  const [editing, setEditing] = useState(false)
  const [error, setError] = useState('')
  const cancelled = useRef(false)

  const save = async (name: string) => {
    setEditing(false)
    if (cancelled.current || name.trim() === contact.name) return
    const undo = store.optimistic('contact', contact.id, { name: name.trim() })
    setError('')
    try {
      store.answer('contact', await api.saveContact(contact.id, { name: name.trim() }))
    } catch (e) {
      undo()
      setError(asProblem(e).message)
    }
  }

  if (editing) {
    return (
      <input
        className={css.nameField}
        defaultValue={contact.name}
        dir="auto"
        // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here
        autoFocus
        aria-label={t('contact.name')}
        onFocus={(e) => e.currentTarget.select()}
        onBlur={(e) => save(e.currentTarget.value)}
        onKeyDown={(e) => {
          e.stopPropagation()
          if (e.key === 'Enter') e.currentTarget.blur()
          if (e.key !== 'Escape') return
          cancelled.current = true
          e.currentTarget.blur()
        }}
      />
    )
  }
  return (
    <div className={css.name}>
      <Heading className="cut" dir="auto">
        {contactName(contact)}
      </Heading>
      <ActionIcon
        size={24}
        onClick={() => {
          cancelled.current = false
          setEditing(true)
        }}
        aria-label={t('contact.rename')}
      >
        <IconPencil size={14} />
      </ActionIcon>
      {error && (
        <p className={css.error} role="alert">
          {error}
        </p>
      )}
    </div>
  )
}
