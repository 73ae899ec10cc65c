import { IconFile, IconFileMusic, IconFileTypePdf, IconPhoto, IconVideo } from '@tabler/icons-react'
import type { Attachment } from '../api/types'
import { locale, t } from '../i18n'
import { size } from '../text/bytes'
import { Player } from '../ui/Player'
import css from './thread.module.css'

const SAFE_PICTURE = /^image\/(png|jpeg|gif|webp)$/
const SMALL_ENOUGH = 5_000_000

/** The files of a message: pictures to look at, sound to hear, the rest to fetch. */
export function AttachmentList({ attachments }: { attachments: Attachment[] }) {
  return (
    <ul className={css.files}>
      {attachments
        .filter((a) => !a.inline)
        .map((a) => (
          <li key={a.id}>
            <One a={a} />
          </li>
        ))}
    </ul>
  )
}

function One({ a }: { a: Attachment }) {
  if (!a.url) return <Absent a={a} />
  if (SAFE_PICTURE.test(a.mime_type) && a.size < SMALL_ENOUGH) {
    return (
      <a href={a.url} target="_blank" rel="noopener noreferrer" className={css.picture}>
        <img src={a.url} alt={a.name || t('file.picture')} loading="lazy" />
      </a>
    )
  }
  if (a.mime_type.startsWith('audio/')) return <Player src={a.url} name={a.name} />
  return (
    <a href={a.url} className={css.file} download={a.name}>
      <FileGlyph mime={a.mime_type} />
      <span className="cut" dir="auto">
        {a.name || t('file.unnamed')}
      </span>
      <span className={css.fileSize}>{size(a.size, locale())}</span>
    </a>
  )
}

/** A file that is not here (yet), with the reason. */
function Absent({ a }: { a: Attachment }) {
  return (
    <span className={css.file}>
      <FileGlyph mime={a.mime_type} />
      <span className="cut" dir="auto">
        {a.name || t('file.unnamed')}
      </span>
      <span className={css.fileSize}>{a.state === 'failed' ? a.problem || t('file.failed') : t('file.coming')}</span>
    </span>
  )
}

export function FileGlyph({ mime }: { mime: string }) {
  const Glyph = mime.startsWith('image/')
    ? IconPhoto
    : mime.startsWith('video/')
      ? IconVideo
      : mime.startsWith('audio/')
        ? IconFileMusic
        : mime === 'application/pdf'
          ? IconFileTypePdf
          : IconFile
  return <Glyph size={20} stroke={1.5} aria-hidden="true" />
}
