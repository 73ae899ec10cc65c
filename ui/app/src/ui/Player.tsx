import { ActionIcon } from '@mantine/core'
import {
  IconDownload,
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconRewindBackward5,
  IconRewindForward5,
} from '@tabler/icons-react'
import { type KeyboardEvent, useRef, useState } from 'react'
import { t } from '../i18n'
import { duration } from '../text/time'
import css from './player.module.css'

const SPEEDS = [1, 1.25, 1.5, 2, 0.75]

/** Plays a recording. Nothing is fetched before somebody wants to hear it. */
export function Player({ src, name, seconds }: { src: string; name: string; seconds?: number | null }) {
  const audio = useRef<HTMLAudioElement>(null)
  const [playing, setPlaying] = useState(false)
  const [at, setAt] = useState(0)
  const [length, setLength] = useState(seconds ?? 0)
  const [speed, setSpeed] = useState(1)
  const [failed, setFailed] = useState(false)

  const toggle = () =>
    audio.current?.paused ? audio.current.play().catch(() => setFailed(true)) : audio.current?.pause()
  const seek = (to: number) => {
    if (!audio.current) return
    audio.current.currentTime = Math.max(0, Math.min(length, to))
    setAt(audio.current.currentTime)
  }
  const faster = () => {
    const next = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length]!
    if (audio.current) audio.current.playbackRate = next
    setSpeed(next)
  }
  const onKeyDown = (e: KeyboardEvent) => {
    const step = e.shiftKey ? 15 : 5
    if (e.key === 'ArrowRight') seek(at + step)
    else if (e.key === 'ArrowLeft') seek(at - step)
    else if (e.key === ' ' && (e.target as HTMLElement).tagName !== 'BUTTON') toggle()
    else return
    e.preventDefault()
    e.stopPropagation()
  }

  return (
    <div className={css.player} role="group" aria-label={name} onKeyDown={onKeyDown} dir="ltr">
      {/* biome-ignore lint/a11y/useMediaCaption: recordings of calls have no captions */}
      <audio
        ref={audio}
        src={src}
        preload="none"
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onEnded={() => setPlaying(false)}
        onTimeUpdate={(e) => setAt(e.currentTarget.currentTime)}
        onDurationChange={(e) => Number.isFinite(e.currentTarget.duration) && setLength(e.currentTarget.duration)}
        onError={() => setFailed(true)}
      />
      <ActionIcon
        variant="filled"
        color="accent"
        radius="xl"
        onClick={toggle}
        aria-label={playing ? t('player.pause') : t('player.play')}
      >
        {playing ? <IconPlayerPauseFilled size={16} /> : <IconPlayerPlayFilled size={16} />}
      </ActionIcon>
      <ActionIcon size={24} className={css.step} onClick={() => seek(at - 5)} aria-label={t('player.back')}>
        <IconRewindBackward5 size={18} stroke={1.75} />
      </ActionIcon>
      <ActionIcon size={24} className={css.step} onClick={() => seek(at + 5)} aria-label={t('player.forward')}>
        <IconRewindForward5 size={18} stroke={1.75} />
      </ActionIcon>
      <input
        type="range"
        className={css.range}
        min={0}
        max={Math.max(1, length)}
        step={0.1}
        value={at}
        onChange={(e) => seek(Number(e.currentTarget.value))}
        aria-label={t('player.position')}
        aria-valuetext={duration(at)}
      />
      <span className={css.time}>
        {duration(at)} / {duration(length)}
      </span>
      <button type="button" className={css.speed} onClick={faster} aria-label={t('player.speed', { speed })}>
        {speed}×
      </button>
      <ActionIcon component="a" size={24} href={src} download aria-label={t('player.download')}>
        <IconDownload size={16} stroke={1.75} />
      </ActionIcon>
      {failed && (
        <p className={css.failed} role="alert">
          {t('player.failed')}
        </p>
      )}
    </div>
  )
}
