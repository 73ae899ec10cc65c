import { Modal } from '@mantine/core'
import { useState } from 'react'
import { t } from '../i18n'
import { Kbd } from './Kbd'
import { type Shortcut, shortcutsNow } from './keys'
import css from './shell.module.css'

/** The keys that work on this screen. */
export function Help({ onClose }: { onClose: () => void }) {
  const [shortcuts] = useState(shortcutsNow)
  return (
    <Modal opened onClose={onClose} title={t('keys.title')} size="lg">
      <dl className={css.keys}>
        {byTitle(shortcuts).map(([title, keys]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd className={css.several}>
              {keys.map((k) => (
                <Kbd key={k} keys={k} />
              ))}
            </dd>
          </div>
        ))}
        <div>
          <dt>{t('keys.send')}</dt>
          <dd>
            <Kbd keys="ctrl+Enter" />
          </dd>
        </div>
      </dl>
    </Modal>
  )
}

/** One line for each thing that can be done, with all its keys. */
function byTitle(shortcuts: Shortcut[]): [string, string[]][] {
  const lines = new Map<string, string[]>()
  for (const s of shortcuts) lines.set(s.title, [...(lines.get(s.title) ?? []), s.keys])
  return [...lines]
}
