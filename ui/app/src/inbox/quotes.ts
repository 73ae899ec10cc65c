// Whether the quotes and signatures of mails are shown: all of a thread by key, one by its own button.

import { createContext, useContext, useState } from 'react'

interface Quotes {
  all: boolean
  /** Counts how often all were shown or folded: what was chosen for one mail before that is over. */
  turn: number
}

const Context = createContext<Quotes>({ all: false, turn: 0 })
export const QuotesOfThread = Context.Provider

export function useQuotesOfThread() {
  const [quotes, setQuotes] = useState<Quotes>({ all: false, turn: 0 })
  return { quotes, toggle: () => setQuotes((q) => ({ all: !q.all, turn: q.turn + 1 })) }
}

export function useQuotes(): [shown: boolean, toggle: () => void] {
  const { all, turn } = useContext(Context)
  const [own, setOwn] = useState({ shown: false, turn: -1 })
  const shown = own.turn === turn ? own.shown : all
  return [shown, () => setOwn({ shown: !shown, turn })]
}
