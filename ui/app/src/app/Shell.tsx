import { Outlet } from '@tanstack/react-router'
import { useState } from 'react'
import { CallPopups } from '../calls/CallPopups'
import { t } from '../i18n'
import { Toasts } from '../ui/toasts'
import { ConnectionStrip } from './ConnectionStrip'
import { Help } from './Help'
import { Palette } from './Palette'
import { Rail } from './Rail'
import css from './shell.module.css'
import { useGoKeys } from './useGoKeys'
import { usePanes } from './usePanes'

/** The frame around every view: rail, connection strip, calls that ring, palette and help. */
export function Shell() {
  const [palette, setPalette] = useState(false)
  const [help, setHelp] = useState(false)
  useGoKeys({ openPalette: () => setPalette(true), openHelp: () => setHelp(true) })
  usePanes()

  return (
    <div className={css.shell}>
      <a href="#main" className={css.skip}>
        {t('shell.skip')}
      </a>
      <Rail onPalette={() => setPalette(true)} onHelp={() => setHelp(true)} />
      <div className={css.content}>
        <ConnectionStrip />
        <main id="main" className={css.main} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <CallPopups />
      <Toasts />
      {palette && <Palette onClose={() => setPalette(false)} />}
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  )
}
