import { ActionIcon } from '@mantine/core'
import {
  IconArrowLeft,
  IconKey,
  IconPlugConnected,
  IconShieldQuestion,
  IconUser,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react'
import { Link, Navigate, Outlet, useLocation } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { t } from '../i18n'
import { useRights } from '../session/session'
import { Page } from '../ui/Page'
import css from './settings.module.css'

export function SettingsPage() {
  const rights = useRights()
  const inside = useLocation().pathname.replace(/\/$/, '') !== '/settings'
  return (
    <div className={css.settings} data-section={inside || undefined}>
      <nav className={css.nav} aria-label={t('nav.settings')}>
        <h1>{t('nav.settings')}</h1>
        <Entry to="/settings/me" name={t('settings.me')} icon={<IconUser size={18} stroke={1.75} />} />
        {rights.channels && (
          <Entry
            to="/settings/channels"
            name={t('settings.channels')}
            icon={<IconPlugConnected size={18} stroke={1.75} />}
          />
        )}
        {rights.people && (
          <Entry to="/settings/people" name={t('settings.people')} icon={<IconUsers size={18} stroke={1.75} />} />
        )}
        {rights.people && (
          <Entry to="/settings/teams" name={t('settings.teams')} icon={<IconUsersGroup size={18} stroke={1.75} />} />
        )}
        <Entry to="/settings/tokens" name={t('settings.tokens')} icon={<IconKey size={18} stroke={1.75} />} />
        {rights.quarantine && (
          <Entry
            to="/settings/quarantine"
            name={t('settings.quarantine')}
            icon={<IconShieldQuestion size={18} stroke={1.75} />}
          />
        )}
      </nav>
      <div className={css.content}>
        <Outlet />
      </div>
    </div>
  )
}

function Entry({ to, name, icon }: { to: string; name: string; icon: ReactNode }) {
  return (
    <Link to={to} className={css.navLink}>
      {icon}
      {name}
    </Link>
  )
}

/** Wide screens go on to the first section; a phone shows the list of sections. */
export function SettingsHome() {
  const rights = useRights()
  if (window.innerWidth < 900) return null
  return <Navigate to={rights.channels ? '/settings/channels' : '/settings/me'} replace />
}

/** One section of the settings, with the way back that a phone needs. */
export function Section({
  title,
  actions,
  children,
  wide,
}: {
  title: string
  actions?: ReactNode
  children: ReactNode
  wide?: boolean
}) {
  return (
    <Page
      title={title}
      wide={wide}
      actions={
        <>
          {actions}
          <ActionIcon className={css.phoneHome} component={Link} to="/settings" aria-label={t('common.back')}>
            <IconArrowLeft size={20} />
          </ActionIcon>
        </>
      }
    >
      {children}
    </Page>
  )
}
