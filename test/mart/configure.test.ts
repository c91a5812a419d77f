/** Configurations made and edited by verbs: valid after every step, whole or not at all. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sharedTestBooks, type TestBooks } from '../support/books.js'
import { codes, contextOf, makeFolder, perform, refusal } from '../support/cli.js'
import { twoNodes, writeMart } from '../support/marts.js'

const folder = makeFolder()
const file = join(folder.path, 'made.yaml')
let db: TestBooks
beforeAll(async () => {
  db = await sharedTestBooks()
  writeMart(folder, twoNodes())
})
afterAll(async () => {
  await db.close()
  folder.remove()
})
const run = (name: string, input: Readonly<Record<string, unknown>>) =>
  perform(contextOf(db.books, db.tenant), `mart ${name}`, { file, ...input })
const NEW = {
  project_name: 'small',
  report_type: 'GROSS',
  hierarchy_table: 'DB.PUBLIC.HIERARCHY',
  mapping_table: 'DB.PUBLIC.MAPPING',
  fact_table: 'DB.PUBLIC.FACTS',
  measures: ['AMOUNT'],
  grain: ['PERIOD'],
}

test('a mart from nothing: made from its tables, completed verb by verb, the same rows as the file by hand', async () => {
  await run('create', { ...NEW, source: '.' })
  await run('add-dimension', {
    alias: 'ACCT',
    table: 'DB.PUBLIC.ACCOUNTS',
    key: 'ACCOUNT_KEY',
    filter_column: 'ACCOUNT_FILTER',
  })
  await run('add-join', { name: 'account', join_keys: ['ACCOUNT_FILTER'], fact_keys: ['FK_ACCOUNT'] })
  const { dynamic_column_map } = await run('add-column', {
    id_source: 'ACCOUNT_CODE',
    physical_column: 'ACCT.ACCOUNT_CODE',
  })
  expect(dynamic_column_map).toEqual(['ACCOUNT_CODE'])
  const made = await run('run', {})
  const byHand = await run('run', { file: join(folder.path, 'mart.yaml') })
  expect([made.columns, made.rows]).toEqual([byHand.columns, byHand.rows])
  expect(made.rows.length).toBeGreaterThan(2)
})

test('comments and order stay', async () => {
  const text = readFileSync(file, 'utf8')
  const commented = folder.write('commented.yaml', `# Why we have this.\n${text}`)
  await run('add-join', {
    file: commented,
    name: 'again',
    join_keys: ['ACCOUNT_FILTER'],
    fact_keys: ['FK_ACCOUNT'],
  })
  const after = readFileSync(commented, 'utf8')
  expect(after).toMatch(/^# Why we have this\.\n/)
  expect(after.replace(/ {2}- name: again\n(?: {4,}.*\n)+/, '')).toBe(`# Why we have this.\n${text}`)
})

test.each([
  ['add-join', { name: 'account', join_keys: ['ACCOUNT_FILTER'], fact_keys: ['FK_ACCOUNT'] }, 'TIE-5031'],
  ['add-join', { name: 'x', join_keys: ['ACCOUNT_FILTRE'], fact_keys: ['FK_ACCOUNT'] }, 'TIE-5011'],
  ['add-join', { name: 'x', join_keys: ['ACCOUNT_FILTER'], fact_keys: ['A', 'B'] }, 'TIE-5011'],
  [
    'add-join',
    { name: 'x', join_keys: ['ACCOUNT_FILTER'], fact_keys: ['FK_ACCOUNT'], filter: 'a = = 1' },
    'TIE-2201',
  ],
  ['add-column', { id_source: 'X', physical_column: 'ACT.CODE' }, 'TIE-5011'],
  ['add-dimension', { alias: 'P', table: 'a..b', key: 'k', filter_column: 'f' }, 'TIE-5002'],
  ['create', { ...NEW, source: '.' }, 'TIE-2801'],
  ['create', { ...NEW, overwrite: true }, 'TIE-5032'],
  ['create', { ...NEW, overwrite: true, source: './nowhere' }, 'TIE-5025'],
])('%s %o is refused by %s, and the file stays as it is', async (verb, input, code) => {
  const before = readFileSync(file, 'utf8')
  const problems = await refusal(run(verb, input))
  expect(codes(problems)).toContain(code)
  expect(readFileSync(file, 'utf8')).toBe(before)
  expect(readdirSync(folder.path).filter((name) => name.endsWith('.part'))).toEqual([])
})

test('a folder that is not there is named', async () => {
  const nowhere = join(folder.path, 'no', 'where.yaml')
  expect(codes(await refusal(run('create', { ...NEW, levels: ['LEVEL_1'], file: nowhere })))).toEqual([
    'TIE-2802',
  ])
})

test('import keeps what export says, and refuses what does not fit together', async () => {
  const kept = join(folder.path, 'kept.yaml')
  const imported = await run('import', { from: file, file: kept })
  expect(imported.join_patterns).toEqual(['account'])
  expect(readFileSync(kept, 'utf8')).toBe((await run('export', {})).yaml)
  const wrong = folder.write(
    'wrong.yaml',
    readFileSync(file, 'utf8').replace('ACCT.ACCOUNT_CODE', 'AC.ACCOUNT_CODE'),
  )
  expect(codes(await refusal(run('import', { from: wrong, file: join(folder.path, 'new.yaml') })))).toEqual([
    'TIE-5011',
  ])
})

test('dbt on DuckDB does not read a PostgreSQL database', async () => {
  const { tableOf } = await import('#tieout/mart/operations/dbt')
  const source = { placeOf: () => undefined } as never
  expect(codes(await refusal(tableOf({ source } as never, ['X'], 'duckdb')))).toEqual(['TIE-5030'])
  expect(await tableOf({ source } as never, ['X'], 'postgres')).toEqual({ parts: ['X'], place: null })
})
