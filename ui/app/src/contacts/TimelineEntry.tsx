import { IconTargetArrow } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { Call, Conversation, TimelineEntry as Entry, Lead } from '../api/types'
import { t } from '../i18n'
import { CallGlyph, callTitle } from '../inbox/CallItem'
import { readable } from '../text/phone'
import { duration } from '../text/time'
import { Ago } from '../ui/Ago'
import { ChannelGlyph, channelTypeName } from '../ui/channel'
import css from './contacts.module.css'

export function TimelineEntry({ entry }: { entry: Entry }) {
  if (entry.conversation) return <ConversationEntry c={entry.conversation} at={entry.at} />
  if (entry.call) return <CallEntry call={entry.call} at={entry.at} />
  return entry.lead ? <LeadEntry lead={entry.lead} at={entry.at} /> : null
}

function ConversationEntry({ c, at }: { c: Conversation; at: string }) {
  return (
    <li>
      <Link to="/inbox/$view/{-$conversation}" params={{ view: 'all', conversation: c.id }} className={css.entry}>
        <ChannelGlyph type={c.channel_type} size={18} />
        <span className={`${css.entryTitle} cut`} dir="auto">
          {c.subject || t('timeline.conversation', { channel: channelTypeName(c.channel_type), number: c.number })}
        </span>
        <Ago at={at} className="dim small" />
        <span className={`${css.entryText} cut`} dir="auto">
          {c.last_message?.preview || t(`status.${c.status}`)}
        </span>
      </Link>
    </li>
  )
}

function CallEntry({ call, at }: { call: Call; at: string }) {
  const inside = (
    <>
      <CallGlyph call={call} />
      <span className={css.entryTitle}>{callTitle(call)}</span>
      <Ago at={at} className="dim small" />
      {call.talk_seconds ? <span className={`${css.entryText} tabular`}>{duration(call.talk_seconds)}</span> : null}
    </>
  )
  return (
    <li>
      {call.conversation_id ? (
        <Link
          to="/inbox/$view/{-$conversation}"
          params={{ view: 'all', conversation: call.conversation_id }}
          className={css.entry}
        >
          {inside}
        </Link>
      ) : (
        <div className={css.entry}>{inside}</div>
      )}
    </li>
  )
}

function LeadEntry({ lead, at }: { lead: Lead; at: string }) {
  return (
    <li>
      <Link to="/leads" className={css.entry}>
        <IconTargetArrow size={18} stroke={1.75} aria-hidden="true" />
        <span className={`${css.entryTitle} cut`} dir="auto">
          {t('timeline.lead', { title: readable(lead.title) || `#${lead.number}` })}
        </span>
        <Ago at={at} className="dim small" />
      </Link>
    </li>
  )
}
