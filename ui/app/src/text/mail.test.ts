import { describe, expect, it } from 'vitest'
import { hasFolded, mailPage, remotePictures } from './mail'

const colors = { text: '#111', dim: '#666', surface: '#fff', accent: '#00f', line: '#ddd', scheme: 'light' as const }
const page = (html: string, pictures = new Map<string, string>(), whole = false) =>
  mailPage(html, { pictures, whole, origin: 'https://hub.example', colors })

const BEACON = '<p>Hi</p><img data-remote-src="https://track.example/1.gif">'

describe('a mail', () => {
  it('lets no picture in from outside, asked or not', () => {
    const asked = page(BEACON, new Map([['https://track.example/1.gif', 'data:image/gif;base64,AA==']]))
    for (const p of [page(BEACON), asked]) {
      expect(policyOf(p.srcdoc)).toContain('img-src data: https://hub.example;')
      expect(p.srcdoc).not.toContain('track.example')
    }
    expect(asked.srcdoc).toContain('src="data:image/gif;base64,AA=="')
    expect(page(BEACON).srcdoc).not.toContain(' src=')
  })

  it('names each picture from elsewhere once, and none of its own', () => {
    const own = '<img src="/files/attachments/1?sig=x"><img src="data:image/png;base64,AA==">'
    expect(remotePictures(own)).toEqual([])
    expect(remotePictures(BEACON + BEACON + own)).toEqual(['https://track.example/1.gif'])
  })

  it('forbids scripts in the frame, whatever got that far', () => {
    expect(policyOf(page('<script>alert(1)</script>').srcdoc)).toContain("default-src 'none'")
  })

  it('folds what is marked as quoted and brings it back whole', () => {
    const html =
      '<p>Yes</p><div data-parley-fold="quote">old words</div><p>and no</p><p data-parley-fold="signature">Ann</p>'
    expect(hasFolded(html)).toBe(true)
    expect(hasFolded('<p>about data-parley-fold</p>')).toBe(false)
    expect(page(html).srcdoc).not.toMatch(/old words|Ann/)
    expect(page(html).srcdoc).toContain('and no')
    expect(page(html, new Map(), true).srcdoc).toMatch(/Yes.*old words.*and no.*Ann/)
    expect(page(html).height).toBeLessThan(page(html, new Map(), true).height)
  })

  it('with colours of its own keeps a white page', () => {
    expect(page('<p>Hi</p>').plain).toBe(true)
    expect(page('<p style="color:red">Hi</p>').plain).toBe(false)
  })
})

function policyOf(srcdoc: string): string {
  return /Content-Security-Policy" content="([^"]*)"/.exec(srcdoc)?.[1] ?? ''
}
