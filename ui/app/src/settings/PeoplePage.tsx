import { Button, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import type { RoleName, User } from '../api/types'
import { t } from '../i18n'
import { useTeams, useUsers } from '../session/queries'
import { useMe } from '../session/session'
import { CopyBox } from '../ui/Copy'
import { Select } from '../ui/Select'
import { Failed, SkeletonRows } from '../ui/states'
import table from '../ui/table.module.css'
import { Section } from './SettingsPage'
import css from './settings.module.css'

const ROLES: RoleName[] = ['agent', 'manager', 'admin', 'owner']

function useRoles(): RoleName[] {
  const roles = useQuery({ queryKey: ['roles'], queryFn: async () => (await api.roles()).data })
  return (roles.data?.map((r) => r.id) as RoleName[] | undefined) ?? ROLES
}

export function roleName(role: string): string {
  return (t as unknown as (k: string, o: object) => string)(`role.${role}`, { defaultValue: role })
}

export function PeoplePage() {
  const users = useUsers()
  const [adding, setAdding] = useState(false)
  const [invite, setInvite] = useState<{ name: string; url: string } | null>(null)
  const link = async (u: User) => {
    const made = await api.passwordLink(u.id).catch(() => null)
    if (made) setInvite({ name: u.name, url: made.invite_url })
  }
  return (
    <Section
      wide
      title={t('settings.people')}
      actions={
        !adding && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
            {t('people.add')}
          </Button>
        )
      }
    >
      {invite && (
        <div className={css.card} role="status">
          <p>{t('people.invited', { name: invite.name })}</p>
          <CopyBox text={invite.url} label={t('people.inviteLink')} />
          <div>
            <Button variant="default" size="xs" onClick={() => setInvite(null)}>
              {t('common.done')}
            </Button>
          </div>
        </div>
      )}
      {adding && (
        <AddPerson
          onClose={() => setAdding(false)}
          onAdded={(name, url) => {
            setAdding(false)
            if (url) setInvite({ name, url })
          }}
        />
      )}
      {users.isPending && <SkeletonRows rows={4} height={48} />}
      {users.isError && <Failed error={users.error} what={t('people.failed')} retry={() => users.refetch()} />}
      {users.data && (
        <div className={table.scroll}>
          <table className={table.table}>
            <thead>
              <tr>
                <th>{t('people.name')}</th>
                <th>{t('people.role')}</th>
                <th className={table.wide}>{t('settings.teams')}</th>
                <th className={table.wide}>{t('people.state')}</th>
                <th>
                  <span className="hidden-text">{t('common.more')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {users.data.map((u) => (
                <Person key={u.id} u={u} onLink={link} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  )
}

function Person({ u, onLink }: { u: User; onLink: (u: User) => void }) {
  const me = useMe()
  const roles = useRoles()
  const teams = useTeams().data ?? []
  const client = useQueryClient()
  const [error, setError] = useState('')
  const save = async (change: Partial<User>) => {
    setError('')
    try {
      await api.saveUser(u.id, change)
    } catch (e) {
      setError(asProblem(e).message)
    }
    client.invalidateQueries({ queryKey: ['users'] })
  }
  return (
    <tr>
      <td>
        <span className={table.strong} dir="auto">
          {u.name}
        </span>
        <div className="dim small ltr">{u.email}</div>
        {error && (
          <p className={css.error} role="alert">
            {error}
          </p>
        )}
      </td>
      <td>
        {u.id === me.id ? (
          roleName(u.role)
        ) : (
          <Select
            label={t('people.role')}
            quiet
            value={u.role}
            options={[...new Set([...roles, u.role])].map((r) => ({ value: r, label: roleName(r) }))}
            onChange={(role) => save({ role: role as RoleName })}
          />
        )}
      </td>
      <td className={table.wide}>
        {teams
          .filter((x) => u.team_ids?.includes(x.id))
          .map((x) => x.name)
          .join(', ') || '–'}
      </td>
      <td className={table.wide}>{u.disabled ? t('people.disabled') : t('people.active')}</td>
      <td>
        <div className={table.acts}>
          {u.id !== me.id && (
            <Button size="xs" variant="subtle" onClick={() => onLink(u)}>
              {t('people.newLink')}
            </Button>
          )}
          {u.id !== me.id && (
            <Button size="xs" variant="default" onClick={() => save({ disabled: !u.disabled })}>
              {u.disabled ? t('people.enable') : t('people.disable')}
            </Button>
          )}
        </div>
      </td>
    </tr>
  )
}

export function AddPerson({
  onAdded,
  onClose,
}: {
  onAdded: (name: string, inviteUrl?: string) => void
  onClose: () => void
}) {
  const roles = useRoles()
  const client = useQueryClient()
  const [role, setRole] = useState<RoleName>('agent')
  const [problem, setProblem] = useState<Problem | null>(null)
  const [busy, setBusy] = useState(false)
  const errors = problem?.byField() ?? {}
  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault()
    const form = new FormData(e.currentTarget)
    const name = String(form.get('name')).trim()
    setBusy(true)
    setProblem(null)
    try {
      const made = await api.createUser({ name, email: String(form.get('email')).trim(), role })
      client.invalidateQueries({ queryKey: ['users'] })
      onAdded(name, made.invite_url)
    } catch (err) {
      setProblem(asProblem(err))
      setBusy(false)
    }
  }
  return (
    <form className={css.card} onSubmit={submit}>
      <div className={css.inline}>
        <TextInput name="name" label={t('people.name')} required autoFocus dir="auto" error={errors.name} />
        <TextInput name="email" type="email" label={t('signIn.email')} required error={errors.email} />
        <Select
          label={t('people.role')}
          value={role}
          options={roles.map((r) => ({ value: r, label: roleName(r) }))}
          onChange={(r) => setRole(r as RoleName)}
          error={errors.role}
        />
        <Button type="submit" loading={busy}>
          {t('people.invite')}
        </Button>
        <Button variant="subtle" color="gray" onClick={onClose}>
          {t('common.cancel')}
        </Button>
      </div>
      <p className="dim small">{t('people.inviteHelp')}</p>
      {problem && problem.fields.length === 0 && (
        <p className={css.error} role="alert">
          {problem.message}
        </p>
      )}
    </form>
  )
}
