import { Button, PasswordInput, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { api } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import { router } from '../app/router'
import { t } from '../i18n'
import { arrive } from '../session/arrive'
import { Steps } from '../setup/Steps'
import css from './signin.module.css'

export const SHORTEST_PASSWORD = 8

/** The first step of a fresh installation: the account that owns it. */
export function OwnerForm({ onDone }: { onDone: () => void }) {
  const [problem, setProblem] = useState<Problem | null>(null)
  const [busy, setBusy] = useState(false)
  const fields = problem?.byField() ?? {}

  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault()
    const form = new FormData(e.currentTarget)
    const value = (name: string) => String(form.get(name) ?? '')
    const account = { name: value('name').trim(), email: value('email').trim(), password: value('password') }
    setBusy(true)
    setProblem(null)
    try {
      await arrive(await api.setup(account))
      await router.navigate({ to: '/welcome' })
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
        <Steps at={0} />
        <h1>{t('owner.title')}</h1>
        <p className="dim">{t('owner.lead')}</p>
        <TextInput
          name="name"
          label={t('owner.name')}
          autoComplete="name"
          required
          autoFocus
          error={fields.name}
          dir="auto"
        />
        <TextInput
          name="email"
          type="email"
          label={t('signIn.email')}
          autoComplete="username"
          required
          error={fields.email}
        />
        <PasswordInput
          name="password"
          label={t('signIn.password')}
          description={t('owner.passwordHelp', { count: SHORTEST_PASSWORD })}
          autoComplete="new-password"
          minLength={SHORTEST_PASSWORD}
          required
          error={fields.password}
        />
        {problem && problem.fields.length === 0 && (
          <p className={css.error} role="alert">
            {problem.offline ? t('state.offline') : problem.message}
          </p>
        )}
        <Button type="submit" loading={busy} fullWidth size="md">
          {t('owner.submit')}
        </Button>
      </form>
    </main>
  )
}
