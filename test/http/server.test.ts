/**
 * The server as a process, asked over sockets: a login, uploads, clients that leave, jobs, its death.
 *
 * @module-tag long
 */

import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { receiveUpload } from '#tieout/surfaces/http/upload'
import { SERVER } from '../support/books.js'
import { type CliDatabase, cliDatabase, type Folder, makeFolder, type Started } from '../support/cli.js'
import { TOUR } from '../support/http.js'
import { type Served, serveProcess, until } from '../support/served.js'

let folder: Folder
let database: CliDatabase
const started: Started[] = []

async function serve(...flags: string[]): Promise<Served> {
  const served = await serveProcess(database, ...flags)
  started.push(served.process)
  return served
}

const FACTS = 30_000
/** Facts of the tour's shape, enough that a run of them takes a moment. */
const manyFacts = (): string => {
  const rows = ['pnl_date,scenario,desk,kind,daily']
  for (let i = 0; i < FACTS; i++)
    rows.push(`2025-12-24,ACTUAL,${['SWAPS', 'GILTS', 'EQUITY'][i % 3]},K${i % 500},${i}.25`)
  return `${rows.join('\n')}\n`
}
const useCaseOf = (table: string, name: string): string =>
  TOUR.useCase.replace('use_case: Tour', `use_case: ${name}`).replace('fact_tour', table)

beforeAll(async () => {
  folder = makeFolder()
  database = await cliDatabase(folder)
  const files = {
    structure: folder.write('structure.csv', TOUR.structure),
    facts: folder.write('facts.csv', manyFacts()),
    useCase: folder.write('use-case.yaml', useCaseOf('fact_many', 'Many')),
  }
  expect(await database.run('structures', 'import', 'DESKS', files.structure)).toMatchObject({ exit: 0 })
  expect(await database.run('facts', 'import', files.facts, '--table', 'fact_many')).toMatchObject({
    exit: 0,
  })
  expect(await database.run('use-cases', 'apply', files.useCase)).toMatchObject({ exit: 0 })
}, 120_000)
afterAll(async () => {
  for (const { child, ended } of started) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await ended
  }
  await database?.drop()
  folder.remove()
})

// biome-ignore lint/suspicious/noExplicitAny: JSON of whatever route was asked.
type Json = any
const json = { 'content-type': 'application/json' }
const RUN = JSON.stringify({ date: '2025-12-24', name: 'Many' })
const runsOf = async (url: string, headers = {}): Promise<Json[]> =>
  ((await (await fetch(`${url}/api/v1/runs`, { headers })).json()) as Json).runs
describe('with a login', () => {
  test('keys are made, shown once, listed without their secret, and revoked', {
    tags: ['long'],
  }, async () => {
    const created = await database.run('keys', 'create', 'Ada', '--role', 'reader', '--json')
    const { key, key_id } = JSON.parse(created.stdout)
    expect(key).toMatch(/^tieout_[0-9a-f]{16}_[\w-]{43}$/)
    const listed = await database.run('keys', 'list', '--json')
    expect(JSON.parse(listed.stdout).keys).toMatchObject([
      { key_id, name: 'Ada', role: 'reader', revoked_at: null },
    ])
    expect(listed.stdout).not.toContain(key.slice(24))

    const server = await serve('--auth', 'keys', '--verbose')
    expect((await fetch(`${server.url}/api/v1/runs`)).status).toBe(401)
    const headers = { authorization: `Bearer ${key}` }
    expect((await fetch(`${server.url}/api/v1/runs`, { headers })).status).toBe(200)
    const denied = await fetch(`${server.url}/api/v1/use-cases/Many/runs`, {
      method: 'POST',
      headers: { ...headers, ...json },
      body: RUN,
    })
    expect([denied.status, ((await denied.json()) as Json).code]).toEqual([403, 'TIE-1403'])
    const { exit, stderr } = await server.stop()
    expect(exit).toBe(0)
    expect(stderr).toMatch(/GET \/api\/v1\/runs 200 \d+ ms [0-9a-f-]{36}/)
    expect(stderr).not.toContain(key.slice(24))

    expect(await database.run('keys', 'revoke', key_id)).toMatchObject({ exit: 0 })
    const again = await serve('--auth', 'keys')
    expect((await fetch(`${again.url}/api/v1/runs`, { headers })).status).toBe(401)
    await again.stop()
  })

  test.each<[string, string[], number, string]>([
    ['TIE-1411: a key that is not there', ['keys', 'revoke', 'none'], 3, 'TIE-1411'],
    ['a role that is not there', ['keys', 'create', 'X', '--role', 'owner'], 2, 'TIE-1002'],
    ['no role', ['keys', 'create', 'X'], 2, 'TIE-1002'],
    ['no name', ['keys', 'create', ' ', '--role', 'reader'], 2, 'TIE-1002'],
    ['no number of days', ['keys', 'create', 'X', '--role', 'reader', '--days', '0'], 2, 'TIE-1002'],
    ['TIE-1406: open to everybody', ['serve', '--host', '0.0.0.0'], 2, 'TIE-1406'],
    ['TIE-1407: another way', ['serve', '--auth', 'basic'], 2, 'TIE-1407'],
    ['a size that is none', ['serve', '--max-upload', '-1'], 2, 'TIE-1407'],
  ])('%s', async (_, args, exit, code) => {
    const ended = await database.run(...args, '--json')
    expect([ended.exit, JSON.parse(ended.stderr).code]).toEqual([exit, code])
  })
})

describe('over sockets', () => {
  let server: Served
  beforeAll(async () => {
    server = await serve('--max-upload', '1')
  })
  afterAll(() => server?.stop())

  test('a run as a job: 202, events as they come, the run where it says', async () => {
    const begun = await fetch(`${server.url}/api/v1/use-cases/Many/runs`, {
      method: 'POST',
      headers: { ...json, prefer: 'respond-async' },
      body: RUN,
    })
    expect(begun.status).toBe(202)
    const place = begun.headers.get('location')!
    const stream = await fetch(`${server.url}${place}/events`, { headers: { accept: 'text/event-stream' } })
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    let text = ''
    for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) text += chunk
    const names = [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name)
    expect(names.at(-1)).toBe('done')
    expect(names.slice(0, -1).every((name) => name === 'progress')).toBe(true)
    const done = JSON.parse(/event: done\ndata: (.*)/.exec(text)![1]!)
    expect(done).toMatchObject({ status: 201, result: { facts: FACTS, status: 'COMPLETED' } })
    expect((await fetch(`${server.url}${done.location}`)).status).toBe(200)
  })

  test('a client that hangs up loses no run', async () => {
    const sent = request({
      port: server.port,
      method: 'POST',
      path: '/api/v1/use-cases/Many/runs',
      headers: json,
    })
    sent.on('error', () => undefined)
    sent.end(JSON.stringify({ date: '2025-12-24', name: 'Abandoned' }))
    await until(async () => (await runsOf(server.url)).find((run) => run.run_name === 'Abandoned'))
    sent.destroy()
    const run = await until(async () =>
      (await runsOf(server.url)).find((one) => one.run_name === 'Abandoned' && one.status !== 'IN_PROGRESS'),
    )
    expect(run.status).toBe('COMPLETED')
  })

  test.each<[string, string, Record<string, string>, number, string]>([
    ['10 MB of JSON', '/api/v1/use-cases/Many/runs', json, 10, 'TIE-1602'],
    ['a file that is too large', '/api/v1/structures/BIG', { 'content-type': 'text/csv' }, 20, 'TIE-1602'],
  ])('%s: 413 to a client that is still sending', async (_, path, headers, mib, code) => {
    const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const sent = request({ port: server.port, method: 'POST', path, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode!, text }))
      })
      sent.on('error', reject)
      void (async () => {
        for (let i = 0; i < mib; i++) if (!sent.write(Buffer.alloc(2 ** 20, 'x'))) await once(sent, 'drain')
        sent.end()
      })()
    })
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([413, code])
  })

  test.each([
    ['no HTTP', 'HELLO\r\n\r\n'],
    ['a header that never ends', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['no Host', 'GET /api/v1/runs HTTP/1.1\r\n\r\n'],
    [
      'two lengths',
      'POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    ],
    [
      'an absolute path elsewhere',
      'GET http://evil.example/api/v1/runs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    ],
  ])('%s is refused and the server stands', async (_, text) => {
    const socket = connect(server.port, '127.0.0.1')
    let said = ''
    socket.setEncoding('utf8').on('data', (part: string) => {
      said += part
    })
    socket.on('error', () => undefined)
    socket.write(text)
    await once(socket, 'close')
    expect(said).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect((await fetch(`${server.url}/`)).status).toBe(200)
  })
})

describe('it ends', () => {
  const begin = async (url: string, name: string, headers = {}): Promise<void> => {
    await fetch(`${url}/api/v1/use-cases/Many/runs`, {
      method: 'POST',
      headers: { ...json, prefer: 'respond-async', ...headers },
      body: JSON.stringify({ date: '2025-12-24', name }),
    })
  }

  test('in good order: a run under way is finished or FAILED, none is left open', async () => {
    const server = await serve()
    await begin(server.url, 'Stopped')
    expect((await server.stop()).exit).toBe(0)
    const { stdout } = await database.run('runs', 'list', '--json')
    const runs: Json[] = JSON.parse(stdout).runs
    expect(runs.filter(({ status }) => status === 'IN_PROGRESS')).toEqual([])
  })

  test('by kill -9 under a key: asked again, there is one completed run', { tags: ['long'] }, async () => {
    for (const [round, wait] of [0, 60, 250].entries()) {
      const key = { 'idempotency-key': `killed-${round}` }
      const first = await serve()
      await begin(first.url, `Killed ${round}`, key)
      await new Promise((resolve) => setTimeout(resolve, wait))
      await first.stop('SIGKILL')
      const second = await serve()
      const body = JSON.stringify({ date: '2025-12-24', name: `Killed ${round}` })
      const again = await until(async () => {
        const answer = await fetch(`${second.url}/api/v1/use-cases/Many/runs`, {
          method: 'POST',
          headers: { ...json, ...key, prefer: 'wait=60' },
          body,
        })
        // On a server the lock ends when PostgreSQL notices that the connection is gone.
        return answer.status === 409 ? undefined : answer
      })
      expect(again.status).toBe(201)
      const { run_id } = (await again.json()) as Json
      const completed = (await runsOf(second.url)).filter(
        ({ run_name, status }) => run_name === `Killed ${round}` && status === 'COMPLETED',
      )
      expect(completed.map(({ id }) => id)).toEqual([run_id])
      await second.stop()
    }
  })
})

test.skipIf(SERVER === undefined)('two servers, one key at once: one run', async () => {
  const servers = [await serve(), await serve()]
  const send = ({ url }: Served) =>
    fetch(`${url}/api/v1/use-cases/Many/runs`, {
      method: 'POST',
      headers: { ...json, 'idempotency-key': 'shared' },
      body: JSON.stringify({ date: '2025-12-24', name: 'Shared' }),
    })
  const answers = await Promise.all([...servers, ...servers, ...servers].map(send))
  expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true)
  const shared = (await runsOf(servers[0]!.url)).filter(({ run_name }) => run_name === 'Shared')
  expect(shared).toHaveLength(1)
  for (const server of servers) await server.stop()
})

test('a file of 256 MiB goes to disk without being held', async () => {
  const MIB = 2 ** 20
  let most = 0
  async function* sent(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 256; i++) {
      yield Buffer.alloc(MIB, 97)
      most = Math.max(most, process.memoryUsage().arrayBuffers)
    }
  }
  const before = process.memoryUsage().arrayBuffers
  const upload = { input: 'file', mediaTypes: { 'text/csv': '.csv' }, limit: undefined }
  const received = await receiveUpload(upload, new Headers({ 'content-type': 'text/csv' }), sent(), 512 * MIB)
  const { statSync, existsSync } = await import('node:fs')
  expect(statSync(received.file).size).toBe(256 * MIB)
  expect(received.digest).toMatch(/^[0-9a-f]{64}$/)
  expect(most - before).toBeLessThan(128 * MIB)
  await received.discard()
  expect(existsSync(received.file)).toBe(false)
})
