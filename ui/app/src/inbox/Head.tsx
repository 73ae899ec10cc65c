import { ActionIcon, Button, Menu } from '@mantine/core'
import {
  IconArrowBackUp,
  IconArrowLeft,
  IconCheck,
  IconClock,
  IconDots,
  IconFlag,
  IconLayoutSidebarRight,
  IconMailOpened,
  IconTag,
  IconUser,
  IconUsers,
  IconX,
} from '@tabler/icons-react'
import { useState } from 'react'
import type { Conversation, Priority } from '../api/types'
import { useShortcuts } from '../app/useShortcuts'
import { locale, t } from '../i18n'
import type { Person } from '../live/company'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { useChannelName, useTeamName, useTeams, useUserName, useUsers } from '../session/queries'
import { useMe } from '../session/session'
import { peerName } from '../text/names'
import { dayAndTime } from '../text/time'
import { Avatar } from '../ui/Avatar'
import { ChannelGlyph, channelTypeName } from '../ui/channel'
import { type Option, Picker } from '../ui/Picker'
import { change, markUnread, resolveOrReopen, snooze, snoozeTimes } from './actions'
import css from './inbox.module.css'

const PRIORITIES: Priority[] = ['urgent', 'high', 'normal', 'low']
type Open = 'assignee' | 'team' | 'snooze' | 'priority' | 'label' | null

interface Props {
  c: Conversation
  viewers: Person[]
  onBack: () => void
  onDone: () => void
  onCard: () => void
}

export function Head({ c, viewers, onBack, onDone, onCard }: Props) {
  const me = useMe()
  const contact = useLive('contact', c.contact_id)
  const channel = useChannelName(c.channel_id)
  const [open, setOpen] = useState<Open>(null)
  const opener = (what: Exclude<Open, null>) => ({
    opened: open === what,
    onOpen: (on: boolean) => setOpen(on ? what : null),
  })

  const resolve = () => {
    const leaves = c.status !== 'resolved'
    resolveOrReopen(c)
    if (leaves) onDone()
  }
  const assignToMe = () => change(c.id, { assignee_id: me.id }, t('done.assignedToMe', { number: c.number }))
  const unread = () => {
    markUnread(c)
    onBack()
  }
  useShortcuts([
    { keys: 'e', title: t('keys.resolve'), run: resolve },
    { keys: 's', title: t('keys.snooze'), run: () => setOpen('snooze') },
    { keys: 'a', title: t('keys.assign'), run: () => setOpen('assignee') },
    { keys: 'i', title: t('keys.assignToMe'), run: assignToMe },
    { keys: 'v', title: t('keys.team'), run: () => setOpen('team') },
    { keys: 'l', title: t('keys.label'), run: () => setOpen('label') },
    { keys: 'p', title: t('keys.priority'), run: () => setOpen('priority') },
    { keys: 'u', title: t('keys.unread'), run: unread },
  ])

  return (
    <>
      <header className={css.head}>
        <ActionIcon className={css.back} onClick={onBack} aria-label={t('common.back')}>
          <IconArrowLeft size={20} />
        </ActionIcon>
        <div className={css.headWho}>
          <h2 className={`${css.headName} cut`} dir="auto">
            {peerName(c, contact)}
          </h2>
          <p className={css.headSub}>
            <ChannelGlyph type={c.channel_type} size={14} />
            <span className="cut">
              <span className="tabular">#{c.number}</span> · {t(`status.${c.status}`)}
              {c.status === 'snoozed' &&
                c.snoozed_until &&
                ` ${t('conversation.until', { time: dayAndTime(c.snoozed_until, locale()) })}`}
              {' · '}
              <bdi>{c.subject || channel || channelTypeName(c.channel_type)}</bdi>
            </span>
          </p>
        </div>
        <div className={css.tools}>
          {viewers.map((p) => (
            <span key={p.id} className={css.viewer} title={t('conversation.viewing', { name: p.name })}>
              <Avatar name={p.name} small />
              <span className="hidden-text">{t('conversation.viewing', { name: p.name })}</span>
            </span>
          ))}
          <AssigneePicker c={c} me={me.id} {...opener('assignee')} />
          <span className={css.wide}>
            <TeamPicker c={c} {...opener('team')} />
          </span>
          <span className={css.wide}>
            <SnoozePicker c={c} {...opener('snooze')} />
          </span>
          <Button
            variant={c.status === 'resolved' ? 'default' : 'filled'}
            onClick={resolve}
            title={t('keys.withKey', { name: t('conversation.resolve'), key: 'E' })}
            aria-label={c.status === 'resolved' ? t('conversation.reopen') : t('conversation.resolve')}
            px="xs"
          >
            {c.status === 'resolved' ? <IconArrowBackUp size={18} /> : <IconCheck size={18} />}
            <span className={css.resolveText}>
              {c.status === 'resolved' ? t('conversation.reopen') : t('conversation.resolve')}
            </span>
          </Button>
          <Menu position="bottom-end" width={230}>
            <Menu.Target>
              <ActionIcon aria-label={t('common.more')}>
                <IconDots size={20} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              {snoozeTimes(new Date()).map((x) => (
                <Menu.Item
                  key={x.name}
                  leftSection={<IconClock size={16} />}
                  onClick={() => snooze(c, x.at.toISOString())}
                  hiddenFrom="xs"
                >
                  {t('snooze.menu', { time: t(`snooze.${x.name}`) })}
                </Menu.Item>
              ))}
              <Menu.Item leftSection={<IconTag size={16} />} onClick={() => setOpen('label')}>
                {t('keys.label')}
              </Menu.Item>
              <Menu.Item leftSection={<IconFlag size={16} />} onClick={() => setOpen('priority')}>
                {t('keys.priority')}
              </Menu.Item>
              <Menu.Item leftSection={<IconUsers size={16} />} onClick={() => setOpen('team')} hiddenFrom="xs">
                {t('keys.team')}
              </Menu.Item>
              <Menu.Item leftSection={<IconMailOpened size={16} />} onClick={unread}>
                {t('keys.unread')}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
          <ActionIcon
            className={css.cardToggle}
            onClick={onCard}
            aria-label={t('card.label')}
            title={t('keys.withKey', { name: t('card.label'), key: ']' })}
          >
            <IconLayoutSidebarRight size={20} stroke={1.75} />
          </ActionIcon>
        </div>
      </header>
      <Labels c={c} {...opener('label')} priority={opener('priority')} />
    </>
  )
}

interface Opener {
  opened: boolean
  onOpen: (opened: boolean) => void
}

function AssigneePicker({ c, me, ...open }: { c: Conversation; me: string } & Opener) {
  const users = useUsers().data ?? []
  const name = useUserName(c.assignee_id)
  const options: Option[] = [
    { value: '', label: t('conversation.nobody'), checked: c.assignee_id === null },
    ...[...users]
      .filter((u) => !u.disabled)
      .sort((a, b) => Number(b.id === me) - Number(a.id === me) || a.name.localeCompare(b.name))
      .map((u) => ({
        value: u.id,
        label: u.id === me ? t('conversation.me', { name: u.name }) : u.name,
        hint: u.availability === 'online' ? t('availability.online') : '',
        checked: u.id === c.assignee_id,
      })),
  ]
  return (
    <Picker
      {...open}
      label={t('conversation.assignTo')}
      options={options}
      onPick={(v) =>
        change(
          c.id,
          { assignee_id: v || null },
          v ? t('done.assigned', { name: users.find((u) => u.id === v)?.name }) : t('done.unassigned'),
        )
      }
      target={
        <button
          type="button"
          className={css.pick}
          onClick={() => open.onOpen(!open.opened)}
          title={t('keys.withKey', { name: t('conversation.assignTo'), key: 'A' })}
        >
          <IconUser size={16} stroke={1.75} aria-hidden="true" />
          <span className={`${css.pickText} cut`} dir="auto">
            {c.assignee_id ? (name ?? '…') : t('conversation.unassigned')}
          </span>
          <span className="hidden-text">{t('conversation.assignTo')}</span>
        </button>
      }
    />
  )
}

function TeamPicker({ c, ...open }: { c: Conversation } & Opener) {
  const teams = useTeams().data ?? []
  const name = useTeamName(c.team_id)
  if (teams.length === 0) return null
  return (
    <Picker
      {...open}
      label={t('conversation.teamOf')}
      options={[
        { value: '', label: t('conversation.noTeam'), checked: c.team_id === null },
        ...teams.map((x) => ({ value: x.id, label: x.name, checked: x.id === c.team_id })),
      ]}
      onPick={(v) =>
        change(
          c.id,
          { team_id: v || null },
          v ? t('done.team', { name: teams.find((x) => x.id === v)?.name }) : t('done.noTeam'),
        )
      }
      target={
        <button
          type="button"
          className={css.pick}
          onClick={() => open.onOpen(!open.opened)}
          title={t('keys.withKey', { name: t('keys.team'), key: 'V' })}
        >
          <IconUsers size={16} stroke={1.75} aria-hidden="true" />
          <span className={`${css.pickText} cut`} dir="auto">
            {name ?? t('conversation.noTeam')}
          </span>
          <span className="hidden-text">{t('conversation.teamOf')}</span>
        </button>
      }
    />
  )
}

function SnoozePicker({ c, ...open }: { c: Conversation } & Opener) {
  const times = snoozeTimes(new Date())
  const woken: Option[] = c.status === 'snoozed' ? [{ value: 'wake', label: t('snooze.wake') }] : []
  return (
    <Picker
      {...open}
      label={t('snooze.until')}
      options={[
        ...woken,
        ...times.map((x) => ({
          value: x.at.toISOString(),
          label: t(`snooze.${x.name}`),
          hint: dayAndTime(x.at.toISOString(), locale()),
        })),
      ]}
      onPick={(v) =>
        v === 'wake'
          ? change(c.id, { status: 'open', snoozed_until: null }, t('done.reopened', { number: c.number }))
          : snooze(c, v)
      }
      target={
        <ActionIcon
          onClick={() => open.onOpen(!open.opened)}
          aria-label={t('keys.snooze')}
          title={t('keys.withKey', { name: t('keys.snooze'), key: 'S' })}
        >
          <IconClock size={20} stroke={1.75} />
        </ActionIcon>
      }
    />
  )
}

function Labels({ c, priority, ...open }: { c: Conversation; priority: Opener } & Opener) {
  const known = new Set<string>(c.labels)
  if (open.opened) for (const other of store.all('conversation')) for (const l of other.labels) known.add(l)
  const toggle = (l: string) =>
    change(c.id, { labels: c.labels.includes(l) ? c.labels.filter((x) => x !== l) : [...c.labels, l] })
  const shown = c.labels.length > 0 || c.priority !== 'normal' || open.opened || priority.opened
  if (!shown) return null
  return (
    <div className={css.labels}>
      <Picker
        {...priority}
        label={t('keys.priority')}
        options={PRIORITIES.map((p) => ({ value: p, label: t(`priority.${p}`), checked: p === c.priority }))}
        onPick={(p) => change(c.id, { priority: p as Priority })}
        target={
          <button type="button" className={css.label} onClick={() => priority.onOpen(true)}>
            <IconFlag size={14} aria-hidden="true" />
            {t(`priority.${c.priority}`)}
          </button>
        }
      />
      {c.labels.map((l) => (
        <span key={l} className={css.label}>
          <bdi>{l}</bdi>
          <ActionIcon size={18} onClick={() => toggle(l)} aria-label={t('conversation.removeLabel', { name: l })}>
            <IconX size={12} />
          </ActionIcon>
        </span>
      ))}
      <Picker
        {...open}
        multiple
        label={t('conversation.addLabel')}
        options={[...known].sort().map((l) => ({ value: l, label: l, checked: c.labels.includes(l) }))}
        onPick={toggle}
        onCreate={toggle}
        target={
          <button type="button" className={css.label} onClick={() => open.onOpen(true)}>
            <IconTag size={14} aria-hidden="true" />
            {t('conversation.addLabel')}
          </button>
        }
      />
    </div>
  )
}
