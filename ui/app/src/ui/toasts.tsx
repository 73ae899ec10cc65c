import { IconX } from '@tabler/icons-react'
import { useSyncExternalStore } from 'react'
import { useShortcuts } from '../app/useShortcuts'
import { t } from '../i18n'
import css from './toasts.module.css'

interface Toast {
  id: number
  text: string
  undo?: () => void
}

const SHOWN_MS = 10_000
const AT_MOST = 2
let toasts: Toast[] = []
let last = 0
const listeners = new Set<() => void>()

function set(next: Toast[]) {
  toasts = next
  for (const fn of [...listeners]) fn()
}

/** Says what was done, with a way back. Never the only place of an error. */
export function toast(text: string, undo?: () => void) {
  const id = ++last
  set([...toasts, { id, text, undo }].slice(-AT_MOST))
  setTimeout(() => close(id), SHOWN_MS)
}

function close(id: number) {
  if (toasts.some((x) => x.id === id)) set(toasts.filter((x) => x.id !== id))
}

function undoLast() {
  const newest = [...toasts].reverse().find((x) => x.undo)
  if (!newest) return
  close(newest.id)
  newest.undo?.()
}

const subscribe = (fn: () => void) => {
  listeners.add(fn)
  return () => {
    listeners.delete(fn)
  }
}

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts)
  useShortcuts([{ keys: 'z', title: t('keys.undo'), run: undoLast }])
  return (
    <div className={css.stack} role="status" aria-live="polite">
      {shown.map((x) => (
        <div key={x.id} className={css.toast}>
          <span>{x.text}</span>
          {x.undo && (
            <button
              type="button"
              className={css.undo}
              onClick={() => {
                close(x.id)
                x.undo?.()
              }}
            >
              {t('common.undo')}
            </button>
          )}
          <button type="button" className={css.close} aria-label={t('common.close')} onClick={() => close(x.id)}>
            <IconX size={16} />
          </button>
        </div>
      ))}
    </div>
  )
}
