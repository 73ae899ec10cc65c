import { useComputedColorScheme } from '@mantine/core'
import { useMemo, useState } from 'react'
import { t } from '../i18n'
import { type MailColors, mailPage, remotePictures } from '../text/mail'
import { usePictures } from './pictures'
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

interface Props {
  html: string
  contact: string | null
  /** Quotes and signatures are shown too. */
  quotes: boolean
}

/** The HTML of a mail in a frame that runs no script, shares no origin with us and fetches nothing from elsewhere. */
export function MailFrame({ html, contact, quotes }: Props) {
  const scheme = useComputedColorScheme('light')
  const [whole, setWhole] = useState(false)
  const pictures = usePictures(
    useMemo(() => remotePictures(html), [html]),
    contact,
  )
  const { got } = pictures
  const page = useMemo(
    () => mailPage(html, { pictures: got, whole: quotes, origin: location.origin, colors: colors(scheme) }),
    [html, got, quotes, scheme],
  )
  const height = Math.max(LOWEST_PX, whole ? page.height * 1.25 : Math.min(page.height, FOLDED_PX))
  return (
    <div className={css.mail}>
      <Pictures of={pictures} sender={contact !== null} />
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

/** What stands above a mail about its pictures from elsewhere: how to have them, and what became of that. */
function Pictures({ of, sender }: { of: ReturnType<typeof usePictures>; sender: boolean }) {
  if (of.off) {
    return (
      <p className={css.images}>
        {t('mail.imagesOff')}{' '}
        <button type="button" className={css.textButton} onClick={of.show}>
          {t('mail.showImages')}
        </button>
        {sender && (
          <>
            {' · '}
            <button type="button" className={css.textButton} onClick={of.always}>
              {t('mail.alwaysImages')}
            </button>
          </>
        )}
      </p>
    )
  }
  if (!of.loading && of.missing === 0) return null
  return (
    <p className={css.images} role="status">
      {of.loading ? t('mail.imagesLoading') : t('mail.imagesMissing', { count: of.missing })}
    </p>
  )
}
