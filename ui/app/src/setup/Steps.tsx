import { IconCheck } from '@tabler/icons-react'
import { t } from '../i18n'
import css from './setup.module.css'

/** Where in the first run somebody is: 0 account, 1 channel, 2 done. */
export function Steps({ at }: { at: number }) {
  const names = [t('setup.stepAccount'), t('setup.stepChannel'), t('setup.stepDone')]
  return (
    <ol className={css.steps} aria-label={t('setup.steps')}>
      {names.map((name, i) => (
        <li key={name} aria-current={i === at ? 'step' : undefined} data-done={i < at || undefined}>
          <span className={css.stepMark}>{i < at ? <IconCheck size={14} stroke={2.5} /> : i + 1}</span>
          {name}
        </li>
      ))}
    </ol>
  )
}
