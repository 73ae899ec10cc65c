import { ActionIcon } from '@mantine/core'
import { IconRefresh, IconX } from '@tabler/icons-react'
import type { Upload } from '../api/types'
import { locale, t } from '../i18n'
import { size } from '../text/bytes'
import { FileGlyph } from './Attachments'
import css from './composer.module.css'
import type { Running } from './useUploads'

interface Props {
  done: Upload[]
  running: Running[]
  onRemove: (id: string) => void
  onStop: (key: string) => void
  onRetry: (key: string) => void
}

/** The files that go with what is being written. */
export function UploadList({ done, running, onRemove, onStop, onRetry }: Props) {
  if (done.length + running.length === 0) return null
  return (
    <ul className={css.uploads}>
      {done.map((a) => (
        <li key={a.id} className={css.upload}>
          <FileGlyph mime={a.mime_type} />
          <span className="cut" dir="auto">
            {a.name}
          </span>
          <span className="dim small">{size(a.size, locale())}</span>
          <ActionIcon size={24} onClick={() => onRemove(a.id)} aria-label={t('composer.removeFile', { name: a.name })}>
            <IconX size={14} />
          </ActionIcon>
        </li>
      ))}
      {running.map((r) => (
        <li key={r.key} className={css.upload} data-error={r.error ? true : undefined}>
          <FileGlyph mime={r.file.type} />
          <span className="cut" dir="auto">
            {r.file.name}
          </span>
          {r.error ? (
            <>
              <span className={css.uploadError}>{r.error}</span>
              <ActionIcon size={24} onClick={() => onRetry(r.key)} aria-label={t('common.retry')}>
                <IconRefresh size={14} />
              </ActionIcon>
            </>
          ) : (
            <progress value={r.done} max={1} aria-label={t('composer.uploading', { name: r.file.name })} />
          )}
          <ActionIcon size={24} onClick={() => onStop(r.key)} aria-label={t('common.cancel')}>
            <IconX size={14} />
          </ActionIcon>
        </li>
      ))}
    </ul>
  )
}
