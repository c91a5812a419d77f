/**
 * The checks that are written for other tools: they hold on the mart as generated, and a pipeline that loses a sign, a
 * branch, an exclusion, a segment or a formula's sign breaks one. Nothing that does not hold is written.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MartConfig } from '#tieout/mart/config'
import { readConfigFile } from '#tieout/mart/config-file'
import { planPipeline, printPipeline, scriptOf } from '#tieout/mart/pipeline/pipeline'
import { shapeOf } from '#tieout/mart/pipeline/shape'
import { sharedTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, makeFolder, perform } from '../support/cli.js'
import {
  account,
  fact,
  mapped,
  node,
  product,
  type SmallMart,
  twoNodes,
  writeMart,
} from '../support/marts.js'

const folder = makeFolder()
let db: TestBooks
let file: string
let pipeline: string
let checks: ReadonlyMap<string, string>

const MART: SmallMart = {
  ...twoNodes(),
  hierarchy: [
    node('A', ['Revenue', 'Alpha']),
    node('B', ['Revenue', 'Beta'], { SIGN_CHANGE_FLAG: 'Y' }),
    node('P', ['Revenue', 'Product']),
    node('R', ['Revenue', 'Royalty']),
  ],
  mapping: [
    mapped('A', 'ACCOUNT_CODE', '4000'),
    mapped('A', 'PRODUCT_CODE', 'GAS', { EXCLUSION_FLAG: 'Y' }),
    mapped('B', 'ACCOUNT_CODE', '5000'),
    mapped('P', 'ACCOUNT_CODE', '6000'),
    mapped('P', 'PRODUCT_CODE', 'OIL'),
    mapped('R', 'PRODUCT_CODE', 'OIL'),
  ],
  accounts: [
    account('a1', '4000'),
    account('a2', '5000', 'GROSS'),
    account('a3', '6000'),
    account('a4', '5000', 'NET'),
  ],
  products: [product('p1', 'OIL'), product('p2', 'GAS')],
  facts: [
    fact('a1', '60.00', { FK_PRODUCT: 'p1' }),
    fact('a1', '40.00', { FK_PRODUCT: 'p2' }),
    fact('a2', '7.00', { PERIOD: null }),
    fact('a4', '9.00'),
    fact('a3', '3.00', { FK_PRODUCT: 'p1' }),
    fact(null, '5.00', { FK_PRODUCT: 'p1', ROYALTY: 'Y' }),
  ],
  config: {
    account_segment: 'GROSS',
    formulas: [
      { result: 'Net', operand: 'A', operator: 'SUM' },
      { result: 'Net', operand: 'R', operator: 'SUBTRACT' },
      { result: 'Twice', operand: 'Net', operator: 'ADD', constant: '2' },
    ],
  },
}

beforeAll(async () => {
  db = await sharedTestBooks()
  file = writeMart(folder, MART)
  const context = contextOf(db.books, db.tenant)
  const out = join(folder.path, 'out')
  const written = await perform(context, 'mart expectations', { file, out })
  expect(written.left_out).toEqual([])
  await perform(context, 'mart generate', { file, out, dialect: 'duckdb' })
  pipeline = readFileSync(join(out, 'pipeline.sql'), 'utf8')
  checks = new Map(
    readdirSync(join(out, 'sql')).map((name) => [
      name.replace('.sql', ''),
      readFileSync(join(out, 'sql', name), 'utf8'),
    ]),
  )
  expect([...checks.keys()].sort()).toEqual(
    written.checks.map(({ check }: { check: string }) => check).sort(),
  )
})
afterAll(async () => {
  await db.close()
  folder.remove()
})

/** The checks that a script's mart breaks, in a database that has the tables by their configured names. */
async function brokenBy(script: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run(`ATTACH ':memory:' AS "DB"; CREATE SCHEMA "DB"."PUBLIC"`)
    for (const name of ['HIERARCHY', 'MAPPING', 'ACCOUNTS', 'PRODUCTS', 'FACTS'])
      await connection.run(
        `CREATE TABLE "DB"."PUBLIC"."${name}" AS SELECT * FROM read_csv('${folder.path}/${name}.csv', all_varchar = true, nullstr = '')`,
      )
    await connection.run(script)
    const broken: string[] = []
    for (const [name, sql] of checks) {
      const found = await connection.runAndReadAll(sql)
      if (found.currentRowCount > 0) broken.push(name)
    }
    return broken.sort()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** The pipeline of a configuration that says less than the tables need. */
function generatedFrom(change: (config: MartConfig) => MartConfig): string {
  const { config, placeOf } = readConfigFile(readFileSync(file, 'utf8'), file)
  const { shape } = shapeOf(change(config), placeOf, undefined)
  return scriptOf(printPipeline(planPipeline(shape, []), shape.config, 'duckdb'), 'duckdb')
}

test('every check holds on the mart as generated', async () => {
  expect(checks.size).toBeGreaterThan(10)
  expect(await brokenBy(pipeline)).toEqual([])
})

test.each<[string, (config: MartConfig) => MartConfig]>([
  ['signs not turned', (config) => ({ ...config, has_sign_change: false })],
  ['exclusions dropped', (config) => ({ ...config, has_exclusions: false })],
  ['the first branch dropped', (config) => ({ ...config, join_patterns: config.join_patterns.slice(1) })],
  ['the last branch dropped', (config) => ({ ...config, join_patterns: config.join_patterns.slice(0, -1) })],
  ['the segment ignored', (config) => ({ ...config, account_segment: null })],
  [
    'a filter dropped',
    (config) => ({ ...config, join_patterns: config.join_patterns.map((one) => ({ ...one, filter: null })) }),
  ],
])('%s: the facts of nodes say so', async (_, change) => {
  expect(await brokenBy(generatedFrom(change))).toContain('dt_3a_facts_of_nodes')
})

test.each([
  ['the sign of a term in the cascade', ', (-1))', ', 1)', 'dt_3_formulas_of_operands'],
  [
    'totals of what is removed',
    `"a"."REMOVE_FROM_TOTALS" = 'N'`,
    `"a"."REMOVE_FROM_TOTALS" = 'Y'`,
    'dt_3_totals_of_details',
  ],
  [
    'figures of details',
    'CAST("d"."GROSS_AMOUNT" AS DECIMAL(38, 12))',
    'CAST(-"d"."GROSS_AMOUNT" AS DECIMAL(38, 12))',
    'dt_3_details_of_nodes',
  ],
])('%s, edited by hand, is caught', async (_, from, to, check) => {
  expect(pipeline).toContain(from)
  const edited = pipeline.replaceAll(from, to)
  expect(await brokenBy(edited)).toContain(check)
})

test('the suite is the same checks, with braces and colons out of the reach of Great Expectations', async () => {
  const out = join(folder.path, 'odd')
  const odd = { ...MART, config: { ...MART.config, project_name: 'x {y} :z' } }
  const written = await perform(contextOf(db.books, db.tenant), 'mart expectations', {
    file: writeMart(folder, odd),
    out,
    name: 'mine',
  })
  const suite = JSON.parse(readFileSync(join(out, 'suite.json'), 'utf8'))
  writeMart(folder, MART)
  expect(suite.name).toBe('mine')
  expect(suite.expectations.map(({ meta }: { meta: { name: string } }) => meta.name)).toEqual(
    written.checks.map(({ check }: { check: string }) => check),
  )
  const queries = suite.expectations.flatMap(({ kwargs }: { kwargs: { unexpected_rows_query?: string } }) =>
    kwargs.unexpected_rows_query === undefined ? [] : [kwargs.unexpected_rows_query],
  )
  expect(queries.join('\n')).toContain('X {{Y}} \\:Z')
})
