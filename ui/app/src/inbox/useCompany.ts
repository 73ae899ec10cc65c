import { useEffect, useRef, useSyncExternalStore } from 'react'
import { useLink } from '../live/hooks'
import { company, link } from '../live/live'

const REPEAT_MS = 20_000
const TYPING_MS = 2_000

/** Tells the others that we look at a conversation, and who of them does. */
export function useCompany(conversation: string) {
  const live = useLink() === 'live'
  useEffect(() => {
    if (!live) return
    const look = () =>
      link.send({ type: 'viewing', conversation_id: conversation, on: document.visibilityState === 'visible' })
    look()
    const timer = setInterval(look, REPEAT_MS)
    document.addEventListener('visibilitychange', look)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', look)
      link.send({ type: 'viewing', conversation_id: conversation, on: false })
    }
  }, [conversation, live])
  const viewers = useSyncExternalStore(company.subscribe, () => company.who('viewing', conversation))
  const typers = useSyncExternalStore(company.subscribe, () => company.who('typing', conversation))
  return { viewers, typers }
}

/** Gives a function to call with each key: it tells the others now and then that we write. */
export function useTyping(conversation: string): () => void {
  const last = useRef(0)
  return () => {
    if (Date.now() - last.current < TYPING_MS) return
    last.current = Date.now()
    link.send({ type: 'typing', conversation_id: conversation })
  }
}
