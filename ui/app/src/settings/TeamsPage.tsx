import { ActionIcon, Button, TextInput } from '@mantine/core'
import { IconPlus, IconUsersGroup, IconX } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { Team } from '../api/types'
import { t } from '../i18n'
import { useTeams, useUsers } from '../session/queries'
import { Avatar } from '../ui/Avatar'
import { Picker } from '../ui/Picker'
import { Empty, Failed, SkeletonRows } from '../ui/states'
import { Section } from './SettingsPage'
import css from './settings.module.css'

export function TeamsPage() {
  const teams = useTeams()
  const client = useQueryClient()
  const [error, setError] = useState('')
  const create = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault()
    const form = e.currentTarget
    setError('')
    try {
      await api.createTeam({ name: String(new FormData(form).get('name')).trim() })
      form.reset()
    } catch (err) {
      setError(asProblem(err).message)
    }
    client.invalidateQueries({ queryKey: ['teams'] })
  }
  return (
    <Section title={t('settings.teams')}>
      <p className="dim">{t('teams.lead')}</p>
      <form className={css.inline} onSubmit={create} style={{ marginBlock: 'var(--s4)' }}>
        <TextInput
          name="name"
          aria-label={t('teams.name')}
          placeholder={t('teams.name')}
          required
          dir="auto"
          error={error}
        />
        <Button type="submit" leftSection={<IconPlus size={16} />}>
          {t('teams.create')}
        </Button>
      </form>
      {teams.isPending && <SkeletonRows rows={3} />}
      {teams.isError && <Failed error={teams.error} what={t('teams.failed')} retry={() => teams.refetch()} />}
      {teams.data?.length === 0 && (
        <Empty icon={<IconUsersGroup size={32} stroke={1.5} />} title={t('teams.none')}>
          {t('teams.noneText')}
        </Empty>
      )}
      {teams.data?.map((team) => (
        <TeamCard key={team.id} team={team} />
      ))}
    </Section>
  )
}

function TeamCard({ team }: { team: Team }) {
  const users = useUsers().data ?? []
  const client = useQueryClient()
  const [open, setOpen] = useState(false)
  const [error, setError] = useState('')
  const members = team.member_ids ?? []
  const toggle = async (user: string) => {
    setError('')
    try {
      await (members.includes(user) ? api.leaveTeam(team.id, user) : api.joinTeam(team.id, user))
    } catch (e) {
      setError(asProblem(e).message)
    }
    client.invalidateQueries({ queryKey: ['teams'] })
    client.invalidateQueries({ queryKey: ['users'] })
  }
  return (
    <section className={css.card}>
      <h2 dir="auto">{team.name}</h2>
      <div className={css.members}>
        {users
          .filter((u) => members.includes(u.id))
          .map((u) => (
            <span key={u.id} className={css.member}>
              <Avatar name={u.name} small />
              <bdi>{u.name}</bdi>
              <ActionIcon size={20} onClick={() => toggle(u.id)} aria-label={t('teams.remove', { name: u.name })}>
                <IconX size={12} />
              </ActionIcon>
            </span>
          ))}
        <Picker
          multiple
          opened={open}
          onOpen={setOpen}
          label={t('teams.addMember')}
          options={users
            .filter((u) => !u.disabled)
            .map((u) => ({ value: u.id, label: u.name, checked: members.includes(u.id) }))}
          onPick={toggle}
          target={
            <Button size="xs" variant="default" leftSection={<IconPlus size={14} />} onClick={() => setOpen(!open)}>
              {t('teams.addMember')}
            </Button>
          }
        />
      </div>
      {error && (
        <p className={css.error} role="alert">
          {error}
        </p>
      )}
    </section>
  )
}
