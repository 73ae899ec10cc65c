import { ActionIcon, Button, Popover } from '@mantine/core'
import { IconCalendarClock } from '@tabler/icons-react'
import { type FormEvent, useId, useState } from 'react'
import { locale, t } from '../i18n'
import { dayAndTime } from '../text/time'
import { snoozeTimes } from './actions'
import css from './composer.module.css'

const FURTHEST_DAYS = 364

/** Chooses when a reply goes out: a usual time, or any within a year. */
export function SendLater({ disabled, onPick }: { disabled: boolean; onPick: (at: Date) => void }) {
  const [open, setOpen] = useState(false)
  const [own, setOwn] = useState('')
  const id = useId()
  const pick = (at: Date) => {
    setOpen(false)
    onPick(at)
  }
  const submit = (e: FormEvent) => {
    e.preventDefault()
    e.stopPropagation()
    if (own) pick(new Date(own))
  }
  const now = new Date()
  return (
    <Popover opened={open} onChange={setOpen} position="top-end" width={320} trapFocus returnFocus withinPortal>
      <Popover.Target>
        <ActionIcon
          disabled={disabled}
          onClick={() => setOpen(!open)}
          aria-label={t('composer.later')}
          title={t('composer.later')}
        >
          <IconCalendarClock size={20} stroke={1.75} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p="xs" data-layer>
        <p className={css.laterTitle}>{t('composer.later')}</p>
        {snoozeTimes(now).map((x) => (
          <button key={x.name} type="button" className={css.laterTime} onClick={() => pick(x.at)}>
            <span>{t(`snooze.${x.name}`)}</span>
            <span className="dim small">{dayAndTime(x.at.toISOString(), locale())}</span>
          </button>
        ))}
        <form className={css.laterOwn} onSubmit={submit}>
          <label htmlFor={id} className="dim small">
            {t('composer.laterOwn')}
          </label>
          <input
            id={id}
            type="datetime-local"
            required
            value={own}
            min={localInput(now)}
            max={localInput(new Date(now.getTime() + FURTHEST_DAYS * 86_400_000))}
            onChange={(e) => setOwn(e.currentTarget.value)}
          />
          <Button type="submit" size="xs" variant="default" disabled={!own}>
            {t('composer.schedule')}
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  )
}

/** A moment as the browser's field writes it, in the reader's zone: "2026-11-21T09:00". */
function localInput(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
