import { Modal } from '@mantine/core'
import { IconAddressBook, IconBolt, IconMessage, IconTargetArrow } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, useEffect, useMemo, useState } from 'react'
import { api } from '../api/client'
import type { SearchHit } from '../api/types'
import { t } from '../i18n'
import { readable } from '../text/phone'
import { Kbd } from './Kbd'
import { type Shortcut, shortcutsNow } from './keys'
import css from './shell.module.css'

const TYPING_MS = 150

type Row = { id: string; group: 'found' | 'actions' } & ({ hit: SearchHit } | { action: Shortcut })

/** One field for everything: what can be done here (with its key), and whatever the hub finds. */
export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const [actions] = useState(() =>
    shortcutsNow().filter((s) => !['ctrl+k', '/', 'Escape', 'Enter', 'ArrowDown', 'ArrowUp'].includes(s.keys)),
  )
  const q = useSettled(text.trim())
  const hits = useQuery({
    queryKey: ['search', q],
    queryFn: ({ signal }) => api.search(q, signal),
    enabled: q.length > 1,
    placeholderData: keepPreviousData,
  })
  const open = useOpenHit(onClose)

  const rows = useMemo<Row[]>(() => {
    const wanted = text.trim().toLocaleLowerCase()
    const found = wanted.length > 1 ? (hits.data?.data ?? []) : []
    return [
      ...actions
        .filter((a) => a.title.toLocaleLowerCase().includes(wanted))
        .slice(0, wanted ? 5 : 30)
        .map((action) => ({ id: `a-${action.keys}`, group: 'actions' as const, action })),
      ...found.map((hit) => ({ id: `h-${hit.type}-${hit.id}`, group: 'found' as const, hit })),
    ]
  }, [actions, hits.data, text])

  const pick = (row: Row | undefined) => {
    if (!row) return
    if ('hit' in row) return open(row.hit)
    onClose()
    // After the dialog has given the focus back, so that an action may move it.
    setTimeout(row.action.run, 50)
  }
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key === 'ArrowDown') setAt((i) => Math.min(i + 1, rows.length - 1))
    else if (e.key === 'ArrowUp') setAt((i) => Math.max(i - 1, 0))
    else if (e.key === 'Enter' && !e.nativeEvent.isComposing) pick(rows[at])
    else return
    e.preventDefault()
  }

  return (
    <Modal
      opened
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size="lg"
      yOffset="12vh"
      centered={false}
      aria-label={t('palette.label')}
    >
      <input
        className={css.paletteInput}
        value={text}
        dir="auto"
        placeholder={t('palette.placeholder')}
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-rows"
        aria-activedescendant={rows[at] ? `palette-${at}` : undefined}
        aria-label={t('palette.label')}
        data-autofocus
        onChange={(e) => {
          setText(e.currentTarget.value)
          setAt(0)
        }}
        onKeyDown={onKeyDown}
      />
      <div id="palette-rows" role="listbox" aria-label={t('palette.label')} className={css.paletteList}>
        {rows.map((row, i) => (
          <div key={row.id} role="presentation">
            {row.group !== rows[i - 1]?.group && (
              <p className={css.paletteGroup} role="presentation">
                {t(row.group === 'found' ? 'palette.found' : 'palette.actions')}
              </p>
            )}
            {/* biome-ignore lint/a11y/useFocusableInteractive: focus stays in the field, which names the active row */}
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled in the field */}
            <div
              id={`palette-${i}`}
              role="option"
              aria-selected={i === at}
              className={css.paletteRow}
              onMouseMove={() => setAt(i)}
              onClick={() => pick(row)}
            >
              {'hit' in row ? <Hit hit={row.hit} /> : <Action action={row.action} />}
            </div>
          </div>
        ))}
        {rows.length === 0 && (
          <p className={css.paletteGroup}>{hits.isFetching ? t('palette.searching') : t('common.nothingFound')}</p>
        )}
      </div>
    </Modal>
  )
}

function Hit({ hit }: { hit: SearchHit }) {
  const Icon = hit.type === 'contact' ? IconAddressBook : hit.type === 'lead' ? IconTargetArrow : IconMessage
  return (
    <>
      <Icon size={18} stroke={1.75} aria-label={t('palette.hit', { context: hit.type })} />
      <span className="cut" dir="auto">
        {readable(hit.title)}
      </span>
      {hit.preview && (
        <span className={`${css.paletteHint} cut`} dir="auto">
          {hit.preview}
        </span>
      )}
    </>
  )
}

function Action({ action }: { action: Shortcut }) {
  return (
    <>
      <IconBolt size={18} stroke={1.75} aria-hidden="true" />
      {action.title}
      <span className={css.paletteKeys}>
        <Kbd keys={action.keys} />
      </span>
    </>
  )
}

function useOpenHit(onClose: () => void) {
  const go = useNavigate()
  return (hit: SearchHit) => {
    onClose()
    const conversation = hit.type === 'contact' ? null : hit.conversation_id
    if (conversation) return go({ to: '/inbox/$view/{-$conversation}', params: { view: 'all', conversation } })
    const contact = hit.type === 'contact' ? hit.id : hit.contact_id
    if (contact) return go({ to: '/contacts/{-$contact}', params: { contact } })
    return go({ to: '/leads' })
  }
}

/** The text once nobody has typed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}
