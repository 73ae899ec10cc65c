import type { ReactNode } from 'react'
import css from './ui.module.css'

/** A page of its own: heading, what can be done, content that scrolls. */
export function Page({
  title,
  actions,
  children,
  wide,
}: {
  title: string
  actions?: ReactNode
  children: ReactNode
  wide?: boolean
}) {
  return (
    <section className={css.page} aria-label={title}>
      <header className={css.pageHead}>
        <h1>{title}</h1>
        <div className={css.pageActions}>{actions}</div>
      </header>
      <div className={css.pageBody}>
        <div className={wide ? css.pageWide : css.pageInner}>{children}</div>
      </div>
    </section>
  )
}
