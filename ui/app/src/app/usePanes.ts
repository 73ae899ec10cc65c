import { useEffect } from 'react'

/** F6 walks the panes of the page (marked data-pane); past the last one it belongs to the browser again. */
export function usePanes() {
  useEffect(() => {
    const walk = (e: KeyboardEvent) => {
      if (e.key !== 'F6') return
      const panes = [...document.querySelectorAll<HTMLElement>('[data-pane]')].filter((p) => p.offsetParent !== null)
      const at = panes.findIndex((p) => p.contains(document.activeElement))
      const next = panes[at + (e.shiftKey ? -1 : 1)]
      if (!next) return
      e.preventDefault()
      next.focus()
    }
    window.addEventListener('keydown', walk)
    return () => window.removeEventListener('keydown', walk)
  }, [])
}
