// A stand-in that speaks the contract with believable data, only for looking at screens while the hub is being written.
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { WebSocketServer } from 'ws'

const dist = new URL('../dist/', import.meta.url).pathname
const PORT = Number(process.env.PORT ?? 5300)
let n = 0
const id = (p = 'id') => `${p}-${String(++n).padStart(5, '0')}`
const ago = (min) => new Date(Date.now() - min * 60000).toISOString()
let seq = 1000

const users = [
  ['u-me', 'Olga Petrova', 'owner'], ['u-boris', 'Boris Levin', 'agent'], ['u-lena', 'Lena Hoffmann-Schwarzenberger', 'manager'],
].map(([i, name, role]) => ({ id: i, name, email: `${i.slice(2)}@example.com`, role, team_ids: ['t-1'], availability: i === 'u-boris' ? 'away' : 'online', disabled: false }))
const me = { ...users[0], permissions: ['conversations.answer', 'channels.manage', 'staff.manage', 'journal.manage'], settings: { undo_seconds: 5 } }
let needed = process.env.FRESH === '1', signed = process.env.FRESH !== '1' && process.env.OUT !== '1'
const teams = [{ id: 't-1', name: 'Sales', member_ids: ['u-me', 'u-boris'] }, { id: 't-2', name: 'Soporte España', member_ids: ['u-lena'] }]
const ch = (i, type, name, state = 'connected', config = {}, urls = {}) => ({ id: i, type, name, state, state_detail: state === 'unauthorized' ? 'IMAP: [AUTHENTICATIONFAILED] Invalid credentials (Failure)' : '', webhook_urls: urls, config, last_inbound_at: ago(4), created_at: ago(9000), version: 1 })
const channels = process.env.FRESH === '1' ? [] : [
  ch('c-mail', 'email', 'support@acme.example', 'connected', { address: 'support@acme.example', imap: { host: 'imap.acme.example', port: 993, security: 'tls', username: 'support', password: '***' }, smtp: { host: 'smtp.acme.example', port: 587, security: 'starttls', username: 'support', password: '***' } }),
  ch('c-web', 'webchat', 'Website chat', 'connected', { allowed_origins: ['*'], greeting: 'Hello! How can we help?' }),
  ch('c-tg', 'telegram', 'Acme bot', 'connected', { token: '***', mode: 'polling' }),
  ch('c-sms', 'sms', '+1 202 555 0100', 'unauthorized', { provider: 'twilio', account_sid: 'AC0123', auth_token: '***', from: '+12025550100' }, { inbound: 'https://hub.example/hooks/sms/c-sms', status: 'https://hub.example/hooks/sms/c-sms/status' }),
  ch('c-tel', 'telephony', 'Sales line', 'connected', { provider: 'generic', secret: '***' }, { events: 'https://hub.example/hooks/telephony/c-tel' }),
  ch('c-form', 'form', 'Contact form', 'connected', { allowed_origins: ['*'] }, { submit: 'https://hub.example/hooks/form/c-form' }),
]
const pipelines = [{ id: 'p-1', name: 'Sales', is_default: true, stages: ['New', 'Qualified', 'Proposal', 'Won', 'Lost'].map((name, i) => ({ id: `s-${i}`, name, position: i, kind: i === 3 ? 'won' : i === 4 ? 'lost' : 'open' })) }]
const contacts = new Map(), convs = new Map(), msgs = new Map(), leads = new Map(), calls = new Map()

function contact(name, identities, fields = {}) {
  const c = { id: id('ct'), name, identities, company_id: null, owner_id: null, labels: [], fields, consent: {}, merged_into: null, created_at: ago(5000), version: 1 }
  contacts.set(c.id, c); return c
}
const ident = (kind, value, trust, channel_id = null) => ({ kind, value, trust, channel_id })
function conv(ct, channel, over = {}) {
  const c = { id: id('cv'), number: 100 + convs.size, status: 'open', priority: 'normal', subject: '', channel_id: channel.id, channel_type: channel.type, contact_id: ct.id, lead_id: null, assignee_id: null, team_id: null, labels: [], unread_count: 0, last_message: null, match: { how: 'identity', evidence: `${ct.identities[0].kind} ${ct.identities[0].value} is known as ${ct.identities[0].trust}` }, peer: ct.identities[0].value, peer_name: ct.name, waiting_since: null, snoozed_until: null, created_at: ago(3000), updated_at: ago(3), last_seq: ++seq, version: 1, ...over }
  convs.set(c.id, c); msgs.set(c.id, []); return c
}
function say(c, minAgo, direction, body_text, over = {}) {
  const inbound = direction === 'inbound'
  const m = { id: id('m'), conversation_id: c.id, contact_id: c.contact_id, channel_id: c.channel_id, direction, kind: c.channel_type === 'email' && direction !== 'note' && direction !== 'activity' ? 'email' : 'text', body_text, body_html: '', attachments: [], author: inbound ? { type: 'contact', id: c.contact_id, name: contacts.get(c.contact_id).name } : direction === 'activity' ? { type: 'automation', id: null, name: '' } : { type: 'user', id: 'u-me', name: me.name }, status: inbound ? 'received' : 'delivered', error: null, provider_id: null, call_id: null, edits: [], deleted_at: null, created_at: ago(minAgo), ...over }
  msgs.get(c.id).push(m)
  if (direction === 'inbound' || direction === 'outbound') {
    c.last_message = { id: m.id, preview: m.kind === 'call' ? 'Call' : body_text.slice(0, 120), direction, created_at: m.created_at }
    c.last_seq = ++seq; c.updated_at = m.created_at
    if (inbound) { c.unread_count++; c.waiting_since ??= m.created_at } else { c.unread_count = 0; c.waiting_since = null }
  }
  return m
}
const lead = (c, title, over = {}) => { const l = { id: id('l'), number: 40 + leads.size, title, stage_id: 's-0', pipeline_id: 'p-1', contact_id: c.contact_id, conversation_id: c.id, owner_id: null, source: { channel_type: c.channel_type, channel_id: c.channel_id, utm: {} }, temperature: 'warm', score: 40, value: null, created_at: ago(2000), version: 1, ...over }; leads.set(l.id, l); c.lead_id = l.id; return l }
const call = (c, over = {}) => { const x = { id: id('call'), channel_id: c.channel_id, direction: 'inbound', state: 'ended', from: '+34600112233', to: '+12025550100', contact_id: c.contact_id, conversation_id: c.id, lead_id: c.lead_id, agent_id: 'u-boris', started_at: ago(90), answered_at: ago(90), ended_at: ago(87), talk_seconds: 192, recording: { state: 'ready', duration: 192, url: '' }, created_at: ago(90), version: 1, ...over }; calls.set(x.id, x); return x }

if (process.env.FRESH !== '1') seed()
function seed() {
  const [mail, web, tg, sms, tel, form] = channels
  const ana = contact('Ana Ruiz de la Prada y Fernández-Villaverde', [ident('email', 'ana.ruiz@example.es', 'domain'), ident('phone', '+34600112233', 'channel', 'c-tel'), ident('telegram', '5123871', 'channel', 'c-tg')], { city: 'Madrid', company: 'Tejados Ruiz, S. L.' })
  const c1 = conv(ana, mail, { subject: '¿Me puede enviar el presupuesto del tejado?', assignee_id: 'u-me', team_id: 't-1', labels: ['presupuesto', 'VIP'] })
  lead(c1, 'Tejado · Ana Ruiz', { value: { amount: '4200.00', currency: 'EUR' }, stage_id: 's-2', temperature: 'hot', owner_id: 'u-me' })
  say(c1, 2900, 'activity', 'Lead #40 opened')
  say(c1, 2890, 'inbound', 'Buenos días, necesito un presupuesto', { subject: 'Presupuesto tejado', body_html: '<p>Buenos días:</p><p>Necesito un presupuesto para renovar un tejado de <b>120 m²</b> en Alcobendas. Adjunto fotos y un plano.</p><ul><li>Teja cerámica</li><li>Aislamiento nuevo</li></ul><p>Un saludo,<br>Ana Ruiz</p><img src="https://track.example/p.gif" width="1" height="1">', attachments: [{ id: 'a1', name: 'plano-tejado-definitivo-v3-con-medidas.pdf', mime_type: 'application/pdf', size: 2410000, url: '/files/plano.pdf', state: 'ready' }] })
  say(c1, 2800, 'outbound', 'Buenos días, Ana:\n\nGracias por escribirnos. Mañana le envío el presupuesto.\n\nOlga', { status: 'read' })
  const k = call(c1)
  say(c1, 90, 'inbound', 'Call, 3:12', { kind: 'call', call_id: k.id })
  say(c1, 80, 'note', 'She wants it before the rains start in October. Check the price of ceramic tiles with Boris.', { author: { type: 'user', id: 'u-boris', name: 'Boris Levin' } })
  say(c1, 70, 'activity', 'Boris Levin assigned this to Olga Petrova')
  say(c1, 8, 'inbound', '¿Me puede enviar el presupuesto hoy? Tengo que decidir esta semana.\n\nEl mar, 17 nov 2026, Olga escribió:\n> Buenos días, Ana:\n> Gracias por escribirnos.', { subject: 'Re: Presupuesto tejado' })

  const moshe = contact('משה כהן', [ident('phone', '+972501234567', 'channel', 'c-sms')])
  const c2 = conv(moshe, sms, { match: { how: 'created', evidence: 'nobody was known by phone +972501234567' } })
  lead(c2, 'משה כהן')
  say(c2, 25, 'inbound', 'שלום, מתי אתם פתוחים מחר? אני צריך לאסוף את ההזמנה #4471.')
  say(c2, 24, 'outbound', 'שלום משה, אנחנו פתוחים 9:00–18:00.', { status: 'unknown', error: 'read tcp: connection reset by peer after the request was sent' })

  const ivan = contact('Иван Сергеевич Константинопольский', [ident('telegram', '99812', 'channel', 'c-tg')])
  const c3 = conv(ivan, tg, { assignee_id: 'u-me', priority: 'urgent' })
  say(c3, 40, 'inbound', 'Здравствуйте! Заказ приехал разбитый, что делать?')
  say(c3, 39, 'inbound', 'Вот фото', { attachments: [{ id: 'a2', name: 'photo.png', mime_type: 'image/png', size: 1200, url: '/favicon.svg', state: 'ready' }, { id: 'a3', name: 'voice.ogg', mime_type: 'audio/ogg', size: 84000, url: '/files/voice.ogg', state: 'ready' }], edits: [{ at: ago(39), body_text: 'Вот фотка' }] })
  say(c3, 30, 'outbound', 'Здравствуйте, Иван Сергеевич! Сейчас всё решим: отправим новый сегодня же.', { status: 'failed', error: 'Forbidden: bot was blocked by the user' })

  const vis = contact('', [ident('webchat', '0192f0aa-77c1', 'channel', 'c-web')])
  const c4 = conv(vis, web)
  say(c4, 2, 'inbound', 'Hi! Is the blue one available in XL? https://shop.example/items/blue-jacket')
  const emb = contact('Kateřina Novotná', [ident('email', 'katka@example.cz', 'asserted')])
  const c5 = conv(emb, form, { subject: 'Contact form', labels: ['wholesale'] })
  lead(c5, 'Wholesale enquiry', { source: { channel_type: 'form', channel_id: 'c-form', utm: { source: 'google', campaign: 'autumn-2026' } }, temperature: 'cold' })
  say(c5, 300, 'inbound', 'name: Kateřina Novotná\nemail: katka@example.cz\nmessage: We would like to order 300 pieces. What is your price list for shops?', { kind: 'form' })
  const bob = contact('Bob', [ident('phone', '+12025550123', 'channel', 'c-tel')])
  const c6 = conv(bob, tel, { assignee_id: 'u-me' })
  const missed = call(c6, { state: 'missed', talk_seconds: 0, answered_at: null, agent_id: null, from: '+12025550123', started_at: ago(50), recording: { state: 'none', duration: null, url: null } })
  say(c6, 50, 'inbound', 'Missed call', { kind: 'call', call_id: missed.id })
  const words = ['Where is my parcel?', 'Can I change the address of my order?', 'The invoice shows the wrong company name.', 'Thanks, that worked!', 'Do you ship to Norway, and how long does it take at this time of the year?']
  for (let i = 0; i < 160; i++) {
    const p = contact(['Liam Müller', 'Zoë Brontë', 'José Ángel Núñez', 'Xin Yi', 'Fatima al-Zahra', 'Jo'][i % 6] + (i > 5 ? ` ${i}` : ''), [ident('email', `p${i}@example.org`, i % 3 ? 'domain' : 'asserted')])
    const c = conv(p, [mail, web, tg][i % 3], { assignee_id: i % 4 ? null : i % 8 ? 'u-boris' : 'u-me', status: i % 9 === 8 ? 'resolved' : i % 11 === 10 ? 'snoozed' : 'open', snoozed_until: i % 11 === 10 ? ago(-900) : null })
    for (let j = 0; j < 3 + (i % 4) * 14; j++) say(c, 400 + i * 37 + (60 - j) * 4, j % 2 ? 'outbound' : 'inbound', words[(i + j) % 5])
    if (i % 3) c.unread_count = 0
  }
}

const sockets = new Set()
const emit = (type, data, actor = { type: 'user', id: 'u-me' }) => { const f = JSON.stringify({ seq: ++seq, id: id('ev'), type, at: new Date().toISOString(), actor, data, changes: {} }); for (const s of sockets) s.send(f) }
const sorted = (rows) => rows.sort((a, b) => (b.last_message?.created_at ?? '').localeCompare(a.last_message?.created_at ?? ''))
const page = (rows, q) => { const at = Number(q.get('cursor') ?? 0), limit = Number(q.get('limit') ?? 50); return { data: rows.slice(at, at + limit), next_cursor: at + limit < rows.length ? String(at + limit) : null } }
const problem = (status, title, extra = {}) => ({ __status: status, type: 'about:blank', title, status, detail: title, ...extra })

const routes = [
  ['GET', '/setup', () => ({ needed })],
  ['POST', '/setup', (_, b) => { if (b.password.length < 10) return problem(422, 'Too short', { errors: [{ field: 'password', code: 'short', message: 'at least 10 characters' }] }); needed = false; signed = true; me.name = b.name; return { user: me, csrf_token: 'x' } }],
  ['GET', '/session', () => (signed ? { user: me, csrf_token: 'x' } : problem(401, 'sign in'))],
  ['POST', '/session', (_, b) => { if (b.password === 'wrong') return problem(401, 'no'); signed = true; return { user: me, csrf_token: 'x' } }],
  ['PATCH', '/session', (_, b) => { Object.assign(me, b.availability ? { availability: b.availability } : {}); Object.assign(me.settings, b.settings ?? {}); return { user: me, csrf_token: 'x' } }],
  ['DELETE', '/session', () => { signed = false; return null }],
  ['GET', '/conversations/counts', () => { const o = [...convs.values()].filter((c) => c.status === 'open'); return { mine: o.filter((c) => c.assignee_id === 'u-me').length, unassigned: o.filter((c) => !c.assignee_id).length, all: o.length, snoozed: 3 } }],
  ['GET', '/conversations', (p, b, q) => { let r = sorted([...convs.values()]); const f = (k, fn) => { if (q.get(k)) r = r.filter((c) => fn(c, q.get(k))) }; f('status', (c, v) => c.status === v); f('assignee', (c, v) => (v === 'me' ? c.assignee_id === 'u-me' : v === 'none' ? !c.assignee_id : c.assignee_id === v)); f('contact', (c, v) => c.contact_id === v); f('channel_type', (c, v) => c.channel_type === v); f('q', (c, v) => JSON.stringify([c, contacts.get(c.contact_id)]).toLowerCase().includes(v.toLowerCase())); return page(r, q) }],
  ['GET', '/conversations/:id', (p) => convs.get(p.id) ?? problem(404, 'this conversation does not exist')],
  ['PATCH', '/conversations/:id', (p, b) => { const c = { ...convs.get(p.id), ...b, version: convs.get(p.id).version + 1 }; convs.set(c.id, c); emit('conversation.updated', c); return c }],
  ['POST', '/conversations/:id/read', (p) => { const c = { ...convs.get(p.id), unread_count: 0 }; c.version++; convs.set(c.id, c); emit('conversation.updated', c); return null }],
  ['POST', '/conversations/:id/unread', (p) => { const c = { ...convs.get(p.id), unread_count: 1 }; c.version++; convs.set(c.id, c); emit('conversation.updated', c); return null }],
  ['GET', '/conversations/:id/messages', (p, b, q) => { const all = msgs.get(p.id); const end = q.get('before') ? Number(q.get('before')) : all.length; const from = Math.max(0, end - 30); return { data: all.slice(from, end), next_cursor: from > 0 ? String(from) : null } }],
  ['POST', '/conversations/:id/messages', (p, b) => { const c = convs.get(p.id); const missed = msgs.get(p.id).filter((m) => m.direction === 'inbound' || m.direction === 'outbound').slice(-1); if (b.last_seen_seq !== undefined && b.last_seen_seq < c.last_seq) return problem(409, 'somebody wrote meanwhile', { messages: missed }); const m = say(c, 0, b.note ? 'note' : 'outbound', b.body, { status: b.note ? 'received' : 'queued', send_at: b.hold_s ? new Date(Date.now() + b.hold_s * 1000).toISOString() : null }); c.version++; convs.set(c.id, { ...c }); emit('message.created', m); emit('conversation.updated', convs.get(c.id)); if (!b.note) { const later = (s, ms) => setTimeout(() => { const now = msgs.get(p.id).find((x) => x.id === m.id); if (now.status === 'cancelled') return; now.status = s; emit('message.updated', { ...now }) }, ms + (b.hold_s ?? 0) * 1000); later('sending', 200); later('sent', 900); later('delivered', 2200) } return { __status: 202, ...m } }],
  ['POST', '/conversations/:id/messages/:m/cancel', (p) => { const m = msgs.get(p.id).find((x) => x.id === p.m); m.status = 'cancelled'; emit('message.updated', { ...m }); return { ...m } }],
  ['POST', '/conversations/:id/messages/:m/retry', (p) => { const m = msgs.get(p.id).find((x) => x.id === p.m); m.status = 'queued'; m.error = null; emit('message.updated', { ...m }); return { ...m } }],
  ['POST', '/uploads', () => ({ id: id('up'), name: 'file.pdf', mime_type: 'application/pdf', size: 120000 })],
  ['GET', '/contacts', (p, b, q) => page([...contacts.values()].filter((c) => !q.get('q') || JSON.stringify(c).toLowerCase().includes(q.get('q').toLowerCase())), q)],
  ['GET', '/contacts/:id', (p) => contacts.get(p.id) ?? problem(404, 'no such contact')],
  ['PATCH', '/contacts/:id', (p, b) => { const c = { ...contacts.get(p.id), ...b }; c.version++; contacts.set(c.id, c); emit('contact.updated', c); return c }],
  ['GET', '/contacts/:id/timeline', (p) => ({ data: [...[...convs.values()].filter((c) => c.contact_id === p.id).map((c) => ({ type: 'conversation', at: c.updated_at, conversation: c })), ...[...calls.values()].filter((c) => c.contact_id === p.id).map((c) => ({ type: 'call', at: c.started_at, call: c })), ...[...leads.values()].filter((c) => c.contact_id === p.id).map((c) => ({ type: 'lead', at: c.created_at, lead: c }))].sort((a, b) => b.at.localeCompare(a.at)), next_cursor: null })],
  ['GET', '/leads', (p, b, q) => page([...leads.values()].filter((l) => !q.get('contact') || l.contact_id === q.get('contact')), q)],
  ['GET', '/leads/:id', (p) => leads.get(p.id)],
  ['PATCH', '/leads/:id', (p, b) => { const l = { ...leads.get(p.id), ...b }; leads.set(l.id, l); emit('lead.updated', l); return l }],
  ['GET', '/pipelines', () => ({ data: pipelines })],
  ['GET', '/calls', (p, b, q) => page([...calls.values()].filter((c) => (!q.get('state') || c.state === q.get('state')) && (!q.get('direction') || c.direction === q.get('direction'))), q)],
  ['GET', '/calls/:id', (p) => calls.get(p.id)],
  ['GET', '/search', (p, b, q) => ({ data: [...contacts.values()].filter((c) => JSON.stringify(c).toLowerCase().includes(q.get('q').toLowerCase())).slice(0, 8).map((c) => ({ type: 'contact', id: c.id, title: c.name, preview: c.identities[0].value })), next_cursor: null })],
  ['GET', '/channels', () => ({ data: channels, next_cursor: null })],
  ['POST', '/channels', (p, b) => { if (b.type === 'telegram' && !/^\d+:/.test(b.config.token ?? '')) return problem(422, 'bad config', { errors: [{ field: 'config.token', code: 'bad', message: 'A token looks like 123456:ABC…' }] }); const c = ch(id('ch'), b.type, b.name, 'connected', b.config, b.type === 'form' ? { submit: `http://127.0.0.1:${PORT}/hooks/form/x` } : {}); c.last_inbound_at = null; channels.push(c); return c }],
  ['GET', '/channels/:id', (p) => channels.find((c) => c.id === p.id) ?? problem(404, 'no such channel')],
  ['PATCH', '/channels/:id', (p, b) => { const c = channels.find((x) => x.id === p.id); Object.assign(c, b); c.version++; return c }],
  ['POST', '/channels/:id/test', (p) => (channels.find((c) => c.id === p.id).state === 'unauthorized' ? { ok: false, detail: 'Twilio: 20003 Authenticate' } : { ok: true, detail: '' })],
  ['POST', '/channels/:id/disable', (p) => Object.assign(channels.find((c) => c.id === p.id), { state: 'disabled' })],
  ['POST', '/channels/:id/enable', (p) => Object.assign(channels.find((c) => c.id === p.id), { state: 'connected' })],
  ['GET', '/users', () => ({ data: users, next_cursor: null })],
  ['POST', '/users', (p, b) => { const u = { id: id('u'), ...b, team_ids: [], availability: 'offline', disabled: false }; users.push(u); return { ...u, invite_url: `http://127.0.0.1:${PORT}/invite/3f9a0c` } }],
  ['PATCH', '/users/:id', (p, b) => Object.assign(users.find((u) => u.id === p.id), b)],
  ['GET', '/roles', () => ({ data: ['owner', 'admin', 'manager', 'agent'].map((x) => ({ id: x, permissions: [] })) })],
  ['GET', '/teams', () => ({ data: teams, next_cursor: null })],
  ['POST', '/teams', (p, b) => { const t = { id: id('t'), name: b.name, member_ids: [] }; teams.push(t); return t }],
  ['POST', '/teams/:id/members', (p, b) => { teams.find((t) => t.id === p.id).member_ids.push(b.user_id); return null }],
  ['DELETE', '/teams/:id/members/:u', (p) => { const t = teams.find((x) => x.id === p.id); t.member_ids = t.member_ids.filter((u) => u !== p.u); return null }],
  ['GET', '/tokens', () => ({ data: [{ id: 'k1', name: 'Nightly export', user_id: 'u-me', scopes: [], last_used_at: ago(400), expires_at: ago(-40000) }], next_cursor: null })],
  ['POST', '/tokens', (p, b) => ({ id: id('k'), name: b.name, user_id: 'u-me', scopes: [], last_used_at: null, expires_at: null, token: 'pat_8Zq1mH0k9cB4vX7tR2nLw5sYd3' })],
  ['GET', '/inbound', () => ({ data: [{ id: 'i1', channel_id: 'c-tg', state: 'quarantined', reason: 'an update of an unknown kind: "business_connection"', received_at: ago(200) }, { id: 'i2', channel_id: 'c-tel', state: 'quarantined', reason: 'event "recording" for a call that nobody knows', received_at: ago(900) }], next_cursor: null })],
  ['POST', '/inbound/:id/replay', () => null],
  // what the screens are tried with
  ['POST', '/dev/inbound', (p, b) => { const c = [...convs.values()].find((x) => x.channel_type === (b.type ?? 'webchat')); const m = say(c, 0, 'inbound', b.text ?? 'One more thing…'); c.version++; convs.set(c.id, { ...c }); emit('message.created', m); emit('conversation.updated', convs.get(c.id)); return { id: c.id } }],
  ['POST', '/dev/ring', () => { const c = [...convs.values()][0]; const x = call(c, { state: 'ringing', started_at: new Date().toISOString(), answered_at: null, ended_at: null, talk_seconds: 0, recording: { state: 'none', duration: null, url: null } }); emit('call.ringing', x); return x }],
  ['POST', '/dev/hangup', () => { for (const x of calls.values()) if (x.state === 'ringing') { const y = { ...x, state: 'missed' }; calls.set(x.id, y); emit('call.missed', y) } return null }],
].map(([m, path, fn]) => [m, new RegExp(`^/api/v1${path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`), fn])

const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
const CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; frame-src 'self' blob: data:; connect-src 'self'"
const server = createServer((req, res) => {
  const url = new URL(req.url, 'http://x')
  if (url.pathname.startsWith('/api/')) {
    const chunks = []
    req.on('data', (c) => chunks.push(c)).on('end', () => {
      for (const [m, re, fn] of routes) {
        const hit = m === req.method && re.exec(url.pathname)
        if (!hit) continue
        const raw = Buffer.concat(chunks).toString()
        const out = fn(hit.groups ?? {}, raw.startsWith('{') ? JSON.parse(raw) : {}, url.searchParams)
        const status = out?.__status ?? (out === null ? 204 : 200)
        if (out) delete out.__status
        return setTimeout(() => res.writeHead(status, { 'content-type': 'application/json' }).end(out === null ? undefined : JSON.stringify(out)), 20)
      }
      res.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify(problem(404, `${req.method} ${url.pathname}`)))
    })
    return
  }
  let file = join(dist, url.pathname)
  if (!extname(file) || !existsSync(file)) file = join(dist, 'index.html')
  res.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream', 'content-security-policy': CSP })
  createReadStream(file).pipe(res)
})
const wss = new WebSocketServer({ server, path: '/ws' })
wss.on('connection', (s) => { sockets.add(s); s.send(JSON.stringify({ type: 'hello', seq, epoch: 'dev' })); s.on('close', () => sockets.delete(s)) })
server.listen(PORT, '127.0.0.1', () => console.log(`dev on ${PORT}`))
