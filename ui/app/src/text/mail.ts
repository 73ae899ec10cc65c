// Turns the HTML of a mail into a document for a frame that may run nothing and reach nothing. The hub has sanitised it and
// marked what can be folded; this is the second wall: the frame is sandboxed without scripts and without our origin, and its
// own policy lets no picture in from outside. Pictures that somebody asked for come as data, fetched by the hub.

export interface MailPage {
  srcdoc: string
  /** Rough height in px. The frame shares no origin with us, so it cannot be measured. */
  height: number
  /** Nothing in it asks for colours of its own: it may wear ours. */
  plain: boolean
}

const LINE_PX = 22
const CHARS_PER_LINE = 78
const OWN_LOOK = '[style*="color"], [style*="background"], [bgcolor], [background], font[color], table, style'
const FOLDED = '[data-parley-fold]'
const REMOTE = 'data-remote-src'

const parse = (html: string) => new DOMParser().parseFromString(html, 'text/html')

/** Where the pictures lie that would tell their server that the mail was read; each address once. */
export function remotePictures(html: string): string[] {
  const all = [...parse(html).querySelectorAll(`img[${REMOTE}]`)].map((img) => img.getAttribute(REMOTE) ?? '')
  return [...new Set(all.filter(Boolean))]
}

/** Whether a mail has quotes or a signature beside its own words. */
export function hasFolded(html: string): boolean {
  return html.includes('data-parley-fold') && parse(html).querySelector(FOLDED) !== null
}

interface Options {
  /** Pictures from elsewhere that are here already, as data: URIs by their address. */
  pictures: ReadonlyMap<string, string>
  /** Quotes and signatures are shown too. */
  whole: boolean
  origin: string
  colors: MailColors
}

export function mailPage(html: string, o: Options): MailPage {
  const doc = parse(html)
  for (const a of doc.querySelectorAll('a')) a.setAttribute('rel', 'noopener noreferrer')
  for (const d of doc.querySelectorAll('body *:not(td):not(table)')) if (!d.hasAttribute('dir')) autoDirection(d)
  const plain = doc.querySelector(OWN_LOOK) === null
  if (!o.whole) for (const el of doc.querySelectorAll(FOLDED)) el.remove()
  for (const img of doc.querySelectorAll(`img[${REMOTE}]`)) putPicture(img, o.pictures)
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data: ${o.origin}; font-src data:`
  const look = plain
    ? `color:${o.colors.text};background:${o.colors.surface};color-scheme:${o.colors.scheme}`
    : 'color:#1b1f24;background:#fff;color-scheme:light'
  const srcdoc = `<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><base target="_blank"><style>
html{${look}}body{margin:0;padding:${plain ? '0' : '12px'};font:15px/22px system-ui,sans-serif;overflow-wrap:anywhere}
img{max-width:100%;height:auto}table{max-width:100%}pre{white-space:pre-wrap}p{margin:0 0 11px}
a{color:${plain ? o.colors.accent : '#1c64c8'}}
blockquote{margin:4px 0;padding-inline-start:12px;border-inline-start:2px solid ${plain ? o.colors.line : '#dfe3e8'}}
</style></head><body dir="auto">${doc.body.innerHTML}</body></html>`
  return { srcdoc, height: estimate(doc), plain }
}

export interface MailColors {
  text: string
  dim: string
  surface: string
  accent: string
  line: string
  scheme: 'light' | 'dark'
}

function putPicture(img: Element, pictures: ReadonlyMap<string, string>) {
  const data = pictures.get(img.getAttribute(REMOTE) ?? '')
  img.removeAttribute(REMOTE)
  if (data) img.setAttribute('src', data)
}

function autoDirection(el: Element) {
  if (/^(P|DIV|LI|BLOCKQUOTE|H[1-6])$/.test(el.tagName)) el.setAttribute('dir', 'auto')
}

function estimate(doc: Document): number {
  let px = LINE_PX
  for (const block of doc.querySelectorAll('p, li, tr, h1, h2, h3, h4, div, pre, blockquote, ul, ol')) {
    if (block.querySelector('p, li, tr, div')) px += 4
    else px += linesOf(block) * LINE_PX + (block.tagName === 'P' ? 11 : 2)
  }
  if (px === LINE_PX) px += linesOf(doc.body) * LINE_PX
  for (const img of doc.querySelectorAll('img')) px += Math.min(400, Number(img.getAttribute('height')) || 120)
  return Math.round(px)
}

function linesOf(el: Element): number {
  return Math.max(1, Math.ceil((el.textContent ?? '').length / CHARS_PER_LINE)) + el.querySelectorAll('br').length
}
