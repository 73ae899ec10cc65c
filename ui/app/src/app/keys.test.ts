import { describe, expect, it } from 'vitest'
import { keyName } from './keys'

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
