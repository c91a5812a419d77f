/** Every verb over HTTP: a book made, calculated and read without the command line; and what is refused. */

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Operation, operation } from '#tieout/books/operation'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { routesOf } from '#tieout/surfaces/http/routes'
import { makeFolder, tableCounts } from '../support/cli.js'
import {
  type Ask,
  askOf,
  CSV,
  type HttpBed,
  hostOf,
  loadTour,
  makeRun,
  openHttp,
  TOUR,
  YAML,
} from '../support/http.js'

let bed: HttpBed
let ask: Ask
const folder = makeFolder()
beforeAll(async () => {
  bed = await openHttp()
  ask = bed.ask
  await loadTour(ask)
})
afterAll(async () => {
  await bed?.close()
  folder.remove()
})

describe('what is made', () => {
  test('a structure is a CSV file that is sent', async () => {
    const made = await ask('POST', '/api/v1/structures/Other%20%2F%20one', {
      headers: CSV,
      body: TOUR.structure,
    })
    expect(made).toMatchObject({ status: 201, json: { structure: 'Other / one', version: 1, new: 5 } })
    expect(made.headers.get('location')).toBe('/api/v1/structures/Other%20%2F%20one')
    expect(await ask('GET', made.headers.get('location')!)).toMatchObject({
      status: 200,
      json: { name: 'Other / one' },
    })
  })

  test('a dry run makes nothing and has no place', async () => {
    const before = await tableCounts(bed.db.books)
    const path = '/api/v1/structures/DRY?dry_run=true&ignore_columns=false'
    const made = await ask('POST', path, { headers: CSV, body: TOUR.structure })
    expect(made).toMatchObject({ status: 200, json: { dry_run: true } })
    expect(made.headers.get('location')).toBeNull()
    expect(await tableCounts(bed.db.books)).toEqual(before)
  })

  test('facts say where they came from by the name the client gives, never by where they lay', async () => {
    const headers = { ...CSV, 'content-disposition': 'attachment; filename="../../etc/passwd"' }
    const path = '/api/v1/fact-tables/fact_named/imports'
    expect(await ask('POST', path, { headers, body: TOUR.facts })).toMatchObject({
      json: { file: 'upload.csv', new: 9 },
    })
    const again = await ask('POST', path, {
      headers: { ...CSV, 'content-disposition': 'attachment; filename=december.csv' },
      body: TOUR.facts.replace('480', '481'),
    })
    expect(again.json.file).toBe('december.csv')
    const bad = await ask('POST', path, { headers, body: `${TOUR.facts}x\n` })
    expect(bad).toMatchObject({ status: 422, json: { code: 'TIE-2401' } })
    expect(bad.json.problems[0]).toMatchObject({ file: 'upload.csv', line: 11 })
    expect(bad.text).not.toContain('tieout-upload')
  })

  test('a use case is YAML, or JSON, which is YAML', async () => {
    const useCase = {
      use_case: 'From JSON',
      structure: 'DESKS',
      source: { table: 'fact_tour', date: 'pnl_date', scenario: 'scenario' },
      measures: { daily: 'daily' },
      drivers: [{ nodes: 'leaves', column: 'desk', value: 'node_id' }],
      rules: [{ node: 'SWAPS', where: "kind = 'TRADE'" }],
    }
    const made = await ask('POST', '/api/v1/use-cases', { json: useCase })
    expect(made).toMatchObject({ status: 201, json: { use_case: 'From JSON', rules: 1 } })
    expect(await ask('GET', made.headers.get('location')!)).toMatchObject({ json: { name: 'From JSON' } })
  })

  test('a run: 201, its place, and its figures', async () => {
    const made = await ask('POST', '/api/v1/use-cases/Tour/runs', {
      json: { date: '2025-12-24', name: 'Flash' },
    })
    expect(made).toMatchObject({ status: 201, json: { status: 'COMPLETED', cells: 12 } })
    const place = made.headers.get('location')!
    expect(place).toBe(`/api/v1/runs/${made.json.run_id}`)
    expect(await ask('GET', place)).toMatchObject({ json: { run_name: 'Flash', results_count: 12 } })
    const { json } = await ask('GET', `${place}/results?scenario=ACTUAL`)
    // Firm 480 = rates 400 + equity 70 + unassigned 10
    expect(json.rows[0]).toMatchObject({ node_id: 'FIRM', natural: '480.00' })
    expect(await ask('GET', `${place}/verify`)).toMatchObject({ json: { verdict: 'match' } })
  })
})

describe('the run a screen begins with', () => {
  test('the newest COB date that has a completed run, and its newest run', async () => {
    await makeRun(ask, { date: '2025-12-24', name: 'Older' })
    const newest = await makeRun(ask, { date: '2025-12-24', name: 'Newer' })
    // A later date without a completed run is not preselected.
    expect(
      await ask('POST', '/api/v1/use-cases/Tour/runs', { json: { date: '2026-01-05', policy: 'none' } }),
    ).toMatchObject({ status: 400 })
    const { status, json } = await ask('GET', '/api/v1/runs/latest/defaults')
    expect(status).toBe(200)
    expect(json).toEqual({
      pnl_date: '2025-12-24',
      use_case_id: expect.any(String),
      use_case: 'Tour',
      run_id: newest,
      run_name: 'Newer',
    })
  })
})

describe('a run in the list', () => {
  test('has the shape of the source', async () => {
    const { json } = await ask('GET', '/api/v1/runs?pnl_date=2025-12-24')
    expect(Object.keys(json).slice(0, 3)).toEqual(['runs', 'total', 'filters'])
    expect(json.runs[0]).toMatchObject({
      id: expect.any(String),
      pnl_date: '2025-12-24',
      run_name: 'Newer',
      executed_at: expect.any(String),
      status: 'COMPLETED',
      triggered_by: 'tester',
      duration_ms: expect.any(Number),
    })
  })
})

describe('refused, and nothing stored', () => {
  const deep = (depth: number): string => '['.repeat(depth)
  const big = JSON.stringify({ date: 'x'.repeat(10 * 2 ** 20) })
  const RUNS = '/api/v1/use-cases/Tour/runs'
  const json = { 'content-type': 'application/json' }
  test.each<[string, string, string, Parameters<Ask>[2], number, string, object?]>([
    ['no JSON', 'POST', RUNS, { headers: json, body: '{"date":' }, 400, 'TIE-1601'],
    [
      'JSON that is no object',
      'POST',
      RUNS,
      { headers: json, body: '[1]' },
      400,
      'TIE-1601',
      { pointer: '' },
    ],
    [
      'bytes that are not UTF-8',
      'POST',
      RUNS,
      { headers: json, body: new Uint8Array([123, 255, 125]) },
      400,
      'TIE-1601',
    ],
    ['10 MB of JSON', 'POST', RUNS, { headers: json, body: big }, 413, 'TIE-1602'],
    ['10 MB of a use case', 'POST', '/api/v1/use-cases', { headers: json, body: big }, 413, 'TIE-1602'],
    ['10⁵ lists in lists', 'POST', RUNS, { headers: json, body: `{"a":${deep(100_000)}` }, 400, 'TIE-1603'],
    [
      '10⁵ lists in lists of a use case',
      'POST',
      '/api/v1/use-cases',
      { headers: json, body: `{"a":${deep(100_000)}` },
      422,
      'TIE-2301',
    ],
    [
      '10⁵ lists of YAML',
      'POST',
      '/api/v1/use-cases',
      { headers: YAML, body: `use_case: ${deep(100_000)}` },
      422,
      'TIE-2301',
    ],
    [
      '10⁵ steps of YAML',
      'POST',
      '/api/v1/use-cases',
      { headers: YAML, body: '- '.repeat(100_000) },
      422,
      'TIE-2301',
    ],
    [
      'a key twice',
      'POST',
      RUNS,
      { headers: json, body: '{"date":"2025-12-24","d\\u0061te":"2025-12-23"}' },
      400,
      'TIE-1604',
      { pointer: '/date' },
    ],
    [
      'an unknown key',
      'POST',
      RUNS,
      { json: { date: '2025-12-24', polcy: 'top_down' } },
      400,
      'TIE-1611',
      { pointer: '/polcy', remedy: expect.stringContaining('"policy"') },
    ],
    ['a missing key', 'POST', RUNS, { json: {} }, 400, 'TIE-1611', { pointer: '/date' }],
    ['no body where one is needed', 'POST', RUNS, {}, 400, 'TIE-1611', { pointer: '/date' }],
    ['a wrong type', 'POST', RUNS, { json: { date: 7 } }, 400, 'TIE-1611', { pointer: '/date' }],
    [
      'another policy',
      'POST',
      RUNS,
      { json: { date: '2025-12-24', policy: 'x' } },
      400,
      'TIE-1611',
      { pointer: '/policy' },
    ],
    ['no day', 'POST', RUNS, { json: { date: '2025-02-30' } }, 400, 'TIE-2501'],
    ['a NUL in a body', 'POST', RUNS, { json: { date: '2025-12-24', name: 'a\0b' } }, 400, 'TIE-1007'],
    [
      'half a character in a body',
      'POST',
      RUNS,
      { headers: json, body: '{"date":"2025-12-24","name":"\\ud800"}' },
      400,
      'TIE-1007',
    ],
    [
      'an unknown use case',
      'POST',
      '/api/v1/use-cases/Tuor/runs',
      { json: { date: '2025-12-24' } },
      404,
      'TIE-1102',
      { remedy: expect.stringContaining('"Tour"') },
    ],
    [
      'a form',
      'POST',
      RUNS,
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'date=x' },
      415,
      'TIE-1610',
    ],
    [
      'a body without a type',
      'POST',
      RUNS,
      { headers: { 'content-type': '' }, body: '{"date":"2025-12-24"}' },
      415,
      'TIE-1610',
    ],
    [
      'another charset',
      'POST',
      RUNS,
      { headers: { 'content-type': 'application/json; charset=utf-16' }, body: '{}' },
      415,
      'TIE-1610',
    ],
    [
      'a compressed body',
      'POST',
      RUNS,
      { headers: { ...json, 'content-encoding': 'gzip' }, body: 'x' },
      415,
      'TIE-1610',
    ],
    [
      'a spreadsheet as facts',
      'POST',
      '/api/v1/fact-tables/fact_x/imports',
      { headers: { 'content-type': 'application/vnd.ms-excel' }, body: 'x' },
      415,
      'TIE-1610',
    ],
    [
      'an empty file',
      'POST',
      '/api/v1/fact-tables/fact_x/imports',
      { headers: CSV, body: '' },
      422,
      'TIE-2410',
    ],
    [
      'what is no Parquet file',
      'POST',
      '/api/v1/fact-tables/fact_x/imports',
      { headers: { 'content-type': 'application/vnd.apache.parquet' }, body: 'PAR1' },
      422,
      'TIE-2407',
    ],
    [
      'a path in place of a file',
      'POST',
      '/api/v1/structures/X?file=%2Fetc%2Fpasswd',
      { headers: CSV, body: TOUR.structure },
      400,
      'TIE-1611',
      { parameter: 'file' },
    ],
    ['an unknown parameter', 'GET', '/api/v1/runs?colour=red', {}, 400, 'TIE-1611', { parameter: 'colour' }],
    ['a parameter twice', 'GET', '/api/v1/runs?limit=1&limit=2', {}, 400, 'TIE-1611', { parameter: 'limit' }],
    [
      'a parameter of another type',
      'GET',
      '/api/v1/runs?limit=many',
      {},
      400,
      'TIE-1611',
      { parameter: 'limit' },
    ],
    [
      'a boolean that is none',
      'POST',
      '/api/v1/structures/X?dry_run=1',
      { headers: CSV, body: 'x' },
      400,
      'TIE-1611',
      { parameter: 'dry_run' },
    ],
    [
      'a name that is too long',
      'POST',
      `/api/v1/structures/${'x'.repeat(201)}`,
      { headers: CSV, body: TOUR.structure },
      400,
      'TIE-1611',
      { parameter: 'name' },
    ],
    ['an answer in XML', 'GET', '/api/v1/runs', { headers: { accept: 'application/xml' } }, 406, 'TIE-1609'],
    [
      'no JSON at all',
      'GET',
      '/api/v1/runs',
      { headers: { accept: '*/*;q=1, application/json;q=0' } },
      406,
      'TIE-1609',
    ],
    ['a method that is not there', 'DELETE', '/api/v1/runs', {}, 405, 'TIE-1608'],
    ['a path that is not there', 'GET', '/api/v1/nothing', {}, 404, 'TIE-1108'],
    ['an error that is not there', 'GET', '/errors/TIE-0000', {}, 400, 'TIE-1004'],
  ])('%s', async (_, method, path, sent, status, code, place = {}) => {
    const before = await tableCounts(bed.db.books)
    const answer = await ask(method, path, sent)
    expect({ status: answer.status, code: answer.json?.code }).toEqual({ status, code })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.json).toMatchObject({
      type: `/errors/${code}`,
      status,
      instance: answer.headers.get('x-request-id'),
    })
    expect(answer.json.problems[0]).toMatchObject(place)
    expect(answer.text).not.toMatch(/\n\s+at |undefined|\{\w+\}|tieout-upload/)
    expect(await tableCounts(bed.db.books)).toEqual(before)
    expect(await ask('GET', answer.json.type)).toMatchObject(
      code === 'TIE-1004' ? {} : { status: 200, json: { code } },
    )
  })

  test('several problems at once', async () => {
    const { json: told } = await ask('GET', '/api/v1/runs?colour=red&size=2')
    expect(told.problems.map(({ parameter }: { parameter: string }) => parameter)).toEqual(['colour', 'size'])
    expect(told.detail).toContain('(and 1 more)')
  })

  test('405 says what is there, OPTIONS too, HEAD is GET without a body', async () => {
    expect((await ask('PUT', '/api/v1/structures/DESKS')).headers.get('allow')).toBe(
      'POST, GET, HEAD, OPTIONS',
    )
    const options = await ask('OPTIONS', '/api/v1/structures/DESKS')
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, GET, HEAD, OPTIONS'])
    const head = await ask('HEAD', '/api/v1/structures')
    expect([head.status, head.text]).toEqual([200, ''])
    expect(head.headers.get('etag')).toBe((await ask('GET', '/api/v1/structures')).headers.get('etag'))
  })
})

describe('files of this machine', () => {
  const useCase = (path: string): string =>
    `use_case: Files\nstructure: DESKS\nsource: {engine: duckdb, path: ${JSON.stringify(path)}, date: pnl_date, scenario: scenario}\nmeasures: {daily: daily}\ndrivers: [{nodes: leaves, column: desk}]\nrules: []\n`
  mkdirSync(join(folder.path, 'open'))
  mkdirSync(join(folder.path, 'open-too'))
  for (const place of ['secret.csv', 'open/facts.csv', 'open-too/facts.csv'])
    writeFileSync(join(folder.path, place), TOUR.facts)
  symlinkSync(join(folder.path, 'secret.csv'), join(folder.path, 'open', 'link.csv'))
  const secret = join(folder.path, 'secret.csv')

  test.each([secret, 'facts.csv', '/etc/passwd'])('are named by no request: %s', async (path) => {
    const answer = await ask('POST', '/api/v1/use-cases', { headers: YAML, body: useCase(path) })
    expect(answer).toMatchObject({ status: 403, json: { code: 'TIE-1612' } })
  })

  test('unless they are under the directory of --files', async () => {
    const open = askOf(makeApp(hostOf(bed.db, { files: join(folder.path, 'open') })))
    const apply = (path: string) => open('POST', '/api/v1/use-cases', { headers: YAML, body: useCase(path) })
    for (const path of ['facts.csv', './facts.csv', join(folder.path, 'open', 'facts.csv')]) {
      expect([path, (await apply(path)).status]).toEqual([path, 201])
    }
    for (const path of ['../secret.csv', 'link.csv', secret, '../open-too/facts.csv', 'nothing.csv', '.']) {
      expect([path, (await apply(path)).json.code]).toEqual([path, 'TIE-1612'])
    }
  })
})

describe('requests are named', () => {
  test('by the client where the name is sane, by us otherwise', async () => {
    const named = await ask('GET', '/api/v1/runs', { headers: { 'x-request-id': 'batch-7.1' } })
    expect(named.headers.get('x-request-id')).toBe('batch-7.1')
    for (const bad of ['a b', 'x'.repeat(101), '<script>']) {
      const given = (await ask('GET', '/api/v1/runs', { headers: { 'x-request-id': bad } })).headers.get(
        'x-request-id',
      )
      expect(given).toMatch(/^[0-9a-f-]{36}$/)
    }
  })

  test('one line each: method, route, status, time, id; nothing of what was sent', async () => {
    const lines: string[] = []
    const logged = askOf(makeApp(hostOf(bed.db, { log: (line) => lines.push(line) })))
    await logged('GET', '/api/v1/structures/secret-name?structure_version=3', {
      headers: { 'x-request-id': 'r1' },
    })
    await logged('GET', '/api/v1/none', { headers: { 'x-request-id': 'r2' } })
    expect(lines).toEqual([
      expect.stringMatching(/^GET \/api\/v1\/structures\/:name 404 \d+ ms r1$/),
      expect.stringMatching(/^GET \/api\/:\S+ 404 \d+ ms r2$/),
    ])
  })
})

test('a bug is told by the id of its request, and to the operator', async () => {
  const complaints: string[] = []
  const broken: Operation = operation({
    name: 'broken',
    summary: 'Breaks.',
    effect: 'read',
    input: z.object({}),
    output: z.object({}),
    errors: [],
    positional: [],
    http: { method: 'GET', path: '/broken' },
    run: async () => {
      throw new Error('password=hunter2')
    },
  })
  const app = makeApp(hostOf(bed.db, { operations: [broken], complain: (line) => complaints.push(line) }))
  const answer = await askOf(app)('GET', '/broken', { headers: { 'x-request-id': 'r9' } })
  expect(answer).toMatchObject({ status: 500, json: { code: 'TIE-9001', instance: 'r9' } })
  expect(answer.text).not.toContain('hunter2')
  expect(complaints).toEqual([expect.stringMatching(/^request r9: Error: password=hunter2/)])
})

test('what is not declared is not sent', async () => {
  const leaky = operation({
    name: 'leaky',
    summary: 'Leaks.',
    effect: 'read',
    input: z.object({}),
    output: z.object({ rows: z.array(z.object({ a: z.number() })) }),
    errors: [],
    positional: [],
    http: { method: 'GET', path: '/leaky' },
    run: async () => ({ rows: [{ a: 1, secret: 2 }], secret: 3 }) as never,
  })
  const { text } = await askOf(makeApp(hostOf(bed.db, { operations: [leaky] })))('GET', '/leaky')
  expect(text).toBe('{"rows":[{"a":1}]}')
})

describe('the fold', () => {
  test('serves every operation of the catalogue', () => {
    expect(CATALOGUE.filter(({ http }) => http === undefined).map(({ name }) => name)).toEqual([])
  })

  test('refuses a binding that would let a client name a file, or whose path names no input', () => {
    const bad = (http: Operation['http']): Operation => ({
      ...CATALOGUE.find(({ name }) => name === 'structures import')!,
      http: http!,
    })
    expect(() => routesOf([bad({ method: 'POST', path: '/x/{name}' })])).toThrow('must be an upload')
    expect(() => routesOf([bad({ method: 'POST', path: '/x/{nam}', upload: 'file' })])).toThrow(
      'no input nam',
    )
  })
})

test('nothing of this was a bug', () => expect(bed.complaints).toEqual([]))
