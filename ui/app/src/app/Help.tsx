import { Modal } from '@mantine/core'
import { useState } from 'react'
import { t } from '../i18n'
import { Kbd } from './Kbd'
import { shortcutsNow } from './keys'
import css from './shell.module.css'

/** The keys that work on this screen. */
export function Help({ onClose }: { onClose: () => void }) {
  const [shortcuts] = useState(shortcutsNow)
  return (
    <Modal opened onClose={onClose} title={t('keys.title')} size="lg">
      <dl className={css.keys}>
        {shortcuts.map((s) => (
          <div key={s.keys}>
            <dt>{s.title}</dt>
            <dd>
              <Kbd keys={s.keys} />
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
