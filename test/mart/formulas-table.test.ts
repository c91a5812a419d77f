/**
 * Terms of formulas from a table: the figures are those of the same terms in the file, the checks the same too.
 *
 * @module-tag long
 */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestBooks, type TestBooks } from '../support/books.js'
import { codes, contextOf, makeFolder, type Output, perform, refusal } from '../support/cli.js'
import { csvOf, type Rows, twoNodes, writeMart } from '../support/marts.js'

const folder = makeFolder()
let db: TestBooks
beforeAll(async () => {
  db = await openTestBooks()
})
afterAll(async () => {
  await db.close()
  folder.remove()
})

const term = (
  result: string | null,
  operand: string | null,
  operator: string | null,
  constant: string | null = null,
) => ({
  RESULT: result,
  OPERAND: operand,
  OPERATOR: operator,
  CONSTANT: constant,
})
const TERMS: Rows = [
  term('Net', 'A', 'ADD'),
  term('Net', 'B', 'SUBTRACT'),
  term('Share', 'Net', 'ADD'),
  term('Share', 'A', 'DIVIDE'),
  term('Doubled', 'A', 'MULTIPLY', '2'),
]
const TABLE = { formulas_table: { table: 'DB.PUBLIC.TERMS', precedence: null } }

function written(terms: Rows, config: Readonly<Record<string, unknown>> = TABLE): string {
  folder.write('TERMS.csv', csvOf(terms))
  return writeMart(folder, { ...twoNodes(), config })
}
const run = (name: string, input: Readonly<Record<string, unknown>>): Promise<Output> =>
  perform(contextOf(db.books), name, input)

test('a table of terms is the terms of the file', async () => {
  const ofTable = await run('mart run', { file: written(TERMS) })
  const formulas = TERMS.map(({ RESULT, OPERAND, OPERATOR, CONSTANT }) => ({
    result: RESULT,
    operand: OPERAND,
    operator: OPERATOR,
    constant: CONSTANT,
  }))
  const ofFile = await run('mart run', { file: written(TERMS, { formulas }) })
  expect(ofTable.rows).toEqual(ofFile.rows)
  const figures = ofTable.rows.filter((row: string[]) => row.includes('FORMULA'))
  // 100 − 40, (100 − 40) ÷ 100, 100 × 2
  expect(figures.map((row: string[]) => row[ofTable.columns.indexOf('GROSS_AMOUNT')]).sort()).toEqual(
    ['0.60', '200.00', '60.00'].sort(),
  )
  const proof = await run('mart validate', { file: written(TERMS) })
  expect([proof.valid, proof.comparisons.map(({ differences }: Output) => differences)]).toEqual([
    true,
    [0, 0],
  ])
})

test('half of the terms may stand in the file', async () => {
  const config = {
    ...TABLE,
    formulas: [
      { result: 'Share', operand: 'Net', operator: 'ADD' },
      { result: 'Share', operand: 'A', operator: 'DIVIDE' },
    ],
  }
  const proof = await run('mart validate', { file: written(TERMS.slice(0, 2), config) })
  expect(proof.valid).toBe(true)
})

test.each<[string, Rows, string]>([
  ['no result', [term(null, 'A', 'ADD')], 'TIE-5007'],
  ['no operator', [term('Net', 'A', null)], 'TIE-5007'],
  ['an operand that is nothing', [term('Net', 'AA', 'ADD')], 'TIE-5012'],
  ['an operator that is none', [term('Net', 'A', 'ADDD')], 'TIE-5015'],
  ['a constant that is none', [term('Net', 'A', 'ADD', 'two')], 'TIE-5018'],
  ['a circle', [term('X', 'Y', 'ADD'), term('Y', 'X', 'ADD')], 'TIE-5014'],
])('%s is refused', async (_, terms, code) => {
  expect(codes(await refusal(run('mart run', { file: written(terms) })))).toEqual([code])
})

test('a column that is not there, and a source that is not there, are refused', async () => {
  const file = written([{ RESULT: 'Net', OPERAND: 'A', OPERATION: 'ADD' }])
  const problems = await refusal(run('mart run', { file }))
  expect(codes(problems)).toEqual(['TIE-5004', 'TIE-5004'])
  expect(problems[0]!.remedy).toContain('OPERATION')
  const alone = written(TERMS, { ...TABLE, source: null })
  expect(codes(await refusal(run('mart generate', { file: alone, dialect: 'duckdb' })))).toEqual(['TIE-5026'])
})

test('it is exported, found by discovery, and a source of the dbt project', async () => {
  const file = written(TERMS)
  const { yaml } = await run('mart export', { file })
  expect(yaml).toContain('formulas_table:\n  table: DB.PUBLIC.TERMS\n  result: RESULT')
  const again = await run('mart export', { file: folder.write('again.yaml', yaml) })
  expect(again.yaml).toBe(yaml)

  const tables = {
    source: folder.path,
    hierarchy_table: 'DB.PUBLIC.HIERARCHY',
    mapping_table: 'DB.PUBLIC.MAPPING',
  }
  const found = await run('mart discover', tables)
  expect(found.recommended_config).toContain('formulas_table:\n  table: DB.PUBLIC.TERMS')
  expect(found.proved).toBe(true)

  for (const dialect of ['duckdb', 'snowflake']) {
    const { files } = await run('mart dbt', { file, dialect })
    const sources = files
      .filter(({ text }: Output) => text.includes('sources:'))
      .map(({ text }: Output) => text)
    expect(sources.join('\n')).toContain('TERMS')
  }
})
