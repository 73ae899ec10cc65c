import { ActionIcon } from '@mantine/core'
import { IconAlertTriangle, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api } from '../api/client'
import { useShortcuts } from '../app/useShortcuts'
import { t } from '../i18n'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { Empty, Failed } from '../ui/states'
import { Card } from './Card'
import { Composer } from './Composer'
import composer from './composer.module.css'
import type { Mode } from './drafts'
import { Head } from './Head'
import css from './inbox.module.css'
import { wantContact } from './people'
import { forgive, useRefusal } from './refusals'
import { Thread } from './Thread'
import { useCompany } from './useCompany'

interface Props {
  id: string
  onClose: () => void
  onDone: () => void
  card: boolean
  onCard: (open: boolean) => void
}

export function ConversationPane({ id, onClose, onDone, card, onCard }: Props) {
  const query = useQuery({
    queryKey: ['conversation', id],
    queryFn: async () => {
      const askedAt = store.asking()
      const found = await api.conversation(id)
      store.snapshot('conversation', [found], askedAt)
      return found.id
    },
  })
  const c = useLive('conversation', id)
  const [mode, setMode] = useState<Mode>('reply')
  const [focus, setFocus] = useState(0)
  const refusal = useRefusal(id)
  const { viewers, typers } = useCompany(id)
  useEffect(() => wantContact(c?.contact_id), [c?.contact_id])

  const write = (to: Mode) => {
    setMode(to)
    setFocus((n) => n + 1)
  }
  useShortcuts([
    { keys: 'r', title: t('keys.reply'), run: () => write('reply') },
    { keys: 'n', title: t('keys.note'), run: () => write('note') },
    { keys: 'Enter', title: t('keys.reply'), run: () => write('reply') },
    { keys: ']', title: t('keys.card'), run: () => onCard(!card) },
    { keys: 'Escape', title: t('keys.back'), run: card ? () => onCard(false) : onClose },
  ])

  if (!c && store.isRemoved(id)) {
    return <Empty title={t('conversation.removed')}>{t('conversation.removedText')}</Empty>
  }
  if (!c && query.isError) {
    return <Failed error={query.error} what={t('conversation.failed')} retry={() => query.refetch()} />
  }
  if (!c) return <div />
  return (
    <div className={css.conversation}>
      <section className={css.threadPane} aria-label={t('conversation.label', { number: c.number })}>
        <Head c={c} viewers={viewers} onBack={onClose} onDone={onDone} onCard={() => onCard(!card)} />
        {refusal && (
          <div className={css.refusal} role="alert">
            <IconAlertTriangle size={16} aria-hidden="true" />
            {t('conversation.refused', { reason: refusal })}
            <ActionIcon size={24} onClick={() => forgive(id)} aria-label={t('common.close')}>
              <IconX size={14} />
            </ActionIcon>
          </div>
        )}
        <Thread c={c} onUndo={write} />
        {typers.length > 0 && (
          <p className={composer.writing} role="status">
            {t('composer.writing', { name: typers.map((p) => p.name).join(', '), count: typers.length })}
          </p>
        )}
        <Composer c={c} mode={mode} onMode={setMode} focus={focus} onDone={onDone} />
      </section>
      <aside className={css.card} aria-label={t('card.label')} data-pane tabIndex={-1}>
        <Card c={c} onClose={() => onCard(false)} />
      </aside>
    </div>
  )
}
