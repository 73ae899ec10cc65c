import { useEffect, useRef, useState } from 'react'
import { newKey, upload } from '../api/client'
import { asProblem } from '../api/problem'
import type { Upload } from '../api/types'

export interface Running {
  key: string
  file: File
  /** 0 to 1. */
  done: number
  error?: string
}

/** Files on their way to the hub, each with its progress; onDone hears of each that arrived. */
export function useUploads(onDone: (upload: Upload) => void) {
  const [running, setRunning] = useState<Running[]>([])
  const stops = useRef(new Map<string, AbortController>())
  const latest = useRef(onDone)
  latest.current = onDone

  const set = (key: string, to: Partial<Running>) =>
    setRunning((list) => list.map((r) => (r.key === key ? { ...r, ...to } : r)))
  const forget = (key: string) => setRunning((list) => list.filter((r) => r.key !== key))

  const start = async (key: string, file: File) => {
    const stop = new AbortController()
    stops.current.set(key, stop)
    try {
      const stored = await upload(file, (done) => set(key, { done }), stop.signal)
      forget(key)
      latest.current(stored)
    } catch (e) {
      if (!stop.signal.aborted) set(key, { error: asProblem(e).message })
    } finally {
      stops.current.delete(key)
    }
  }

  useEffect(() => {
    const open = stops.current
    return () => {
      for (const stop of open.values()) stop.abort()
    }
  }, [])

  return {
    running,
    busy: running.some((r) => !r.error),
    add: (files: File[]) => {
      for (const file of files) {
        const key = newKey()
        setRunning((list) => [...list, { key, file, done: 0 }])
        start(key, file)
      }
    },
    stop: (key: string) => {
      stops.current.get(key)?.abort()
      forget(key)
    },
    retry: (key: string) => {
      const again = running.find((r) => r.key === key)
      if (!again) return
      set(key, { done: 0, error: undefined })
      start(key, again.file)
    },
  }
}
