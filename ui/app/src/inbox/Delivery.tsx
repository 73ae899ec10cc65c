import {
  IconAlertTriangle,
  IconCalendarClock,
  IconCheck,
  IconChecks,
  IconClock,
  IconHelpCircle,
} from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { Message } from '../api/types'
import { useShortcuts } from '../app/useShortcuts'
import { locale, t } from '../i18n'
import { store } from '../live/live'
import type { Pending } from '../live/store'
import { dayAndTime } from '../text/time'
import { useNow } from '../ui/Ago'
import { type Draft, drafts, type Mode } from './drafts'
import { heldUntil, release, type Words } from './held'
import { draftOf } from './mail'
import { refuse } from './refusals'
import { drop, sendPending, wordsOf } from './send'
import css from './thread.module.css'

const SOON_MS = 60_000

/** What became of a reply, in words, with what can be done about it. */
export function DeliveryState({ m, onUndo }: { m: Message; onUndo: (mode: Mode) => void }) {
  const until = heldUntil(m)
  if (m.status === 'queued' && until && until - Date.now() > SOON_MS) {
    return <Scheduled m={m} until={until} onUndo={onUndo} />
  }
  if (m.status === 'queued' && until) return <Held m={m} until={until} onUndo={onUndo} />
  if (m.status === 'unknown') return <Unknown m={m} />
  if (m.status === 'failed') return <FailedSend m={m} />
  const Glyph =
    m.status === 'delivered' || m.status === 'read' ? IconChecks : m.status === 'sent' ? IconCheck : IconClock
  return (
    <footer className={css.state} data-state={m.status}>
      <Glyph size={14} stroke={1.75} aria-hidden="true" />
      {t(`delivery.${m.status}`)}
      {m.status === 'queued' && (
        <Act
          name={t('delivery.cancel')}
          act={() => api.cancelMessage(m.conversation_id, m.id)}
          conversation={m.conversation_id}
        />
      )}
    </footer>
  )
}

/** The seconds in which a reply can be taken back. */
function Held({ m, until, onUndo }: { m: Message; until: number; onUndo: (mode: Mode) => void }) {
  const left = useCountdown(until)
  const undo = () => takeBack(m, onUndo)
  useShortcuts([{ keys: 'z', title: t('keys.undo'), run: undo }])
  if (left <= 0) {
    return (
      <footer className={css.state}>
        <IconClock size={14} stroke={1.75} aria-hidden="true" />
        {t('delivery.sending')}
      </footer>
    )
  }
  return (
    <footer className={css.state}>
      <IconClock size={14} stroke={1.75} aria-hidden="true" />
      {t('delivery.held', { count: left })}
      <button type="button" className={css.textButton} onClick={undo}>
        {t('common.undo')}
      </button>
    </footer>
  )
}

/** A reply that goes out at a chosen time. */
function Scheduled({ m, until, onUndo }: { m: Message; until: number; onUndo: (mode: Mode) => void }) {
  useNow()
  if (until - Date.now() <= SOON_MS) return <Held m={m} until={until} onUndo={onUndo} />
  return (
    <footer className={css.state} data-state="scheduled">
      <IconCalendarClock size={14} stroke={1.75} aria-hidden="true" />
      {t('delivery.scheduled', { time: dayAndTime(new Date(until).toISOString(), locale()) })}
      <button type="button" className={css.textButton} onClick={() => takeBack(m, onUndo)}>
        {t('delivery.cancel')}
      </button>
    </footer>
  )
}

/** Keeps a reply from going out and puts its words back into the composer. */
async function takeBack(m: Message, onUndo: (mode: Mode) => void) {
  const words = release(m.id)
  try {
    store.answerMessage(await api.cancelMessage(m.conversation_id, m.id))
    giveBack(m.conversation_id, words ?? derived(m), onUndo)
  } catch (e) {
    refuse(m.conversation_id, asProblem(e).message)
  }
}

/** What was written, as far as the message tells: this device does not remember it any more. */
function derived(m: Message): Words {
  const draft = draftOf(m, store.get('conversation', m.conversation_id))
  return { mode: draft.mail?.to ? 'forward' : 'reply', draft }
}

function useCountdown(until: number): number {
  const secondsLeft = () => Math.max(0, Math.ceil((until - Date.now()) / 1000))
  const [left, setLeft] = useState(secondsLeft)
  useEffect(() => {
    const timer = setInterval(() => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000))), 250)
    return () => clearInterval(timer)
  }, [until])
  return left
}

/** Puts what was taken back into the composer, above what has been typed since. */
function giveBack(conversation: string, { mode, draft }: Words, onUndo: (mode: Mode) => void) {
  const since = drafts.read(conversation, mode)
  const both: Draft = {
    text: [draft.text, since.text].filter(Boolean).join('\n'),
    attachments: [...draft.attachments, ...since.attachments],
    mail: draft.mail ?? since.mail,
  }
  drafts.write(conversation, mode, both)
  onUndo(mode)
}

function Unknown({ m }: { m: Message }) {
  return (
    <footer className={css.problem} data-state="unknown">
      <IconHelpCircle size={16} stroke={1.75} aria-hidden="true" />
      <div>
        <p className={css.problemTitle}>{t('delivery.unknown')}</p>
        <p>{t('delivery.unknownText')}</p>
        {m.error && (
          <p className="dim" dir="auto">
            {m.error}
          </p>
        )}
        <Act
          name={t('delivery.sendAgain')}
          act={() => api.retryMessage(m.conversation_id, m.id)}
          conversation={m.conversation_id}
        />
      </div>
    </footer>
  )
}

function FailedSend({ m }: { m: Message }) {
  return (
    <footer className={css.problem} data-state="failed">
      <IconAlertTriangle size={16} stroke={1.75} aria-hidden="true" />
      <div>
        <p className={css.problemTitle}>{t('delivery.failed')}</p>
        {m.error && <p dir="auto">{m.error}</p>}
        <Act
          name={t('common.retry')}
          act={() => api.retryMessage(m.conversation_id, m.id)}
          conversation={m.conversation_id}
        />
      </div>
    </footer>
  )
}

function Act({ name, act, conversation }: { name: string; act: () => Promise<Message>; conversation: string }) {
  const [busy, setBusy] = useState(false)
  const run = async () => {
    setBusy(true)
    try {
      const m = await act()
      if (m?.id) store.answerMessage(m)
    } catch (e) {
      refuse(conversation, asProblem(e).message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <button type="button" className={css.textButton} onClick={run} disabled={busy}>
      {name}
    </button>
  )
}

export function PendingState({ p, onUndo }: { p: Pending; onUndo: (mode: Mode) => void }) {
  if (p.state !== 'refused') {
    return (
      <footer className={css.state}>
        <IconClock size={14} stroke={1.75} aria-hidden="true" />
        {t(p.state === 'waiting' ? 'delivery.waiting' : 'delivery.handingOver')}
      </footer>
    )
  }
  const edit = () => {
    drop(p)
    giveBack(p.conversation, wordsOf(p), onUndo)
  }
  return (
    <footer className={css.problem} data-state="failed" role="alert">
      <div>
        <p className={css.problemTitle}>{t('delivery.refused')}</p>
        <p dir="auto">{p.reason}</p>
        <button type="button" className={css.textButton} onClick={() => sendPending(p)}>
          {t('common.retry')}
        </button>{' '}
        <button type="button" className={css.textButton} onClick={edit}>
          {t('delivery.edit')}
        </button>
      </div>
    </footer>
  )
}
