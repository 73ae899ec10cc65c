import { ActionIcon } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useState } from 'react'
import { t } from '../i18n'
import css from './ui.module.css'

/** Copies text; where the browser forbids the clipboard (plain http on a LAN) it falls back to a selection. */
async function copyText(text: string) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}

/** Text that is meant to be carried elsewhere, with a button that does it. */
export function CopyBox({ text, label, block }: { text: string; label: string; block?: boolean }) {
  const [done, setDone] = useState(false)
  const copy = async () => {
    await copyText(text)
    setDone(true)
    setTimeout(() => setDone(false), 2000)
  }
  return (
    <div className={css.copyBox}>
      <code className={block ? css.copyBlock : css.copyText}>{text}</code>
      <ActionIcon onClick={copy} aria-label={t('common.copyIt', { name: label })}>
        {done ? <IconCheck size={18} /> : <IconCopy size={18} />}
      </ActionIcon>
      <span className="hidden-text" role="status">
        {done ? t('common.copied') : ''}
      </span>
    </div>
  )
}
