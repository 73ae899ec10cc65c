// GSM 03.38: the characters that fit seven bits, and those that take two of them.
const basic = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
)
const extended = new Set('^{}\\[~]|€\f')

/** How many SMS a text takes, and how many characters are left in the last one. */
export function smsParts(text: string): { parts: number; left: number } {
  const chars = [...text]
  const gsm = chars.every((c) => basic.has(c) || extended.has(c))
  const units = gsm ? chars.reduce((n, c) => n + (extended.has(c) ? 2 : 1), 0) : text.length
  const [single, multi] = gsm ? [160, 153] : [70, 67]
  if (units <= single) return { parts: 1, left: single - units }
  const parts = Math.ceil(units / multi)
  return { parts, left: parts * multi - units }
}
