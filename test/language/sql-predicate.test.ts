/**
 * One predicate, three engines: the kernel's own evaluation, PostgreSQL (embedded, or the server of
 * TEST_DATABASE_URL) and DuckDB, row by row. The SQL shares no code with the evaluation.
 *
 * @module-tag long
 */

import { type DuckDBConnection, DuckDBInstance, listValue } from '@duckdb/node-api'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { unstorable } from '#tieout/base/text'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import type { ColumnType } from '#tieout/engines/source'
import { DUCKDB, POSTGRES, type SqlColumn, Statement } from '#tieout/engines/sql-dialect'
import { evaluate } from '#tieout/language/evaluate'
import { type Literal, type Predicate, parsePredicate, printPredicate } from '#tieout/language/predicate'
import { sqlPredicate } from '#tieout/language/sql-predicate'
import { openTestBooks, type TestBooks } from '../support/books.js'
import { anyText, HOSTILE, predicateOver } from './arbitraries.js'

const TYPES: Readonly<Record<string, { type: ColumnType; postgres: string; duck: string; scale: number }>> = {
  txt: { type: 'text', postgres: 'text', duck: 'VARCHAR', scale: 0 },
  'odd "name"': { type: 'text', postgres: 'varchar(200)', duck: 'VARCHAR', scale: 0 },
  cents: { type: 'numeric', postgres: 'numeric(12,2)', duck: 'DECIMAL(12,2)', scale: 2 },
  wide: { type: 'numeric', postgres: 'numeric', duck: 'DECIMAL(38,10)', scale: 10 },
  whole: { type: 'numeric', postgres: 'bigint', duck: 'BIGINT', scale: 0 },
  day: { type: 'date', postgres: 'date', duck: 'DATE', scale: 0 },
  flag: { type: 'boolean', postgres: 'boolean', duck: 'BOOLEAN', scale: 0 },
}
const NAMES = Object.keys(TYPES)
const types = new Map(NAMES.map((name) => [name, TYPES[name]!.type]))

const TEXTS = [
  ...HOSTILE.filter((text) => unstorable(text) === undefined),
  'a',
  'A',
  'ab',
  'ß',
  '\uffff',
  'Z',
  '%',
  '_',
  'a\\',
]
const VALUES: Readonly<Record<ColumnType, readonly string[]>> = {
  text: TEXTS,
  numeric: ['0', '-0.01', '0.01', '1', '1.50', '-1.5', '2', '100', '-99', '9999999999.99', '-9999999999.99'],
  date: ['2025-12-24', '2025-12-25', '1970-01-01', '2024-02-29', '0001-01-01', '9999-12-31'],
  boolean: ['true', 'false'],
}
const EXTRA: Readonly<Record<string, readonly string[]>> = {
  wide: [
    '9999999999999999999999999999.9999999999',
    '-9999999999999999999999999999.9999999999',
    '0.0000000001',
  ],
  whole: ['9223372036854775807', '-9223372036854775808', '7'],
}
/** Numbers that no column holds: between two units, of more digits than any, beyond the largest. */
const ODD_NUMBERS = [
  '0.005',
  '-0.005',
  '1.5000',
  '00012',
  '1.00000000000000000000000000001',
  '99999999999999999999999999999999999999',
  '-99999999999999999999999999999999999999.5',
  `${'9'.repeat(90)}.5`,
  `-${'9'.repeat(90)}`,
]

type Row = Readonly<Record<string, string | null>>
const valuesOf = (name: string): readonly string[] =>
  name === 'whole'
    ? [...VALUES.numeric.filter((text) => !text.includes('.')), ...EXTRA.whole!]
    : [...VALUES[TYPES[name]!.type], ...(EXTRA[name] ?? [])]
/** Every value of a column meets every other column's in turn; each sixth value is missing. */
const ROWS: readonly Row[] = Array.from({ length: 60 }, (_, i) =>
  Object.fromEntries(
    NAMES.map((name, c) => {
      const values = valuesOf(name)
      return [name, (i + c) % 6 === 5 ? null : values[(i * (c + 1)) % values.length]!]
    }),
  ),
)

const storable = anyText.filter((text) => unstorable(text) === undefined)
const literalOf = (name: string): fc.Arbitrary<Literal> => {
  const values = fc.constantFrom(...valuesOf(name))
  switch (TYPES[name]!.type) {
    case 'text':
      return fc.oneof(values, storable).map((text) => ({ text }))
    case 'numeric':
      return fc.oneof(values, fc.constantFrom(...ODD_NUMBERS)).map((number) => ({ number }))
    case 'date':
      return values.map((date) => ({ date }))
    case 'boolean':
      return values.map((text) => ({ boolean: text === 'true' }))
  }
}
const pattern = fc
  .oneof(
    storable,
    fc
      .array(fc.constantFrom('%', '_', '\\%', '\\_', '\\\\', 'a', 'b', '🦄', 'é', "'"), { maxLength: 5 })
      .map((p) => p.join('')),
  )
  .filter((text) => /\\*$/.exec(text)![0].length % 2 === 0)

const testOf = (name: string): fc.Arbitrary<Predicate> => {
  const literal = literalOf(name)
  const column = fc.constant(name)
  return fc.oneof(
    fc.record({ op: fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte'), column, value: literal }),
    fc.record({
      op: fc.constantFrom('in', 'not_in'),
      column,
      values: fc.array(literal, { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ op: fc.constant('between' as const), column, low: literal, high: literal }),
    fc.record({ op: fc.constant('is_null' as const), column }),
    ...(TYPES[name]!.type === 'text'
      ? [fc.record({ op: fc.constant('like' as const), column, pattern })]
      : []),
  ) as fc.Arbitrary<Predicate>
}
const predicates = predicateOver(fc.oneof(...NAMES.map(testOf)))

let db: TestBooks
let duck: DuckDBConnection
beforeAll(async () => {
  db = await openTestBooks()
  duck = await (await DuckDBInstance.create(':memory:')).connect()
  const list = NAMES.map((name) => `${POSTGRES.identifier(name)} ${TYPES[name]!.duck}`)
  await duck.run(`CREATE TABLE rows (id INTEGER, ${list.join(', ')})`)
  for (const [id, row] of ROWS.entries()) {
    const casts = NAMES.map((name, i) => `CAST($${i + 1} AS ${TYPES[name]!.duck})`)
    await duck.run(
      `INSERT INTO rows VALUES (${id}, ${casts.join(', ')})`,
      NAMES.map((name) => row[name]!),
    )
  }
})
afterAll(async () => {
  duck?.closeSync()
  await db?.close()
})

const columns: readonly SqlColumn[] = NAMES.map((name) => ({
  name,
  type: TYPES[name]!.type,
  sql: `r.${POSTGRES.identifier(name)}`,
  scale: TYPES[name]!.scale,
  floating: false,
}))

/** The rows for which each predicate holds, as `evaluate` says. */
const byKernel = (wanted: readonly Predicate[]): number[][] =>
  wanted.map((one) => ROWS.flatMap((row, id) => (evaluate(one, (name) => row[name]!, types) ? [id] : [])))

async function byPostgres(wanted: readonly Predicate[]): Promise<number[][]> {
  const list = NAMES.map((name) => `${POSTGRES.identifier(name)} ${TYPES[name]!.postgres}`)
  return db.books.transaction(DEFAULT_TENANT, async (tx) => {
    await tx.execute(`CREATE TEMPORARY TABLE rows (id integer, ${list.join(', ')})`)
    for (const [id, row] of ROWS.entries()) {
      const casts = NAMES.map((name, i) => `$${i + 1}::${TYPES[name]!.postgres}`)
      await tx.execute(
        `INSERT INTO rows VALUES (${id}, ${casts.join(', ')})`,
        NAMES.map((name) => row[name]!),
      )
    }
    const found: number[][] = []
    for (const one of wanted) {
      const statement = new Statement(POSTGRES, columns)
      const rows = await tx.rows<{ id: number; holds: boolean }>(
        `SELECT id, ${sqlPredicate(one, statement)} AS holds FROM pg_temp.rows AS r ORDER BY id`,
        statement.values,
      )
      expect(rows.map(({ holds }) => typeof holds)).not.toContain('object')
      found.push(rows.filter(({ holds }) => holds).map(({ id }) => id))
    }
    return found
  })
}

async function byDuck(wanted: readonly Predicate[]): Promise<number[][]> {
  const found: number[][] = []
  for (const one of wanted) {
    const statement = new Statement(DUCKDB, columns)
    const sql = `SELECT id, ${sqlPredicate(one, statement)} FROM rows AS r ORDER BY id`
    const values = statement.values.map((value) =>
      typeof value === 'string' ? value : listValue([...value]),
    )
    const rows = (await duck.runAndReadAll(sql, values)).getRows() as [number, boolean | null][]
    expect(rows.map(([, holds]) => holds)).not.toContain(null)
    found.push(rows.filter(([, holds]) => holds).map(([id]) => id))
  }
  return found
}

const shown = (wanted: readonly Predicate[], found: readonly number[][]): string[] =>
  wanted.map((one, i) => `${printPredicate(one)} → ${found[i]!.join(' ')}`)

/** The three answers, row by row. */
async function check(wanted: readonly Predicate[]): Promise<number[][]> {
  const kernel = byKernel(wanted)
  expect(shown(wanted, await byPostgres(wanted))).toEqual(shown(wanted, kernel))
  expect(shown(wanted, await byDuck(wanted))).toEqual(shown(wanted, kernel))
  return kernel
}

test('random predicates over every kind of value: kernel, PostgreSQL and DuckDB find the same rows', async () => {
  const wanted = fc.sample(predicates, { numRuns: 600, seed: 20251224 })
  const found = await check(wanted)
  // The generator must reach both answers often.
  expect(found.filter((rows) => rows.length > 0 && rows.length < ROWS.length).length).toBeGreaterThan(200)
})

test('every test of every column, one by one', async () => {
  const wanted = NAMES.flatMap((name) => fc.sample(testOf(name), { numRuns: 40, seed: 7 }))
  await check([...wanted, ...wanted.map((arg): Predicate => ({ op: 'not', arg }))])
})

describe('what the language says', () => {
  const all = ROWS.map((_, id) => id)
  const missing = (name: string): number[] => all.filter((id) => ROWS[id]![name] === null)
  test.each<[string, (row: Row) => boolean]>([
    ["txt != 'a'", (row) => row.txt !== null && row.txt !== 'a'],
    ["not txt = 'a'", (row) => row.txt !== 'a'],
    ["txt not in ('a', '')", (row) => row.txt !== null && row.txt !== 'a' && row.txt !== ''],
    ["not txt between '' and 'zzz'", (row) => row.txt === null || row.txt > 'zzz'],
    ["txt not like '%'", (row) => row.txt === null],
    ["txt = '100%_'", (row) => row.txt === '100%_'],
    ["txt like '100\\%\\_'", (row) => row.txt === '100%_'],
    ["txt like '_' ", (row) => row.txt !== null && [...row.txt].length === 1],
    ["txt like 'back\\\\slash'", (row) => row.txt === 'back\\slash'],
    ['cents = 1.5', (row) => row.cents === '1.50'],
    ['cents < 0.005', (row) => row.cents !== null && Number(row.cents) < 0.005],
    ['cents != 0.005', (row) => row.cents !== null],
    ['cents in (0.005, 2)', (row) => row.cents === '2'],
    ['cents between 3 and 1', () => false],
    ['flag > false', (row) => row.flag === 'true'],
    ["day <= date '1970-01-01'", (row) => row.day === '1970-01-01' || row.day === '0001-01-01'],
    ['"odd ""name""" is null', (row) => row['odd "name"'] === null],
  ])('%s', async (text, holds) => {
    const parsed = parsePredicate(text)
    if (!parsed.ok) throw new Error(text)
    const [found] = await check([parsed.predicate])
    expect(found).toEqual(all.filter((id) => holds(ROWS[id]!)))
    expect(missing('txt').length).toBeGreaterThan(0)
  })
})

test('long lists and long chains', async () => {
  const values = Array.from({ length: 10_000 }, (_, i) => ({ text: `v${i}` }))
  const chain = values.slice(0, 3_000).map((value): Predicate => ({ op: 'eq', column: 'txt', value }))
  await check([
    { op: 'in', column: 'txt', values: [...values, { text: 'ab' }] },
    { op: 'not_in', column: 'txt', values },
    { op: 'or', args: [...chain, { op: 'eq', column: 'txt', value: { text: 'ab' } }] },
  ])
})

test('a literal that was not bound to its column, and a column that is not there, are bugs', () => {
  const wrong: Predicate = { op: 'eq', column: 'day', value: { text: '2025-12-24' } }
  expect(() => sqlPredicate(wrong, new Statement(POSTGRES, columns))).toThrow(RangeError)
  const lost: Predicate = { op: 'is_null', column: 'nobody' }
  expect(() => sqlPredicate(lost, new Statement(DUCKDB, columns))).toThrow('there is no column nobody')
})

test('values travel as parameters; only quoted names of columns are in the text', () => {
  const statement = new Statement(POSTGRES, columns)
  const hostile = "x'; drop table rows; --"
  const sql = sqlPredicate(
    {
      op: 'and',
      args: [
        { op: 'eq', column: 'odd "name"', value: { text: hostile } },
        { op: 'in', column: 'cents', values: [{ number: '1.5' }, { number: '2' }] },
      ],
    },
    statement,
  )
  expect(sql).toBe(
    '(coalesce((r."odd ""name""")::text COLLATE "C" = $1::text, FALSE) AND coalesce(r."cents" = ANY ($2::numeric[]), FALSE))',
  )
  expect(statement.values).toEqual([hostile, ['1.5', '2']])
})
