import type { Money } from '../api/types'

/** An amount in its currency, as the reader writes money. */
export function money(m: Money, locale: string): string {
  const amount = Number(m.amount)
  try {
    return new Intl.NumberFormat(locale, {
      style: 'currency',
      currency: m.currency,
      trailingZeroDisplay: 'stripIfInteger',
    }).format(amount)
  } catch {
    return `${m.amount} ${m.currency}`
  }
}
