import { Button, TextInput } from '@mantine/core'
import { IconKey, IconPlus } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { ApiToken, NewToken } from '../api/types'
import { locale, t } from '../i18n'
import { useUserName } from '../session/queries'
import { dayAndTime } from '../text/time'
import { Ago } from '../ui/Ago'
import { CopyBox } from '../ui/Copy'
import { Empty, Failed, SkeletonRows } from '../ui/states'
import table from '../ui/table.module.css'
import { Section } from './SettingsPage'
import css from './settings.module.css'

export function TokensPage() {
  const client = useQueryClient()
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: async () => (await api.tokens()).data })
  const [made, setMade] = useState<NewToken | null>(null)
  const [error, setError] = useState('')
  const create = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault()
    const form = e.currentTarget
    setError('')
    try {
      setMade(await api.createToken({ name: String(new FormData(form).get('name')).trim() }))
      form.reset()
    } catch (err) {
      setError(asProblem(err).message)
    }
    client.invalidateQueries({ queryKey: ['tokens'] })
  }
  return (
    <Section title={t('settings.tokens')} wide>
      <p className="dim">{t('tokens.lead')}</p>
      <form className={css.inline} onSubmit={create} style={{ marginBlock: 'var(--s4)' }}>
        <TextInput
          name="name"
          aria-label={t('tokens.name')}
          placeholder={t('tokens.name')}
          required
          dir="auto"
          error={error}
        />
        <Button type="submit" leftSection={<IconPlus size={16} />}>
          {t('tokens.create')}
        </Button>
      </form>
      {made?.token && (
        <div className={css.card} role="status">
          <p>{t('tokens.once')}</p>
          <CopyBox text={made.token} label={made.name} />
          <div>
            <Button variant="default" size="xs" onClick={() => setMade(null)}>
              {t('common.done')}
            </Button>
          </div>
        </div>
      )}
      {tokens.isPending && <SkeletonRows rows={3} height={48} />}
      {tokens.isError && <Failed error={tokens.error} what={t('tokens.failed')} retry={() => tokens.refetch()} />}
      {tokens.data?.length === 0 && (
        <Empty icon={<IconKey size={32} stroke={1.5} />} title={t('tokens.none')}>
          {t('tokens.noneText')}
        </Empty>
      )}
      {tokens.data && tokens.data.length > 0 && (
        <div className={table.scroll}>
          <table className={table.table}>
            <thead>
              <tr>
                <th>{t('tokens.name')}</th>
                <th>{t('tokens.used')}</th>
                <th className={table.wide}>{t('tokens.expires')}</th>
                <th>
                  <span className="hidden-text">{t('common.more')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {tokens.data.map((x) => (
                <Token key={x.id} token={x} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  )
}

function Token({ token }: { token: ApiToken }) {
  const client = useQueryClient()
  const owner = useUserName(token.user_id)
  const revoke = async () => {
    if (!window.confirm(t('tokens.revokeSure', { name: token.name }))) return
    await api.revokeToken(token.id).catch(() => {})
    client.invalidateQueries({ queryKey: ['tokens'] })
  }
  return (
    <tr>
      <td>
        <span className={table.strong} dir="auto">
          {token.name}
        </span>
        <div className="dim small" dir="auto">
          {owner}
        </div>
      </td>
      <td>{token.last_used_at ? <Ago at={token.last_used_at} /> : t('tokens.never')}</td>
      <td className={table.wide}>{token.expires_at ? dayAndTime(token.expires_at, locale()) : t('tokens.noExpiry')}</td>
      <td>
        <div className={table.acts}>
          <Button size="xs" variant="default" onClick={revoke}>
            {t('tokens.revoke')}
          </Button>
        </div>
      </td>
    </tr>
  )
}
