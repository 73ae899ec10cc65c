import type { EventFrame } from '../api/types'
import type { Company, Whisper } from './company'
import type { LiveStore } from './store'

export type Link = 'connecting' | 'live' | 'lost' | 'signed-out'

interface Frame {
  type: string
  seq?: number
  epoch?: string
  last_seq?: number
}

const SILENCE_MS = 60_000
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 15_000

/** Keeps one socket to the hub, resumes where the store is, and says how the link is. */
export class LiveLink {
  state: Link = 'connecting'
  /** When the link was lost, ms since 1970; null while it is live. */
  lostAt: number | null = null

  private socket: WebSocket | null = null
  private pause = FIRST_PAUSE_MS
  private retry: ReturnType<typeof setTimeout> | undefined
  private silence: ReturnType<typeof setTimeout> | undefined
  private lastHello = 0
  private stopped = false
  private readonly listeners = new Set<() => void>()

  constructor(
    private readonly store: LiveStore,
    private readonly company: Company,
    private readonly open: (url: string) => WebSocket = (url) => new WebSocket(url),
  ) {}

  start() {
    this.stopped = false
    window.addEventListener('online', this.hurry)
    document.addEventListener('visibilitychange', this.hurry)
    this.connect()
  }

  stop() {
    this.stopped = true
    window.removeEventListener('online', this.hurry)
    document.removeEventListener('visibilitychange', this.hurry)
    clearTimeout(this.retry)
    clearTimeout(this.silence)
    this.socket?.close(1000)
    this.socket = null
  }

  subscribe = (fn: () => void) => {
    this.listeners.add(fn)
    return () => {
      this.listeners.delete(fn)
    }
  }

  send(frame: object) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame))
  }

  private readonly hurry = () => {
    if (this.state !== 'lost' || document.visibilityState === 'hidden') return
    clearTimeout(this.retry)
    this.connect()
  }

  private connect() {
    if (this.stopped) return
    const since = this.store.position
    const socket = this.open(this.url(since))
    const previous = this.socket
    this.socket = socket
    previous?.close()
    socket.onmessage = (m) => {
      if (this.socket === socket) this.take(JSON.parse(String(m.data)), since)
    }
    socket.onclose = () => {
      if (this.socket === socket) this.lost()
    }
    this.listen()
  }

  private url(since: number | null): string {
    const base = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`
    if (since === null) return base
    return `${base}?since=${since}&epoch=${encodeURIComponent(this.store.epoch ?? '')}`
  }

  private take(frame: Frame, since: number | null) {
    this.listen()
    switch (frame.type) {
      case 'hello':
        this.lastHello = frame.seq ?? 0
        this.store.hello({ seq: this.lastHello, epoch: frame.epoch ?? '' }, since)
        this.pause = FIRST_PAUSE_MS
        this.set('live')
        return
      case 'resync':
        this.store.resync(this.lastHello)
        return
      case 'viewing':
      case 'typing':
        this.company.hear(frame as unknown as Whisper)
        return
      case 'mark':
        this.store.mark(frame.last_seq ?? 0)
        return
    }
    if (frame.seq !== undefined) this.store.apply(frame as unknown as EventFrame)
  }

  /** A link that says nothing for a minute (the hub marks every 25 s) is dead, whatever the browser thinks. */
  private listen() {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => {
      const silent = this.socket
      this.lost()
      silent?.close()
    }, SILENCE_MS)
  }

  private lost() {
    this.socket = null
    clearTimeout(this.silence)
    if (this.stopped) return
    this.lostAt ??= Date.now()
    this.set('lost')
    const wait = this.pause * (0.7 + Math.random() * 0.6)
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS)
    clearTimeout(this.retry)
    this.retry = setTimeout(() => this.connect(), wait)
  }

  private set(state: Link) {
    if (state === 'live') this.lostAt = null
    if (state === this.state) return
    this.state = state
    for (const fn of [...this.listeners]) fn()
  }
}
