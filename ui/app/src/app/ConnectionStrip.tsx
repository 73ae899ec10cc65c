import { IconCloudOff } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { t } from '../i18n'
import { useLink } from '../live/hooks'
import css from './shell.module.css'

const PATIENCE_MS = 2000

/** Says that the page works from memory. A blink of the line is not worth a word. */
export function ConnectionStrip() {
  const state = useLink()
  const [shown, setShown] = useState(false)
  useEffect(() => {
    if (state !== 'lost') return setShown(false)
    const timer = setTimeout(() => setShown(true), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [state])
  if (!shown) return null
  return (
    <div className={css.strip} role="status">
      <IconCloudOff size={16} aria-hidden="true" />
      {navigator.onLine ? t('link.stripReconnecting') : t('link.stripOffline')}
    </div>
  )
}
