import { Menu, useMantineColorScheme } from '@mantine/core'
import {
  IconAddressBook,
  IconInbox,
  IconKeyboard,
  IconLogout,
  IconMoon,
  IconPhone,
  IconSearch,
  IconSettings,
  IconSun,
  IconSunMoon,
  IconTargetArrow,
  IconUserCog,
} from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { api } from '../api/client'
import { t } from '../i18n'
import { useLink } from '../live/hooks'
import { leave } from '../session/arrive'
import { useMe } from '../session/session'
import { Avatar } from '../ui/Avatar'
import { lastView } from './router'
import css from './shell.module.css'

export const useCounts = () => useQuery({ queryKey: ['counts'], queryFn: api.counts, staleTime: 10_000 })

export function Rail({ onPalette, onHelp }: { onPalette: () => void; onHelp: () => void }) {
  const counts = useCounts()
  const live = useLink()
  const mine = counts.data?.mine ?? 0
  return (
    <nav className={css.rail} aria-label={t('shell.nav')}>
      <img className={css.mark} src="/favicon.svg" alt="Parley" width={28} height={28} />
      <Link
        to="/inbox/$view/{-$conversation}"
        params={{ view: lastView() }}
        className={css.link}
        title={t('nav.inbox')}
        activeOptions={{ exact: false, includeSearch: false }}
        activeProps={{ 'data-status': 'active' }}
      >
        <IconInbox size={20} stroke={1.75} aria-hidden="true" />
        <span className={css.linkText}>{t('nav.inbox')}</span>
        <span className="hidden-text">{t('nav.inbox')}</span>
        {mine > 0 && (
          <span className={css.count} title={t('nav.mineOpen', { count: mine })}>
            {mine > 99 ? '99+' : mine}
          </span>
        )}
      </Link>
      <RailLink to="/calls" name={t('nav.calls')} icon={<IconPhone size={20} stroke={1.75} />} />
      <RailLink
        to="/contacts/{-$contact}"
        name={t('nav.contacts')}
        icon={<IconAddressBook size={20} stroke={1.75} />}
      />
      <RailLink to="/leads" name={t('nav.leads')} icon={<IconTargetArrow size={20} stroke={1.75} />} />
      <button
        type="button"
        className={`${css.link} ${css.wideOnly}`}
        onClick={onPalette}
        title={`${t('nav.search')} (Ctrl+K)`}
        aria-label={t('nav.search')}
      >
        <IconSearch size={20} stroke={1.75} />
      </button>
      <div className={css.foot}>
        <span className={css.wideOnly}>
          <RailLink to="/settings" name={t('nav.settings')} icon={<IconSettings size={20} stroke={1.75} />} />
        </span>
        <span
          className={css.light}
          data-link={live}
          role="img"
          aria-label={t(`link.${live}`)}
          title={t(`link.${live}`)}
        />
        <MyMenu onHelp={onHelp} onPalette={onPalette} />
      </div>
    </nav>
  )
}

function RailLink({
  to,
  name,
  icon,
}: {
  to: '/calls' | '/contacts/{-$contact}' | '/leads' | '/settings'
  name: string
  icon: React.ReactNode
}) {
  return (
    <Link to={to} className={css.link} title={name} aria-label={name}>
      <span aria-hidden="true" style={{ display: 'grid' }}>
        {icon}
      </span>
      <span className={css.linkText} aria-hidden="true">
        {name}
      </span>
    </Link>
  )
}

const AVAILABILITIES = ['online', 'busy', 'away', 'offline'] as const

function MyMenu({ onHelp, onPalette }: { onHelp: () => void; onPalette: () => void }) {
  const me = useMe()
  const client = useQueryClient()
  const navigate = useNavigate()
  const scheme = useMantineColorScheme()

  const setAvailability = async (availability: string) => {
    await api.saveSession({ availability })
    client.invalidateQueries({ queryKey: ['session'] })
  }
  const signOut = async () => {
    await leave()
    client.clear()
    location.assign('/')
  }

  return (
    <Menu position="right-end" width={240}>
      <Menu.Target>
        <button type="button" className={css.me} title={me.name}>
          <Avatar name={me.name} />
          <span className={css.presence} data-state={me.availability} />
          <span className="hidden-text">{t('me.menu', { name: me.name })}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <bdi>{me.name}</bdi>
        </Menu.Label>
        {AVAILABILITIES.map((a) => (
          <Menu.Item key={a} onClick={() => setAvailability(a)} rightSection={me.availability === a ? '✓' : null}>
            {t(`availability.${a}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Label>{t('me.look')}</Menu.Label>
        {(
          [
            ['auto', IconSunMoon],
            ['light', IconSun],
            ['dark', IconMoon],
          ] as const
        ).map(([name, Icon]) => (
          <Menu.Item
            key={name}
            leftSection={<Icon size={16} />}
            rightSection={scheme.colorScheme === name ? '✓' : null}
            onClick={() => scheme.setColorScheme(name)}
          >
            {t(`look.${name}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconSearch size={16} />} onClick={onPalette} hiddenFrom="xs">
          {t('nav.search')}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconSettings size={16} />}
          onClick={() => navigate({ to: '/settings' })}
          hiddenFrom="xs"
        >
          {t('nav.settings')}
        </Menu.Item>
        <Menu.Item leftSection={<IconUserCog size={16} />} onClick={() => navigate({ to: '/settings/me' })}>
          {t('settings.me')}
        </Menu.Item>
        <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={onHelp}>
          {t('keys.title')}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={signOut}>
          {t('me.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
