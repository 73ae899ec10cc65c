// Names of contacts, fetched for the rows that are on the screen: each id once, several in one go.

import { api } from '../api/client'
import { store } from '../live/live'

const asked = new Set<string>()

/** Reads a contact that the store does not know yet. */
export function wantContact(id: string | null | undefined) {
  if (!id || asked.has(id) || store.get('contact', id)) return
  asked.add(id)
  const askedAt = store.asking()
  api
    .contact(id)
    .then((c) => store.snapshot('contact', [c], askedAt))
    .catch(() => setTimeout(() => asked.delete(id), 30_000))
}
