import { describe, expect, it } from 'vitest'
import { mailPage } from './mail'

const colors = { text: '#111', dim: '#666', surface: '#fff', accent: '#00f', line: '#ddd', scheme: 'light' as const }
const page = (html: string, images = false) =>
  mailPage(html, { images, origin: 'https://hub.example', quoted: 'Quoted', colors })

describe('a mail', () => {
  it('lets no picture in from outside until asked', () => {
    const closed = page('<p>Hi</p><img src="https://track.example/1.gif">')
    expect(closed.remote).toBe(true)
    expect(policyOf(closed.srcdoc)).not.toMatch(/https:[ ;]/)
    expect(policyOf(page('<img src="https://track.example/1.gif">', true).srcdoc)).toMatch(/https:;/)
  })

  it('shows our own attachments at once', () => {
    const own = page('<img src="https://hub.example/api/v1/attachments/1?sig=x"><img src="data:image/png;base64,AA==">')
    expect(own.remote).toBe(false)
    expect(policyOf(own.srcdoc)).toContain('https://hub.example')
  })

  it('that hides its beacon in a style is found out', () => {
    expect(page('<div style="background:url(//track.example/a.png)">x</div>').remote).toBe(true)
  })

  it('forbids scripts in the frame, whatever got that far', () => {
    expect(policyOf(page('<script>alert(1)</script>').srcdoc)).toContain("default-src 'none'")
  })

  it('folds the quotation but not a mail that is nothing else', () => {
    expect(page('<p>Yes</p><div class="gmail_quote">old words</div>').srcdoc).toContain(
      '<details><summary>Quoted</summary>',
    )
    expect(page('<div class="gmail_quote">forwarded</div>').srcdoc).not.toContain('<details>')
  })

  it('with colours of its own keeps a white page', () => {
    expect(page('<p>Hi</p>').plain).toBe(true)
    expect(page('<p style="color:red">Hi</p>').plain).toBe(false)
  })
})

function policyOf(srcdoc: string): string {
  return /Content-Security-Policy" content="([^"]*)"/.exec(srcdoc)?.[1] ?? ''
}
