// Who else looks at a conversation or writes in it, as the hub whispers it. Whispers may be lost, so each is believed
// only for a while and repeated while it holds.

export interface Person {
  id: string
  name: string
}

export interface Whisper {
  type: 'viewing' | 'typing'
  conversation_id: string
  user: Person
  on?: boolean
}

const LOOKS_FOR_MS = 45_000
const TYPES_FOR_MS = 4_000
const NOBODY: Person[] = []

export class Company {
  private readonly until: Record<Whisper['type'], Map<string, Map<string, { person: Person; at: number }>>> = {
    viewing: new Map(),
    typing: new Map(),
  }
  private readonly told = new Map<string, Person[]>()
  private readonly listeners = new Set<() => void>()

  constructor(private readonly now: () => number = Date.now) {}

  subscribe = (fn: () => void) => {
    this.listeners.add(fn)
    return () => {
      this.listeners.delete(fn)
    }
  }

  hear(w: Whisper) {
    const of = this.until[w.type]
    const people = of.get(w.conversation_id) ?? new Map()
    if (w.on === false) people.delete(w.user.id)
    else people.set(w.user.id, { person: w.user, at: this.now() })
    of.set(w.conversation_id, people)
    const wait = w.type === 'typing' ? TYPES_FOR_MS : LOOKS_FOR_MS
    setTimeout(() => this.tell(), wait + 50)
    this.tell()
  }

  /** Those who look at (or type in) a conversation; the same array as long as it is the same people. */
  who(type: Whisper['type'], conversation: string): Person[] {
    const since = this.now() - (type === 'typing' ? TYPES_FOR_MS : LOOKS_FOR_MS)
    const here = [...(this.until[type].get(conversation)?.values() ?? [])]
      .filter((x) => x.at > since)
      .map((x) => x.person)
    const key = `${type}:${conversation}`
    const before = this.told.get(key) ?? NOBODY
    const same = before.length === here.length && before.every((p, i) => p.id === here[i]?.id)
    if (same) return before
    this.told.set(key, here)
    return here
  }

  private tell() {
    for (const fn of [...this.listeners]) fn()
  }
}
