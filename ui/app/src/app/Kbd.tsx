import css from './shell.module.css'

const names: Record<string, string> = {
  ctrl: /Mac|iP/.test(navigator.platform) ? '⌘' : 'Ctrl',
  shift: '⇧',
  Escape: 'Esc',
  ArrowDown: '↓',
  ArrowUp: '↑',
}

/** "ctrl+k" and "g i" as keys to look at. */
export function Kbd({ keys }: { keys: string }) {
  return (
    <span dir="ltr">
      {keys.split(/[ +]/).map((k, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the same key may stand twice
        <span key={i}>
          {i > 0 && ' '}
          <kbd className={css.kbd}>{names[k] ?? (k.length === 1 ? k.toUpperCase() : k)}</kbd>
        </span>
      ))}
    </span>
  )
}
