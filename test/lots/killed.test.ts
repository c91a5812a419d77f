/** A computation asked for over HTTP under a key, its server killed: asked again it is one computation, told once more. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CliDatabase, cliDatabase, type Folder, makeFolder } from '../support/cli.js'
import { type Served, serveProcess, until } from '../support/served.js'

const TRADES = 8000
/** Of the time that a whole computation takes, as a client sees it. */
const PARTS = [0, 0.2, 0.4, 0.6, 0.8, 1]
let folder: Folder
let database: CliDatabase
let whole = 0
const started: Served[] = []

const run = async (...args: readonly string[]): Promise<string> => {
  const { exit, stdout, stderr } = await database.run(...args)
  // A slow machine has progress on stderr.
  expect(exit, stderr).toBe(0)
  return stdout
}
const serve = async (): Promise<Served> => {
  const served = await serveProcess(database)
  started.push(served)
  return served
}

beforeAll(async () => {
  folder = makeFolder()
  database = await cliDatabase(folder)
  const rows = Array.from({ length: TRADES }, (_, i) => {
    const at = new Date(Date.UTC(2025, 0, 1) + i * 60_000).toISOString()
    return `t${i},C${i % 5}-USD,${i % 10 < 5 ? 'buy' : 'sell'},1.${i % 9},${100 + (i % 7)},0.1,${at}`
  })
  const text = ['order_id,symbol,side,size,price,fee,executed_at', ...rows, ''].join('\n')
  await run('trades', 'import', folder.write('many.csv', text))
  await run('lots', 'compute', '--version', '1', '--all-symbols')
  await run('lots', 'publish', '--version', '1')
}, 120_000)
afterAll(async () => {
  for (const { process } of started) {
    if (process.child.exitCode !== null || process.child.signalCode !== null) continue
    process.child.kill('SIGKILL')
    await process.ended
  }
  await database?.drop()
  folder?.remove()
})

// biome-ignore lint/suspicious/noExplicitAny: JSON of whatever was asked.
type Json = any

const ask = ({ url }: Served, version: number): Promise<Response> =>
  fetch(`${url}/api/v1/lots/versions/${version}/computations`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `version-${version}`,
      prefer: 'wait=60',
    },
    body: JSON.stringify({ all_symbols: true, method: 'lifo' }),
  })

test('a whole computation, to know how long it takes', { tags: ['long'] }, async () => {
  const server = await serve()
  const began = performance.now()
  expect((await ask(server, 100)).status).toBe(201)
  whole = performance.now() - began
  await server.stop()
})

test.each(PARTS)('killed after %f of it', { tags: ['long'] }, async (part) => {
  const version = 2 + PARTS.indexOf(part)
  const first = await serve()
  // It may die before it has answered.
  const asked = ask(first, version).catch(() => undefined)
  await new Promise((resolve) => setTimeout(resolve, part * whole))
  await first.stop('SIGKILL')
  await asked

  const second = await serve()
  const again = await until(async () => {
    const answer = await ask(second, version)
    // On a server the locks end when PostgreSQL notices that the connection is gone.
    return answer.status === 409 ? undefined : answer
  })
  const made = (await again.json()) as Json
  expect([again.status, made.status]).toEqual([201, 'completed'])
  const third = await ask(second, version)
  expect([third.status, third.headers.get('idempotency-replayed'), await third.json()]).toEqual([
    201,
    'true',
    made,
  ])
  await second.stop()

  const counted = await database.maintain((session) =>
    session.rows<Json>(
      `SELECT (SELECT count(*) FROM fifo_computation_log WHERE allocation_version = $1 AND status = 'completed') AS completed,
              (SELECT count(*) FROM fifo_computation_log WHERE allocation_version = $1 AND status = 'in_progress') AS open,
              (SELECT count(DISTINCT batch_id) FROM fifo_allocations WHERE allocation_version = $1) AS batches,
              (SELECT min(batch_id::text) FROM fifo_allocations WHERE allocation_version = $1) AS batch,
              (SELECT count(*) FROM lot_publications) AS publications`,
      [version],
    ),
  )
  expect(counted).toEqual([{ completed: 1n, open: 0n, batches: 1n, batch: made.run_id, publications: 1n }])
  expect(await run('lots', 'validate', '--version', String(version))).toContain('17 rules hold')
})

test('kills fell into the work, not only before and after it', { tags: ['long'] }, async () => {
  const [log] = await database.maintain((session) =>
    session.rows<Json>("SELECT count(*) AS failed FROM fifo_computation_log WHERE status = 'failed'"),
  )
  expect(log.failed).toBeGreaterThan(0n)
})
