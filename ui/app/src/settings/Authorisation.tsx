import { Button } from '@mantine/core'
import { useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { Channel } from '../api/types'
import { t } from '../i18n'
import css from './settings.module.css'

/** Asks the owner of a mail account, at its provider, to let the hub in. The provider leads back to this page. */
export function Authorisation({ c }: { c: Channel }) {
  const [refused, setRefused] = useState(() => new URLSearchParams(location.search).get('oauth_error') ?? '')
  const [busy, setBusy] = useState(false)
  if (!usesOAuth(c)) return null
  const granted = Boolean((c.config.oauth as { refresh_token?: string } | undefined)?.refresh_token)
  const ask = async () => {
    setBusy(true)
    setRefused('')
    try {
      location.assign((await api.authorizeChannel(c.id)).url)
    } catch (e) {
      setRefused(asProblem(e).message)
      setBusy(false)
    }
  }
  return (
    <section>
      <h2>{t('channel.authorise')}</h2>
      <p className="dim">{t('channel.authoriseHelp')}</p>
      <p className={granted ? css.good : undefined}>{granted ? t('channel.authorised') : t('channel.notAuthorised')}</p>
      {refused && (
        <p className={css.error} role="alert" dir="auto">
          {refused}
        </p>
      )}
      <div className={css.act}>
        <Button variant={granted ? 'default' : 'filled'} onClick={ask} loading={busy} disabled={c.state === 'disabled'}>
          {granted ? t('channel.authoriseAgain') : t('channel.authoriseNow')}
        </Button>
      </div>
    </section>
  )
}

function usesOAuth(c: Channel): boolean {
  const servers = [c.config.imap, c.config.pop3, c.config.smtp] as ({ auth?: string } | null | undefined)[]
  return servers.some((s) => s?.auth === 'oauth2')
}
