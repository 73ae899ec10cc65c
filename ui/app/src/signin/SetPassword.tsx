import { Button, PasswordInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { api } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import { router } from '../app/router'
import { t } from '../i18n'
import { arrive } from '../session/arrive'
import { SHORTEST_PASSWORD } from './OwnerForm'
import css from './signin.module.css'

/** Where an invitation leads: the link stands behind the #, so that no server on the way sees it. */
export function SetPassword({ onDone }: { onDone: () => void }) {
  const [problem, setProblem] = useState<Problem | null>(null)
  const [busy, setBusy] = useState(false)
  const fields = problem?.byField() ?? {}

  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault()
    const password = String(new FormData(e.currentTarget).get('password') ?? '')
    setBusy(true)
    setProblem(null)
    try {
      await arrive(await api.setPassword({ link: location.hash.slice(1), password }))
      await router.navigate({ to: '/' })
      onDone()
    } catch (err) {
      setProblem(asProblem(err))
      setBusy(false)
    }
  }

  return (
    <main className={css.page}>
      <form className={css.form} onSubmit={submit}>
        <img src="/favicon.svg" alt="" width={40} height={40} />
        <h1>{t('password.title')}</h1>
        <PasswordInput
          name="password"
          label={t('signIn.password')}
          description={t('owner.passwordHelp', { count: SHORTEST_PASSWORD })}
          autoComplete="new-password"
          minLength={SHORTEST_PASSWORD}
          required
          autoFocus
          error={fields.password}
        />
        {problem && !fields.password && (
          <p className={css.error} role="alert">
            {problem.offline ? t('state.offline') : problem.status === 404 ? t('password.bad') : problem.message}
          </p>
        )}
        <Button type="submit" loading={busy} fullWidth size="md">
          {t('password.submit')}
        </Button>
      </form>
    </main>
  )
}
