// A telephone number as people read it. It only groups the digits of an E.164 number; it never judges whether the
// number exists, because the hub has done so.

const oneDigitCodes = ['1', '7']
const twoDigitCodes = new Set(
  '20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98'.split(
    ' ',
  ),
)

/** "+34600112233" → "+34 600 112 233". What is not E.164 stays as it is. */
export function readable(e164: string): string {
  const digits = /^\+(\d{7,15})$/.exec(e164)?.[1]
  if (!digits) return e164
  const code = countryCode(digits)
  return `+${code} ${groups(digits.slice(code.length), code).join(' ')}`
}

function countryCode(digits: string): string {
  if (oneDigitCodes.includes(digits[0] ?? '')) return digits.slice(0, 1)
  return digits.slice(0, twoDigitCodes.has(digits.slice(0, 2)) ? 2 : 3)
}

function groups(rest: string, code: string): string[] {
  if (rest.length === 10 && code === '7') return cut(rest, [3, 3, 2, 2])
  if (rest.length === 10) return cut(rest, [3, 3, 4])
  if (rest.length === 9) return cut(rest, [3, 3, 3])
  if (rest.length === 8) return cut(rest, [4, 4])
  if (rest.length === 11) return cut(rest, [3, 4, 4])
  return cut(rest, [3, 3, 3, 3])
}

function cut(text: string, sizes: number[]): string[] {
  const parts: string[] = []
  let at = 0
  for (const size of sizes) {
    if (at >= text.length) break
    parts.push(text.slice(at, at + size))
    at += size
  }
  if (at < text.length) parts.push(text.slice(at))
  return parts
}
