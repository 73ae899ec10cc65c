import { useEffect, useRef } from 'react'
import { announce, type Shortcut } from './keys'

/** Announces shortcuts while the component is on the screen. They always run what the last render gave. */
export function useShortcuts(shortcuts: Shortcut[]) {
  const latest = useRef(shortcuts)
  latest.current = shortcuts
  const names = shortcuts.map((s) => `${s.keys}\t${s.title}`).join('\n')
  // biome-ignore lint/correctness/useExhaustiveDependencies: announced anew only when the set of keys changes
  useEffect(
    () =>
      announce(latest.current.map((s) => ({ ...s, run: () => latest.current.find((x) => x.keys === s.keys)?.run() }))),
    [names],
  )
}
