/** Marts over HTTP: the configuration is the body, sources are named beneath the server's directory, nothing else opens. */

import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { routesOf } from '#tieout/surfaces/http/routes'
import { sharedTestBooks, type TestBooks } from '../support/books.js'
import { type Folder, makeFolder } from '../support/cli.js'
import { type Ask, askOf, type HttpAnswer, hostOf } from '../support/http.js'
import { twoNodes, writeMart } from '../support/marts.js'

let db: TestBooks
let root: Folder
let outside: Folder
let ask: Ask
let config: string
beforeAll(async () => {
  db = await sharedTestBooks()
  root = makeFolder()
  outside = makeFolder()
  mkdirSync(join(root.path, 'ledger'))
  const inside: Folder = {
    ...root,
    path: join(root.path, 'ledger'),
    write: (name, text) => root.write(join('ledger', name), text),
  }
  config = readFileSync(writeMart(inside, twoNodes()), 'utf8').replace('source: .', 'source: ledger')
  writeMart(outside, twoNodes())
  symlinkSync(outside.path, join(root.path, 'link'))
  ask = askOf(makeApp(hostOf(db, { files: root.path })))
})
afterAll(async () => {
  await db.close()
  root.remove()
  outside.remove()
})
const sent = (verb: string, query = '', body = config, asks = ask): Promise<HttpAnswer> =>
  asks('POST', `/api/v1/marts/${verb}${query}`, { headers: { 'content-type': 'application/yaml' }, body })

test('run, page by page', async () => {
  const whole = await sent('run')
  expect(whole.status).toBe(200)
  expect(whole.json.next_cursor).toBeNull()
  const rows: unknown[] = []
  let cursor = ''
  do {
    const page = await sent('run', `?limit=2${cursor}`)
    expect(page.json.rows.length).toBeLessThanOrEqual(2)
    rows.push(...page.json.rows)
    cursor = page.json.next_cursor === null ? '' : `&cursor=${page.json.next_cursor}`
  } while (cursor !== '')
  expect(rows).toEqual(whole.json.rows)
  expect((await sent('run', '?cursor=abc')).json.code).toBe('TIE-1605')
})

test('validate, export, generate, dbt and expectations come with the answer', async () => {
  expect((await sent('validate')).json).toMatchObject({ valid: true })
  expect((await sent('export')).json.yaml).toContain('project_name: small')
  const generated = (await sent('generate', '?dialect=snowflake')).json
  expect(generated.objects.map(({ refresh_mode }: { refresh_mode: string }) => refresh_mode)).toEqual([
    null,
    'INCREMENTAL',
    'INCREMENTAL',
    'FULL',
  ])
  expect(generated.objects[3]).toMatchObject({
    file: null,
    refresh_reason: expect.stringContaining('DENSE_RANK'),
  })
  expect(generated.objects[3].ddl).toContain('CREATE OR REPLACE DYNAMIC TABLE')
  const project = (await sent('dbt')).json
  expect(project.files.find(({ file }: { file: string }) => file === 'dbt_project.yml').text).toContain(
    'name: small',
  )
  expect((await sent('expectations')).json.files[0].text).toContain('expect_column_values_to_be_unique')
})

test.each([
  ['a folder outside', '?source=/etc'],
  ['a path that leads out', '?source=ledger/../..'],
  ['a link that leads out', '?source=link'],
  ['what is not there', '?source=nothing'],
  ['a database', '?source=postgres://root@127.0.0.1:5432/postgres'],
  ['the directory itself', '?source=.'],
])('%s is no source', async (_, query) => {
  const answer = await sent('run', query)
  expect([answer.status, answer.json.code]).toEqual([403, 'TIE-1612'])
})

test('what the file itself names is held to the same, with its place', async () => {
  for (const source of ['/etc', '../', 'link', 'postgres://root@127.0.0.1/postgres']) {
    const answer = await sent('validate', '', config.replace('source: ledger', `source: ${source}`))
    expect(answer.json.code).toBe('TIE-1612')
  }
})

test('a server without a directory opens none', async () => {
  const closed = askOf(makeApp(hostOf(db)))
  for (const verb of ['run', 'validate', 'dbt', 'expectations'])
    expect((await sent(verb, '', config, closed)).json.code).toBe('TIE-1612')
})

test('no client says where the server writes what it generates', async () => {
  for (const verb of ['generate', 'dbt', 'expectations'])
    expect((await sent(verb, '?dialect=duckdb&out=/tmp/x')).json.code).toBe('TIE-1611')
})

const posted = (verb: string, body: Readonly<Record<string, unknown>>, asks = ask): Promise<HttpAnswer> =>
  asks('POST', `/api/v1/marts/${verb}`, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const NEW = {
  file: 'ledger/new.yaml',
  project_name: 'new',
  report_type: 'GROSS',
  hierarchy_table: 'HIERARCHY',
  mapping_table: 'MAPPING',
  fact_table: 'FACTS',
  measures: ['AMOUNT'],
  grain: ['PERIOD'],
  has_group_filter_precedence: true,
  source: 'ledger',
}

test('a configuration is made and edited beneath the directory, traced and planned with', async () => {
  expect(await posted('create', NEW)).toMatchObject({
    status: 200,
    json: { project_name: 'new', file: NEW.file },
  })
  expect(readFileSync(join(root.path, NEW.file), 'utf8')).toContain('source: .')
  expect((await posted('create', NEW)).json.code).toBe('TIE-2801')
  const dimension = { alias: 'ACCT', table: 'ACCOUNTS', key: 'ACCOUNT_KEY', filter_column: 'ACCOUNT_FILTER' }
  await posted('add-dimension', { file: NEW.file, ...dimension })
  await posted('add-join', {
    file: NEW.file,
    name: 'account',
    join_keys: ['ACCOUNT_FILTER'],
    fact_keys: ['FK_ACCOUNT'],
  })
  const column = { id_source: 'ACCOUNT_CODE', physical_column: 'ACCT.ACCOUNT_CODE' }
  const last = await posted('add-column', { file: NEW.file, ...column })
  expect(last.json).toMatchObject({ dimensions: ['ACCT'], join_patterns: ['account'] })
  expect((await posted('add-column', { file: NEW.file, ...column })).json.code).toBe('TIE-5031')

  const traced = await posted('lineage', { file: NEW.file, node: 'A', slice: { PERIOD: '2025-01' } })
  expect(traced.json).toMatchObject({ value: '100', fact_count: 2 })
  root.write(
    'ledger/edited.csv',
    readFileSync(join(root.path, 'ledger', 'MAPPING.csv'), 'utf8').replace('5000', '6000'),
  )
  const planned = await posted('plan', { file: NEW.file, edit: 'ledger/edited.csv' })
  expect(planned.json.figures_moved).toBeGreaterThan(0)

  const headers = { 'content-type': 'application/yaml' }
  const imported = await ask('POST', '/api/v1/marts/import?file=ledger/kept.yaml', { headers, body: config })
  expect(imported.json).toMatchObject({ project_name: 'small', file: 'ledger/kept.yaml' })
})

test('discovery looks beneath the directory, and suggests there what it has proved', async () => {
  const tables = { source: 'ledger', hierarchy_table: 'HIERARCHY', mapping_table: 'MAPPING' }
  const found = await posted('discover', tables)
  expect(found.json).toMatchObject({ node_count: 2, mapping_count: 2, prompt: null, advice: null })
  const suggested = await posted('suggest', { ...tables, out: 'ledger/suggested.yaml' })
  expect([suggested.status, suggested.json.proved]).toEqual([200, true])
  for (const extra of [{ model: 'http' }, { connection: 'snowflake-prod' }, { show_prompt: true }])
    expect((await posted('discover', { ...tables, ...extra })).json.code).toBe('TIE-1611')
})

test.each([
  '/etc/mart.yaml',
  '../mart.yaml',
  'link/mart.yaml',
  'nowhere/mart.yaml',
  'ledger/../../mart.yaml',
  '.',
])('nothing is written to or read from %s', async (file) => {
  const tables = { source: 'ledger', hierarchy_table: 'HIERARCHY', mapping_table: 'MAPPING' }
  const answers = await Promise.all([
    posted('create', { ...NEW, file }),
    posted('suggest', { ...tables, out: file }),
    posted('add-column', { file, id_source: 'X', physical_column: 'ACCT.X' }),
    posted('lineage', { file, node: 'A' }),
    posted('plan', { file: NEW.file, edit: file }),
    posted('plan', { file: NEW.file, to: file }),
    posted('discover', { ...tables, source: file }),
  ])
  expect(answers.map(({ json }) => json.code)).toEqual(answers.map(() => 'TIE-1612'))
  expect(existsSync(join(outside.path, 'new.yaml'))).toBe(false)
})

test('a link is not written through, and a server without a directory writes nothing', async () => {
  symlinkSync(join(outside.path, 'mart.yaml'), join(root.path, 'ledger', 'there.yaml'))
  const before = readFileSync(join(outside.path, 'mart.yaml'), 'utf8')
  const through = { ...NEW, file: 'ledger/there.yaml', overwrite: true }
  expect((await posted('create', through)).json.code).toBe('TIE-1612')
  expect(readFileSync(join(outside.path, 'mart.yaml'), 'utf8')).toBe(before)
  const closed = askOf(makeApp(hostOf(db)))
  expect((await posted('create', { ...NEW, file: 'ledger/closed.yaml' }, closed)).json.code).toBe('TIE-1612')
})

test('who only reads may discover and trace, and writes nothing', () => {
  const roles = new Map(
    routesOf(CATALOGUE).flatMap(({ operation, role }) =>
      operation.name.startsWith('mart ') ? [[operation.name.slice(5), role] as const] : [],
    ),
  )
  const writing = ['add-column', 'add-dimension', 'add-join', 'create', 'import', 'suggest']
  expect(
    [...roles]
      .filter(([, role]) => role === 'preparer')
      .map(([verb]) => verb)
      .sort(),
  ).toEqual(writing)
  expect([...roles].filter(([, role]) => role === 'reader')).toHaveLength(roles.size - writing.length)
})
