import { useComputedColorScheme } from '@mantine/core'
import { useMemo, useState } from 'react'
import { t } from '../i18n'
import { type MailColors, mailPage } from '../text/mail'
import css from './thread.module.css'

const LOWEST_PX = 48
const FOLDED_PX = 420

const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

function colors(scheme: 'light' | 'dark'): MailColors {
  return {
    text: token('--text'),
    dim: token('--dim'),
    surface: token('--surface'),
    accent: token('--accent'),
    line: token('--line'),
    scheme,
  }
}

/** The HTML of a mail in a frame that runs no script, shares no origin with us and fetches no picture until asked. */
export function MailFrame({ html }: { html: string }) {
  const scheme = useComputedColorScheme('light')
  const [images, setImages] = useState(false)
  const [whole, setWhole] = useState(false)
  const page = useMemo(
    () => mailPage(html, { images, origin: location.origin, quoted: t('thread.quoted'), colors: colors(scheme) }),
    [html, images, scheme],
  )
  const height = Math.max(LOWEST_PX, whole ? page.height * 1.25 : Math.min(page.height, FOLDED_PX))
  return (
    <div className={css.mail}>
      {page.remote && !images && (
        <p className={css.images}>
          {t('mail.imagesOff')}{' '}
          <button type="button" className={css.textButton} onClick={() => setImages(true)}>
            {t('mail.showImages')}
          </button>
        </p>
      )}
      <iframe
        className={css.frame}
        data-plain={page.plain || undefined}
        title={t('mail.frame')}
        srcDoc={page.srcdoc}
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        referrerPolicy="no-referrer"
        style={{ blockSize: height }}
      />
      {page.height > FOLDED_PX && (
        <button type="button" className={css.textButton} onClick={() => setWhole(!whole)} aria-expanded={whole}>
          {whole ? t('mail.shorter') : t('mail.whole')}
        </button>
      )}
    </div>
  )
}
