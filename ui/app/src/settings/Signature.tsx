import { Button, Textarea } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { asProblem } from '../api/problem'
import { t } from '../i18n'
import { useMe } from '../session/session'
import { toast } from '../ui/toasts'
import css from './settings.module.css'

/** What stands below the mails of the signed-in person. Without one the channel's own stands there. */
export function Signature({ save }: { save: (settings: Record<string, unknown>) => Promise<void> }) {
  const own = String(useMe().settings?.signature ?? '')
  const [text, setText] = useState(own)
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError('')
    try {
      await save({ signature: text.trim() })
      toast(t('common.saved'))
    } catch (err) {
      setError(asProblem(err).message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form className={css.form} onSubmit={submit}>
      <Textarea
        label={t('me.signature')}
        description={t('me.signatureHelp')}
        value={text}
        onChange={(e) => setText(e.currentTarget.value)}
        rows={4}
        maxLength={2000}
        dir="auto"
        error={error}
      />
      <div>
        <Button type="submit" variant="default" loading={busy} disabled={text.trim() === own.trim()}>
          {t('me.saveSignature')}
        </Button>
      </div>
    </form>
  )
}
