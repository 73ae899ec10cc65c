import { api, setCsrfToken } from '../api/client'
import type { Session } from '../api/types'

/** Whoever has just signed in is there for the others. Not being able to say so keeps nobody out. */
export async function arrive(session: Session) {
  setCsrfToken(session.csrf_token)
  await api.saveSession({ availability: 'online' }).catch(() => {})
}

/** Whoever signs out is not there any more. */
export async function leave() {
  await api.saveSession({ availability: 'offline' }).catch(() => {})
  await api.signOut()
}
