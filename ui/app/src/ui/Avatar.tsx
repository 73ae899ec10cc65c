import css from './ui.module.css'

function initials(name: string): string {
  const words = name
    .trim()
    .split(/\s+/)
    .filter((w) => /\p{L}/u.test(w))
  return [words[0], words.length > 1 ? words.at(-1) : '']
    .map((w) => [...(w ?? '')].find((c) => /\p{L}/u.test(c)) ?? '')
    .join('')
    .toLocaleUpperCase()
}

export function Avatar({ name, small }: { name: string; small?: boolean }) {
  return (
    <span className={small ? css.avatarSmall : css.avatar} aria-hidden="true">
      {initials(name) || '#'}
    </span>
  )
}
