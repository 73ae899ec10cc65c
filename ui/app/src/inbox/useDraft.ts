import { useCallback, useEffect, useRef, useState } from 'react'
import type { Upload } from '../api/types'
import { type Draft, drafts, type MailDraft, type Mode } from './drafts'

const KEEP_AFTER_MS = 300

/** What is being written in one mode of one conversation: in the field at once, on the device 300 ms later. */
export function useDraft(conversation: string, mode: Mode) {
  const [draft, setDraft] = useState<Draft>(() => drafts.read(conversation, mode))
  const [saved, setSaved] = useState(false)
  const unsaved = useRef<{ conversation: string; mode: Mode; draft: Draft } | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const own = useRef(false)

  const keep = useCallback(() => {
    clearTimeout(timer.current)
    const u = unsaved.current
    unsaved.current = null
    if (!u) return
    own.current = true
    drafts.write(u.conversation, u.mode, u.draft)
    own.current = false
  }, [])

  useEffect(() => {
    setDraft(drafts.read(conversation, mode))
    setSaved(false)
    const stop = drafts.subscribe(() => {
      if (!own.current) setDraft(drafts.read(conversation, mode))
    })
    window.addEventListener('pagehide', keep)
    return () => {
      window.removeEventListener('pagehide', keep)
      stop()
      keep()
    }
  }, [conversation, mode, keep])

  const update = useCallback(
    (next: (d: Draft) => Draft) => {
      setDraft((d) => {
        const changed = next(d)
        unsaved.current = { conversation, mode, draft: changed }
        return changed
      })
      setSaved(false)
      clearTimeout(timer.current)
      timer.current = setTimeout(() => {
        keep()
        setSaved(true)
      }, KEEP_AFTER_MS)
    },
    [conversation, mode, keep],
  )

  return {
    draft,
    saved: saved && draft.text.trim() !== '',
    setText: (text: string) => update((d) => ({ ...d, text })),
    setAttachments: (next: (list: Upload[]) => Upload[]) => update((d) => ({ ...d, attachments: next(d.attachments) })),
    setMail: (mail: MailDraft | undefined) => update((d) => ({ ...d, mail })),
    clear: () => {
      update(() => ({ text: '', attachments: [] }))
      setTimeout(keep)
    },
  }
}
