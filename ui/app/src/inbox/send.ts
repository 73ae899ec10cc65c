// Sending a reply or a note: on the screen at once, then to the hub under one key, so that trying again never makes two.
// What the hub has not confirmed is kept on this device and tried again after a reload.

import { api, newKey } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import type { Message, Upload } from '../api/types'
import { t } from '../i18n'
import { link, store } from '../live/live'
import type { Pending } from '../live/store'
import type { MailDraft } from './drafts'
import { hold, type Words } from './held'
import { mailFields } from './mail'
import { seenSeq } from './seen'

export interface Outgoing {
  conversation: string
  /** When it goes another way than the conversation's own. */
  channel?: string
  note: boolean
  body: string
  attachments: Upload[]
  mail?: MailDraft
  forward?: boolean
  /** When it shall go out; at once when left out. */
  sendAt?: string
  holdSeconds: number
  me: string
}

export type Outcome = { done: true } | { done: false; missed: Message[]; sendAnyway: () => void }

/** What is sent for a pending item. The key belongs to exactly this body: another body is another intent. */
interface Attempt {
  pending: Pending
  key: string
  holdSeconds: number
  channel?: string
  sendAt?: string
  lastSeen?: number
  me: string
}

const KEPT = 'parley.sending'
const RETRY_MS = 2000
const attempts = new Map<string, Attempt>()

function keep() {
  if (attempts.size) localStorage.setItem(KEPT, JSON.stringify([...attempts.values()]))
  else localStorage.removeItem(KEPT)
}

/** Takes up again what was being sent when the page was closed. */
export function resumeSending() {
  const kept: Attempt[] = JSON.parse(localStorage.getItem(KEPT) ?? '[]')
  for (const a of kept) {
    if (attempts.has(a.pending.key)) continue
    attempts.set(a.pending.key, a)
    store.addPending({ ...a.pending, state: 'waiting' })
    handOver(a).catch(() => {})
  }
}

/** Sends what was written. When somebody has answered meanwhile, the outcome says so and nothing has been sent. */
export async function send(o: Outgoing): Promise<Outcome> {
  const pending: Pending = {
    key: newKey(),
    conversation: o.conversation,
    note: o.note,
    body: o.body,
    attachments: o.attachments,
    mail: o.mail,
    forward: o.forward,
    createdAt: new Date().toISOString(),
    state: 'sending',
  }
  const a: Attempt = {
    pending,
    key: pending.key,
    me: o.me,
    channel: o.note ? undefined : o.channel,
    sendAt: o.note ? undefined : o.sendAt,
    holdSeconds: o.note || o.sendAt ? 0 : o.holdSeconds,
    lastSeen: o.note ? undefined : seenSeq(o.conversation),
  }
  attempts.set(pending.key, a)
  keep()
  store.addPending(pending)
  const problem = await handOver(a)
  if (problem?.status !== 409) return { done: true }
  drop(pending)
  const sendAnyway = () => {
    attempts.set(pending.key, a)
    keep()
    store.addPending({ ...pending, state: 'sending' })
    return handOver(a)
  }
  return { done: false, missed: problem.missed.filter((m) => m.author.id !== o.me), sendAnyway }
}

/** Tries a message again that could not be handed over. */
export function sendPending(p: Pending) {
  const a = attempts.get(p.key)
  if (!a) return
  store.changePending(p.conversation, p.key, { state: 'sending', reason: undefined })
  return handOver(a)
}

/** Forgets a message that was not handed over; its words are the caller's to keep. */
export function drop(p: Pending) {
  attempts.delete(p.key)
  keep()
  store.dropPending(p.conversation, p.key)
}

/** What was written, to go on with. */
export function wordsOf(p: Pending): Words {
  const mode = p.note ? 'note' : p.forward ? 'forward' : 'reply'
  return { mode, draft: { text: p.body, attachments: p.attachments, mail: p.mail } }
}

async function handOver(a: Attempt): Promise<Problem | undefined> {
  const p = a.pending
  try {
    const m = await api.write(p.conversation, bodyOf(a), a.key)
    const until = a.sendAt ? Date.parse(a.sendAt) : Date.now() + a.holdSeconds * 1000
    if (a.sendAt || a.holdSeconds > 0) hold(m.id, until, wordsOf(p))
    store.answerMessage(m)
    drop(p)
  } catch (e) {
    return refused(a, asProblem(e))
  }
}

function bodyOf(a: Attempt) {
  return {
    body: a.pending.body,
    format: 'text' as const,
    note: a.pending.note,
    attachments: a.pending.attachments.map((x) => x.id),
    ...(a.channel && { channel_id: a.channel }),
    ...mailFields(a.pending.mail),
    ...(a.sendAt && { send_at: a.sendAt }),
    ...(a.holdSeconds > 0 && { hold_s: a.holdSeconds }),
    ...(a.lastSeen !== undefined && { last_seen_seq: a.lastSeen }),
  }
}

async function refused(a: Attempt, problem: Problem): Promise<Problem | undefined> {
  const p = a.pending
  if (problem.offline || problem.status >= 500) {
    store.changePending(p.conversation, p.key, { state: 'waiting' })
    whenLive(() => store.pendingOf(p.conversation).some((x) => x.key === p.key) && handOver(a))
    return problem
  }
  store.changePending(p.conversation, p.key, { state: 'refused', reason: problem.message || t('state.unknown') })
  if (problem.status !== 409) return problem
  // From here on the writer knows what they missed: the next try is without the guard, under a key of its own.
  a.lastSeen = undefined
  a.key = newKey()
  keep()
  const onlyOwn = problem.missed.length > 0 && problem.missed.every((m) => m.author.id === a.me)
  return onlyOwn ? handOver(a) : problem
}

function whenLive(fn: () => void) {
  if (link.state === 'live') {
    setTimeout(fn, RETRY_MS)
    return
  }
  const stop = link.subscribe(() => {
    if (link.state !== 'live') return
    stop()
    fn()
  })
}
