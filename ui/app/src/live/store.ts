// The one place where live data enters. It knows no framework: components subscribe by id (hooks.ts).
//
// Two sources feed it. Events come from the socket in order of their seq; a repeated or older one is refused. Snapshots
// come from REST; each says at which position it was asked for, and what an event changed after that stays as the event
// left it, because the snapshot may have been read before.

import type { Call, Channel, Contact, Conversation, EventFrame, Lead, Message } from '../api/types'
import { isOfWords } from '../text/signature'
import { type Pace, Topics } from './topics'

export interface Entities {
  conversation: Conversation
  contact: Contact
  lead: Lead
  call: Call
  channel: Channel
}

export type Kind = keyof Entities

/** A message that this browser has written and the hub has not confirmed yet. */
export interface Pending {
  key: string
  conversation: string
  note: boolean
  body: string
  attachments: { id: string; name: string; mime_type: string; size: number }[]
  /** What makes it a mail, as it was typed. */
  mail?: { to: string; cc: string; bcc: string; subject: string }
  forward?: boolean
  createdAt: string
  state: 'sending' | 'waiting' | 'refused'
  reason?: string
  /** The log has told of it before the hub's answer came: the message itself is on the screen. */
  arrived?: boolean
}

export interface ThreadState {
  /** Ids, oldest first. */
  ids: string[]
  /** Cursor of the next older page, null at the beginning of the conversation. */
  older: string | null
  /** False until the newest page has been read. */
  loaded: boolean
  /** True after a resync: what is shown may have holes, and the next newest page replaces it. */
  stale: boolean
}

const THREADS_KEPT = 30
const NO_THREAD: ThreadState = { ids: [], older: null, loaded: false, stale: false }

const kindOfEvent: Record<string, Kind> = {
  conversation: 'conversation',
  contact: 'contact',
  lead: 'lead',
  call: 'call',
}

export class LiveStore {
  readonly topics = new Topics()
  /** Position in the event log; null before the first hello. */
  position: number | null = null
  epoch: string | null = null

  private readonly tables: { [K in Kind]: Map<string, Entities[K]> } = {
    conversation: new Map(),
    contact: new Map(),
    lead: new Map(),
    call: new Map(),
    channel: new Map(),
  }
  private readonly messages = new Map<string, Message>()
  private readonly threads = new Map<string, ThreadState>()
  private readonly pending = new Map<string, Pending[]>()
  /** By "kind:id", the seq of the event that last wrote it. */
  private readonly writtenAt = new Map<string, number>()
  private readonly removed = new Set<string>()
  /** Something was read before the first hello: an event between the two would have been missed. */
  private askedBlind = false
  private readonly eventListeners = new Set<(e: EventFrame) => void>()
  private readonly resyncListeners = new Set<() => void>()

  get<K extends Kind>(kind: K, id: string): Entities[K] | undefined {
    return this.tables[kind].get(id)
  }

  all<K extends Kind>(kind: K): IterableIterator<Entities[K]> {
    return this.tables[kind].values()
  }

  message(id: string): Message | undefined {
    return this.messages.get(id)
  }

  thread(conversation: string): ThreadState {
    return this.threads.get(conversation) ?? NO_THREAD
  }

  pendingOf(conversation: string): Pending[] {
    return this.pending.get(conversation) ?? NO_PENDING
  }

  isRemoved(conversation: string) {
    return this.removed.has(conversation)
  }

  onEvent(fn: (e: EventFrame) => void): () => void {
    this.eventListeners.add(fn)
    return () => this.eventListeners.delete(fn)
  }

  /** fn is called when everything on the screen has to be read again. */
  onResync(fn: () => void): () => void {
    this.resyncListeners.add(fn)
    return () => this.resyncListeners.delete(fn)
  }

  // ---- the socket

  /** Takes the first frame of a connection. since is what the connection asked to resume from, null for a fresh start. */
  hello(frame: { seq: number; epoch: string }, since: number | null) {
    const strange = this.epoch !== null && this.epoch !== frame.epoch
    this.epoch = frame.epoch
    if (strange || (since === null && this.askedBlind)) this.resync(frame.seq)
    else if (since === null) this.position = frame.seq
  }

  /** The position to give with the snapshot that is about to be asked for. */
  asking(): number | null {
    if (this.position === null) this.askedBlind = true
    return this.position
  }

  /** The log no longer reaches back to us: go on from seq and read anew. */
  resync(seq: number) {
    this.position = seq
    this.askedBlind = false
    this.writtenAt.clear()
    for (const [id, thread] of this.threads) this.threads.set(id, { ...thread, stale: true })
    for (const fn of [...this.resyncListeners]) fn()
  }

  /** Moves over what was not for us. */
  mark(lastSeq: number) {
    if (this.position === null || lastSeq > this.position) this.position = lastSeq
  }

  /** Applies one event; false when it had been applied before. */
  apply(e: EventFrame): boolean {
    if (this.position !== null && e.seq <= this.position) return false
    this.position = e.seq
    this.change(e)
    for (const fn of [...this.eventListeners]) fn(e)
    return true
  }

  private change(e: EventFrame) {
    const [subject = '', verb] = e.type.split('.')
    if (subject === 'conversation' && verb === 'removed') return this.removeConversation((e.data as { id: string }).id)
    if (subject === 'message') return this.putMessage(e.data as Message, e.seq)
    if (subject === 'channel') return this.changeChannel(e.data as Partial<Channel> & { id: string }, e.seq)
    const kind = kindOfEvent[subject]
    if (kind) this.put(kind, e.data as Entities[typeof kind], e.seq)
  }

  /** channel.state tells only what everybody may know of a channel. */
  private changeChannel(part: Partial<Channel> & { id: string }, seq: number) {
    const known = this.tables.channel.get(part.id)
    if (known) this.put('channel', { ...known, ...part }, seq)
  }

  private removeConversation(id: string) {
    this.tables.conversation.delete(id)
    this.threads.delete(id)
    this.removed.add(id)
    this.touch('conversation', id)
    this.topics.touch(`thread:${id}`, 'frame')
  }

  // ---- snapshots

  /** Takes resources read from REST that was asked at position askedAt (null: before any position was known). */
  snapshot<K extends Kind>(kind: K, rows: Entities[K][], askedAt: number | null) {
    for (const row of rows) {
      if (this.newerThan(`${kind}:${row.id}`, askedAt)) continue
      this.put(kind, row, null)
    }
  }

  /** Takes one page of a thread. before is the cursor it was asked with; the newest page has none. */
  threadPage(conversation: string, rows: Message[], older: string | null, askedAt: number | null, before?: string) {
    for (const m of rows) {
      if (!this.newerThan(`message:${m.id}`, askedAt)) this.messages.set(m.id, m)
    }
    const shown = this.threads.get(conversation)
    const known = shown?.stale && before === undefined ? undefined : shown
    const refresh = before === undefined && known?.loaded
    const ids = new Set([...rows.map((m) => m.id), ...(known?.ids ?? [])])
    this.threads.delete(conversation)
    this.threads.set(conversation, {
      ids: this.ordered(ids),
      older: refresh ? known.older : older,
      loaded: known?.loaded || before === undefined,
      stale: known?.stale ?? false,
    })
    this.dropOldThreads()
    this.topics.touch(`thread:${conversation}`, 'frame')
    this.topics.flush()
  }

  /** Writes the answer to a change that this browser asked for. */
  answer<K extends Kind>(kind: K, row: Entities[K]) {
    this.put(kind, row, null)
    this.topics.flush()
  }

  answerMessage(m: Message) {
    const known = this.messages.get(m.id)
    // The event that followed the answer may have overtaken it.
    if (!known || !this.writtenAt.has(`message:${m.id}`)) this.putMessage(m, null)
    this.topics.flush()
  }

  /** Shows a change before the hub has confirmed it, and gives back what undoes it. */
  optimistic<K extends Kind>(kind: K, id: string, change: Partial<Entities[K]>): () => void {
    const before = this.tables[kind].get(id)
    if (!before) return () => {}
    this.tables[kind].set(id, { ...before, ...change })
    this.touch(kind, id)
    this.topics.flush()
    return () => this.rollBack(kind, id, before, change)
  }

  private rollBack<K extends Kind>(kind: K, id: string, before: Entities[K], change: Partial<Entities[K]>) {
    const now = this.tables[kind].get(id)
    if (!now) return
    const restored = { ...now }
    for (const field of Object.keys(change) as (keyof Entities[K])[]) {
      if (now[field] === change[field]) restored[field] = before[field]
    }
    this.tables[kind].set(id, restored)
    this.touch(kind, id)
    this.topics.flush()
  }

  // ---- what is being sent

  addPending(p: Pending) {
    this.pending.set(p.conversation, [...this.pendingOf(p.conversation), p])
    this.touchThreadNow(p.conversation)
  }

  changePending(conversation: string, key: string, change: Partial<Pending>) {
    this.pending.set(
      conversation,
      this.pendingOf(conversation).map((p) => (p.key === key ? { ...p, ...change } : p)),
    )
    this.touchThreadNow(conversation)
  }

  dropPending(conversation: string, key: string) {
    const left = this.pendingOf(conversation).filter((p) => p.key !== key)
    if (left.length) this.pending.set(conversation, left)
    else this.pending.delete(conversation)
    this.touchThreadNow(conversation)
  }

  private touchThreadNow(conversation: string) {
    this.topics.touch(`thread:${conversation}`, 'frame')
    this.topics.flush()
  }

  // ---- inside

  private put<K extends Kind>(kind: K, row: Entities[K], seq: number | null) {
    const table = this.tables[kind]
    const known = table.get(row.id)
    if (known && olderVersion(row, known)) return
    table.set(row.id, row)
    if (seq !== null) this.writtenAt.set(`${kind}:${row.id}`, seq)
    if (kind === 'conversation') this.removed.delete(row.id)
    this.touch(kind, row.id)
  }

  private putMessage(m: Message, seq: number | null) {
    this.messages.set(m.id, m)
    if (seq !== null) this.writtenAt.set(`message:${m.id}`, seq)
    if (seq !== null) this.arrive(m)
    const thread = this.threads.get(m.conversation_id)
    if (thread && !thread.ids.includes(m.id) && this.belongs(thread, m)) {
      this.threads.set(m.conversation_id, { ...thread, ids: this.ordered([...thread.ids, m.id]) })
    } else if (thread) {
      this.threads.set(m.conversation_id, { ...thread })
    }
    this.topics.touch(`message:${m.id}`, 'frame')
    this.topics.touch(`thread:${m.conversation_id}`, 'frame')
  }

  /** The event of a message may overtake the answer to the one who wrote it: it must not be seen twice. */
  private arrive(m: Message) {
    const list = this.pending.get(m.conversation_id)
    const note = m.direction === 'note'
    if (!list || (!note && m.direction !== 'outbound')) return
    const own = list.find(
      (p) => !p.arrived && p.state === 'sending' && p.note === note && isOfWords(m.body_text, p.body),
    )
    if (!own) return
    this.pending.set(
      m.conversation_id,
      list.map((p) => (p === own ? { ...p, arrived: true } : p)),
    )
  }

  /** A message older than the oldest loaded one stays out until its page is read, or it would leave a hole above it. */
  private belongs(thread: ThreadState, m: Message): boolean {
    const oldest = thread.ids[0] && this.messages.get(thread.ids[0])
    return !oldest || thread.older === null || inOrder(oldest, m) < 0
  }

  private ordered(ids: Iterable<string>): string[] {
    const known = [...ids].map((id) => this.messages.get(id)).filter((m): m is Message => m !== undefined)
    return known.sort(inOrder).map((m) => m.id)
  }

  private dropOldThreads() {
    for (const id of this.threads.keys()) {
      if (this.threads.size <= THREADS_KEPT) return
      for (const m of this.threads.get(id)?.ids ?? []) this.messages.delete(m)
      this.threads.delete(id)
    }
  }

  private newerThan(key: string, askedAt: number | null): boolean {
    const seq = this.writtenAt.get(key)
    return seq !== undefined && (askedAt === null || seq > askedAt)
  }

  private touch(kind: Kind, id: string) {
    const pace: Pace = kind === 'call' ? 'frame' : 'list'
    this.topics.touch(`${kind}:${id}`, pace)
    this.topics.touch(kind, pace)
  }
}

const NO_PENDING: Pending[] = []

function inOrder(a: Message, b: Message): number {
  if (a.created_at !== b.created_at) return a.created_at < b.created_at ? -1 : 1
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

function olderVersion(row: object, known: object): boolean {
  const a = (row as { version?: number }).version
  const b = (known as { version?: number }).version
  return a !== undefined && b !== undefined && a < b
}
