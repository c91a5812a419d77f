/** Marts over HTTP: the configuration is the body, sources are named beneath the server's directory, nothing else opens. */

import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeApp } from '#tieout/surfaces/http/http-app'
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

test('no client says where the server writes', async () => {
  for (const verb of ['generate', 'dbt', 'expectations'])
    expect((await sent(verb, '?dialect=duckdb&out=/tmp/x')).json.code).toBe('TIE-1611')
  for (const verb of ['create', 'add-join', 'add-column', 'import'])
    expect((await sent(verb)).status).toBe(404)
})
