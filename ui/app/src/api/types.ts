// The hub's resources, from its own OpenAPI document (npm run types), narrowed where the document says less than the
// hub keeps to: lists are never null, words of closed sets are literals.

import type { components } from './schema.gen'

type Schemas = components['schemas']

/** A resource whose lists are lists. */
type Whole<T> = { [K in keyof T]: NonNullable<T[K]> extends unknown[] ? NonNullable<T[K]> : T[K] }
type As<T, Over> = Omit<Whole<T>, keyof Over> & Over

export type ChannelType = 'email' | 'sms' | 'telegram' | 'webchat' | 'telephony' | 'form'
export type ConversationStatus = Schemas['ConversationView']['status']
export type Priority = Schemas['ConversationView']['priority']
export type Direction = Schemas['MessageView']['direction']
export type CallState = Schemas['CallView']['state']

export interface Page<T> {
  data: T[]
  next_cursor: string | null
}

export type User = Whole<Schemas['UserView']>
export type RoleName = User['role']
export type NewToken = ApiToken & { token: string }
export type Me = Omit<User, 'disabled'> & { permissions: string[]; settings: Record<string, unknown> | null }
export interface Session {
  user: Me
  csrf_token: string | null
}
export type Team = Whole<Schemas['TeamView']>
export type Role = Whole<Schemas['RoleView']>
export type Channel = As<Schemas['ChannelView'], { config: Record<string, unknown> }>
export type Reconciled = Schemas['Reconciled']
export type LastMessage = Schemas['LastMessage']
export type Match = Schemas['Match']
export type Conversation = As<
  Schemas['ConversationView'],
  { channel_type: ChannelType; last_message: (Omit<LastMessage, 'direction'> & { direction: Direction }) | null }
>
export type Attachment = Schemas['AttachmentView']
export type Message = Whole<Schemas['MessageView']>
export type Identity = Schemas['IdentityView']
export type Contact = As<Schemas['ContactView'], { identities: Identity[]; fields: Record<string, unknown> }>
export type Money = Schemas['Money']
export type Lead = As<
  Schemas['LeadView'],
  {
    value: Money | null
    source: { channel_type?: ChannelType; channel_id?: string; utm?: Record<string, string> | null } | null
  }
>
export type Stage = Schemas['StageView']
export type Pipeline = As<Schemas['PipelineView'], { stages: Stage[] }>
export type Call = Schemas['CallView']
export type InboundItem = Schemas['JournalView']
export type ApiToken = Whole<Schemas['TokenView']>
export type Counts = Schemas['Counts']
export type SearchHit = Schemas['Hit']
export type TimelineEntry = Omit<Schemas['TimelineItem'], 'conversation' | 'lead'> & {
  conversation?: Conversation
  lead?: Lead
}

export interface Upload {
  id: string
  name: string
  mime_type: string
  size: number
}

export interface EventFrame {
  seq: number
  id: string
  type: string
  at: string
  actor?: { type: string; id?: string; name?: string } | null
  data: unknown
  changes?: Record<string, { from: unknown; to: unknown }> | null
}
