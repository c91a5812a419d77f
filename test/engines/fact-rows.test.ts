/** The rows behind a figure straight from an engine: sums that DuckDB itself gets wrong, positions, odd names. */

import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatDecimal } from '#tieout/base/decimal'
import type { FactSet } from '#tieout/engines/fact-rows'
import { openDuckRows } from '#tieout/engines/fact-rows-duckdb'
import { testFiles } from '../support/files.js'

const files = testFiles()
afterAll(() => files.remove())

const everything = (...amounts: string[]): FactSet => ({ holds: [], fails: [], amounts })
const scope = { where: [], through: null }

async function write(name: string, sql: string): Promise<string> {
  const path = files.path(name)
  const instance = await DuckDBInstance.create(name.endsWith('.duckdb') ? path : ':memory:')
  const connection = await instance.connect()
  await connection.run(name.endsWith('.duckdb') ? sql : `COPY (${sql}) TO '${path}'`)
  connection.closeSync()
  instance.closeSync()
  return path
}

describe('sums of DECIMAL(38)', () => {
  // 40,000 × 5 × 10³³ = 2 × 10³⁸: more units than a HUGEINT holds, where DuckDB's own sum wraps or fails.
  test.each([
    [
      'beyond what DuckDB can add up',
      `CAST('5000000000000000000000000000000000.0001' AS DECIMAL(38,4))`,
      '200000000000000000000000000000000000004.0000',
    ],
    [
      'of both signs',
      `CASE WHEN i % 2 = 0 THEN CAST('5000000000000000000000000000000000.0003' AS DECIMAL(38,4)) ELSE CAST('-5000000000000000000000000000000000.0001' AS DECIMAL(38,4)) END`,
      '4.0000',
    ],
    ['of ordinary size', 'i', ''],
  ])('%s', async (_, amount, expected) => {
    const path = await write(
      'wide.parquet',
      `SELECT CAST(${amount} AS DECIMAL(38,4)) AS amt FROM range(40000) AS r(i)`,
    )
    const rows = await openDuckRows({ path })
    const [total] = await rows.totals(scope, [everything('amt')])
    rows.close()
    expect(total!.rows).toBe(40_000)
    // Σ 0…39,999 = 799,980,000
    expect(formatDecimal(total!.amounts[0]!)).toBe(expected === '' ? '799980000.0000' : expected)
  })
})

describe('where a row stands', () => {
  const SELECT = 'SELECT i AS id, CAST(i AS DECIMAL(18,2)) AS amt FROM range(5000) AS r(i)'
  let paths: Record<string, string>
  beforeAll(async () => {
    paths = {
      parquet: await write('rows.parquet', SELECT),
      csv: await write('rows.csv', SELECT),
      taken: await write(
        'taken.parquet',
        `SELECT i AS file_row_number, i AS "Row_Number", i AS rowid, i AS id, CAST(i AS DECIMAL(18,2)) AS amt FROM range(5000) AS r(i)`,
      ),
      table: await write(
        'rows.duckdb',
        `CREATE TABLE facts AS ${SELECT}; CREATE VIEW seen AS SELECT * FROM facts; CREATE TABLE own AS SELECT id AS rowid, id, amt FROM facts`,
      ),
    }
  })
  test.each([
    ['the row number of a Parquet file', 'parquet', undefined, 'file_row_number', 0],
    ['a row of a CSV, from 1', 'csv', undefined, 'row_number', 1],
    ['a row, where the file has taken the name', 'taken', undefined, 'row_number', 1],
    ['the rowid of a table', 'table', undefined, 'rowid', 0],
    ['a row of a view', 'table', 'seen', 'row_number', 1],
    ['a row, where the table has taken the name', 'table', 'own', 'row_number', 1],
  ] as const)('%s', async (_, file, table, position, first) => {
    const rows = await openDuckRows({ path: paths[file]!, ...(table === undefined ? {} : { table }) })
    expect(rows.position).toBe(position)
    const id = rows.columns.findIndex(({ name }) => name === 'id')
    const set: FactSet = { ...everything('amt'), holds: [(s) => `(${s.column('id').sql} % 7 = 3)`] }
    let after: string | null = null
    const found: string[] = []
    for (;;) {
      const page: readonly {
        position: string
        values: readonly (string | null)[]
        amounts: readonly string[]
      }[] = await rows.page(scope, set, { after, limit: 97 })
      if (page.length === 0) break
      for (const row of page) {
        expect(Number(row.position)).toBe(Number(row.values[id]) + first)
        expect(row.amounts).toEqual([`${row.values[id]}.00`])
        found.push(row.values[id]!)
      }
      after = page.at(-1)!.position
    }
    rows.close()
    expect(found.map(Number)).toEqual(Array.from({ length: 5000 }, (_, i) => i).filter((i) => i % 7 === 3))
  })
})

test('more sets than one statement takes', { tags: ['long'] }, async () => {
  const path = await write(
    'many.parquet',
    'SELECT i AS id, CAST(1 AS DECIMAL(9,2)) AS amt FROM range(1000) AS r(i)',
  )
  const rows = await openDuckRows({ path })
  const sets = Array.from(
    { length: 900 },
    (_, i): FactSet => ({ ...everything('amt'), holds: [() => `(id < ${i})`], fails: [() => '(id < 1)'] }),
  )
  const totals = await rows.totals(scope, sets)
  rows.close()
  expect(totals.map((total) => total.rows)).toEqual(sets.map((_, i) => Math.max(0, i - 1)))
})

test('a file that is not there, and one that is none', async () => {
  await expect(openDuckRows({ path: join(files.path('.'), 'nowhere.parquet') })).rejects.toThrow('TIE-1005')
  await expect(openDuckRows({ path: files.write('text.parquet', 'no parquet') })).rejects.toThrow('TIE-2407')
})
