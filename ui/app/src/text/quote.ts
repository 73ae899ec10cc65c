/** Splits the quoted tail off a plain mail. A mail answered between the lines is left whole. */
export function foldQuote(text: string): { own: string; quoted: string } {
  const lines = text.split('\n')
  let first = lines.length
  for (let i = lines.length - 1; i >= 0; i--) {
    const line = lines[i]!.trim()
    if (line.startsWith('>')) first = i
    else if (line !== '') break
  }
  if (first === lines.length) return { own: text, quoted: '' }
  const from = introduction(lines, first)
  const own = lines.slice(0, from).join('\n').trimEnd()
  if (own === '' || /^\s*>/m.test(own)) return { own: text, quoted: '' }
  return { own, quoted: lines.slice(from).join('\n') }
}

/** The line "On …, … wrote:" above a quotation belongs to it, in whatever language: it ends in a colon. */
function introduction(lines: string[], first: number): number {
  let at = first - 1
  while (at >= 0 && lines[at]!.trim() === '') at--
  return at >= 0 && lines[at]!.trim().endsWith(':') ? at : first
}
