// The keyboard map (UI.md §6). Components announce their keys while they are on the screen; `?` lists what is announced.

export interface Shortcut {
  /** "j", "Escape", "?", "shift+m", "ctrl+k", "g i". */
  keys: string
  title: string
  run: () => void
  /** Also works while typing. */
  everywhere?: boolean
}

const SEQUENCE_MS = 1200
const announced: Shortcut[][] = []
let prefix = ''
let prefixAt = 0

export function announce(shortcuts: Shortcut[]): () => void {
  announced.push(shortcuts)
  return () => {
    announced.splice(announced.indexOf(shortcuts), 1)
  }
}

/** All shortcuts of the screen, the innermost first, each key once. */
export function shortcutsNow(): Shortcut[] {
  const seen = new Set<string>()
  return [...announced]
    .reverse()
    .flat()
    .filter((s) => !seen.has(s.keys) && seen.add(s.keys))
}

const OFF = 'parley.keys.off'
export const singleKeys = {
  get on() {
    return localStorage.getItem(OFF) === null
  },
  set on(value: boolean) {
    if (value) localStorage.removeItem(OFF)
    else localStorage.setItem(OFF, '1')
  },
}

/** The name of the pressed key: the printed letter on Latin layouts, the physical key on others. */
export function keyName(e: Pick<KeyboardEvent, 'key' | 'code' | 'shiftKey' | 'ctrlKey' | 'metaKey'>): string {
  const letter = /^[a-z]$/i.test(e.key) ? e.key.toLowerCase() : otherScript(e.key) ? physical(e.code) : ''
  const base = letter || e.key
  const mods = [e.ctrlKey || e.metaKey ? 'ctrl' : '', e.shiftKey && (letter || base.length > 1) ? 'shift' : '']
  return [...mods.filter(Boolean), base].join('+')
}

function otherScript(key: string): boolean {
  return [...key].length === 1 && /\p{L}/u.test(key)
}

function physical(code: string): string {
  return code.startsWith('Key') ? code.slice(3).toLowerCase() : ''
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}

const MOVES = new Set(['ArrowUp', 'ArrowDown', 'Home', 'End'])

/** Enter belongs to a focused button or link, and the arrows to an area that scrolls by them. */
function owned(name: string, target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (name === 'Enter') return target.closest('button, a, summary, [role="tab"]') !== null
  return MOVES.has(name) && target.closest('[role="feed"], aside, [role="group"]') !== null
}

function layerOpen(): boolean {
  return document.querySelector('[role="dialog"][data-layer], .mantine-Modal-content, [role="menu"]') !== null
}

function onKey(e: KeyboardEvent) {
  if (e.isComposing || e.altKey || e.defaultPrevented) return
  const name = keyName(e)
  if (owned(name, e.target)) return
  const busy = typing(e.target) || layerOpen()
  const single = !name.startsWith('ctrl+') && name !== 'Escape'
  if (single && !singleKeys.on) return
  const sequence = prefix && e.timeStamp - prefixAt < SEQUENCE_MS ? `${prefix} ${name}` : ''
  const all = shortcutsNow().filter((s) => !busy || s.everywhere)
  prefix = ''
  const found = all.find((s) => s.keys === sequence) ?? all.find((s) => s.keys === name)
  if (found) {
    e.preventDefault()
    found.run()
  } else if (all.some((s) => s.keys.startsWith(`${name} `))) {
    prefix = name
    prefixAt = e.timeStamp
  }
}

export function listenToKeys(): () => void {
  window.addEventListener('keydown', onKey)
  return () => window.removeEventListener('keydown', onKey)
}
