import { Switch } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import { singleKeys } from '../app/keys'
import { LANGUAGES, type Language, language, setLanguage, t } from '../i18n'
import { undoSeconds, useMe } from '../session/session'
import { Select } from '../ui/Select'
import { roleName } from './PeoplePage'
import { Section } from './SettingsPage'
import { Signature } from './Signature'
import css from './settings.module.css'

const UNDO_SECONDS = [0, 5, 10, 20, 30]

export function MySettings() {
  const me = useMe()
  const client = useQueryClient()
  const [keys, setKeys] = useState(singleKeys.on)
  const [error, setError] = useState('')
  const save = async (settings: Record<string, unknown>) => {
    await api.saveSession({ settings })
    await client.invalidateQueries({ queryKey: ['session'] })
  }
  const saveUndo = async (seconds: number) => {
    setError('')
    try {
      await save({ undo_seconds: seconds })
    } catch (e) {
      setError(asProblem(e).message)
    }
  }
  return (
    <Section title={t('settings.me')}>
      <div className={css.form}>
        <p>
          <bdi>{me.name}</bdi> · <span className="ltr">{me.email}</span> · {roleName(me.role)}
        </p>
        <Select
          label={t('me.language')}
          value={language()}
          options={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
          onChange={(v) => setLanguage(v as Language)}
        />
        <Select
          label={t('me.undo')}
          help={t('me.undoHelp')}
          value={String(undoSeconds(me))}
          options={[...new Set([...UNDO_SECONDS, undoSeconds(me)])]
            .sort((a, b) => a - b)
            .map((n) => ({ value: String(n), label: n === 0 ? t('me.undoOff') : t('me.seconds', { count: n }) }))}
          onChange={(v) => saveUndo(Number(v))}
          error={error}
        />
        <Switch
          label={t('me.keys')}
          description={t('me.keysHelp')}
          checked={keys}
          onChange={(e) => {
            singleKeys.on = e.currentTarget.checked
            setKeys(singleKeys.on)
          }}
        />
        <Signature save={save} />
      </div>
    </Section>
  )
}
