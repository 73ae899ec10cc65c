import { ActionIcon, Button } from '@mantine/core'
import { IconPhoneRinging, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { api } from '../api/client'
import type { Call } from '../api/types'
import { t } from '../i18n'
import { wantContact } from '../inbox/people'
import { useLive } from '../live/hooks'
import { store } from '../live/live'
import { contactName, isNamed } from '../text/names'
import { readable } from '../text/phone'
import { duration } from '../text/time'
import css from './calls.module.css'

/** A ringing nobody has ended for this long is a lost event, not a call. */
const RINGS_AT_MOST_MS = 3 * 60_000
const SHOWN = 3

let ringing: Call[] = []
const subscribe = (fn: () => void) =>
  store.topics.subscribe('call', () => {
    ringing = [...store.all('call')].filter(isRinging)
    fn()
  })

/** When it began to ring, ms since 1970. */
function begun(c: Call): number {
  return Date.parse(c.started_at ?? c.created_at)
}

function isRinging(c: Call): boolean {
  return c.state === 'ringing' && c.direction === 'inbound' && Date.now() - begun(c) < RINGS_AT_MOST_MS
}

/** Cards of the calls that ring right now. They come and go with the call and never take the focus. */
export function CallPopups() {
  const calls = useSyncExternalStore(subscribe, () => ringing)
  const [closed, setClosed] = useState<string[]>([])
  useQuery({
    queryKey: ['calls', { state: 'ringing' }],
    queryFn: async () => {
      const askedAt = store.asking()
      const { data } = await api.calls({ state: 'ringing', limit: 20 })
      store.snapshot('call', data, askedAt)
      return data.length
    },
  })
  const shown = calls.filter((c) => !closed.includes(c.id)).slice(0, SHOWN)
  return (
    <div className={css.popups} role="region" aria-label={t('call.incomingRegion')} aria-live="assertive">
      {shown.map((c) => (
        <Popup key={c.id} call={c} onClose={() => setClosed((ids) => [...ids, c.id])} />
      ))}
    </div>
  )
}

function Popup({ call, onClose }: { call: Call; onClose: () => void }) {
  const contact = useLive('contact', call.contact_id)
  const go = useNavigate()
  const seconds = useSeconds(begun(call))
  useEffect(() => wantContact(call.contact_id), [call.contact_id])
  useEffect(() => {
    const left = RINGS_AT_MOST_MS - (Date.now() - begun(call))
    const timer = setTimeout(onClose, Math.max(0, left))
    return () => clearTimeout(timer)
  }, [call, onClose])

  return (
    <article className={css.popup} data-call={call.id}>
      <header className={css.popupHead}>
        <IconPhoneRinging size={18} stroke={1.75} aria-hidden="true" />
        <span>{t('call.incoming')}</span>
        <span className={css.timer} aria-hidden="true">
          {duration(seconds)}
        </span>
        <ActionIcon size={24} onClick={onClose} aria-label={t('call.hide')}>
          <IconX size={14} />
        </ActionIcon>
      </header>
      <p className={`${css.caller} cut`} dir="auto">
        {isNamed(contact) || !contact ? contactName(contact) : t('call.newCaller')}
      </p>
      <p className="dim">
        <bdi className="ltr tabular">{call.from ? readable(call.from) : t('call.hidden')}</bdi>
        {' → '}
        <bdi className="ltr tabular">{readable(call.to)}</bdi>
      </p>
      <div className={css.popupActs}>
        {call.conversation_id && (
          <Button
            size="xs"
            onClick={() =>
              go({
                to: '/inbox/$view/{-$conversation}',
                params: { view: 'all', conversation: call.conversation_id ?? undefined },
              })
            }
          >
            {t('call.openConversation')}
          </Button>
        )}
        {call.contact_id && (
          <Button
            size="xs"
            variant="default"
            onClick={() => go({ to: '/contacts/{-$contact}', params: { contact: call.contact_id ?? undefined } })}
          >
            {t('call.openCard')}
          </Button>
        )}
      </div>
    </article>
  )
}

function useSeconds(since: number): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return Math.max(0, (now - since) / 1000)
}
