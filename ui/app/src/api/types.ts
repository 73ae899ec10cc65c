// What the hub's API gives and takes (CONTRACT §2 and §4).

export type ChannelType = 'email' | 'sms' | 'telegram' | 'webchat' | 'telephony' | 'form'
export type ConversationStatus = 'open' | 'pending' | 'snoozed' | 'resolved'
export type Priority = 'low' | 'normal' | 'high' | 'urgent'

export interface Page<T> {
  data: T[]
  next_cursor: string | null
}

export interface User {
  id: string
  name: string
  email: string
  role: string
  team_ids: string[]
  availability: string
  disabled: boolean
}

export interface Me extends Omit<User, 'disabled'> {
  permissions: string[]
  settings: Record<string, unknown> | null
}

export interface Session {
  user: Me
  csrf_token: string | null
}

export interface Team {
  id: string
  name: string
  member_ids: string[]
}

export interface Role {
  id: string
  permissions: string[]
}

export interface Channel {
  id: string
  type: ChannelType
  name: string
  state: 'connecting' | 'connected' | 'error' | 'unauthorized' | 'disabled'
  state_detail: string
  webhook_urls: Record<string, string> | null
  config: Record<string, unknown>
  last_inbound_at: string | null
  created_at: string
  version: number
}

export interface LastMessage {
  id: string
  preview: string
  direction: Direction
  created_at: string
}

export interface Match {
  how: 'identity' | 'thread' | 'created'
  evidence: string
}

export interface Conversation {
  id: string
  number: number
  status: ConversationStatus
  priority: Priority
  subject: string
  channel_id: string
  channel_type: ChannelType
  contact_id: string
  lead_id: string | null
  assignee_id: string | null
  team_id: string | null
  labels: string[]
  unread_count: number
  last_message: LastMessage | null
  match: Match | null
  /** The address that answers go to. */
  peer?: string
  peer_name?: string
  waiting_since: string | null
  snoozed_until: string | null
  created_at: string
  updated_at: string
  last_seq: number
  version: number
}

export type Direction = 'inbound' | 'outbound' | 'note' | 'activity'
export type MessageStatus =
  | 'received'
  | 'queued'
  | 'sending'
  | 'sent'
  | 'delivered'
  | 'read'
  | 'failed'
  | 'unknown'
  | 'cancelled'

export interface Attachment {
  id: string
  name: string
  mime_type: string
  size: number
  /** A short-lived link; empty until the file is here. */
  url: string
  state?: 'ready' | 'pending' | 'failed'
  problem?: string
  inline?: boolean
}

export interface Message {
  id: string
  conversation_id: string
  contact_id: string | null
  channel_id: string | null
  direction: Direction
  kind: string
  subject?: string
  body_text: string
  body_html: string
  attachments: Attachment[] | null
  author: { type: 'contact' | 'user' | 'automation'; id: string | null; name: string }
  status: MessageStatus
  error: string | null
  provider_id: string | null
  edits: { at: string; body_text: string }[] | null
  deleted_at: string | null
  created_at: string
  call_id?: string | null
  send_at?: string | null
  /** Set when no person wrote it. */
  auto?: string
}

export interface Identity {
  kind: 'email' | 'phone' | 'telegram' | 'webchat' | 'external'
  value: string
  trust: 'asserted' | 'channel' | 'domain' | 'confirmed'
  channel_id: string | null
}

export interface Contact {
  id: string
  name: string
  identities: Identity[]
  company_id: string | null
  owner_id: string | null
  labels: string[]
  fields: Record<string, unknown> | null
  consent: Record<string, unknown> | null
  merged_into: string | null
  created_at: string
  version: number
}

export interface Money {
  amount: string
  currency: string
}

export interface Lead {
  id: string
  number: number
  title: string
  stage_id: string
  pipeline_id: string
  contact_id: string
  conversation_id: string | null
  owner_id: string | null
  source: { channel_type?: ChannelType; channel_id?: string; utm?: Record<string, string> | null } | null
  temperature: 'cold' | 'warm' | 'hot' | null
  score: number | null
  value: Money | null
  created_at: string
  version: number
}

export interface Stage {
  id: string
  name: string
  position: number
  kind: 'open' | 'won' | 'lost'
}

export interface Pipeline {
  id: string
  name: string
  is_default: boolean
  stages: Stage[]
}

export type CallState = 'ringing' | 'answered' | 'missed' | 'ended' | 'failed'

export interface Call {
  id: string
  direction: 'inbound' | 'outbound'
  state: CallState
  from: string
  to: string
  contact_id: string | null
  contact_name?: string
  conversation_id: string | null
  lead_id: string | null
  agent_id: string | null
  message_id?: string | null
  started_at: string | null
  created_at: string
  answered_at: string | null
  ended_at: string | null
  talk_seconds: number | null
  recording: { state: 'none' | 'pending' | 'ready' | 'failed'; duration: number | null; url: string | null; problem?: string } | null
}

export interface InboundItem {
  id: string
  channel_id: string
  state: 'processed' | 'duplicate' | 'quarantined' | 'rejected'
  reason: string
  received_at: string
}

export interface ApiToken {
  id: string
  name: string
  user_id: string
  scopes: string[] | null
  last_used_at: string | null
  expires_at: string | null
  token?: string
}

export interface Upload {
  id: string
  name: string
  mime_type: string
  size: number
}

export interface Counts {
  mine: number
  unassigned: number
  all: number
  snoozed: number
}

export interface SearchHit {
  type: string
  id: string
  title: string
  snippet?: string
  conversation_id?: string | null
  contact_id?: string | null
}

export type TimelineEntry = { type: 'conversation' | 'call' | 'lead'; at: string } & Record<string, unknown>

export interface EventFrame {
  seq: number
  id: string
  type: string
  at: string
  actor?: { type: string; id: string; name?: string } | null
  data: unknown
  changes?: Record<string, { from: unknown; to: unknown }> | null
}
