import { randomUUID } from 'node:crypto'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tx } from '#tieout/books/books'
import { createFactTable, type FactTable, recordImport } from '#tieout/books/fact-tables'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { booksSource } from '#tieout/engines/books-source'
import { queryDuckFile, readDuckRows } from '#tieout/engines/duckdb-rows'
import { openDuckSource } from '#tieout/engines/duckdb-source'
import type { Frame } from '#tieout/engines/frame'
import type { FactSource, FrameRequest } from '#tieout/engines/source'
import { openTestBooks, type TestBooks } from '../support/books.js'
import { testFiles } from '../support/files.js'
import { rowsOf, unitsOf } from '../support/frames.js'
import { refusalOf, said } from '../support/refusals.js'

const files = testFiles()
afterAll(() => files.remove())

/** DuckDB itself writes the files; `columns` is a SELECT. */
async function write(name: string, select: string, format = 'FORMAT parquet'): Promise<string> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`COPY (${select}) TO '${files.path(name)}' (${format})`)
  connection.closeSync()
  instance.closeSync()
  return files.path(name)
}

async function reading<T>(path: string, work: (source: FactSource) => Promise<T>): Promise<T> {
  const source = await openDuckSource({ path })
  try {
    return await work(source)
  } finally {
    source.close()
  }
}

/** Facts as an import stores them: one row of fact_imports, its lines from 2. */
async function insert(
  tx: Tx,
  table: FactTable,
  rows: readonly (readonly (string | null)[])[],
): Promise<void> {
  const importId = randomUUID()
  await recordImport(tx, DEFAULT_TENANT, {
    importId,
    table: table.name,
    useCaseId: undefined,
    fileName: 'facts.csv',
    fileDigest: 'sha256:00',
    rows: rows.length,
    importedBy: 'test',
  })
  const names = ['tenant_id', 'import_id', 'import_line', ...table.columns.map(({ name }) => name)]
  for (const [i, row] of rows.entries()) {
    const values = [DEFAULT_TENANT, importId, i + 2, ...row]
    const parameters = values.map((_, p) => `$${p + 1}`)
    await tx.execute(
      `INSERT INTO public.${table.physical} (${names.join(', ')}) VALUES (${parameters.join(', ')})`,
      values,
    )
  }
}

const REQUEST: FrameRequest = { coded: ['book', 'day'], amounts: ['daily'], where: [], through: null }

const FACTS = `SELECT * FROM (VALUES
  ('B1', DATE '2025-12-24', 1.50::DECIMAL(18,2), true),
  ('B2', DATE '2025-12-24', -3.25::DECIMAL(18,2), false),
  (NULL, DATE '2025-12-24', NULL::DECIMAL(18,2), NULL),
  ('Zürich 🦄', DATE '2025-12-23', 0.05::DECIMAL(18,2), true),
  ('O''Brien', DATE '2025-12-22', 100.00::DECIMAL(18,2), true)) AS f(book, day, daily, open)`

describe('one set of facts in the books, in Parquet and in CSV', () => {
  let db: TestBooks
  let table: FactTable
  let parquet: string
  let csv: string
  beforeAll(async () => {
    parquet = await write('facts.parquet', FACTS)
    csv = await write('facts.csv', `SELECT book, day, daily FROM (${FACTS})`, 'FORMAT csv, HEADER')
    db = await openTestBooks()
    await db.books.transaction(DEFAULT_TENANT, async (tx) => {
      table = await createFactTable(tx, DEFAULT_TENANT, 'fact_duck', [
        { name: 'book', type: 'text' },
        { name: 'day', type: 'date' },
        { name: 'daily', type: 'numeric' },
        { name: 'open', type: 'boolean' },
      ])
      await insert(tx, table, [
        ['B1', '2025-12-24', '1.5', 'true'],
        ['B2', '2025-12-24', '-3.250', 'false'],
        [null, '2025-12-24', null, null],
        ['Zürich 🦄', '2025-12-23', '0.05', 'true'],
        ["O'Brien", '2025-12-22', '100', 'true'],
      ])
    })
  })
  afterAll(() => db?.close())

  const fromBooks = <T>(work: (source: FactSource) => Promise<T>): Promise<T> =>
    db.books.transaction(DEFAULT_TENANT, (tx) => work(booksSource(tx, table, undefined)))
  const each = async <T>(work: (source: FactSource) => Promise<T>): Promise<T[]> => [
    await fromBooks(work),
    await reading(parquet, work),
    await reading(csv, work),
  ]

  test.each<[string, Partial<FrameRequest>, number]>([
    ['everything', {}, 5],
    ['one day', { where: [{ column: 'day', equals: '2025-12-24' }] }, 3],
    ['one book', { where: [{ column: 'book', equals: "O'Brien" }] }, 1],
    [
      'both',
      {
        where: [
          { column: 'day', equals: '2025-12-24' },
          { column: 'book', equals: 'B2' },
        ],
      },
      1,
    ],
    ['nothing', { where: [{ column: 'book', equals: "'; DROP TABLE facts; --" }] }, 0],
    ['no coded columns', { coded: [] }, 5],
    ['no amounts', { amounts: [] }, 5],
    ['neither', { coded: [], amounts: [] }, 5],
  ])('%s: one digest, the same rows', async (_, request, rows) => {
    const frames = await each((source) => source.read({ ...REQUEST, ...request }))
    expect(frames.map((frame) => frame.rows)).toEqual([rows, rows, rows])
    expect(new Set(frames.map(({ digest }) => digest)).size).toBe(1)
    const sorted = frames.map((frame) => asDecimals(frame).sort())
    expect(sorted[1]).toEqual(sorted[0])
    expect(sorted[2]).toEqual(sorted[0])
  })

  test('the columns and their types', async () => {
    const [books, inParquet, inCsv] = await each(async (source) => source.columns)
    expect(inParquet).toEqual(books)
    expect(inCsv).toEqual(books!.filter(({ name }) => name !== 'open'))
  })

  test('booleans are coded alike', async () => {
    const request = { ...REQUEST, coded: ['open'], amounts: [] }
    const [books, duck] = [
      await fromBooks((s) => s.read(request)),
      await reading(parquet, (s) => s.read(request)),
    ]
    expect(duck.digest).toBe(books.digest)
    expect([...duck.coded[0]!.dictionary].sort()).toEqual(['false', null, 'true'])
  })

  test('facts without a book are counted', async () => {
    expect(await each((source) => source.countNulls('book', null))).toEqual([1, 1, 1])
  })

  test('only the books know when a fact arrived', async () => {
    expect(await each((source) => source.horizon())).toEqual([5n, null, null])
    const early = await fromBooks((source) => source.read({ ...REQUEST, through: 2n }))
    expect(early.rows).toBe(2)
  })

  test('text that COPY must escape comes back as it was', async () => {
    await db.books.transaction(DEFAULT_TENANT, async (tx) => {
      const copied = await createFactTable(tx, DEFAULT_TENANT, 'fact_copied', [
        { name: 'book', type: 'text' },
        { name: 'daily', type: 'numeric' },
      ])
      await insert(tx, copied, [
        ['tab\tnewline\nback\\slash', '1.50'],
        [null, null],
        ['\\N', '-0.05'],
      ])
      const frame = await booksSource(tx, copied, undefined).read({ ...REQUEST, coded: ['book'] })
      expect(rowsOf(frame)).toEqual([
        ['tab\tnewline\nback\\slash', '150'],
        [null, '0'],
        ['\\N', '-5'],
      ])
    })
  })
})

/** Rows as text with plain decimals, whatever the scale of the frame. */
const asDecimals = (frame: Frame): string[] =>
  rowsOf(frame).map((row) => {
    const amounts = frame.amounts.map(
      ({ scale }, i) => `${Number(row[frame.coded.length + i]) / 10 ** scale}`,
    )
    return JSON.stringify([...row.slice(0, frame.coded.length), ...amounts])
  })

describe('amounts in a Parquet file', () => {
  test('floating-point money is refused', async () => {
    const path = await write('floating.parquet', 'SELECT 1.5::DOUBLE AS daily, 2::FLOAT AS mtd')
    for (const column of ['daily', 'mtd']) {
      const problems = await refusalOf(() =>
        reading(path, (s) => s.read({ ...REQUEST, coded: [], amounts: [column] })),
      )
      expect(problems.map(said)).toEqual([
        `TIE-2408 Column "${column}" of ${path} is floating point; money needs exact decimals.`,
      ])
    }
    const imported = async (): Promise<void> => {
      for await (const _ of readDuckRows({ path }, new Map()));
    }
    expect((await refusalOf(imported)).map(({ code }) => code)).toEqual(['TIE-2408'])
  })

  test('an import may give floating-point money a type of its own', async () => {
    const path = await write('typed.parquet', "SELECT 1.505::DOUBLE AS daily, 'B1' AS book")
    const rows: unknown[] = []
    for await (const batch of readDuckRows({ path }, new Map([['daily', 'DECIMAL(18,2)']])))
      rows.push(...batch.rows)
    expect(rows).toHaveLength(1)
  })

  test.each<[string, string, 'exact' | 'big', bigint[]]>([
    ['integers', 'SELECT unnest([1, -2])::INTEGER AS daily', 'exact', [1n, -2n]],
    [
      'bigints beyond 2^53',
      'SELECT unnest([9007199254740993, -1])::BIGINT AS daily',
      'big',
      [9007199254740993n, -1n],
    ],
    ['the smallest bigint', 'SELECT (-9223372036854775808)::BIGINT AS daily', 'big', [-9223372036854775808n]],
    ['38 nines', `SELECT '${'9'.repeat(38)}'::DECIMAL(38,0) AS daily`, 'big', [10n ** 38n - 1n]],
    [
      '38 digits',
      "SELECT '123456789012345678901234567890123456.78'::DECIMAL(38,2) AS daily",
      'big',
      [12345678901234567890123456789012345678n],
    ],
    // each is in the range, their sum of sizes is not
    [
      'a sum beyond the range',
      'SELECT unnest([90000000000000.00, -90000000000000.00])::DECIMAL(18,2) AS daily',
      'big',
      [9000000000000000n, -9000000000000000n],
    ],
    ['18 places', "SELECT '0.000000000000000001'::DECIMAL(18,18) AS daily", 'exact', [1n]],
    ['a wide type with a small amount', "SELECT '1.5'::DECIMAL(38,2) AS daily", 'exact', [150n]],
  ])('%s', async (name, select, range, units) => {
    const path = await write(`${name.replaceAll(' ', '-')}.parquet`, select)
    const frame = await reading(path, (s) => s.read({ ...REQUEST, coded: [] }))
    expect(unitsOf(frame)).toEqual(units)
    if (range === 'big') expect(frame.amounts[0]!.range).toBe('big')
  })

  test('no rows at all', async () => {
    const path = await write('empty.parquet', `${FACTS} LIMIT 0`)
    const frame = await reading(path, (s) => s.read(REQUEST))
    expect(frame).toMatchObject({ rows: 0, blocks: [] })
    expect(frame.coded.map(({ dictionary }) => dictionary)).toEqual([[null], [null]])
  })

  // DuckDB's enums are of 8, 16 and 32 bits: the code after the last of a width must not wrap.
  test.each([255, 256, 257, 65_535, 65_536])('%i distinct values keep their codes', async (count) => {
    const path = await write(
      `n${count}.parquet`,
      `SELECT 'v' || i AS book, i::DECIMAL(18,0) AS daily FROM range(${count}) t(i)`,
    )
    const frame = await reading(path, (s) => s.read({ ...REQUEST, coded: ['book'] }))
    expect(frame.rows).toBe(count)
    expect(rowsOf(frame).every(([book, daily]) => book === `v${daily}`)).toBe(true)
  })
})

describe('what a CSV column holds is decided by its content', () => {
  test.each<[string, string, string]>([
    ['plain decimals', 'x\n1\n-2.50\n', 'numeric'],
    ['leading zeros', 'x\n0101\n0102\n', 'text'],
    ['ISO dates', 'x\n2025-12-24\n', 'date'],
    ['a day that is none', 'x\n2025-02-30\n', 'text'],
    ['an exponent', 'x\n1e5\n', 'text'],
    ['words', 'x\nA\n', 'text'],
  ])('%s', async (_, content, type) => {
    const path = files.write('typed.csv', content)
    expect(await reading(path, async ({ columns }) => columns)).toEqual([{ name: 'x', type }])
  })
})

test('rows far down a CSV file still have their say', async () => {
  // 30,000 rows: the last of them is another kind of value, or the first that is any.
  const rows = (last: string): string => {
    const plain = Array.from({ length: 30_000 }, (_, i) => `${i}.5,,2025-12-24,x`)
    return `amount,late,day,name\n${plain.join('\n')}\n${last}\n`
  }
  const types = async (last: string): Promise<string[]> =>
    reading(files.write('far.csv', rows(last)), async ({ columns }) => columns.map(({ type }) => type))
  expect(await types('1.25,7,2025-12-25,1')).toEqual(['numeric', 'numeric', 'date', 'text'])
  expect(await types('n/a,2025-01-01,soon,1')).toEqual(['text', 'date', 'text', 'text'])
  expect(await types('1,,,')).toEqual(['numeric', 'text', 'date', 'text'])
})

test('an empty field does not make text of a CSV date column', async () => {
  const path = files.write('dates.csv', 'book,day\nB1,2025-12-24\nB2,\n')
  expect(await reading(path, async ({ columns }) => columns[1])).toEqual({ name: 'day', type: 'date' })
})

describe('nothing but the file is touched', () => {
  test.each(["read_csv('%')", "read_text('%')", "'%'", "glob('%')"])(
    'another file by %s',
    async (expression) => {
      const path = await write('one.parquet', 'SELECT 1 AS x')
      const secret = files.write('secret.csv', 'secret\n1\n')
      const sql = `SELECT * FROM ${expression.replace('%', secret)}`
      await expect(queryDuckFile({ path }, () => sql)).rejects.toThrow(/Permission|disabled/)
    },
  )

  test.each([
    'SET enable_external_access = true',
    "SET allowed_directories = ['/']",
    'INSTALL httpfs',
    "ATTACH 'x.db'",
  ])('%s', async (sql) => {
    const path = await write('one.parquet', 'SELECT 1 AS x')
    await expect(queryDuckFile({ path }, () => sql)).rejects.toThrow(/Permission|disabled|locked/)
  })

  test('a file that is not there, or not what its name says', async () => {
    expect(
      (await refusalOf(() => openDuckSource({ path: files.path('none.parquet') }))).map(({ code }) => code),
    ).toEqual(['TIE-1005'])
    const path = files.write('not.parquet', 'not parquet at all')
    const problems = await refusalOf(() => openDuckSource({ path }))
    expect(problems.map(said)).toEqual([expect.stringMatching(/^TIE-2407 .*not\.parquet cannot be read: /)])
  })

  test('a quote in the name of the file is part of the name', async () => {
    const path = await write('one.parquet', 'SELECT 1 AS x')
    const { copyFileSync } = await import('node:fs')
    const hostile = files.path("o'ne.parquet")
    copyFileSync(path, hostile)
    expect(await reading(hostile, async ({ columns }) => columns)).toEqual([{ name: 'x', type: 'numeric' }])
  })
})
