import { Button } from '@mantine/core'
import type { Message } from '../api/types'
import { t } from '../i18n'
import { Ago } from '../ui/Ago'
import css from './composer.module.css'

/** Stops a reply once when somebody has written meanwhile, and shows what. */
export function Guard({ missed, onRead, onSend }: { missed: Message[]; onRead: () => void; onSend: () => void }) {
  const last = missed.at(-1)
  return (
    <div className={css.guard} role="alert">
      <p className={css.guardTitle}>
        {last
          ? t('guard.title', { name: last.author.name || t('contact.visitor'), count: missed.length })
          : t('guard.meanwhile')}
        {last && (
          <>
            {' · '}
            <Ago at={last.created_at} />
          </>
        )}
      </p>
      {last && (
        <p className={`${css.guardText} cut`} dir="auto">
          {last.body_text}
        </p>
      )}
      <div className={css.guardActs}>
        <Button size="xs" onClick={onRead}>
          {t('guard.read')}
        </Button>
        <Button size="xs" variant="default" onClick={onSend}>
          {t('guard.send')}
        </Button>
      </div>
    </div>
  )
}
