import { IconPhone, IconPhoneIncoming, IconPhoneOff, IconPhoneOutgoing } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { api } from '../api/client'
import type { Call, Message } from '../api/types'
import { locale, t } from '../i18n'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { useUserName } from '../session/queries'
import { readable } from '../text/phone'
import { clock, duration } from '../text/time'
import { Player } from '../ui/Player'
import css from './thread.module.css'

/** A telephone call in the thread: what happened, how long, and the recording. */
export function CallItem({ m }: { m: Message }) {
  const call = useLive('call', m.call_id)
  useQuery({
    queryKey: ['call', m.call_id],
    enabled: !call && !!m.call_id,
    queryFn: async () => {
      const askedAt = store.asking()
      store.snapshot('call', [await api.call(m.call_id ?? '')], askedAt)
      return m.call_id
    },
  })
  if (!call) {
    return (
      <article className={css.activity}>
        <IconPhone size={14} aria-hidden="true" />
        <span dir="auto">{m.body_text}</span>
      </article>
    )
  }
  return <CallBox call={call} at={m.created_at} />
}

function CallBox({ call, at }: { call: Call; at: string }) {
  const agent = useUserName(call.agent_id)
  const recording = call.recording
  return (
    <article className={css.call} data-state={call.state} aria-label={callTitle(call)}>
      <header className={css.callHead}>
        <CallGlyph call={call} />
        <span className={css.callTitle}>{callTitle(call)}</span>
        {call.talk_seconds ? <span className="tabular">{duration(call.talk_seconds)}</span> : null}
        <span className={css.clock}>{clock(call.started_at ?? at, locale())}</span>
      </header>
      <p className="dim small">
        <span className="ltr tabular">{readable(call.from)}</span> →{' '}
        <span className="ltr tabular">{readable(call.to)}</span>
        {agent && (
          <>
            {' · '}
            <bdi>{agent}</bdi>
          </>
        )}
      </p>
      {recording?.state === 'ready' && (
        <Player src={`/api/v1/calls/${call.id}/recording`} name={t('call.recording')} seconds={recording.duration} />
      )}
      {recording?.state === 'pending' && <p className="dim small">{t('call.recordingPending')}</p>}
      {recording?.state === 'failed' && <p className={css.failed}>{recording.problem || t('call.recordingFailed')}</p>}
    </article>
  )
}

export function callTitle(call: Call): string {
  return t(`call.${call.direction}_${call.state}`)
}

export function CallGlyph({ call, size = 18 }: { call: Call; size?: number }) {
  const Glyph =
    call.state === 'missed' || call.state === 'failed'
      ? IconPhoneOff
      : call.direction === 'inbound'
        ? IconPhoneIncoming
        : IconPhoneOutgoing
  return <Glyph size={size} stroke={1.75} aria-hidden="true" className={css.callGlyph} data-state={call.state} />
}
