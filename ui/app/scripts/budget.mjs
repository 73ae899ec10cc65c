// Fails the build when the first load of the inbox outgrows its budget (gzip, UI.md §14).
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const LIMIT_KB = { js: 280, css: 30 }
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))

const firstLoad = new Set()
function add(key) {
  const chunk = manifest[key]
  if (firstLoad.has(chunk.file)) return
  firstLoad.add(chunk.file)
  for (const css of chunk.css ?? []) firstLoad.add(css)
  for (const next of chunk.imports ?? []) add(next)
}
add('index.html')
add('src/inbox/InboxPage.tsx')

const used = { js: 0, css: 0 }
for (const file of firstLoad) {
  const kind = file.endsWith('.css') ? 'css' : 'js'
  used[kind] += gzipSync(readFileSync(new URL(file, dist))).length / 1000
}
for (const [kind, limit] of Object.entries(LIMIT_KB)) {
  console.log(`first load ${kind}: ${used[kind].toFixed(1)} of ${limit} kB gz`)
  if (used[kind] > limit) process.exitCode = 1
}
