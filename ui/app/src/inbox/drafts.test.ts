import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Drafts } from './drafts'

const DAY = 86_400_000
let now = 0
let drafts: Drafts
beforeEach(() => {
  localStorage.clear()
  now = 100 * DAY
  drafts = new Drafts(localStorage, () => now)
})

describe('a draft', () => {
  it('is still there after a reload', () => {
    drafts.write('c', 'reply', { text: 'half a sen', attachments: [] })
    expect(new Drafts(localStorage).read('c', 'reply').text).toBe('half a sen')
  })

  it('of a note never shows up as a reply', () => {
    drafts.write('c', 'note', { text: 'between us', attachments: [] })
    expect(drafts.read('c', 'reply').text).toBe('')
    expect(drafts.preview('c')).toBe('')
  })

  it('with a file and no words is kept', () => {
    drafts.write('c', 'reply', {
      text: ' ',
      attachments: [{ id: 'u', name: 'a.pdf', mime_type: 'application/pdf', size: 1 }],
    })
    expect(drafts.read('c', 'reply').attachments).toHaveLength(1)
  })

  it('leaves nothing behind once sent', () => {
    drafts.write('c', 'reply', { text: 'sent', attachments: [] })
    drafts.clear('c', 'reply')
    expect(localStorage.length).toBe(0)
  })

  it('survives rubbish in the storage', () => {
    localStorage.setItem('parley.draft.c.reply', '{"text": 7')
    expect(drafts.read('c', 'reply').text).toBe('')
  })

  it('untouched for two months goes, a fresh one stays', () => {
    drafts.write('old', 'reply', { text: 'old', attachments: [] })
    now += 61 * DAY
    drafts.write('new', 'reply', { text: 'new', attachments: [] })
    drafts.dropOld()
    expect(drafts.read('old', 'reply').text).toBe('')
    expect(drafts.read('new', 'reply').text).toBe('new')
  })

  it('tells those who show it', () => {
    const heard = vi.fn()
    drafts.subscribe(heard)
    drafts.write('c', 'reply', { text: 'x', attachments: [] })
    expect(heard).toHaveBeenCalledOnce()
  })
})
