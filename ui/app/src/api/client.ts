import { Problem } from './problem'
import type * as T from './types'

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

type Query = Record<string, string | number | boolean | undefined | null>

interface Options {
  query?: Query
  body?: unknown
  signal?: AbortSignal
  /** Sent as If-Match: the edit is refused (412) when the resource has moved on. */
  version?: number
  /** One key per intent; repeating the call with it gives the first answer again. */
  key?: string
}

export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}

function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') params.set(name, String(value))
  }
  const tail = params.toString()
  return `/api/v1${path}${tail ? `?${tail}` : ''}`
}

function headersFor(method: string, o: Options): Record<string, string> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (csrf && method !== 'GET') headers['X-CSRF-Token'] = csrf
  if (o.body !== undefined) headers['Content-Type'] = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
  if (o.version !== undefined) headers['If-Match'] = `"${o.version}"`
  if (method === 'POST') headers['Idempotency-Key'] = o.key ?? newKey()
  return headers
}

async function refusal(res: Response): Promise<Problem> {
  const body = await res.json().catch(() => ({}))
  return new Problem(res.status, body.title ?? res.statusText, body.detail, body.errors ?? [], body.messages ?? [])
}

async function call<R>(method: string, path: string, o: Options = {}): Promise<R> {
  const url = address(path, o.query)
  const res = await fetch(url, {
    method,
    headers: headersFor(method, o),
    body: o.body === undefined ? undefined : JSON.stringify(o.body),
    signal: o.signal,
    credentials: 'same-origin',
  }).catch((e) => {
    if (o.signal?.aborted) throw e
    throw new Problem(0, 'no connection')
  })
  if (res.status === 401 && path !== '/session') onSignedOut()
  if (!res.ok) throw await refusal(res)
  if (res.status === 204 || res.headers.get('content-length') === '0') return undefined as R
  return (await res.json()) as R
}

const get = <R>(path: string, query?: Query, signal?: AbortSignal) => call<R>('GET', path, { query, signal })
const post = <R>(path: string, body?: unknown, key?: string) => call<R>('POST', path, { body, key })
const patch = <R>(path: string, body: unknown, version?: number) => call<R>('PATCH', path, { body, version })
const del = (path: string) => call<void>('DELETE', path)

export interface ConversationQuery {
  status?: string
  assignee?: string
  team?: string
  channel?: string
  channel_type?: string
  label?: string
  contact?: string
  q?: string
  sort?: string
  cursor?: string
  limit?: number
}

export interface NewMessage {
  body: string
  format: 'text' | 'markdown' | 'html'
  note: boolean
  attachments: string[]
  hold_s?: number
  last_seen_seq?: number
}

export const api = {
  setupNeeded: () => get<{ needed: boolean }>('/setup'),
  setup: (b: { name: string; email: string; password: string }) => post<T.Session | undefined>('/setup', b),

  session: () => get<T.Session>('/session'),
  signIn: (b: { email: string; password: string; totp?: string }) => post<T.Session>('/session', b),
  signOut: () => del('/session'),
  saveSession: (b: { settings?: Record<string, unknown>; availability?: string }) => patch<T.Session>('/session', b),

  conversations: (q: ConversationQuery, signal?: AbortSignal) =>
    get<T.Page<T.Conversation>>('/conversations', { ...q }, signal),
  conversation: (id: string) => get<T.Conversation>(`/conversations/${id}`),
  counts: () => get<T.Counts>('/conversations/counts'),
  saveConversation: (id: string, change: Partial<T.Conversation>) =>
    patch<T.Conversation>(`/conversations/${id}`, change),
  markRead: (id: string) => post<void>(`/conversations/${id}/read`),
  markUnread: (id: string) => post<void>(`/conversations/${id}/unread`),

  messages: (id: string, before?: string, signal?: AbortSignal) =>
    get<T.Page<T.Message>>(`/conversations/${id}/messages`, { before, limit: 30 }, signal),
  write: (id: string, m: NewMessage, key: string) => post<T.Message>(`/conversations/${id}/messages`, m, key),
  cancelMessage: (conversation: string, id: string) => post<T.Message>(`/conversations/${conversation}/messages/${id}/cancel`),
  retryMessage: (conversation: string, id: string) => post<T.Message>(`/conversations/${conversation}/messages/${id}/retry`),

  contacts: (q: { q?: string; cursor?: string; limit?: number }, signal?: AbortSignal) =>
    get<T.Page<T.Contact>>('/contacts', q, signal),
  contact: (id: string) => get<T.Contact>(`/contacts/${id}`),
  saveContact: (id: string, change: Partial<T.Contact>, version?: number) =>
    patch<T.Contact>(`/contacts/${id}`, change, version),
  timeline: (id: string, cursor?: string) => get<T.Page<T.TimelineEntry>>(`/contacts/${id}/timeline`, { cursor }),

  leads: (q: { contact?: string; stage?: string; cursor?: string; limit?: number }) => get<T.Page<T.Lead>>('/leads', q),
  lead: (id: string) => get<T.Lead>(`/leads/${id}`),
  saveLead: (id: string, change: Partial<T.Lead>) => patch<T.Lead>(`/leads/${id}`, change),
  pipelines: () => get<{ data: T.Pipeline[] }>('/pipelines'),

  calls: (q: { state?: string; direction?: string; contact?: string; conversation?: string; cursor?: string; limit?: number }) =>
    get<T.Page<T.Call>>('/calls', q),

  call: (id: string) => get<T.Call>(`/calls/${id}`),

  search: (q: string, signal?: AbortSignal) => get<T.Page<T.SearchHit>>('/search', { q, limit: 20 }, signal),

  channels: () => get<T.Page<T.Channel>>('/channels', { limit: 200 }),
  channel: (id: string) => get<T.Channel>(`/channels/${id}`),
  createChannel: (b: { type: T.ChannelType; name: string; config: unknown }) => post<T.Channel>('/channels', b),
  saveChannel: (id: string, change: { name?: string; config?: unknown }, version?: number) =>
    patch<T.Channel>(`/channels/${id}`, change, version),
  deleteChannel: (id: string) => del(`/channels/${id}`),
  testChannel: (id: string) => post<{ ok: boolean; detail: string }>(`/channels/${id}/test`),
  setChannelEnabled: (id: string, on: boolean) => post<T.Channel>(`/channels/${id}/${on ? 'enable' : 'disable'}`),

  users: () => get<T.Page<T.User>>('/users', { limit: 200 }),
  createUser: (b: { name: string; email: string; role: string; password?: string }) =>
    post<T.User & { invite_url?: string }>('/users', b),
  saveUser: (id: string, change: Partial<T.User>) => patch<T.User>(`/users/${id}`, change),
  roles: () => get<{ data: T.Role[] }>('/roles'),
  teams: () => get<T.Page<T.Team>>('/teams', { limit: 200 }),
  createTeam: (b: { name: string; member_ids?: string[] }) => post<T.Team>('/teams', b),
  saveTeam: (id: string, change: Partial<T.Team>) => patch<T.Team>(`/teams/${id}`, change),
  joinTeam: (id: string, user: string) => post<void>(`/teams/${id}/members`, { user_id: user }),
  leaveTeam: (id: string, user: string) => del(`/teams/${id}/members/${user}`),

  tokens: () => get<T.Page<T.ApiToken>>('/tokens', { limit: 200 }),
  createToken: (b: { name: string; expires_at?: string }) => post<T.ApiToken>('/tokens', b),
  revokeToken: (id: string) => del(`/tokens/${id}`),

  inbound: (q: { state?: string; cursor?: string }) => get<T.Page<T.InboundItem>>('/inbound', q),
  replay: (id: string) => post<T.InboundItem>(`/inbound/${id}/replay`),
  discard: (id: string) => post<T.InboundItem>(`/inbound/${id}/discard`),
}

/** Sends one file and tells how far it is (0 to 1). Abort the signal to stop it. */
export function upload(file: File, onProgress: (done: number) => void, signal: AbortSignal): Promise<T.Upload> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open('POST', address('/uploads'))
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
