import { Button } from '@mantine/core'
import { useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { Channel, Reconciled } from '../api/types'
import { locale, t } from '../i18n'
import css from './settings.module.css'

/** Compares a mailbox with what is stored of it, when somebody wants to know. */
export function Reconciliation({ c }: { c: Channel }) {
  const [found, setFound] = useState<Reconciled[] | null>(null)
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  if (c.state === 'disabled' || (!c.config.imap && !c.config.pop3)) return null
  const compare = async () => {
    setBusy(true)
    setError('')
    try {
      setFound((await api.reconcileChannel(c.id)).data)
    } catch (e) {
      setError(asProblem(e).message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <section>
      <h2>{t('channel.reconcile')}</h2>
      <p className="dim">{t('channel.reconcileHelp')}</p>
      <div role="status">
        {found?.map((r) => (
          <p key={r.box} className={r.missing > 0 ? css.error : css.good}>
            <bdi>{r.box}</bdi>: {inWords(r)}
          </p>
        ))}
        {found?.length === 0 && <p>{t('channel.reconcileNothing')}</p>}
      </div>
      {error && (
        <p className={css.error} role="alert" dir="auto">
          {error}
        </p>
      )}
      <div className={css.act}>
        <Button variant="default" onClick={compare} loading={busy}>
          {t('channel.reconcileNow')}
        </Button>
      </div>
    </section>
  )
}

/** "12,431 on the server, 12,429 here, 2 in quarantine, 0 missing". */
function inWords(r: Reconciled): string {
  const n = (x: number) => x.toLocaleString(locale())
  const words = t('channel.reconciled', {
    provider: n(r.provider),
    here: n(r.here),
    quarantined: n(r.quarantined),
    missing: n(r.missing),
  })
  return r.fetched > 0 ? `${words} (${t('channel.reconcileFetched', { fetched: n(r.fetched) })})` : words
}
