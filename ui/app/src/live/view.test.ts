import { describe, expect, it } from 'vitest'
import type { Conversation } from '../api/types'
import { arrange, compare, type Filter, inView } from './view'

const c = (over: Partial<Conversation>) =>
  ({
    id: 'c',
    status: 'open',
    assignee_id: null,
    labels: [],
    priority: 'normal',
    created_at: '1',
    ...over,
  }) as Conversation
const open: Filter = { view: 'all', status: 'open', sort: 'newest' }

describe('a view', () => {
  it('of mine holds only what is assigned to me', () => {
    expect(inView(c({ assignee_id: 'me' }), { ...open, view: 'mine' }, 'me')).toBe(true)
    expect(inView(c({ assignee_id: 'boris' }), { ...open, view: 'mine' }, 'me')).toBe(false)
    expect(inView(c({}), { ...open, view: 'unassigned' }, 'me')).toBe(true)
  })

  it('loses a conversation that is resolved', () => {
    expect(inView(c({ status: 'resolved' }), open, 'me')).toBe(false)
  })

  it('sorts those who wait longest first and those who do not wait last', () => {
    const rows = [
      c({ id: 'no' }),
      c({ id: 'late', waiting_since: '2026-02' }),
      c({ id: 'early', waiting_since: '2026-01' }),
    ]
    expect(rows.sort(compare('waiting')).map((r) => r.id)).toEqual(['early', 'late', 'no'])
  })
})

describe('a held list', () => {
  it('stays as it is and counts a row that would jump to the top as one change', () => {
    expect(arrange(['a', 'b', 'c', 'd'], ['d', 'a', 'b', 'c'], true)).toEqual({
      rows: ['a', 'b', 'c', 'd'],
      changes: 1,
    })
  })

  it('counts rows that came and went', () => {
    expect(arrange(['a', 'b'], ['n', 'b'], true).changes).toBe(2)
  })

  it('takes the new order once let free', () => {
    expect(arrange(['a', 'b'], ['b', 'a'], false)).toEqual({ rows: ['b', 'a'], changes: 0 })
  })
})
