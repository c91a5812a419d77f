// Requests per second over loopback: reading a run, its list and its figures, and making runs, by a few clients at once,
// beside a bare hono route that gives the same bytes, which is what the server and the sockets alone can do.
// Everything on one machine, the clients too, so the floor is what to compare with. Stops by itself.
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { processEnvironment } from '../dist/app.js'
import { isServer } from '../dist/books/location.js'
import { migrateUp } from '../dist/books/migrate.js'
import { openUnchecked } from '../dist/books/open.js'
import { CATALOGUE } from '../dist/surfaces/catalogue.js'
import { withoutLogin } from '../dist/surfaces/http/access.js'
import { makeApp } from '../dist/surfaces/http/http-app.js'
import { Jobs } from '../dist/surfaces/http/jobs.js'
import { RateLimit } from '../dist/surfaces/http/rate-limit.js'
import { openSession } from '../dist/surfaces/session.js'
import { resolveSettings } from '../dist/surfaces/settings.js'
import { DATE, writeFacts, writeStructure, writeUseCase } from './book.mjs'

const CLIENTS = 8

/** Requests one after another by each of a few clients, until the time or the count is reached. */
async function load({
  port,
  path,
  method = 'GET',
  headers = {},
  body,
  seconds,
  count = Number.POSITIVE_INFINITY,
}) {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  const times = []
  const statuses = new Map()
  const end = performance.now() + seconds * 1000
  let left = count
  const client = async () => {
    while (performance.now() < end && left-- > 0) {
      const began = performance.now()
      const { status, bytes } = await send(agent, { port, path, method, headers: headers(), body })
      times.push(performance.now() - began)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      load.bytes = bytes
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: CLIENTS }, client))
  const elapsed = (performance.now() - began) / 1000
  agent.destroy()
  times.sort((a, b) => a - b)
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))]
  return {
    rate: times.length / elapsed,
    p50: at(0.5),
    p95: at(0.95),
    statuses,
    bytes: load.bytes,
    requests: times.length,
  }
}

const send = (agent, { port, path, method, headers, body }) =>
  new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port, path, method, headers }, (response) => {
      let bytes = 0
      response.on('data', (chunk) => {
        bytes += chunk.length
      })
      response.on('end', () => resolve({ status: response.statusCode, bytes }))
    })
    sent.on('error', reject)
    sent.end(body)
  })

const listening = (server) =>
  new Promise((resolve) => server.once('listening', () => resolve(server.address().port)))

/** A server that gives these bytes to everyone. */
async function floorServer(body) {
  const app = new Hono().all('/*', (c) => c.body(body, 200, { 'Content-Type': 'application/json' }))
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 })
  return { port: await listening(server), server }
}

export async function benchHttp({ facts, nodes, rules, dbUrl, seconds }) {
  const directory = mkdtempSync(join(tmpdir(), 'tieout-bench-'))
  const stop = new AbortController()
  const environment = { ...processEnvironment(stop.signal), directory, variables: {} }
  const settings = await resolveSettings({
    flags: { db: dbUrl ?? join(directory, 'db'), user: 'bench' },
    environment: {},
    directory,
  })
  if (isServer(settings.db.value)) await migrate(settings.db.value)
  const session = await openSession(environment, settings, 'bench http', { report: () => {} })
  const { context } = session
  const jobs = new Jobs(context, { maxJobs: 64 })
  const limits = { maxBody: 2 ** 20, maxUpload: 2 ** 32, maxRequests: 256, idempotencyHours: 24 }
  const app = makeApp({
    context,
    jobs,
    rate: new RateLimit(0, () => 0),
    limits,
    operations: CATALOGUE,
    access: withoutLogin(context),
    files: null,
    log: () => {},
    complain: console.error,
  })
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 })
  const port = await listening(server)
  try {
    const name = `Bench ${context.newId()}`
    await fill(context, directory, { name, facts, nodes, rules })
    const runs = `/api/v1/use-cases/${encodeURIComponent(name)}/runs`
    const json = { 'content-type': 'application/json' }
    const body = JSON.stringify({ date: DATE })
    const made = await fetch(`http://127.0.0.1:${port}${runs}`, { method: 'POST', headers: json, body })
    const { run_id, cells } = await made.json()
    console.log(
      `${facts.toLocaleString('en-US')} facts, ${nodes} nodes, ${rules} rules, ${cells} cells · ${session.books.kind} · ${CLIENTS} clients, ${seconds} s each\n`,
    )
    console.log('                                     bytes   requests/s      p50 ms      p95 ms    of floor')
    const reads = [
      ['GET a run', `/api/v1/runs/${run_id}`],
      ['GET the list of runs', '/api/v1/runs'],
      ['GET 100 figures', `/api/v1/runs/${run_id}/results?limit=100`],
      ['GET a use case', `/api/v1/use-cases/${encodeURIComponent(name)}`],
    ]
    for (const [title, path] of reads) await compare(title, { port, path, headers: () => ({}), seconds })
    await compare('GET a run, 304', {
      port,
      path: `/api/v1/runs/${run_id}`,
      headers: await tagOf(port, `/api/v1/runs/${run_id}`),
      seconds,
    })
    const post = { port, path: runs, method: 'POST', body, seconds }
    await compare('POST a run', { ...post, headers: () => json })
    let n = 0
    await compare('POST a run, each under a key', {
      ...post,
      headers: () => ({ ...json, 'idempotency-key': `bench-${run_id}-${n++}` }),
    })
    await compare('POST a run again under its key', {
      ...post,
      headers: () => ({ ...json, 'idempotency-key': `bench-${run_id}-0` }),
    })
  } finally {
    stop.abort(new Error('done'))
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await jobs.settled()
    await session.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function migrate(db) {
  const books = await openUnchecked({ db, command: 'bench http' })
  await books.maintain(migrateUp).finally(() => books.close())
}

const tagOf = async (port, path) => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  const etag = response.headers.get('etag')
  return () => ({ 'if-none-match': etag })
}

async function fill(context, directory, { name, facts, nodes, rules }) {
  const perform = async (operation, input) => {
    const { run, input: schema } = CATALOGUE.find((one) => one.name === operation)
    return run(context, schema.parse(input))
  }
  const table = `fact_bench_${context.newId().slice(0, 8)}`
  await perform('structures import', { name: 'BENCH', file: writeStructure(directory, nodes) })
  await perform('facts import', { table, file: (await writeFacts(directory, { facts, nodes })).csv })
  const source = `{table: ${table}, date: pnl_date, scenario: scenario}`
  await perform('use-cases apply', { file: writeUseCase(directory, { name, source, nodes, rules }) })
}

async function compare(title, request) {
  const found = await load(request)
  const floor = await floorServer('x'.repeat(found.bytes))
  const bare = await load({ ...request, port: floor.port, path: '/', seconds: Math.min(2, request.seconds) })
  floor.server.closeAllConnections()
  await new Promise((resolve) => floor.server.close(resolve))
  const row = [
    found.bytes.toLocaleString('en-US').padStart(8),
    ...[found.rate, found.p50, found.p95].map((value) => value.toFixed(1).padStart(12)),
  ]
  const odd = [...found.statuses]
    .filter(([status]) => status >= 400)
    .map(([status, n]) => `  ${n} × ${status}`)
  console.log(
    `${title.padEnd(34)}${row.join('')}${`${((found.rate / bare.rate) * 100).toFixed(1)} %`.padStart(12)}${odd.join('')}`,
  )
}
