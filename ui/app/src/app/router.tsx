import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import type { CallState, ChannelType, ConversationStatus } from '../api/types'
import type { Sort } from '../live/view'
import { Broken } from './Broken'
import { Lost } from './Lost'
import { Shell } from './Shell'

export type InboxView = 'mine' | 'unassigned' | 'all'

export interface InboxSearch {
  status?: ConversationStatus
  channel_type?: ChannelType
  team?: string
  label?: string
  q?: string
  sort?: Sort
}

interface CallsSearch {
  state?: CallState
  direction?: 'inbound' | 'outbound'
}

const LAST_VIEW = 'parley.inbox.view'

export function rememberView(view: InboxView) {
  localStorage.setItem(LAST_VIEW, view)
}

export function lastView(): InboxView {
  const kept = localStorage.getItem(LAST_VIEW)
  return kept === 'mine' || kept === 'unassigned' ? kept : 'all'
}

const word = (v: unknown) => (typeof v === 'string' && v !== '' ? v : undefined)
const oneOf = <T extends string>(v: unknown, allowed: readonly T[]) => allowed.find((x) => x === v)

function inboxSearch(raw: Record<string, unknown>): InboxSearch {
  return {
    status: oneOf(raw.status, ['pending', 'snoozed', 'resolved'] as const),
    channel_type: oneOf(raw.channel_type, ['email', 'sms', 'telegram', 'webchat', 'telephony', 'form'] as const),
    team: word(raw.team),
    label: word(raw.label),
    q: word(raw.q),
    sort: oneOf(raw.sort, ['waiting', 'oldest'] as const),
  }
}

const root = createRootRoute({ component: Outlet, notFoundComponent: Lost })
const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: Shell })

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/inbox/$view/{-$conversation}', params: { view: lastView() } })
  },
})

const setPassword = createRoute({
  getParentRoute: () => root,
  path: '/set-password',
  component: Outlet,
})

const welcome = createRoute({
  getParentRoute: () => root,
  path: '/welcome',
  component: lazyRouteComponent(() => import('../setup/Welcome'), 'Welcome'),
})

export const inboxRoute = createRoute({
  getParentRoute: () => shell,
  path: '/inbox/$view/{-$conversation}',
  params: {
    parse: (p) => ({ ...p, view: oneOf(p.view, ['mine', 'unassigned', 'all'] as const) ?? 'all' }),
    stringify: (p) => p,
  },
  validateSearch: inboxSearch,
  component: lazyRouteComponent(() => import('../inbox/InboxPage'), 'InboxPage'),
})

export const callsRoute = createRoute({
  getParentRoute: () => shell,
  path: '/calls',
  validateSearch: (raw: Record<string, unknown>): CallsSearch => ({
    state: oneOf(raw.state, ['ringing', 'answered', 'missed', 'ended', 'failed'] as const),
    direction: oneOf(raw.direction, ['inbound', 'outbound'] as const),
  }),
  component: lazyRouteComponent(() => import('../calls/CallsPage'), 'CallsPage'),
})

export const contactsRoute = createRoute({
  getParentRoute: () => shell,
  path: '/contacts/{-$contact}',
  validateSearch: (raw: Record<string, unknown>): { q?: string } => ({ q: word(raw.q) }),
  component: lazyRouteComponent(() => import('../contacts/ContactsPage'), 'ContactsPage'),
})

export const leadsRoute = createRoute({
  getParentRoute: () => shell,
  path: '/leads',
  component: lazyRouteComponent(() => import('../leads/LeadsPage'), 'LeadsPage'),
})

const settings = createRoute({
  getParentRoute: () => shell,
  path: '/settings',
  component: lazyRouteComponent(() => import('../settings/SettingsPage'), 'SettingsPage'),
})

const section = <P extends string>(path: P, load: () => Promise<Record<string, unknown>>, name: string) =>
  createRoute({
    getParentRoute: () => settings,
    path,
    // biome-ignore lint/suspicious/noExplicitAny: the router types lazy modules by their literal export names
    component: lazyRouteComponent(load as any, name),
  })

const settingsHome = createRoute({
  getParentRoute: () => settings,
  path: '/',
  component: lazyRouteComponent(() => import('../settings/SettingsPage'), 'SettingsHome'),
})
const mySettings = section('/me', () => import('../settings/MySettings'), 'MySettings')
const channels = section('/channels', () => import('../settings/ChannelsPage'), 'ChannelsPage')
const newChannel = createRoute({
  getParentRoute: () => settings,
  path: '/channels/new',
  validateSearch: (raw: Record<string, unknown>): { type?: ChannelType } => ({
    type: oneOf(raw.type, ['email', 'sms', 'telegram', 'webchat', 'telephony', 'form'] as const),
  }),
  component: lazyRouteComponent(() => import('../settings/NewChannel'), 'NewChannelPage'),
})
const channel = createRoute({
  getParentRoute: () => settings,
  path: '/channels/$channel',
  component: lazyRouteComponent(() => import('../settings/ChannelPage'), 'ChannelPage'),
})
const people = section('/people', () => import('../settings/PeoplePage'), 'PeoplePage')
const teams = section('/teams', () => import('../settings/TeamsPage'), 'TeamsPage')
const tokens = section('/tokens', () => import('../settings/TokensPage'), 'TokensPage')
const quarantine = section('/quarantine', () => import('../settings/QuarantinePage'), 'QuarantinePage')

const tree = root.addChildren([
  home,
  setPassword,
  welcome,
  shell.addChildren([
    inboxRoute,
    callsRoute,
    contactsRoute,
    leadsRoute,
    settings.addChildren([settingsHome, mySettings, channels, newChannel, channel, people, teams, tokens, quarantine]),
  ]),
])

export const router = createRouter({
  routeTree: tree,
  defaultPreload: 'intent',
  defaultErrorComponent: Broken,
  scrollRestoration: false,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
