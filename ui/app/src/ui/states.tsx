import { Button } from '@mantine/core'
import { type ReactNode, useEffect, useState } from 'react'
import { asProblem } from '../api/problem'
import { t } from '../i18n'
import css from './ui.module.css'

/** What a place is for and the one next action, when there is nothing in it. */
export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon?: ReactNode
  title: string
  children?: ReactNode
  action?: ReactNode
}) {
  return (
    <div className={css.empty}>
      {icon && <span className={css.emptyIcon}>{icon}</span>}
      <p className={css.emptyTitle}>{title}</p>
      {children && <div className="dim">{children}</div>}
      {action && <div className={css.emptyAction}>{action}</div>}
    </div>
  )
}

/** A failure in the place of the content: what failed, what is safe, and another try. */
export function Failed({ error, what, retry }: { error: unknown; what: string; retry?: () => void }) {
  const problem = asProblem(error)
  if (problem.status === 403) return <Empty title={t('state.noRight')}>{t('state.noRightHelp')}</Empty>
  return (
    <div className={css.empty} role="alert">
      <p className={css.emptyTitle}>{what}</p>
      <p className="dim">{problem.offline ? t('state.offline') : problem.message}</p>
      {problem.status > 0 && <p className="dim small">{t('state.code', { code: problem.status })}</p>}
      {retry && (
        <div className={css.emptyAction}>
          <Button variant="default" onClick={retry}>
            {t('common.retry')}
          </Button>
        </div>
      )}
    </div>
  )
}

/** Shows its children only when waiting takes longer than a glance. */
export function AfterAWhile({ children, ms = 150 }: { children: ReactNode; ms?: number }) {
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), ms)
    return () => clearTimeout(timer)
  }, [ms])
  return late ? children : null
}

/** Grey rows in the shape of the real ones. */
export function SkeletonRows({ rows = 8, height = 64 }: { rows?: number; height?: number }) {
  return (
    <AfterAWhile>
      <div aria-hidden="true">
        {Array.from({ length: rows }, (_, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: rows without any identity
          <div key={i} className={css.skeleton} style={{ blockSize: height }}>
            <span className={css.skeletonDot} />
            <span className={css.skeletonLines}>
              <i style={{ inlineSize: `${55 - ((i * 7) % 25)}%` }} />
              <i style={{ inlineSize: `${85 - ((i * 11) % 30)}%` }} />
            </span>
          </div>
        ))}
      </div>
    </AfterAWhile>
  )
}

/** The thin line over a view whose data is being read again. */
export function RefreshLine({ on }: { on: boolean }) {
  return <div className={css.refresh} data-on={on || undefined} aria-hidden="true" />
}
