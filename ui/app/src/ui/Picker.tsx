import { Popover } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react'
import { t } from '../i18n'
import css from './ui.module.css'

export interface Option {
  value: string
  label: string
  hint?: string
  icon?: ReactNode
  checked?: boolean
}

interface Props {
  opened: boolean
  onOpen: (opened: boolean) => void
  options: Option[]
  onPick: (value: string) => void
  label: string
  /** Several can be picked; the list stays open. */
  multiple?: boolean
  /** Offers to make what was typed, when nothing is called so. */
  onCreate?: (text: string) => void
  target: ReactNode
}

/** A short list to choose from: type to filter, arrows to move, Enter to pick, Esc to leave. */
export function Picker(p: Props) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const found = useMemo(() => filter(p.options, text, p.onCreate !== undefined), [p.options, text, p.onCreate])

  useEffect(() => {
    if (!p.opened) return
    setText('')
    setAt(0)
    requestAnimationFrame(() => input.current?.focus())
  }, [p.opened])

  const pick = (option: Option | undefined) => {
    if (!option) return
    if (option.value === CREATE) p.onCreate?.(text.trim())
    else p.onPick(option.value)
    setText('')
    if (!p.multiple) p.onOpen(false)
  }

  const onKeyDown = (e: KeyboardEvent) => {
    if (e.nativeEvent.isComposing) return
    if (e.key === 'ArrowDown') setAt((i) => Math.min(i + 1, found.length - 1))
    else if (e.key === 'ArrowUp') setAt((i) => Math.max(i - 1, 0))
    else if (e.key === 'Enter') pick(found[at])
    else return
    e.preventDefault()
  }

  return (
    <Popover
      opened={p.opened}
      onChange={p.onOpen}
      position="bottom-start"
      returnFocus
      trapFocus
      width={280}
      withinPortal
    >
      <Popover.Target>{p.target}</Popover.Target>
      <Popover.Dropdown p={0} data-layer>
        <input
          ref={input}
          className={css.pickerInput}
          value={text}
          dir="auto"
          placeholder={p.label}
          role="combobox"
          aria-label={p.label}
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={found[at] ? `${id}-${at}` : undefined}
          onChange={(e) => {
            setText(e.currentTarget.value)
            setAt(0)
          }}
          onKeyDown={onKeyDown}
        />
        <div id={id} role="listbox" aria-label={p.label} className={css.pickerList}>
          {found.map((o, i) => (
            // biome-ignore lint/a11y/useFocusableInteractive: focus stays in the filter, which names the active row
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled in the filter
            <div
              key={o.value}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === at}
              className={css.pickerRow}
              onMouseMove={() => setAt(i)}
              onClick={() => pick(o)}
            >
              {o.icon}
              <span className="cut" dir="auto">
                {o.label}
              </span>
              {o.hint && <span className={css.pickerHint}>{o.hint}</span>}
              {o.checked && <IconCheck size={16} className={css.pickerCheck} aria-label={t('common.chosen')} />}
            </div>
          ))}
          {found.length === 0 && <p className={css.pickerNone}>{t('common.nothingFound')}</p>}
        </div>
      </Popover.Dropdown>
    </Popover>
  )
}

const CREATE = '\u0000create'

function filter(options: Option[], text: string, creating: boolean): Option[] {
  const wanted = text.trim().toLocaleLowerCase()
  if (!wanted) return options
  const found = options.filter((o) => `${o.label} ${o.hint ?? ''}`.toLocaleLowerCase().includes(wanted))
  const exact = options.some((o) => o.label.toLocaleLowerCase() === wanted)
  return creating && !exact ? [...found, { value: CREATE, label: t('common.create', { name: text.trim() }) }] : found
}
