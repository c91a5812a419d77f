/** The same tables as a folder, Parquet files, a DuckDB file and a PostgreSQL database give the same rows. */

import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, openTestBooks, SERVER, type TestBooks } from '../support/books.js'
import { contextOf, makeFolder, perform } from '../support/cli.js'
import { twoNodes, writeMart } from '../support/marts.js'

const folder = makeFolder()
const parquet = makeFolder()
const TABLES = ['HIERARCHY', 'MAPPING', 'ACCOUNTS', 'PRODUCTS', 'FACTS']
let db: TestBooks
let file: string
let expected: unknown
beforeAll(async () => {
  db = await openTestBooks()
  file = writeMart(folder, twoNodes())
  expected = (await run()).rows
  const instance = await DuckDBInstance.create(`${folder.path}/tables.duckdb`)
  const connection = await instance.connect()
  for (const name of TABLES) {
    const amount = name === 'FACTS' ? 'REPLACE (CAST(AMOUNT AS DECIMAL(18,2)) AS AMOUNT)' : ''
    const from = `SELECT * ${amount} FROM read_csv('${folder.path}/${name}.csv', all_varchar = true)`
    await connection.run(`CREATE TABLE ${name} AS ${from}`)
    await connection.run(`COPY ${name} TO '${parquet.path}/${name.toLowerCase()}.parquet'`)
  }
  connection.closeSync()
  instance.closeSync()
})
afterAll(async () => {
  await db.close()
  folder.remove()
  parquet.remove()
})
const run = (source?: string) =>
  perform(contextOf(db.books), 'mart run', { file, ...(source === undefined ? {} : { source }) })

test('a DuckDB file, its amounts decimals', async () => {
  expect((await run(`${folder.path}/tables.duckdb`)).rows).toEqual(expected)
})

test('Parquet files, named in another case', async () => {
  expect((await run(parquet.path)).rows).toEqual(expected)
})

test.skipIf(!SERVER)('a PostgreSQL database', async () => {
  const made = await createDatabase(SERVER!)
  const client = new pg.Client({ connectionString: made.url })
  await client.connect()
  const mart = twoNodes()
  const rows = {
    HIERARCHY: mart.hierarchy,
    MAPPING: mart.mapping,
    ACCOUNTS: mart.accounts,
    PRODUCTS: mart.products,
    FACTS: mart.facts,
  }
  for (const [name, records] of Object.entries(rows)) {
    const columns = Object.keys(records[0]!)
    const typed = columns.map((column) => `"${column}" ${column === 'AMOUNT' ? 'numeric(18,2)' : 'text'}`)
    await client.query(`CREATE TABLE "${name}" (${typed.join(', ')})`)
    for (const record of records)
      await client.query(
        `INSERT INTO "${name}" VALUES (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
        columns.map((column) => record[column] ?? null),
      )
  }
  await client.end()
  try {
    expect((await run(made.url)).rows).toEqual(expected)
  } finally {
    await made.drop()
  }
})

test('nothing but the files of the configuration can be touched', async () => {
  const { openMartSource } = await import('#tieout/mart/store/source')
  const source = await openMartSource(folder.path, [['FACTS']])
  try {
    for (const sql of [
      `SELECT * FROM read_csv('${folder.path}/MAPPING.csv')`,
      `COPY "FACTS" TO '${folder.path}/out.csv'`,
      'SET enable_external_access = true',
    ])
      await expect(source.run('a statement', sql)).rejects.toThrow('TIE-5023')
  } finally {
    source.close()
  }
})
