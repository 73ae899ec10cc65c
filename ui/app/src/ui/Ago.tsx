import { useSyncExternalStore } from 'react'
import { locale, t } from '../i18n'
import { fullTime, shortAgo } from '../text/time'

let now = Date.now()
const listeners = new Set<() => void>()
setInterval(() => {
  now = Date.now()
  for (const fn of [...listeners]) fn()
}, 30_000)

const subscribe = (fn: () => void) => {
  listeners.add(fn)
  return () => {
    listeners.delete(fn)
  }
}

/** The time now, renewed twice a minute for all who show ages. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now)
}

export function Ago({ at, className }: { at: string; className?: string }) {
  const present = Math.max(useNow(), Date.now() - 30_000)
  const age = present - Date.parse(at)
  return (
    <time dateTime={at} title={fullTime(at, locale())} className={className}>
      {age < 60_000 ? t('common.now') : shortAgo(at, locale(), present)}
    </time>
  )
}
