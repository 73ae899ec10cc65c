import { Button, PasswordInput, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { api } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import { t } from '../i18n'
import { arrive } from '../session/arrive'
import css from './signin.module.css'

export function SignIn({ onDone }: { onDone: () => void }) {
  const [problem, setProblem] = useState<Problem | null>(null)
  const [busy, setBusy] = useState(false)
  const [needsCode, setNeedsCode] = useState(false)

  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault()
    const form = new FormData(e.currentTarget)
    const value = (name: string) => String(form.get(name) ?? '')
    setBusy(true)
    setProblem(null)
    try {
      const session = await api.signIn({
        email: value('email'),
        password: value('password'),
        ...(needsCode && { totp: value('totp') }),
      })
      await arrive(session)
      onDone()
    } catch (err) {
      const p = asProblem(err)
      setNeedsCode(needsCode || p.fields.some((f) => f.field === 'totp'))
      setProblem(p)
      setBusy(false)
    }
  }

  return (
    <main className={css.page}>
      <form className={css.form} onSubmit={submit}>
        <img src="/favicon.svg" alt="" width={40} height={40} />
        <h1>{t('signIn.title')}</h1>
        <TextInput name="email" type="email" label={t('signIn.email')} autoComplete="username" required autoFocus />
        <PasswordInput name="password" label={t('signIn.password')} autoComplete="current-password" required />
        {needsCode && (
          <TextInput
            name="totp"
            label={t('signIn.code')}
            autoComplete="one-time-code"
            inputMode="numeric"
            required
            autoFocus
          />
        )}
        {problem && (
          <p className={css.error} role="alert">
            {explain(problem)}
          </p>
        )}
        <Button type="submit" loading={busy} fullWidth size="md">
          {t('signIn.submit')}
        </Button>
        <p className="dim small">{t('signIn.forgot')}</p>
      </form>
    </main>
  )
}

function explain(p: Problem): string {
  if (p.offline) return t('state.offline')
  if (p.status === 401) return t('signIn.wrong')
  if (p.status === 429) return t('signIn.tooMany')
  return p.message
}
