import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { SERVER } from '../support/books.js'
import {
  type CliDatabase,
  cliDatabase,
  type Folder,
  makeFolder,
  type Output,
  type Started,
  startCli,
} from '../support/cli.js'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  // biome-ignore lint/suspicious/noExplicitAny: the body of whatever route was asked.
  readonly json: any
}

/** Plain requests: fetch would not let Host and Origin be what they should not be. */
function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8')
        const isJson = String(response.headers['content-type']).includes('json')
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body,
          json: isJson ? JSON.parse(body) : undefined,
        })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

let folder: Folder
let database: CliDatabase
let served: Started
let port: number
const get = (path: string, headers?: Record<string, string>, method?: string) =>
  ask(port, path, headers, method)

beforeAll(async () => {
  folder = makeFolder()
  database = await cliDatabase(folder)
  expect(await database.run('demo')).toMatchObject({ exit: 0 })
  const trades =
    'order_id,symbol,side,size,price,fee,executed_at\n' +
    'T1,BTC-USD,buy,1,2,0,2025-01-01T00:00:00Z\nT2,BTC-USD,sell,2,3,0,2025-01-02T00:00:00Z\n'
  expect(await database.run('trades', 'import', folder.write('trades.csv', trades))).toMatchObject({
    exit: 0,
  })
  const computed = await database.run('lots', 'compute', '--version', '1', '--all-symbols')
  expect(computed).toMatchObject({ exit: 0 })
  expect(await database.run('lots', 'publish', '--version', '1')).toMatchObject({ exit: 0 })
  const event =
    '{"external_event_id":"E1","type":"purchase","occurred_at":"2025-01-01T00:00:00Z","revenue_cents":1,"currency":"USD"}'
  expect(await database.run('events', 'import', folder.write('events.ndjson', event))).toMatchObject({
    exit: 0,
  })
  expect(await database.run('attribution', 'allocate', '--model', 'linear@1')).toMatchObject({ exit: 0 })
  expect(await database.run('attribution', 'allocate', '--model', 'first@1')).toMatchObject({ exit: 0 })
  port = await freePort()
  served = await database.start(['serve'], { env: { TIEOUT_PORT: String(port) } })
  await served.said(`Serving on http://127.0.0.1:${port}/`)
})
afterAll(async () => {
  if (served?.child.exitCode === null) {
    served.child.kill('SIGTERM')
    await served.ended
  }
  await database?.drop()
  folder.remove()
})

describe('runs', () => {
  test('the list has the shape of the source', async () => {
    const { status, json, headers } = await get('/api/v1/runs')
    expect(status).toBe(200)
    expect(headers['content-type']).toContain('application/json')
    expect(Object.keys(json)).toEqual(['runs', 'total', 'filters', 'next_cursor'])
    expect(json.total).toBe(3)
    expect(json.filters).toEqual({ pnl_date: null, use_case_id: null })
    for (const run of json.runs) {
      expect(run).toEqual({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        pnl_date: '2025-12-24',
        use_case_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        use_case: expect.any(String),
        run_name: 'Demo',
        trial: false,
        executed_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/),
        status: 'COMPLETED',
        triggered_by: expect.any(String),
        duration_ms: expect.any(Number),
      })
    }
    const times = json.runs.map(({ executed_at }: Output) => executed_at)
    expect(times).toEqual([...times].sort().reverse())
  })

  test('filters are told back and hold', async () => {
    const { json: all } = await get('/api/v1/runs')
    const { use_case_id } = all.runs[1]
    const { json } = await get(`/api/v1/runs?pnl_date=2025-12-24&use_case_id=${use_case_id}`)
    expect(json).toMatchObject({ total: 1, filters: { pnl_date: '2025-12-24', use_case_id } })
    expect((await get('/api/v1/runs?pnl_date=1999-01-01')).json).toMatchObject({ runs: [], total: 0 })
    expect((await get('/api/v1/runs?limit=2')).json.runs).toHaveLength(2)
  })

  test('one run, its results and its verification; amounts are text', async () => {
    const { json: all } = await get('/api/v1/runs')
    const { id } = all.runs[0]
    const shown = await get(`/api/v1/runs/${id}`)
    expect(shown.json).toMatchObject({ id, status: 'COMPLETED', results_count: 72, stale: [], error: null })
    const { json } = await get(`/api/v1/runs/${id}/results?measure=daily&scenario=ACTUAL`)
    expect(json.rows).toHaveLength(12)
    expect(json.rows[0]).toMatchObject({
      node_id: 'CE',
      natural: '107467.60',
      adjusted: '22730.25',
      plug: '84737.35',
    })
    expect((await get(`/api/v1/runs/${id}/verify`)).json).toMatchObject({ verdict: 'match' })
  })
})

/** What a route cannot answer without. */
const ASKED: Readonly<Record<string, string>> = {
  '/api/v1/lots/whatif': '?symbol=BTC-USD&size=1&price=2',
  '/api/v1/lots/comparison': '?versions=1&versions=1',
  '/api/v1/attribution/allocations': '?model=linear@1',
  '/api/v1/attribution/comparisons': '?models=linear@1&models=first@1',
  '/api/attribution/channels': '?model=linear@1',
}

test('every other route that reads answers', async () => {
  const paths = CATALOGUE.flatMap(({ http, effect }) =>
    http?.method === 'GET' && effect === 'read' && http.download === undefined ? [http.path] : [],
  )
  expect(paths).toContain('/api/v1/use-cases')
  for (const path of paths.filter((one) => !one.includes('{run}'))) {
    const useCase = encodeURIComponent('Cash Equity Trading')
    const name = path.includes('structures') ? 'CASH_EQUITY' : useCase
    const { status, json, headers } = await get(
      path
        .replace('{name}', name)
        .replace('{use_case}', useCase)
        .replace('{no}', '1')
        .replace('{order_id}', 'T1')
        .replace('{event}', 'E1')
        .replace('{sell}', 'T2')
        .replace('{version}', '1')
        .replace('{review}', '1')
        .replace('{field}', 'strategy')
        .concat(ASKED[path] ?? ''),
      { 'X-Correlation-ID': '8d3c7c0e-6f1c-4b0e-9d5e-3f2a1b4c5d6e' },
    )
    expect([path, status]).toEqual([path, 200])
    expect(json).toBeTypeOf('object')
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
  }
})

describe('problems are documents', () => {
  test.each([
    ['/api/v1/runs/00000000-0000-4000-8000-000000000000', 404, 'TIE-1103'],
    ['/api/v1/runs/none/results', 404, 'TIE-1103'],
    ['/api/v1/use-cases/none', 404, 'TIE-1102'],
    ['/api/v1/structures/none', 404, 'TIE-1101'],
    ['/api/v1/none', 404, 'TIE-1108'],
    ['/api/v1/runs?pnl_date=2025-02-30', 400, 'TIE-2501'],
    ['/api/v1/runs?limit=many', 400, 'TIE-1611'],
    ['/api/v1/runs?colour=red', 400, 'TIE-1611'],
    [`/api/v1/runs?use_case=${encodeURIComponent("' or 1=1 --")}`, 404, 'TIE-1102'],
    ['/api/v1/use-cases/%2e%2e%2f%2e%2e%2fetc%2fpasswd', 404, 'TIE-1102'],
  ])('%s: %d %s', async (path, status, code) => {
    const answer = await get(path)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.json).toMatchObject({ type: `/errors/${code}`, status, code })
    expect(answer.json.problems.length).toBeGreaterThan(0)
    expect(answer.body).not.toMatch(/\n\s+at /)
  })

  test('a name with NUL is refused', async () => {
    expect((await get('/api/v1/structures/a%00b')).status).toBe(400)
  })
})

describe('only this machine is answered', () => {
  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example:80',
    'evil.example:4173',
    '169.254.169.254',
  ])('Host %s is refused', async (host) => {
    const answer = await get('/api/v1/runs', { host })
    expect(answer.status).toBe(403)
    expect(answer.json).toMatchObject({ code: 'TIE-1401' })
  })

  test.each(['https://evil.example', 'null', 'http://localhost.evil.example', 'file://'])(
    'Origin %s is refused',
    async (origin) => {
      expect((await get('/api/v1/runs', { origin })).status).toBe(403)
    },
  )

  test.each(['localhost', 'localhost:4173', '127.0.0.1', '[::1]:4173'])(
    'Host %s is answered',
    async (host) => {
      expect((await get('/api/v1/runs', { host, origin: `http://${host}` })).status).toBe(200)
    },
  )
})

test('the reference page lists the routes and needs nothing from elsewhere', async () => {
  const { status, headers, body } = await get('/')
  expect(status).toBe(200)
  expect(headers['content-type']).toContain('text/html')
  expect(headers['content-security-policy']).toContain("default-src 'none'")
  expect(body).toContain('<!doctype html>')
  expect(body).toContain('<a href="/api/v1/runs"><code>')
  expect(body).toContain('/api/v1/runs/{run}/verify')
  expect(body).not.toMatch(/<script|src=|https?:\/\//)
})

test('requests side by side are all answered', async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, () => get('/api/v1/use-cases')))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
})

test('TIE-1204: a port that is taken is a conflict, not a bug', async () => {
  const taken = startCli(['--db', `${folder.path}/other`, 'serve'], { env: { TIEOUT_PORT: String(port) } })
  const { exit } = await taken.ended
  expect(exit).toBe(3)
})

test('SIGTERM ends it, answers no more and gives the directory back', async () => {
  served.child.kill('SIGTERM')
  const { exit, stdout } = await served.ended
  expect(exit).toBe(0)
  expect(stdout).toBe('')
  await expect(get('/')).rejects.toThrow('ECONNREFUSED')
  if (SERVER === undefined) expect(existsSync(`${database.db}.lock`)).toBe(false)
  expect(await database.run('runs', 'list')).toMatchObject({ exit: 0 })
})
