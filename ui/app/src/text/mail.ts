// Turns the HTML of a mail into a document for a frame that may run nothing and reach nothing. The hub has sanitised it;
// this is the second wall: the frame is sandboxed without scripts and without our origin, and its own policy lets no
// picture in from outside until somebody asks.

export interface MailPage {
  srcdoc: string
  /** Pictures (or styles) would be fetched from elsewhere, which tells the sender that the mail was read. */
  remote: boolean
  /** Rough height in px. The frame shares no origin with us, so it cannot be measured. */
  height: number
  /** Nothing in it asks for colours of its own: it may wear ours. */
  plain: boolean
}

const LINE_PX = 22
const CHARS_PER_LINE = 78
const OWN_LOOK = '[style*="color"], [style*="background"], [bgcolor], [background], font[color], table, style'
const QUOTES = 'blockquote[type="cite"], .gmail_quote, .moz-cite-prefix + blockquote, #divRplyFwdMsg ~ *'

export function mailPage(
  html: string,
  o: { images: boolean; origin: string; quoted: string; colors: MailColors },
): MailPage {
  const doc = new DOMParser().parseFromString(html, 'text/html')
  for (const a of doc.querySelectorAll('a')) a.setAttribute('rel', 'noopener noreferrer')
  for (const d of doc.querySelectorAll('body *:not(td):not(table)')) if (!d.hasAttribute('dir')) autoDirection(d)
  const remote = reachesOut(doc, o.origin)
  const plain = doc.querySelector(OWN_LOOK) === null
  const height = estimate(doc)
  foldQuotes(doc, o.quoted)
  const pictures = o.images ? 'https:' : ''
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data: ${o.origin} ${pictures}; font-src data:`
  const look = plain
    ? `color:${o.colors.text};background:${o.colors.surface};color-scheme:${o.colors.scheme}`
    : 'color:#1b1f24;background:#fff;color-scheme:light'
  const srcdoc = `<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><base target="_blank"><style>
html{${look}}body{margin:0;padding:${plain ? '0' : '12px'};font:15px/22px system-ui,sans-serif;overflow-wrap:anywhere}
img{max-width:100%;height:auto}table{max-width:100%}pre{white-space:pre-wrap}p{margin:0 0 11px}
a{color:${plain ? o.colors.accent : '#1c64c8'}}details{margin-top:8px}summary{cursor:pointer;color:${plain ? o.colors.dim : '#57606a'};font-size:12px}
blockquote{margin:4px 0;padding-inline-start:12px;border-inline-start:2px solid ${plain ? o.colors.line : '#dfe3e8'}}
</style></head><body dir="auto">${doc.body.innerHTML}</body></html>`
  return { srcdoc, remote, height, plain }
}

export interface MailColors {
  text: string
  dim: string
  surface: string
  accent: string
  line: string
  scheme: 'light' | 'dark'
}

function autoDirection(el: Element) {
  if (/^(P|DIV|LI|BLOCKQUOTE|H[1-6])$/.test(el.tagName)) el.setAttribute('dir', 'auto')
}

function reachesOut(doc: Document, origin: string): boolean {
  const foreign = (url: string | null) => /^(https?:)?\/\//i.test(url ?? '') && !url!.startsWith(origin)
  for (const img of doc.querySelectorAll('img, [background]')) {
    if (foreign(img.getAttribute('src')) || foreign(img.getAttribute('background'))) return true
  }
  for (const el of doc.querySelectorAll('[style], style')) {
    if (
      /url\(\s*['"]?(https?:)?\/\//i.test(
        `${el.getAttribute('style') ?? ''}${el.tagName === 'STYLE' ? el.textContent : ''}`,
      )
    )
      return true
  }
  return false
}

function foldQuotes(doc: Document, summary: string) {
  const quote = doc.querySelector(QUOTES)
  if (!quote || !(doc.body.textContent ?? '').replace(quote.textContent ?? '', '').trim()) return
  const details = doc.createElement('details')
  const label = doc.createElement('summary')
  label.textContent = summary
  quote.replaceWith(details)
  details.append(label, quote)
}

function estimate(doc: Document): number {
  const quoted = doc.querySelector(QUOTES)
  let px = LINE_PX
  for (const block of doc.querySelectorAll('p, li, tr, h1, h2, h3, h4, div, pre, blockquote, ul, ol')) {
    if (quoted?.contains(block)) continue
    if (block.querySelector('p, li, tr, div')) px += 4
    else px += linesOf(block) * LINE_PX + (block.tagName === 'P' ? 11 : 2)
  }
  if (px === LINE_PX) px += linesOf(doc.body) * LINE_PX
  for (const img of doc.querySelectorAll('img')) px += Math.min(400, Number(img.getAttribute('height')) || 120)
  return Math.round(px + (quoted ? 40 : 0))
}

function linesOf(el: Element): number {
  return Math.max(1, Math.ceil((el.textContent ?? '').length / CHARS_PER_LINE)) + el.querySelectorAll('br').length
}
