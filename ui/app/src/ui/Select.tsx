import { useId } from 'react'
import css from './select.module.css'

interface Props {
  label: string
  /** The label is said, not shown: the place already tells. */
  quiet?: boolean
  help?: string
  value: string
  options: { value: string; label: string }[]
  onChange: (value: string) => void
  error?: string
}

/** The browser's own choice field: quick, reachable, and right on a phone. */
export function Select({ label, quiet, help, value, options, onChange, error }: Props) {
  const id = useId()
  return (
    <div className={css.field}>
      <label htmlFor={id} className={quiet ? 'hidden-text' : css.label}>
        {label}
      </label>
      {help && (
        <p id={`${id}-help`} className={css.help}>
          {help}
        </p>
      )}
      <select
        id={id}
        className={css.select}
        value={value}
        aria-describedby={help ? `${id}-help` : undefined}
        aria-invalid={error ? true : undefined}
        onChange={(e) => onChange(e.currentTarget.value)}
      >
        {options.map((o) => (
          <option key={o.value} value={o.value}>
            {o.label}
          </option>
        ))}
      </select>
      {error && <p className={css.error}>{error}</p>}
    </div>
  )
}
