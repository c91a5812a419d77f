/**
 * Facts read one by one and facts that the engine has grouped: whatever is calculated from them is the same, on
 * every engine.
 *
 * @module-tag long
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatDecimal, normalize } from '#tieout/base/decimal'
import type { Tx } from '#tieout/books/books'
import { copyRows } from '#tieout/books/copy-rows'
import { createFactTable, type FactTable, recordImport } from '#tieout/books/fact-tables'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { booksSource } from '#tieout/engines/books-source'
import { openDuckSource } from '#tieout/engines/duckdb-source'
import type { Frame } from '#tieout/engines/frame'
import type { FactSource, FrameRequest, RowsOfFrame } from '#tieout/engines/source'
import { calculate } from '#tieout/rollup/calculate'
import { frameColumns } from '#tieout/rollup/searches'
import { openTestBooks, type TestBooks } from '../support/books.js'
import { duckQuery } from '../support/duckdb.js'
import { testFiles } from '../support/files.js'
import type { TextRow } from '../support/frames.js'
import { columnsOf, treeOf, useCaseOf } from '../support/roll-up.js'

const COLUMNS = ['day', 'cc', 'book', 'size', 'open', 'scenario', 'daily', 'mtd'] as const
const TYPES = { day: 'date', size: 'numeric', daily: 'numeric', mtd: 'numeric' } as const
const TREE = treeOf('R\n  A\n    A1\n    A2\n  B')
const DRAFT = {
  source: { table: 'facts', date: 'day', scenario: 'scenario' },
  measures: { daily: 'daily', mtd: 'mtd' },
  // Two columns claim facts, so that there are overlaps to count.
  drivers: [
    { nodes: ['A1', 'A2', 'B'], column: 'cc' },
    { nodes: ['A'], column: 'book' },
  ],
  rules: [
    { node: 'A1', where: "book = 'X' and size > 1" },
    { node: 'A2', where: "book in ('Y', 'XX') or open = 'yes'", scope: 'table', measure_name: 'mtd' },
    { node: 'B', formula: 'sum(daily where size = 1.5) / 7 + sum(mtd where book is null)' },
    { node: 'A', where: "book = 'NOBODY'", scope: 'table' },
  ],
}
const USE_CASE = useCaseOf(TREE, DRAFT, columnsOf(COLUMNS, TYPES))

const figuresAndFindings = (frame: Frame): unknown => {
  const { cells, findings, tieOut } = calculate({
    tree: TREE,
    useCase: USE_CASE,
    policy: 'most_specific',
    frame,
  })
  const shown = (value: unknown): unknown =>
    JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v))
  return {
    cells: cells.map((cell) => [
      cell.node,
      cell.measure,
      cell.scenario,
      cell.factCount,
      ...[cell.natural, cell.direct, cell.adjusted, cell.plug].map((value) =>
        value === undefined ? null : formatDecimal(normalize(value)),
      ),
    ]),
    findings: findings.map(shown).sort(),
    tieOut: tieOut.map(({ facts, rootNatural }) =>
      [facts, rootNatural].map((v) => formatDecimal(normalize(v))),
    ),
  }
}

const cents = (most: bigint) =>
  fc.bigInt({ min: -most, max: most }).map((units) => {
    const digits = `${units < 0n ? -units : units}`.padStart(3, '0')
    return `${units < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
  })

const rowsOf = (most: bigint) =>
  fc.array(
    fc.record({
      cc: fc.constantFrom('A1', 'A2', 'B', 'elsewhere', null),
      book: fc.constantFrom('X', 'Y', 'A', 'a name of more than twelve bytes', null),
      size: fc.constantFrom('1', '1.50', '2', null),
      open: fc.constantFrom('yes', 'no', null),
      scenario: fc.constantFrom('ACTUAL', 'PRIOR', null),
      daily: fc.option(cents(most)),
      mtd: cents(10_000n),
    }),
    { minLength: 1, maxLength: 60 },
  )

async function insert(tx: Tx, table: FactTable, rows: readonly TextRow[], importId: string): Promise<void> {
  await recordImport(tx, DEFAULT_TENANT, {
    importId,
    table: table.name,
    useCaseId: undefined,
    fileName: 'facts.csv',
    fileDigest: `sha256:${importId}`,
    rows: rows.length,
    importedBy: 'test',
  })
  const list = COLUMNS.map((name) => `"${name}"`).join(', ')
  await tx.execute(
    `CREATE TEMPORARY TABLE staged (line bigint, ${COLUMNS.map((name) => `"${name}" text`).join(', ')}) ON COMMIT DROP`,
  )
  await tx.copyIn(
    'pg_temp.staged',
    copyRows(rows.map((row, i) => [i + 2, ...COLUMNS.map((name) => row[name] ?? null)])),
  )
  const typed = COLUMNS.map((name) =>
    name in TYPES ? `"${name}"::${TYPES[name as keyof typeof TYPES]}` : `"${name}"`,
  )
  await tx.execute(
    `INSERT INTO public.${table.physical} (tenant_id, import_id, import_line, ${list})
     SELECT $1::uuid, $2::uuid, line, ${typed.join(', ')} FROM pg_temp.staged ORDER BY line`,
    [DEFAULT_TENANT, importId],
  )
}

let db: TestBooks
let table: FactTable
const files = testFiles()
beforeAll(async () => {
  db = await openTestBooks()
  table = await db.books.transaction(DEFAULT_TENANT, (tx) =>
    createFactTable(
      tx,
      DEFAULT_TENANT,
      'fact_grouped',
      columnsOf(COLUMNS, TYPES).map(({ name, type }) => ({ name, type })),
    ),
  )
})
afterAll(async () => {
  await db?.close()
  files.remove()
})

/** Every column has a value, so that a CSV file has a type for it. */
const PLAIN: TextRow = {
  cc: 'B',
  book: 'Y',
  size: '1',
  open: 'yes',
  scenario: 'ACTUAL',
  daily: '0.01',
  mtd: '0.02',
}

let days = 0
/** The day that the rows are given, which no others have. */
async function nextDay(rows: readonly TextRow[]): Promise<string> {
  days += 1
  const day = new Date(Date.UTC(2020, 0, days)).toISOString().slice(0, 10)
  const importId = `00000000-0000-0000-0000-${String(days).padStart(12, '0')}`
  await db.books.transaction(DEFAULT_TENANT, (tx) =>
    insert(
      tx,
      table,
      rows.map((row) => ({ ...row, day })),
      importId,
    ),
  )
  return day
}

async function onEveryEngine(
  rows: readonly TextRow[],
  work: (source: FactSource, engine: string, day: string) => Promise<void>,
): Promise<void> {
  const day = await nextDay(rows)
  await db.books.transaction(DEFAULT_TENANT, (tx) => work(booksSource(tx, table, undefined), 'books', day))
  const csv = files.write(
    'facts.csv',
    `${COLUMNS.join()}\n${rows.map((row) => COLUMNS.map((name) => (name === 'day' ? day : (row[name] ?? ''))).join()).join('\n')}\n`,
  )
  const typed = COLUMNS.map((name) => {
    const type =
      name === 'daily' || name === 'mtd'
        ? 'DECIMAL(18,2)'
        : name === 'size'
          ? 'DECIMAL(9,2)'
          : TYPES[name as 'day']
    return type === undefined ? `"${name}"` : `CAST("${name}" AS ${type}) AS "${name}"`
  })
  const read = `(SELECT ${typed.join(', ')} FROM read_csv('${csv}', header = true, all_varchar = true))`
  await duckQuery(`COPY ${read} TO '${files.path('facts.parquet')}' (FORMAT parquet)`)
  for (const path of [csv, files.path('facts.parquet')]) {
    const source = await openDuckSource({ path })
    try {
      await work(source, path, day)
    } finally {
      source.close()
    }
  }
}

const request = (day: string, rows: RowsOfFrame): FrameRequest => ({
  ...frameColumns(TREE, USE_CASE),
  where: [{ column: 'day', equals: day }],
  through: null,
  rows,
})

describe('facts and tuples', () => {
  test.each([
    ['amounts in the exact range', 1_000_000n],
    ['amounts whose sum leaves it', 10n ** 16n - 1n],
  ])('give the same figures, findings and digest: %s', async (_, most) => {
    await fc.assert(
      fc.asyncProperty(rowsOf(most), async (rows) => {
        let expected: unknown
        let digest: string | undefined
        await onEveryEngine([...rows, PLAIN], async (source, engine, day) => {
          for (const how of ['facts', 'tuples', 'either'] as const) {
            const frame = await source.read(request(day, how))
            expect([engine, how, frame.facts]).toEqual([engine, how, rows.length + 1])
            expect(frame.rows).toBeLessThanOrEqual(rows.length + 1)
            if (how === 'facts') expect(frame.blocks.every(({ counts }) => counts === null)).toBe(true)
            digest ??= frame.digest
            expect([engine, how, frame.digest]).toEqual([engine, how, digest])
            expected ??= figuresAndFindings(frame)
            expect(figuresAndFindings(frame)).toEqual(expected)
          }
        })
      }),
      { numRuns: 4 },
    )
  })

  test('tuples are counted, and their amounts added up', async () => {
    const row = { ...PLAIN, cc: 'A1' }
    // 1.50 + (none) − 3.25 = −1.75
    const rows = ['1.50', null, '-3.25'].map((daily) => ({ ...row, daily }))
    await onEveryEngine([...rows, { ...PLAIN, daily: '2' }], async (source, _, day) => {
      const frame = await source.read({ ...request(day, 'tuples'), coded: ['cc'], amounts: ['daily'] })
      const [block] = frame.blocks
      const tuples = Array.from({ length: frame.rows }, (_, i) => [
        frame.coded[0]!.dictionary[block!.codes[0]![i]!],
        block!.counts![i],
        Number(block!.amounts[0]![i]) / 10 ** frame.amounts[0]!.scale,
      ])
      expect(tuples.sort()).toEqual([
        ['A1', 3, -1.75],
        ['B', 1, 2],
      ])
    })
  })

  test.each<[string, Partial<FrameRequest>]>([
    ['no coded columns', { coded: [] }],
    ['no amounts', { amounts: [] }],
    ['neither', { coded: [], amounts: [] }],
    ['no facts', { where: [{ column: 'cc', equals: 'none' }] }],
    ['no facts and no coded columns', { coded: [], where: [{ column: 'cc', equals: 'none' }] }],
  ])('%s', async (_, part) => {
    await onEveryEngine([PLAIN, PLAIN], async (source, _, day) => {
      const [facts, tuples] = [
        await source.read({ ...request(day, 'facts'), ...part }),
        await source.read({ ...request(day, 'tuples'), ...part }),
      ]
      expect([tuples.facts, tuples.digest]).toEqual([facts.facts, facts.digest])
      expect(tuples.rows).toBe(facts.facts === 0 ? 0 : 1)
    })
  })

  test('columns of more digits than 64 bits hold are read fact by fact', async () => {
    const path = files.path('wide.parquet')
    await duckQuery(
      `COPY (SELECT 'X' AS book, 1.5::DECIMAL(38,2) AS daily FROM range(3)) TO '${path}' (FORMAT parquet)`,
    )
    const source = await openDuckSource({ path })
    const frame = await source.read({
      coded: ['book'],
      amounts: ['daily'],
      where: [],
      through: null,
      rows: 'tuples',
    })
    source.close()
    expect([frame.rows, frame.facts]).toEqual([3, 3])
  })
})

describe('an engine groups when it has many facts to a tuple', () => {
  // 200,000 facts of 5 × 4 combinations, or each of its own.
  const select = (book: string) =>
    `SELECT ${book} AS book, 'S' || i % 4 AS strategy, CAST(i % 1000 AS DECIMAL(18,2)) AS daily FROM range(200000) t(i)`
  test.each([
    ['few books', "'B' || i % 5", 20],
    ['a book for each', "'B' || i", 200_000],
    [
      'few books among the first facts, many later',
      "CASE WHEN i < 50000 THEN 'B1' ELSE 'B' || i END",
      200_000,
    ],
  ])('%s', async (_, book, rows) => {
    const path = files.path('many.parquet')
    await duckQuery(`COPY (${select(book)}) TO '${path}' (FORMAT parquet)`)
    const source = await openDuckSource({ path })
    const wanted = { coded: ['book', 'strategy'], amounts: ['daily'], where: [], through: null }
    const frame = await source.read(wanted)
    const single = await source.read({ ...wanted, rows: 'facts' })
    source.close()
    expect([frame.rows, frame.facts, single.rows]).toEqual([rows, 200_000, 200_000])
    expect(frame.digest).toBe(single.digest)
  })

  test('in the books, with no statistics of the table', async () => {
    await db.books.transaction(DEFAULT_TENANT, async (tx) => {
      const made = await createFactTable(tx, DEFAULT_TENANT, 'fact_many', [
        { name: 'book', type: 'text' },
        { name: 'trade', type: 'text' },
        { name: 'daily', type: 'numeric' },
      ])
      const importId = '00000000-0000-0000-0001-000000000000'
      await recordImport(tx, DEFAULT_TENANT, {
        importId,
        table: 'fact_many',
        useCaseId: undefined,
        fileName: 'f.csv',
        fileDigest: 'sha256:01',
        rows: 120_000,
        importedBy: 'test',
      })
      await tx.execute(
        `INSERT INTO public.fact_many (tenant_id, import_id, import_line, book, trade, daily)
         SELECT $1::uuid, $2::uuid, i, 'B' || i % 7, 'T' || i, i % 100 FROM generate_series(1, 120000) AS i`,
        [DEFAULT_TENANT, importId],
      )
      const source = booksSource(tx, made, undefined)
      const read = (coded: string[], rows: RowsOfFrame) =>
        source.read({ coded, amounts: ['daily'], where: [], through: null, rows })
      const byBook = await read(['book'], 'either')
      expect([byBook.rows, byBook.facts]).toEqual([7, 120_000])
      expect(byBook.digest).toBe((await read(['book'], 'facts')).digest)
      expect((await read(['book', 'trade'], 'either')).rows).toBe(120_000)
      // What the planner was told is taken back.
      const [settings] = await tx.rows<{ sort: string }>(`SELECT current_setting('enable_sort') AS sort`)
      expect(settings!.sort).toBe('on')
    })
  })
})
