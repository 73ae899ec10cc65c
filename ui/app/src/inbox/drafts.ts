// What somebody has typed and not sent, kept on this device per conversation and mode.

import type { Upload } from '../api/types'

export type Mode = 'reply' | 'note' | 'forward'

/** What makes an answer a mail, as it is typed: addresses stand between commas. */
export interface MailDraft {
  to: string
  cc: string
  bcc: string
  subject: string
}

export interface Draft {
  text: string
  attachments: Upload[]
  /** Set once somebody looks at more of a mail than its words. */
  mail?: MailDraft
}

const PREFIX = 'parley.draft.'
const KEPT_DAYS = 60
const EMPTY: Draft = { text: '', attachments: [] }

export class Drafts {
  private readonly listeners = new Set<() => void>()

  constructor(
    private readonly storage: Storage,
    private readonly now: () => number = Date.now,
  ) {}

  read(conversation: string, mode: Mode): Draft {
    const kept = this.parse(this.storage.getItem(key(conversation, mode)))
    return kept ? { text: kept.text, attachments: kept.attachments ?? [], mail: kept.mail } : EMPTY
  }

  write(conversation: string, mode: Mode, draft: Draft) {
    if (draft.text.trim() === '' && draft.attachments.length === 0 && !draft.mail)
      this.storage.removeItem(key(conversation, mode))
    else this.keep(key(conversation, mode), JSON.stringify({ ...draft, at: this.now() }))
    for (const fn of [...this.listeners]) fn()
  }

  clear(conversation: string, mode: Mode) {
    this.write(conversation, mode, EMPTY)
  }

  /** The first line of the reply that waits in a conversation, for its row; "" when there is none. */
  preview(conversation: string): string {
    return this.read(conversation, 'reply').text.trim().split('\n', 1)[0] ?? ''
  }

  subscribe = (fn: () => void) => {
    this.listeners.add(fn)
    return () => {
      this.listeners.delete(fn)
    }
  }

  private keep(name: string, value: string) {
    try {
      this.storage.setItem(name, value)
    } catch {
      // The device's room is used up: drafts nobody has touched for a long time make place for this one.
      this.dropOld()
      this.storage.setItem(name, value)
    }
  }

  /** Forgets drafts that were not touched for two months. */
  dropOld() {
    const oldest = this.now() - KEPT_DAYS * 86_400_000
    for (const name of this.names()) {
      const kept = this.parse(this.storage.getItem(name))
      if (!kept || (kept.at ?? 0) < oldest) this.storage.removeItem(name)
    }
  }

  private names(): string[] {
    return Array.from({ length: this.storage.length }, (_, i) => this.storage.key(i) ?? '').filter((n) =>
      n.startsWith(PREFIX),
    )
  }

  private parse(value: string | null): (Draft & { at?: number }) | null {
    if (!value) return null
    try {
      const draft = JSON.parse(value)
      return typeof draft?.text === 'string' ? draft : null
    } catch {
      return null
    }
  }
}

function key(conversation: string, mode: Mode) {
  return `${PREFIX}${conversation}.${mode}`
}

export const drafts = new Drafts(localStorage)
