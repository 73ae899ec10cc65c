import { createContext, type ReactNode, useContext } from 'react'
import type { Me } from '../api/types'

const Context = createContext<Me | null>(null)

export function SessionProvider({ me, children }: { me: Me; children: ReactNode }) {
  return <Context.Provider value={me}>{children}</Context.Provider>
}

/** The signed-in person. Only used below the sign-in gate. */
export function useMe(): Me {
  const me = useContext(Context)
  if (!me) throw new Error('used outside the sign-in gate')
  return me
}

/** What the screen offers; the hub decides again with each request. What a role may not see is absent, not greyed. */
export function rightsOf(me: Me) {
  const may = (permission: string) => me.permissions.includes(permission)
  return { channels: may('channels.manage'), people: may('staff.manage'), quarantine: may('journal.manage') }
}

export function useRights() {
  return rightsOf(useMe())
}

/** Seconds in which a reply can be taken back, by the person's own setting. */
export function undoSeconds(me: Me): number {
  const own = Number(me.settings?.undo_seconds)
  return Number.isFinite(own) && own >= 0 && own <= 30 ? own : 5
}
