import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { announce, keyName, listenToKeys } from './keys'

const key = (key: string, code: string, over = {}) =>
  keyName({ key, code, shiftKey: false, ctrlKey: false, metaKey: false, ...over })

describe('a key', () => {
  it('goes by its printed letter on Latin layouts', () => expect(key('a', 'KeyQ')).toBe('a'))
  it('goes by its place on a Cyrillic one', () => expect(key('о', 'KeyJ')).toBe('j'))
  it('goes by its place on a Hebrew one', () => expect(key('ח', 'KeyJ')).toBe('j'))
  it('with caps lock is the same letter', () => expect(key('E', 'KeyE')).toBe('e'))
  it('with shift says so', () => expect(key('M', 'KeyM', { shiftKey: true })).toBe('shift+m'))
  it('that needs shift to be printed is just itself', () => expect(key('?', 'Slash', { shiftKey: true })).toBe('?'))
  it('with ⌘ is the one with Ctrl', () => expect(key('k', 'KeyK', { metaKey: true })).toBe('ctrl+k'))
})

describe('a shortcut', () => {
  const run = vi.fn()
  let stops: (() => void)[] = []
  beforeEach(() => {
    run.mockClear()
    document.body.innerHTML =
      '<button>Ok</button><textarea></textarea><div role="feed" tabindex="0"></div><div role="listbox" tabindex="0"></div>'
    stops = [
      listenToKeys(),
      announce(['j', 'Enter', 'ArrowDown', 'g i'].map((keys) => ({ keys, title: keys, run: () => run(keys) }))),
    ]
  })
  afterEach(() => {
    for (const stop of stops) stop()
  })
  const press = (selector: string, key: string, code = '') =>
    document
      .querySelector(selector)
      ?.dispatchEvent(new KeyboardEvent('keydown', { key, code, bubbles: true, cancelable: true }))

  it('works from the list', () => {
    press('[role=listbox]', 'j')
    expect(run).toHaveBeenCalledWith('j')
  })

  it('never fires while somebody types', () => {
    press('textarea', 'j')
    expect(run).not.toHaveBeenCalled()
  })

  it('leaves Enter to a focused button', () => {
    press('button', 'Enter')
    expect(run).not.toHaveBeenCalled()
    press('[role=listbox]', 'Enter')
    expect(run).toHaveBeenCalledWith('Enter')
  })

  it('leaves the arrows to a thread that scrolls', () => {
    press('[role=feed]', 'ArrowDown')
    expect(run).not.toHaveBeenCalled()
  })

  it('may be two keys, one after the other', () => {
    press('button', 'g')
    press('button', 'i')
    expect(run).toHaveBeenCalledWith('g i')
  })
})
