import { Fragment } from 'react'
import css from './thread.module.css'

const LINK = /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g

/** Words as somebody typed them: their direction, their line breaks, links to follow. */
export function PlainText({ text }: { text: string }) {
  return text.split(/\n{2,}/).map((paragraph, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: paragraphs of a text that never changes
    <p key={i} className={css.text} dir="auto">
      {linked(paragraph)}
    </p>
  ))
}

function linked(text: string) {
  const parts: React.ReactNode[] = []
  let at = 0
  for (const found of text.matchAll(LINK)) {
    parts.push(<Fragment key={at}>{text.slice(at, found.index)}</Fragment>)
    parts.push(
      <a key={found.index} href={found[0]} target="_blank" rel="noopener noreferrer" dir="ltr">
        {found[0]}
      </a>,
    )
    at = found.index + found[0].length
  }
  parts.push(<Fragment key={at}>{text.slice(at)}</Fragment>)
  return parts
}
