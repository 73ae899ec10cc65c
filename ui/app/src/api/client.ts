// Every call to the hub's API stands in this file, typed by the hub's own OpenAPI document.

import createClient, { type Middleware } from 'openapi-fetch'
import { Problem } from './problem'
import type { paths } from './schema.gen'
import type * as T from './types'

const SESSION = '/api/v1/session'
let csrf: string | null = null
let onSignedOut: () => void = () => {}

/** The token that the hub wants with every change made under a session cookie. */
export function setCsrfToken(token: string | null) {
  csrf = token
}

/** Called when the hub says that there is no session any more. */
export function whenSignedOut(fn: () => void) {
  onSignedOut = fn
}

/** A key for one intent: repeating a POST with it gives the first answer again. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}

const proof: Middleware = {
  onRequest({ request }) {
    if (request.method === 'GET') return
    if (csrf) request.headers.set('X-CSRF-Token', csrf)
    if (request.method === 'POST' && !request.headers.has('Idempotency-Key')) {
      request.headers.set('Idempotency-Key', newKey())
    }
  },
  onError({ error, request }) {
    return request.signal.aborted ? (error as Error) : new Problem(0, 'no connection')
  },
}

const hub = createClient<paths>({ baseUrl: location.origin, credentials: 'same-origin' })
hub.use(proof)

interface Answer {
  data?: unknown
  error?: unknown
  response: Response
}

/** The body of a good answer; a refusal is thrown as a Problem. */
async function good<R>(answer: Promise<Answer>): Promise<R> {
  const { data, error, response } = await answer
  if (response.ok) return data as R
  if (response.status === 401 && !response.url.endsWith(SESSION)) onSignedOut()
  throw refusal(response, error)
}

function refusal(response: Response, body: unknown): Problem {
  const p = (body && typeof body === 'object' ? body : {}) as {
    title?: string
    detail?: string
    errors?: []
    messages?: []
  }
  return new Problem(response.status, p.title ?? response.statusText, p.detail, p.errors ?? [], p.messages ?? [])
}

const byId = (id: string) => ({ params: { path: { id } } })
const guarded = (id: string, version?: number) => ({
  params: { path: { id }, header: version === undefined ? {} : { 'If-Match': `"${version}"` } },
})

export type ConversationQuery = NonNullable<paths['/api/v1/conversations']['get']['parameters']['query']>
export type NewMessage =
  paths['/api/v1/conversations/{id}/messages']['post']['requestBody']['content']['application/json']
type ConversationChange = paths['/api/v1/conversations/{id}']['patch']['requestBody']['content']['application/json']

export const api = {
  setupNeeded: () => good<{ needed: boolean }>(hub.GET('/api/v1/setup')),
  setup: (body: { name: string; email: string; password: string }) =>
    good<T.Session>(hub.POST('/api/v1/setup', { body })),
  setPassword: (body: { link: string; password: string }) => good<T.Session>(hub.POST('/api/v1/password', { body })),

  session: () => good<T.Session>(hub.GET(SESSION)),
  signIn: (body: { email: string; password: string; totp?: string }) => good<T.Session>(hub.POST(SESSION, { body })),
  signOut: () => good<void>(hub.DELETE(SESSION)),
  saveSession: (body: { settings?: Record<string, unknown>; availability?: string }) =>
    good<T.Session>(hub.PATCH(SESSION, { body })),

  conversations: (query: ConversationQuery, signal?: AbortSignal) =>
    good<T.Page<T.Conversation>>(hub.GET('/api/v1/conversations', { params: { query }, signal })),
  conversation: (id: string) => good<T.Conversation>(hub.GET('/api/v1/conversations/{id}', byId(id))),
  counts: () => good<T.Counts>(hub.GET('/api/v1/conversations/counts')),
  saveConversation: (id: string, body: ConversationChange) =>
    good<T.Conversation>(hub.PATCH('/api/v1/conversations/{id}', { ...guarded(id), body })),
  markRead: (id: string) => good<T.Conversation>(hub.POST('/api/v1/conversations/{id}/read', byId(id))),
  markUnread: (id: string) => good<T.Conversation>(hub.POST('/api/v1/conversations/{id}/unread', byId(id))),

  messages: (id: string, before?: string, signal?: AbortSignal) =>
    good<T.Page<T.Message>>(
      hub.GET('/api/v1/conversations/{id}/messages', {
        params: { path: { id }, query: { before, limit: 30 } },
        signal,
      }),
    ),
  write: (id: string, body: NewMessage, key: string) =>
    good<T.Message>(
      hub.POST('/api/v1/conversations/{id}/messages', { ...byId(id), body, headers: { 'Idempotency-Key': key } }),
    ),
  cancelMessage: (id: string, message_id: string) =>
    good<T.Message>(
      hub.POST('/api/v1/conversations/{id}/messages/{message_id}/cancel', { params: { path: { id, message_id } } }),
    ),
  retryMessage: (id: string, message_id: string) =>
    good<T.Message>(
      hub.POST('/api/v1/conversations/{id}/messages/{message_id}/retry', { params: { path: { id, message_id } } }),
    ),

  picture,

  contacts: (query: { q?: string; cursor?: string; limit?: number }, signal?: AbortSignal) =>
    good<T.Page<T.Contact>>(hub.GET('/api/v1/contacts', { params: { query }, signal })),
  contact: (id: string) => good<T.Contact>(hub.GET('/api/v1/contacts/{id}', byId(id))),
  saveContact: (id: string, body: { name?: string }) =>
    good<T.Contact>(hub.PATCH('/api/v1/contacts/{id}', { ...guarded(id), body })),
  timeline: (id: string) => good<T.Page<T.TimelineEntry>>(hub.GET('/api/v1/contacts/{id}/timeline', byId(id))),

  leads: (query: { contact?: string; cursor?: string; limit?: number }) =>
    good<T.Page<T.Lead>>(hub.GET('/api/v1/leads', { params: { query } })),
  lead: (id: string) => good<T.Lead>(hub.GET('/api/v1/leads/{id}', byId(id))),
  saveLead: (id: string, body: { stage_id?: string }) =>
    good<T.Lead>(hub.PATCH('/api/v1/leads/{id}', { ...guarded(id), body })),
  pipelines: () => good<T.Page<T.Pipeline>>(hub.GET('/api/v1/pipelines')),

  calls: (query: {
    state?: T.CallState
    direction?: 'inbound' | 'outbound'
    contact?: string
    cursor?: string
    limit?: number
  }) => good<T.Page<T.Call>>(hub.GET('/api/v1/calls', { params: { query } })),
  call: (id: string) => good<T.Call>(hub.GET('/api/v1/calls/{id}', byId(id))),

  search: (q: string, signal?: AbortSignal) =>
    good<T.Page<T.SearchHit>>(hub.GET('/api/v1/search', { params: { query: { q } }, signal })),

  channels: () => good<T.Page<T.Channel>>(hub.GET('/api/v1/channels')),
  channel: (id: string) => good<T.Channel>(hub.GET('/api/v1/channels/{id}', byId(id))),
  createChannel: (body: { type: T.ChannelType; name: string; config: Record<string, unknown> }) =>
    good<T.Channel>(hub.POST('/api/v1/channels', { body })),
  saveChannel: (id: string, body: { name?: string; config?: Record<string, unknown> }, version?: number) =>
    good<T.Channel>(hub.PATCH('/api/v1/channels/{id}', { ...guarded(id, version), body })),
  testChannel: (id: string) => good<{ ok: boolean; detail: string }>(hub.POST('/api/v1/channels/{id}/test', byId(id))),
  enableChannel: (id: string) => good<T.Channel>(hub.POST('/api/v1/channels/{id}/enable', byId(id))),
  authorizeChannel: (id: string) => good<{ url: string }>(hub.POST('/api/v1/channels/{id}/authorize', byId(id))),
  reconcileChannel: (id: string) => good<T.Page<T.Reconciled>>(hub.POST('/api/v1/channels/{id}/reconcile', byId(id))),
  disableChannel: (id: string) => good<T.Channel>(hub.POST('/api/v1/channels/{id}/disable', byId(id))),

  users: () => good<T.Page<T.User>>(hub.GET('/api/v1/users')),
  createUser: (body: { name: string; email: string; role: T.RoleName }) =>
    good<T.User & { invite_url?: string }>(hub.POST('/api/v1/users', { body })),
  saveUser: (id: string, body: { role?: T.RoleName; disabled?: boolean }) =>
    good<T.User>(hub.PATCH('/api/v1/users/{id}', { ...guarded(id), body })),
  passwordLink: (id: string) => good<{ invite_url: string }>(hub.POST('/api/v1/users/{id}/link', byId(id))),
  roles: () => good<T.Page<T.Role>>(hub.GET('/api/v1/roles')),
  teams: () => good<T.Page<T.Team>>(hub.GET('/api/v1/teams')),
  createTeam: (body: { name: string }) => good<T.Team>(hub.POST('/api/v1/teams', { body })),
  joinTeam: (id: string, user_id: string) =>
    good<T.Team>(hub.POST('/api/v1/teams/{id}/members', { ...byId(id), body: { user_id } })),
  leaveTeam: (id: string, user_id: string) =>
    good<T.Team>(hub.DELETE('/api/v1/teams/{id}/members/{user_id}', { params: { path: { id, user_id } } })),

  tokens: () => good<T.Page<T.ApiToken>>(hub.GET('/api/v1/tokens')),
  createToken: (body: { name: string }) => good<T.NewToken>(hub.POST('/api/v1/tokens', { body })),
  revokeToken: (id: string) => good<void>(hub.DELETE('/api/v1/tokens/{id}', byId(id))),

  inbound: (query: { state?: T.InboundItem['state']; cursor?: string }) =>
    good<T.Page<T.InboundItem>>(hub.GET('/api/v1/inbound', { params: { query } })),
  replay: (id: string) => good<T.InboundItem>(hub.POST('/api/v1/inbound/{id}/replay', byId(id))),
  discard: (id: string) => good<T.InboundItem>(hub.POST('/api/v1/inbound/{id}/discard', byId(id))),
}

/** A picture of a mail from somebody else's server, fetched by the hub, as a data: URI. */
async function picture(url: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(`/api/v1/pictures?url=${encodeURIComponent(url)}`, { signal })
  if (!response.ok) throw new Problem(response.status, response.statusText)
  const blob = await response.blob()
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result))
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(blob)
  })
}

/** Sends one file and tells how far it is (0 to 1). Abort the signal to stop it. */
export function upload(file: File, onProgress: (done: number) => void, signal: AbortSignal): Promise<T.Upload> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open('POST', '/api/v1/uploads')
    if (csrf) xhr.setRequestHeader('X-CSRF-Token', csrf)
    xhr.setRequestHeader('Idempotency-Key', newKey())
    xhr.upload.onprogress = (e) => e.lengthComputable && onProgress(e.loaded / e.total)
    xhr.onerror = () => reject(new Problem(0, 'no connection'))
    xhr.onabort = () => reject(new DOMException('stopped', 'AbortError'))
    xhr.onload = () => {
      const body = parseJson(xhr.responseText)
      if (xhr.status < 300) resolve(body as unknown as T.Upload)
      else reject(new Problem(xhr.status, String(body.title ?? xhr.statusText), String(body.detail ?? '')))
    }
    signal.addEventListener('abort', () => xhr.abort())
    const form = new FormData()
    form.append('file', file)
    xhr.send(form)
  })
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
