import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Conversation, EventFrame, Message } from '../api/types'
import { LiveStore } from './store'

function conversation(id: string, over: Partial<Conversation> = {}): Conversation {
  return {
    id,
    number: 1,
    status: 'open',
    priority: 'normal',
    subject: '',
    channel_id: 'ch',
    channel_type: 'webchat',
    contact_id: 'p',
    lead_id: null,
    assignee_id: null,
    team_id: null,
    labels: [],
    unread_count: 0,
    last_message: null,
    match: { how: 'created', evidence: '' },
    peer: '',
    peer_name: '',
    waiting_since: null,
    snoozed_until: null,
    created_at: '2026-11-20T10:00:00Z',
    updated_at: '2026-11-20T10:00:00Z',
    last_seq: 0,
    version: 1,
    ...over,
  }
}

function message(id: string, at: string, over: Partial<Message> = {}): Message {
  return {
    id,
    conversation_id: 'c',
    contact_id: 'p',
    channel_id: 'ch',
    direction: 'inbound',
    kind: 'text',
    body_text: id,
    body_html: '',
    visible_text: '',
    attachments: [],
    author: { type: 'contact', id: 'p', name: 'Ana' },
    status: 'received',
    error: null,
    provider_id: null,
    call_id: null,
    reply_to: null,
    send_at: null,
    edits: [],
    deleted_at: null,
    created_at: `2026-11-20T${at}:00Z`,
    ...over,
  }
}

const event = (seq: number, type: string, data: unknown): EventFrame => ({ seq, id: `e${seq}`, type, at: '', data })

let store: LiveStore
beforeEach(() => {
  store = new LiveStore()
  store.hello({ seq: 10, epoch: 'one' }, null)
})

describe('order', () => {
  it('applies an event once, however often it comes', () => {
    expect(store.apply(event(11, 'conversation.created', conversation('c', { subject: 'first' })))).toBe(true)
    expect(store.apply(event(11, 'conversation.updated', conversation('c', { subject: 'again' })))).toBe(false)
    expect(store.get('conversation', 'c')?.subject).toBe('first')
  })

  it('takes holes in the numbers as normal', () => {
    store.apply(event(40, 'conversation.created', conversation('c')))
    expect(store.position).toBe(40)
  })

  it('refuses an older version of what it holds', () => {
    store.apply(event(11, 'conversation.updated', conversation('c', { version: 5, subject: 'new' })))
    store.snapshot('conversation', [conversation('c', { version: 4, subject: 'old' })], 11)
    expect(store.get('conversation', 'c')?.subject).toBe('new')
  })

  it('keeps what an event said when a snapshot asked for earlier arrives later', () => {
    const askedAt = store.asking()
    store.apply(event(11, 'message.updated', message('m', '10:00', { status: 'delivered' })))
    store.threadPage('c', [message('m', '10:00', { status: 'sent' })], null, askedAt)
    expect(store.message('m')?.status).toBe('delivered')
  })

  it('shows a thread by time, then id, whatever came first', () => {
    store.threadPage('c', [message('b', '10:02')], null, 10)
    store.apply(event(11, 'message.created', message('d', '10:02')))
    store.apply(event(12, 'message.created', message('a', '10:01')))
    expect(store.thread('c').ids).toEqual(['a', 'b', 'd'])
  })

  it('leaves no hole: a message older than the loaded pages waits for its page', () => {
    store.threadPage('c', [message('m5', '10:05')], 'older-cursor', 10)
    store.apply(event(11, 'message.created', message('m1', '10:01')))
    expect(store.thread('c').ids).toEqual(['m5'])
    store.threadPage('c', [message('m1', '10:01'), message('m3', '10:03')], null, 11, 'older-cursor')
    expect(store.thread('c').ids).toEqual(['m1', 'm3', 'm5'])
    expect(store.thread('c').older).toBeNull()
  })
})

describe('resume', () => {
  it('goes on from its own position after a cut, not from that of hello', () => {
    store.apply(event(11, 'conversation.created', conversation('c')))
    store.hello({ seq: 99, epoch: 'one' }, 11)
    expect(store.position).toBe(11)
    expect(store.apply(event(12, 'conversation.updated', conversation('c', { version: 2 })))).toBe(true)
  })

  it('moves over what was not for it with a mark, and never back', () => {
    store.mark(30)
    store.mark(20)
    expect(store.position).toBe(30)
  })

  it('reads anew when the installation has another epoch', () => {
    const again = vi.fn()
    store.onResync(again)
    store.hello({ seq: 3, epoch: 'two' }, 10)
    expect(again).toHaveBeenCalledOnce()
    expect(store.position).toBe(3)
  })

  it('reads anew what was read before the first hello', () => {
    const fresh = new LiveStore()
    const again = vi.fn()
    fresh.onResync(again)
    fresh.snapshot('conversation', [conversation('c')], fresh.asking())
    fresh.hello({ seq: 5, epoch: 'one' }, null)
    expect(again).toHaveBeenCalledOnce()
  })

  it('does not ask twice when nothing was read before the first hello', () => {
    const again = vi.fn()
    store.onResync(again)
    store.asking()
    store.hello({ seq: 12, epoch: 'one' }, 10)
    expect(again).not.toHaveBeenCalled()
  })
})

describe('resync', () => {
  it('keeps the old thread on the screen and replaces it by the next page, without gluing over the hole', () => {
    store.threadPage('c', [message('m1', '10:01')], null, 10)
    store.resync(500)
    expect(store.thread('c').ids).toEqual(['m1'])
    store.threadPage('c', [message('m8', '10:08'), message('m9', '10:09')], 'cursor', 500)
    expect(store.thread('c').ids).toEqual(['m8', 'm9'])
    expect(store.thread('c').older).toBe('cursor')
  })

  it('goes on at the position the hub named', () => {
    store.resync(500)
    expect(store.apply(event(400, 'conversation.created', conversation('x')))).toBe(false)
    expect(store.apply(event(501, 'conversation.created', conversation('x')))).toBe(true)
  })
})

describe('what is being sent', () => {
  const pending = (key: string, body: string) => ({
    key,
    conversation: 'c',
    note: false,
    body,
    attachments: [],
    createdAt: '',
    state: 'sending' as const,
  })

  it('is not seen twice when the log is quicker than the answer', () => {
    store.addPending(pending('k1', 'same words'))
    store.addPending(pending('k2', 'same words'))
    store.apply(event(11, 'message.created', message('m', '10:00', { direction: 'outbound', body_text: 'same words' })))
    expect(store.pendingOf('c').map((p) => p.arrived ?? false)).toEqual([true, false])
  })

  it('is not taken for what the customer said in the same words', () => {
    store.addPending(pending('k1', 'ok'))
    store.apply(event(11, 'message.created', message('m', '10:00', { direction: 'inbound', body_text: 'ok' })))
    expect(store.pendingOf('c')[0]?.arrived).toBeUndefined()
  })
})

describe('removed', () => {
  it('forgets a conversation that left our sight, with its thread', () => {
    store.apply(event(11, 'conversation.created', conversation('c')))
    store.threadPage('c', [message('m', '10:00')], null, 11)
    store.apply(event(12, 'conversation.removed', { id: 'c' }))
    expect(store.get('conversation', 'c')).toBeUndefined()
    expect(store.thread('c').ids).toEqual([])
    expect(store.isRemoved('c')).toBe(true)
  })

  it('welcomes it back', () => {
    store.apply(event(11, 'conversation.removed', { id: 'c' }))
    store.apply(event(12, 'conversation.updated', conversation('c')))
    expect(store.isRemoved('c')).toBe(false)
  })
})

describe('optimism', () => {
  it('rolls back only what nobody else has changed meanwhile', () => {
    store.apply(event(11, 'conversation.created', conversation('c')))
    const undo = store.optimistic('conversation', 'c', { status: 'resolved', priority: 'high' })
    store.apply(
      event(12, 'conversation.updated', conversation('c', { version: 2, status: 'resolved', priority: 'urgent' })),
    )
    undo()
    expect(store.get('conversation', 'c')).toMatchObject({ status: 'open', priority: 'urgent' })
  })

  it('tells subscribers of an id, and only those', async () => {
    const mine = vi.fn()
    const others = vi.fn()
    store.topics.subscribe('conversation:c', mine)
    store.topics.subscribe('conversation:other', others)
    store.apply(event(11, 'conversation.created', conversation('c')))
    store.topics.flush()
    expect(mine).toHaveBeenCalledOnce()
    expect(others).not.toHaveBeenCalled()
  })
})
