// The story of the first hour, in real browsers: an owner sets the hub up, connects the website chat, a visitor writes,
// the agent sees it without a reload and answers, the visitor reads the answer.
//
//   PARLEY_BIN=bin/parley node --test ui/app/e2e/story.mjs     starts a hub of its own in a throw-away directory
//   PARLEY_URL=http://127.0.0.1:8080 node --test …             uses one that runs and has no owner yet

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const SLOW = 15_000
const OWNER = { name: 'Olga Owner', email: 'olga@example.com', password: 'a long enough password' }

let url = process.env.PARLEY_URL
let hub
let data
let browser

before(async () => {
  assert.ok(existsSync(CHROMIUM), `no browser at ${CHROMIUM}; apt-get install -y chromium`)
  if (!url) url = await startHub()
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
})

after(async () => {
  await browser?.close()
  if (hub) {
    const gone = new Promise((done) => hub.once('exit', done))
    hub.kill('SIGTERM')
    await gone
  }
  if (data) rmSync(data, { recursive: true, force: true })
})

test('a visitor writes, an agent answers, and nobody reloads a page', async () => {
  const agent = await newPage()
  await setUp(agent)
  const channel = await connectWebchat(agent)
  await agent.getByRole('button', { name: 'Open the inbox' }).click()
  await agent.getByText('All clear').waitFor()
  const loads = countLoads(agent)

  const visitor = await newPage()
  await writeAsVisitor(visitor, channel, 'Is the blue one available in XL?')

  await agent.getByRole('option', { name: /Is the blue one available/ }).click()
  await agent.getByRole('article').getByText('Is the blue one available in XL?').waitFor()
  await agent.getByText('Nobody known fitted, so a new card was opened.').waitFor()

  await agent.keyboard.press('r')
  await agent.keyboard.type('Yes, two are left. Shall I keep one for you?')
  await agent.keyboard.press('Control+Enter')
  await agent.getByRole('article').getByText('Yes, two are left.').waitFor()

  await panelOf(visitor).getByText('Yes, two are left. Shall I keep one for you?').waitFor()
  await agent
    .getByText(/^(Sent|Delivered|Read)$/)
    .first()
    .waitFor()

  await panelOf(visitor).getByRole('textbox').fill('Please do!')
  await panelOf(visitor).getByRole('textbox').press('Enter')
  await agent.getByRole('article').getByText('Please do!').waitFor()

  assert.equal(loads(), 0, 'the agent’s page was loaded again')
  assert.deepEqual(agent.complaints, [], 'the agent’s page complained')
})

test('what was typed survives a reload, and a note never reaches the visitor', async () => {
  const agent = await newPage()
  await agent.goto(url)
  await agent.getByLabel('E-mail').fill(OWNER.email)
  await agent.locator('input[name=password]').fill(OWNER.password)
  await agent.getByRole('button', { name: 'Sign in' }).click()
  await agent.getByRole('option').first().click()

  await agent.keyboard.press('r')
  await agent.keyboard.type('half a sen')
  await agent.getByText('Draft saved').waitFor()
  await agent.reload()
  assert.equal(await agent.getByRole('textbox', { name: 'Reply' }).inputValue(), 'half a sen')

  await agent.getByRole('feed').focus()
  await agent.keyboard.press('n')
  await agent.keyboard.type('between us')
  await agent.keyboard.press('Control+Enter')
  await agent.getByRole('article').getByText('between us').waitFor()
  assert.equal(await agent.getByText('Only your team sees this').isVisible(), true)
})

async function newPage() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
  const page = await context.newPage()
  page.setDefaultTimeout(SLOW)
  page.complaints = []
  page.on('pageerror', (e) => page.complaints.push(e.message))
  return page
}

async function setUp(page) {
  await page.goto(url)
  await page.getByLabel('Your name').fill(OWNER.name)
  await page.getByLabel('E-mail').fill(OWNER.email)
  await page.locator('input[name=password]').fill(OWNER.password)
  await page.getByRole('button', { name: 'Create the account' }).click()
}

/** Connects the website chat in the first run and gives back the channel's id, from the line to copy. */
async function connectWebchat(page) {
  await page.getByRole('button', { name: /Website chat/ }).click()
  await page.getByRole('button', { name: 'Connect a channel' }).click()
  const line = await page.getByText(/data-channel=/).textContent()
  return /data-channel="([^"]+)"/.exec(line)[1]
}

async function writeAsVisitor(page, channel, text) {
  await page.goto(`${url}/demo?channel=${channel}`)
  const panel = panelOf(page)
  const field = panel.getByRole('textbox')
  await page.getByRole('button', { name: /chat/i }).first().click()
  await field.waitFor()
  await field.fill(text)
  await field.press('Enter')
}

function panelOf(page) {
  return page.frameLocator('iframe')
}

function countLoads(page) {
  let n = 0
  page.on('load', () => n++)
  return () => n
}

async function startHub() {
  const bin = resolve(process.env.PARLEY_BIN ?? join(import.meta.dirname, '../../../bin/parley'))
  assert.ok(existsSync(bin), `no hub at ${bin}; set PARLEY_BIN or PARLEY_URL`)
  const port = await freePort()
  const at = `http://127.0.0.1:${port}`
  data = mkdtempSync(join(tmpdir(), 'parley-story-'))
  const foreign = Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_'))
  const env = {
    ...Object.fromEntries(foreign),
    PARLEY_SERVER_PORT: String(port),
    PARLEY_SERVER_PUBLIC_URL: at,
    PARLEY_DATA_DIR: data,
  }
  hub = spawn(bin, ['serve'], { env, stdio: ['ignore', 'inherit', 'inherit'] })
  for (let i = 0; i < 100; i++) {
    const ready = await fetch(`${at}/readyz`)
      .then((r) => r.ok)
      .catch(() => false)
    if (ready) return at
    await new Promise((r) => setTimeout(r, 100))
  }
  throw new Error('the hub was not ready within 10 s')
}

function freePort() {
  return new Promise((done) => {
    const s = createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address()
      s.close(() => done(port))
    })
  })
}
