import { ActionIcon, Button } from '@mantine/core'
import { IconArrowForwardUp, IconChevronDown, IconPaperclip, IconSend2, IconUsersPlus } from '@tabler/icons-react'
import {
  type ClipboardEvent,
  type DragEvent,
  type KeyboardEvent,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import type { Channel, Contact, Conversation, Message } from '../api/types'
import { Kbd } from '../app/Kbd'
import { useShortcuts } from '../app/useShortcuts'
import { t } from '../i18n'
import { useLive, useThread } from '../live/hooks'
import { store } from '../live/live'
import { useChannels } from '../session/queries'
import { undoSeconds, useMe } from '../session/session'
import { isTo, othersOf } from '../text/addresses'
import { peerName } from '../text/names'
import { smsParts } from '../text/sms'
import { ChannelGlyph, channelTypeName } from '../ui/channel'
import { Picker } from '../ui/Picker'
import { change, resolveOrReopen } from './actions'
import css from './composer.module.css'
import { drafts, type Mode } from './drafts'
import { Guard } from './Guard'
import { MailFields } from './MailFields'
import { forwardOf, NO_MAIL, replySubject } from './mail'
import { routesTo } from './routes'
import { SendLater } from './SendLater'
import { type Outcome, send } from './send'
import { UploadList } from './UploadList'
import { useTyping } from './useCompany'
import { useDraft } from './useDraft'
import { useUploads } from './useUploads'

const NO_CHANNELS: Channel[] = []
const ONE_WAY = new Set(['form', 'telephony'])
const TAKE_OFF = 'parley.reply.dontTake'

interface Props {
  c: Conversation
  mode: Mode
  onMode: (mode: Mode) => void
  /** Grows when somebody asks to write: the field takes the focus. */
  focus: number
  onDone: () => void
}

export function Composer({ c, mode: wanted, onMode, focus, onDone }: Props) {
  const me = useMe()
  const contact = useLive('contact', c.contact_id)
  const routes = routesTo(c, contact, useChannels().data ?? NO_CHANNELS)
  const [chosen, choose] = useState<string | undefined>()
  const route = routes.find((r) => r.id === chosen) ?? routes[0]
  const typing = useTyping(c.id)
  const oneWay = ONE_WAY.has(c.channel_type) && !route
  const mailing = (route?.type ?? c.channel_type) === 'email' && !oneWay
  const mode: Mode = oneWay ? 'note' : wanted === 'forward' && !mailing ? 'reply' : wanted
  const { draft, setText, setAttachments, setMail, saved, clear } = useDraft(c.id, mode)
  const uploads = useUploads((upload) => setAttachments((list) => [...list, upload]))
  const [guard, setGuard] = useState<Extract<Outcome, { done: false }> | null>(null)
  const field = useRef<HTMLTextAreaElement>(null)
  const file = useRef<HTMLInputElement>(null)
  const note = mode === 'note'
  const [take, setTake] = useState(() => localStorage.getItem(TAKE_OFF) === null)
  const text = draft.text
  const forward = mode === 'forward'
  const empty = (text.trim() === '' && draft.attachments.length === 0) || (forward && !draft.mail?.to.trim())
  const { newest, others } = useMails(c, contact)

  useEffect(() => {
    if (focus > 0) field.current?.focus()
  }, [focus])
  useGrowing(field, text)
  useStart(field, forward && text.startsWith('\n'))

  const submit = async (thenResolve = false, sendAt?: string) => {
    if (empty || uploads.busy) return
    const words = { ...draft }
    clear()
    setGuard(null)
    if (forward) onMode('reply')
    if (!note && c.assignee_id === null && take) change(c.id, { assignee_id: me.id })
    const outcome = await send({
      conversation: c.id,
      note,
      body: words.text.trim(),
      attachments: words.attachments,
      mail: mailing && !note ? words.mail : undefined,
      forward,
      sendAt,
      channel: route && route.id !== c.channel_id ? route.id : undefined,
      holdSeconds: (route?.type ?? c.channel_type) === 'webchat' ? 0 : undoSeconds(me),
      me: me.id,
    })
    if (!outcome.done) {
      drafts.write(c.id, mode, words)
      onMode(mode)
      setGuard(outcome)
      return
    }
    if (!thenResolve) return
    if (c.status !== 'resolved') resolveOrReopen(c)
    onDone()
  }
  const sendAnyway = () => {
    guard?.sendAnyway()
    clear()
    setGuard(null)
  }

  const answerAll = () => {
    const mail = { ...NO_MAIL, cc: others.join(', ') }
    if (mode === 'reply') setMail(mail)
    else drafts.write(c.id, 'reply', { ...drafts.read(c.id, 'reply'), mail })
    onMode('reply')
    requestAnimationFrame(() => field.current?.focus())
  }
  const passOn = () => {
    if (!newest) return
    if (!drafts.read(c.id, 'forward').mail) drafts.write(c.id, 'forward', forwardOf(newest, c.subject))
    onMode('forward')
  }
  const closeMail = () => {
    if (!forward) return setMail(undefined)
    clear()
    onMode('reply')
  }
  useShortcuts(
    mailing
      ? [
          { keys: 'shift+r', title: t('keys.replyAll'), run: answerAll },
          { keys: 'w', title: t('keys.forward'), run: passOn },
        ]
      : [],
  )

  const onKeyDown = (e: KeyboardEvent) => {
    if (e.nativeEvent.isComposing) return
    if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) {
      e.preventDefault()
      submit(e.shiftKey)
    } else if (e.key === 'Escape') {
      e.stopPropagation()
      e.preventDefault()
      field.current?.blur()
      document.querySelector<HTMLElement>('[role="feed"]')?.focus()
    }
  }
  const onPaste = (e: ClipboardEvent) => {
    if (e.clipboardData.files.length === 0) return
    e.preventDefault()
    uploads.add([...e.clipboardData.files])
  }
  const onDrop = (e: DragEvent) => {
    if (e.dataTransfer.files.length === 0) return
    e.preventDefault()
    uploads.add([...e.dataTransfer.files])
  }

  return (
    <section
      className={css.composer}
      data-note={note || undefined}
      aria-label={t('composer.label')}
      onDrop={onDrop}
      onDragOver={(e) => e.preventDefault()}
    >
      {guard && <Guard missed={guard.missed} onRead={() => setGuard(null)} onSend={sendAnyway} />}
      <div className={css.modes}>
        {!oneWay && (
          <button type="button" aria-pressed={mode === 'reply'} className={css.mode} onClick={() => onMode('reply')}>
            {t('composer.reply')}
          </button>
        )}
        {mailing && others.length > 0 && (
          <button type="button" className={css.mode} onClick={answerAll} title={withKey('keys.replyAll', '⇧R')}>
            <IconUsersPlus size={16} stroke={1.75} className={css.modeGlyph} aria-hidden="true" />
            <span className={css.modeText}>{t('keys.replyAll')}</span>
          </button>
        )}
        {mailing && newest && (
          <button
            type="button"
            aria-pressed={forward}
            className={css.mode}
            onClick={passOn}
            title={withKey('keys.forward', 'W')}
          >
            <IconArrowForwardUp size={16} stroke={1.75} className={css.modeGlyph} aria-hidden="true" />
            <span className={css.modeText}>{t('keys.forward')}</span>
          </button>
        )}
        <button type="button" aria-pressed={note} className={css.mode} onClick={() => onMode('note')}>
          {t('composer.note')}
        </button>
        <span className={css.hint}>
          {note ? (
            <span className="cut">
              {oneWay ? t('composer.oneWay', { channel: channelTypeName(c.channel_type) }) : t('composer.onlyTeam')}
            </span>
          ) : forward ? (
            <span className="cut">{newest?.attachments.length ? t('composer.withoutFiles') : ''}</span>
          ) : (
            <Via c={c} contact={contact} routes={routes} route={route} onChoose={choose} />
          )}
        </span>
      </div>
      {mailing && !note && draft.mail && (
        <MailFields
          key={mode}
          value={draft.mail}
          forward={forward}
          person={peerName(c, contact)}
          subject={replySubject(c.subject)}
          onChange={setMail}
          onClose={closeMail}
        />
      )}
      {mailing && mode === 'reply' && !draft.mail && (
        <button type="button" className={css.mailOpen} onClick={() => setMail(NO_MAIL)} title={t('composer.fields')}>
          <span className="cut">
            <bdi>{replySubject(c.subject) || t('mail.subject')}</bdi>
          </span>
          <span className={css.mailOpenMore}>
            {t('mail.cc')}, {t('mail.bcc')}
          </span>
        </button>
      )}
      <textarea
        ref={field}
        className={css.field}
        value={text}
        dir="auto"
        rows={2}
        data-pane
        aria-label={note ? t('composer.note') : t('composer.reply')}
        placeholder={note ? t('composer.notePlaceholder') : t('composer.replyPlaceholder')}
        onChange={(e) => {
          setText(e.currentTarget.value)
          if (!note) typing()
        }}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <UploadList
        done={draft.attachments}
        running={uploads.running}
        onRemove={(id) => setAttachments((list) => list.filter((a) => a.id !== id))}
        onStop={uploads.stop}
        onRetry={uploads.retry}
      />
      <footer className={css.foot}>
        <ActionIcon
          onClick={() => file.current?.click()}
          aria-label={t('composer.attach')}
          title={t('composer.attach')}
        >
          <IconPaperclip size={20} stroke={1.75} />
        </ActionIcon>
        <input
          ref={file}
          type="file"
          multiple
          hidden
          onChange={(e) => {
            uploads.add([...(e.currentTarget.files ?? [])])
            e.currentTarget.value = ''
          }}
        />
        <span className={css.saved} role="status">
          {(route?.type ?? c.channel_type) === 'sms' && !note && text ? (
            <SmsLength text={text} />
          ) : saved ? (
            t('composer.saved')
          ) : (
            ''
          )}
        </span>
        {!note && c.assignee_id === null && (
          <label className={css.take}>
            <input
              type="checkbox"
              checked={take}
              onChange={(e) => {
                setTake(e.currentTarget.checked)
                if (e.currentTarget.checked) localStorage.removeItem(TAKE_OFF)
                else localStorage.setItem(TAKE_OFF, '1')
              }}
            />
            {t('composer.take')}
          </label>
        )}
        <span className={css.keys}>
          <Kbd keys="ctrl+Enter" />
        </span>
        {!note && <SendLater disabled={empty || uploads.busy} onPick={(at) => submit(false, at.toISOString())} />}
        <Button
          disabled={empty || uploads.busy}
          onClick={() => submit()}
          leftSection={<IconSend2 size={16} className={css.sendGlyph} />}
          variant={note ? 'default' : 'filled'}
        >
          {note ? t('composer.addNote') : t('composer.send')}
        </Button>
      </footer>
    </section>
  )
}

const withKey = (name: 'keys.replyAll' | 'keys.forward', key: string) => t('keys.withKey', { name: t(name), key })

/** The mail that "forward" passes on, and who is written to by "reply all" beside the person and ourselves. */
function useMails(c: Conversation, contact: Contact | undefined): { newest: Message | undefined; others: string[] } {
  const thread = useThread(c.id)
  const channels = useChannels().data ?? NO_CHANNELS
  const own = channels.map((ch) => ch.config?.address).filter((a) => typeof a === 'string')
  const known = (contact?.identities ?? []).filter((i) => i.kind === 'email').map((i) => i.value)
  const mails = thread.ids.flatMap((id) => store.message(id) ?? []).filter(isMail)
  const talk = mails.findLast((m) => m.direction === 'inbound' || isTo(m, [c.peer, ...known]))
  return {
    newest: mails.findLast((m) => m.direction === 'inbound') ?? mails.at(-1),
    others: talk ? othersOf(talk, c.peer, [...own, ...known]) : [],
  }
}

const isMail = (m: Message) => m.kind === 'email' && !m.auto && m.status !== 'cancelled' && !m.deleted_at

interface ViaProps {
  c: Conversation
  contact: Contact | undefined
  routes: Channel[]
  route: Channel | undefined
  onChoose: (id: string) => void
}

/** Which way the answer goes, and to whom; another way can be chosen where there is one. */
function Via({ c, contact, routes, route, onChoose }: ViaProps) {
  const [open, setOpen] = useState(false)
  const words = t('composer.via', {
    channel: channelTypeName(route?.type ?? c.channel_type),
    name: peerName(c, contact),
  })
  if (routes.length < 2) {
    return (
      <span className="cut">
        <bdi>{words}</bdi>
      </span>
    )
  }
  return (
    <Picker
      opened={open}
      onOpen={setOpen}
      label={t('composer.choose')}
      options={routes.map((r) => ({
        value: r.id,
        label: r.name,
        hint: channelTypeName(r.type),
        icon: <ChannelGlyph type={r.type} />,
        checked: r.id === route?.id,
      }))}
      onPick={onChoose}
      target={
        <button type="button" className={css.via} onClick={() => setOpen(!open)} title={t('composer.choose')}>
          <span className="cut">
            <bdi>{words}</bdi>
          </span>
          <IconChevronDown size={14} aria-hidden="true" />
        </button>
      }
    />
  )
}

function SmsLength({ text }: { text: string }) {
  const { parts, left } = smsParts(text)
  return <span className="tabular">{t('composer.sms', { count: parts, left })}</span>
}

/** The comment on a mail that is passed on begins above it. */
function useStart(field: React.RefObject<HTMLTextAreaElement | null>, on: boolean) {
  useEffect(() => {
    if (!on) return
    field.current?.setSelectionRange(0, 0)
    field.current?.scrollTo(0, 0)
  }, [on, field])
}

/** The field is as high as its text, within the limits of the style sheet. */
function useGrowing(field: React.RefObject<HTMLTextAreaElement | null>, text: string) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured anew with every change of the text
  useLayoutEffect(() => {
    const el = field.current
    if (!el || CSS.supports('field-sizing', 'content')) return
    el.style.blockSize = 'auto'
    el.style.blockSize = `${el.scrollHeight}px`
  }, [text, field])
}
