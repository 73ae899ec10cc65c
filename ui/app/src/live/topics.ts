// Who wants to hear of what, and how soon: changes are gathered per topic and told in batches, so that a burst of
// events repaints the list five times a second and the open thread once a frame.

export type Pace = 'frame' | 'list'

const LIST_MS = 200
const HIDDEN_MS = 1000

export class Topics {
  private readonly listeners = new Map<string, Set<() => void>>()
  private readonly dirty: Record<Pace, Set<string>> = { frame: new Set(), list: new Set() }
  private readonly waiting: Record<Pace, boolean> = { frame: false, list: false }

  subscribe(topic: string, listener: () => void): () => void {
    let set = this.listeners.get(topic)
    if (!set) {
      set = new Set()
      this.listeners.set(topic, set)
    }
    set.add(listener)
    return () => {
      set.delete(listener)
      if (set.size === 0 && this.listeners.get(topic) === set) this.listeners.delete(topic)
    }
  }

  /** Notes that a topic changed; its listeners are called with the next batch of that pace. */
  touch(topic: string, pace: Pace) {
    this.dirty[pace].add(topic)
    if (this.waiting[pace]) return
    this.waiting[pace] = true
    const tell = () => {
      this.waiting[pace] = false
      this.tell(this.dirty[pace])
    }
    if (hidden()) setTimeout(tell, HIDDEN_MS)
    else if (pace === 'list') setTimeout(tell, LIST_MS)
    else requestAnimationFrame(tell)
  }

  /** Tells everything at once: somebody has just pressed a key and waits for it. */
  flush() {
    this.tell(this.dirty.frame)
    this.tell(this.dirty.list)
  }

  private tell(topics: Set<string>) {
    const now = [...topics]
    topics.clear()
    for (const topic of now) for (const listener of [...(this.listeners.get(topic) ?? [])]) listener()
  }
}

function hidden() {
  return typeof document !== 'undefined' && document.visibilityState === 'hidden'
}
