import { Button, PasswordInput, Switch, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { asProblem, type Problem } from '../api/problem'
import type { Channel, ChannelType } from '../api/types'
import { t } from '../i18n'
import { channelTypeName } from '../ui/channel'
import { Select } from '../ui/Select'
import { configOf, type Field, fieldsOf, type Values, valuesOf } from './channelForms'
import css from './settings.module.css'

const MASK = '***'

interface Props {
  type: ChannelType
  channel?: Channel
  submit: string
  onSave: (name: string, config: Record<string, unknown>) => Promise<void>
}

/** The settings of one channel, new or known. Secrets can be written and never read. */
export function ChannelForm({ type, channel, submit, onSave }: Props) {
  const [name, setName] = useState(channel?.name ?? channelTypeName(type))
  const [values, setValues] = useState<Values>(() => valuesOf(type, channel?.config))
  const [problem, setProblem] = useState<Problem | null>(null)
  const [busy, setBusy] = useState(false)
  const box = useRef<HTMLFormElement>(null)
  const errors = fieldErrors(problem)
  const asked = fieldsOf(type).filter((f) => !f.when || f.when(values))
  const advanced = asked.filter((f) => f.advanced)
  const set = (path: string, value: string | boolean) => setValues((v) => ({ ...v, [path]: value }))

  useEffect(() => {
    if (problem) box.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [problem])

  const save = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setProblem(null)
    try {
      await onSave(name.trim(), configOf(type, values, channel?.config))
    } catch (err) {
      setProblem(asProblem(err))
    } finally {
      setBusy(false)
    }
  }

  const one = (f: Field) => (
    <One
      key={f.path}
      type={type}
      f={f}
      value={values[f.path] ?? ''}
      error={errors[f.path]}
      set={(v) => set(f.path, v)}
    />
  )
  const unplaced = problem && !asked.some((f) => errors[f.path]) && !errors.name
  return (
    <form ref={box} className={css.form} onSubmit={save} autoComplete="off">
      <TextInput
        label={t('channel.name')}
        description={t('channel.nameHelp')}
        value={name}
        onChange={(e) => setName(e.currentTarget.value)}
        required
        dir="auto"
        error={errors.name}
      />
      {asked.filter((f) => !f.advanced).map(one)}
      {advanced.length > 0 && (
        <details className={css.advanced} open={advanced.some((f) => errors[f.path]) || undefined}>
          <summary>{t('channel.advanced')}</summary>
          <div className={css.form}>{advanced.map(one)}</div>
        </details>
      )}
      {unplaced && (
        <p className={css.error} role="alert">
          {problem.fields.map((f) => `${f.field}: ${f.message}`).join('; ') || problem.message}
        </p>
      )}
      <div>
        <Button type="submit" loading={busy}>
          {submit}
        </Button>
      </div>
    </form>
  )
}

/** Complaints by path: the hub names fields of the config with or without "config." in front. */
function fieldErrors(problem: Problem | null): Record<string, string> {
  return Object.fromEntries(
    (problem?.fields ?? []).map((f) => [f.field.replace(/^(body\.)?(config\.)?/, ''), f.message]),
  )
}

function One({
  type,
  f,
  value,
  error,
  set,
}: {
  type: ChannelType
  f: Field
  value: string | boolean
  error?: string
  set: (v: string | boolean) => void
}) {
  const words = wordsOf(type, f.path)
  const common = {
    label: words.label,
    description: words.help,
    error,
    required: f.required,
    placeholder: f.placeholder,
  }
  const text = String(value)
  return (
    <>
      {f.heading && <h3 className={css.heading}>{t(`channel.${f.heading}`)}</h3>}
      {f.kind === 'switch' && (
        <Switch
          label={words.label}
          description={words.help}
          checked={value === true}
          onChange={(e) => set(e.currentTarget.checked)}
          error={error}
        />
      )}
      {f.kind === 'text' && (
        <TextInput
          {...common}
          value={text}
          onChange={(e) => set(e.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
      )}
      {f.kind === 'number' && (
        <TextInput
          {...common}
          value={text}
          inputMode="numeric"
          pattern="[0-9]*"
          className={css.short}
          onChange={(e) => set(e.currentTarget.value)}
        />
      )}
      {f.kind === 'area' && (
        <Textarea {...common} value={text} dir="auto" rows={2} onChange={(e) => set(e.currentTarget.value)} />
      )}
      {f.kind === 'list' && (
        <Textarea {...common} value={text} rows={2} spellCheck={false} onChange={(e) => set(e.currentTarget.value)} />
      )}
      {f.kind === 'select' && (
        <Select
          label={words.label}
          help={words.help}
          value={text}
          options={(f.options ?? []).map((o) => ({ value: o, label: optionName(f.path, o) }))}
          onChange={set}
          error={error}
        />
      )}
      {f.kind === 'secret' && <Secret f={f} common={common} value={text} set={set} />}
    </>
  )
}

function Secret({ f, common, value, set }: { f: Field; common: object; value: string; set: (v: string) => void }) {
  const kept = value === MASK
  return (
    <div className={css.secret}>
      <PasswordInput
        {...common}
        value={kept ? '' : value}
        placeholder={kept ? t('channel.secretKept') : f.placeholder}
        required={f.required && !kept}
        autoComplete="new-password"
        onChange={(e) => set(e.currentTarget.value)}
      />
      {f.generate && (
        <Button variant="default" onClick={() => set(newSecret())}>
          {t('channel.generate')}
        </Button>
      )}
    </div>
  )
}

function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return `whsec_${btoa(String.fromCharCode(...bytes))}`
}

type AnyT = (key: string, o?: object) => string

function wordsOf(type: ChannelType, path: string): { label: string; help?: string } {
  const key = path.replaceAll('.', '_')
  const say = t as unknown as AnyT
  const label = say(`field.${type}_${key}`, { defaultValue: say(`field.${key}`) })
  const help = say(`field.${type}_${key}_help`, { defaultValue: say(`field.${key}_help`, { defaultValue: '' }) })
  return { label, help: help || undefined }
}

function optionName(path: string, option: string): string {
  return (t as unknown as AnyT)(`option.${path.split('.').at(-1)}_${option}`)
}
