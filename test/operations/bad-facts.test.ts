import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { openTestBooks, type TestBooks } from '../support/books.js'
import {
  codes,
  contextOf,
  type Folder,
  makeFolder,
  type Output,
  perform,
  refusedAndNothingStored,
} from '../support/cli.js'

let db: TestBooks
let context: Context
let folder: Folder

/** The table `fact_ledger` with an amount of two decimals, and a use case that declares its date. */
beforeAll(async () => {
  folder = makeFolder()
  db = await openTestBooks()
  context = contextOf(db.books)
  const structure = folder.write('s.csv', 'node_id,parent_node_id,node_name\nR,,Root\nA,R,Alpha\n')
  await perform(context, 'structures import', { name: 'LEDGER', file: structure })
  const facts = folder.write('ledger.csv', 'cc,pnl_date,scenario,amt,qty\nA,2025-12-24,ACTUAL,1.50,2\n')
  await perform(context, 'facts import', { file: facts, table: 'fact_ledger', types: 'amt=numeric(18,2)' })
  const useCase = folder.write(
    'u.yaml',
    `use_case: Ledger
structure: LEDGER
source: {table: fact_ledger, date: pnl_date, scenario: scenario}
measures: {daily: amt}
drivers:
  - {nodes: leaves, column: cc, value: node_id}
`,
  )
  await perform(context, 'use-cases apply', { file: useCase })
  const entries = folder.write(
    'entries.yaml',
    `use_case: Entries
structure: LEDGER
source: {table: fact_pnl_entries, date: pnl_date, scenario: scenario}
measures: {daily: daily_amount}
`,
  )
  await perform(context, 'use-cases apply', { file: entries })
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

let made = 0
const into = (more: object, content: string | Uint8Array, name = `facts${++made}.csv`) =>
  perform(context, 'facts import', { file: folder.write(name, content), ...more })
const refused = (more: object, content: string | Uint8Array) =>
  refusedAndNothingStored(db.books, () => into(more, content))
const LEDGER = { table: 'fact_ledger' }
const fresh = () => ({ table: `fact_new_${++made}` })
const lines = (problems: readonly { code: string; place?: { line?: number } }[]) =>
  problems.map(({ code, place }) => [code, place?.line])

describe('into a table that is there', () => {
  test('all wrong values of all rows are told, each with its line', async () => {
    const problems = await refused(
      LEDGER,
      'cc,pnl_date,scenario,amt,qty\nA,2025-12-24,ACTUAL,1.239,2\nA,,ACTUAL,NaN,1e400\nA,24/12/2025,ACTUAL,"1,000.00",3\nA,2025-02-29,ACTUAL,-Infinity,3\n',
    )
    expect(lines(problems)).toEqual([
      ['TIE-2403', 2],
      ['TIE-2409', 3],
      ['TIE-2403', 3],
      ['TIE-2403', 3],
      ['TIE-2403', 4],
      ['TIE-2403', 4],
      ['TIE-2403', 5],
      ['TIE-2403', 5],
    ])
    expect(problems[0]!.message).toBe(
      '"1.239" in column "amt" is no number with at most 16 digits before and 2 after the point.',
    )
    expect(problems[1]!.message).toContain('use case Ledger declares as its date')
    expect(problems[0]!.place?.file).toContain(folder.path)
  })

  test('zeros that round nothing away are fine', async () => {
    expect(await into(LEDGER, 'cc,pnl_date,scenario,amt,qty\nA,2025-12-24,ACTUAL,1.2300,2\n')).toMatchObject({
      new: 1,
      created: false,
    })
  })

  test('unknown and missing columns are told together, with the near one', async () => {
    const problems = await refused(LEDGER, 'cc,pnl_date,scenario,amnt,qty,more\nA,2025-12-24,ACTUAL,1,2,3\n')
    expect(codes(problems)).toEqual(['TIE-2404', 'TIE-2404', 'TIE-2405'])
    expect(problems[0]!.remedy).toContain('Did you mean "amt"?')
    expect(problems[0]!.remedy).toContain('--ignore-columns')
  })

  test('unknown columns are left out with ignore_columns, missing ones are still refused', async () => {
    const more = { ...LEDGER, ignore_columns: true }
    expect(
      await into(more, 'more,cc,pnl_date,scenario,amt,qty\nx,A,2025-12-24,ACTUAL,7.00,2\n'),
    ).toMatchObject({ new: 1 })
    expect(codes(await refused(more, 'more,cc,pnl_date,scenario,qty\nx,A,2025-12-24,ACTUAL,2\n'))).toEqual([
      'TIE-2405',
    ])
  })

  test('the built-in entries need a date and a scenario in every row', async () => {
    const problems = await refused(
      { use_case: 'Entries' },
      'pnl_date,scenario,daily_amount\n,ACTUAL,1\n2025-12-24,,1\n2025-12-24,ACTUAL,1.234\n',
    )
    expect(lines(problems)).toEqual([
      ['TIE-2409', 2],
      ['TIE-2409', 3],
      ['TIE-2403', 4],
    ])
    expect(problems[0]!.message).toContain('Entries')
  })

  test('the built-in entries need a use case', async () => {
    expect(codes(await refused({ table: 'fact_pnl_entries' }, 'a\n1\n'))).toEqual(['TIE-1002'])
  })
})

describe('into a new table', () => {
  test('amounts that are meant as numbers and are none', async () => {
    const problems = await refused(
      fresh(),
      'd,a\n1,1.5\n2,NaN\n3,1e400\n4,"1,000.00"\n5,Infinity\n6,2.5\n7,1.25\n8,(7.10)\n9,4.5\n10,5.5\n11,6.5\n',
    )
    expect(lines(problems)).toEqual([3, 4, 5, 6, 9].map((line) => ['TIE-2403', line]))
    expect(problems[0]!.remedy).toContain('--types a=text')
  })

  test('dates out of range', async () => {
    const problems = await refused(
      fresh(),
      'd\n2025-12-24\n2025-02-30\n0000-01-01\n2025-13-01\n2025-12-25\n2025-12-26\n2025-12-27\n',
    )
    expect(lines(problems)).toEqual([3, 4, 5].map((line) => ['TIE-2403', line]))
  })

  test('the first and the last day there are', async () => {
    const out = await into(fresh(), 'd,a\n9999-12-31,1\n0001-01-01,1\n')
    expect(out.columns).toEqual([
      { name: 'd', type: 'date' },
      { name: 'a', type: 'numeric' },
    ])
  })

  test.each<[string, string | Uint8Array, string[]]>([
    ['an empty file', '', ['TIE-2410']],
    ['a byte order mark alone', '\ufeff', ['TIE-2410']],
    ['rows of other lengths', 'a,b\n1\n1,2,3\n\n4,5\n', ['TIE-2401', 'TIE-2401']],
    ['a column twice', 'a,a\n1,2\n', ['TIE-2406']],
    ['a column without a name', 'a,,b\n1,2,3\n', ['TIE-2406']],
    ['columns that are ours', 'tenant_id,fact_seq,a\n1,2,3\n', ['TIE-2406', 'TIE-2406']],
    ['NUL in a value', 'a,b\n"x\0y",2\n', ['TIE-2413']],
    ['bytes that are not UTF-8', Buffer.from([0x61, 0x0a, 0xc3, 0x28, 0x0a]), ['TIE-2413']],
    ['an open quote', 'a,b\n"1,2\n', ['TIE-2412']],
    ['a quote in the middle', 'a,b\n1"2,3\n', ['TIE-2412']],
  ])('%s is refused', async (_, content, expected) => {
    const problems = await refused(fresh(), content)
    expect(codes(problems)).toEqual(expected)
    expect(problems[0]!.place).toMatchObject({
      file: expect.stringContaining('.csv'),
      line: expect.any(Number),
    })
  })

  test('a byte order mark and CRLF are no part of the data', async () => {
    const out = await into(fresh(), '\ufeffa,b\r\n1,x\r\n2,y\r\n')
    expect(out).toMatchObject({
      new: 2,
      columns: [
        { name: 'a', type: 'numeric' },
        { name: 'b', type: 'text' },
      ],
    })
  })

  test('a field of a megabyte is a value like any other', async () => {
    expect(await into(fresh(), `a,b\n${'x'.repeat(1 << 20)},1\n`)).toMatchObject({ new: 1 })
  })

  test('types that the file does not fit', async () => {
    const problems = await refused({ ...fresh(), types: 'a=numeric(18,2),zz=text' }, 'a,b\n1.239,1\n2.00,1\n')
    expect(codes(problems)).toEqual(['TIE-2405'])
    expect(codes(await refused({ ...fresh(), types: 'a=numeric(18,2)' }, 'a\n1.239\n2.00\n'))).toEqual([
      'TIE-2403',
    ])
    for (const types of [
      'a',
      'a=float',
      'a=numeric(2,4)',
      '=text',
      'a=text=x',
      "a=text'); drop table tenants; --",
    ])
      expect(codes(await refused({ ...fresh(), types }, 'a\n1\n'))).toEqual(['TIE-2414'])
  })

  test.each([
    "x'; drop table tenants; --",
    'Fact',
    'fact-1',
    'fact 1',
    '"fact"',
    'öl',
    '1st',
    '',
    '../fact',
    'a'.repeat(51),
    'tenants',
    'use_cases',
    'calculation_runs',
    'fact_calculated_results',
    'runs_have_one_id',
  ])('the table name %j is refused', async (table) => {
    expect(codes(await refused({ table }, 'a\n1\n'))).toEqual(['TIE-2411'])
  })

  test.each(['select', 'user', 'pg_class', 'pg_temp', '__proto__', 'constructor', 'a'.repeat(50)])(
    'the table name %j is a name',
    async (table) => {
      expect(await into({ table }, `a,k\n1,${table.length}\n`)).toMatchObject({ new: 1, created: true })
      const { tables } = await perform(context, 'facts tables')
      expect(tables.find((one: Output) => one.table === table)).toMatchObject({ rows: 1, imports: 1 })
    },
  )
})

test('a dry run says what would be and keeps nothing, not even the table', async () => {
  const table = fresh()
  const file = folder.write('dry.csv', 'a,b\n1,x\n2,y\n')
  const dry = await perform(context, 'facts import', { file, ...table, dry_run: true })
  expect(dry).toMatchObject({ new: 2, same: 0, created: true, dry_run: true })
  expect((await perform(context, 'facts tables')).tables.map((one: Output) => one.table)).not.toContain(
    table.table,
  )
  expect(await perform(context, 'facts import', { file, ...table })).toMatchObject({ new: 2, created: true })
})

test('the same file again: nothing new, all the same; the same rows in another file are new', async () => {
  const table = fresh()
  const file = folder.write('again.csv', 'a\n1\n2\n')
  await perform(context, 'facts import', { file, ...table })
  expect(await perform(context, 'facts import', { file, ...table })).toMatchObject({ new: 0, same: 2 })
  expect(await into(table, 'a\n1\n2\n\n')).toMatchObject({ new: 2, same: 0 })
})

test('an interrupt in the middle of the file leaves nothing', async () => {
  const interrupt = new AbortController()
  const interrupted = contextOf(db.books, undefined, {
    signal: interrupt.signal,
    progress: { report: () => interrupt.abort(new Error('interrupted')) },
  })
  const file = folder.write('long.csv', `a\n${'1\n'.repeat(20_000)}`)
  const before = await perform(context, 'facts tables')
  await expect(perform(interrupted, 'facts import', { file, ...fresh() })).rejects.toThrow('interrupted')
  expect(await perform(context, 'facts tables')).toEqual(before)
})

describe('Parquet', () => {
  async function parquet(name: string, select: string): Promise<string> {
    const path = `${folder.path}/${name}.parquet`
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`)
    connection.closeSync()
    instance.closeSync()
    return path
  }
  const importing = (file: string, more: object) =>
    refusedAndNothingStored(db.books, () => perform(context, 'facts import', { file, ...more }))
  const row = (more: string) =>
    `SELECT 'A' AS cc, DATE '2025-12-24' AS pnl_date, 'ACTUAL' AS scenario, ${more}`

  test('exact decimals come in as they are', async () => {
    const file = await parquet('good', row('1.25::DECIMAL(18,2) AS amt, 3::INTEGER AS qty'))
    expect(await perform(context, 'facts import', { file, ...LEDGER })).toMatchObject({ new: 1 })
  })

  test('floating-point money, unknown columns and a file that is none are refused', async () => {
    expect(codes(await importing(await parquet('float', 'SELECT 1.5::DOUBLE AS a'), fresh()))).toEqual([
      'TIE-2408',
    ])
    expect(
      codes(await importing(await parquet('unknown', row('1::DECIMAL(18,2) AS amnt, 3 AS qty')), LEDGER)),
    ).toEqual(['TIE-2404', 'TIE-2405'])
    expect(codes(await importing(folder.write('no.parquet', 'a,b\n1,2\n'), fresh()))).toEqual(['TIE-2407'])
  })

  test('more decimals than the column has are refused', async () => {
    const file = await parquet('scale', row('1.239::DECIMAL(18,3) AS amt, 3 AS qty'))
    expect(codes(await importing(file, LEDGER))).toEqual(['TIE-2403'])
  })

  test('a fact without the declared date is refused', async () => {
    const file = await parquet(
      'undated',
      `SELECT 'A' AS cc, NULL::DATE AS pnl_date, 'ACTUAL' AS scenario, 1::DECIMAL(18,2) AS amt, 3 AS qty`,
    )
    expect(codes(await importing(file, LEDGER))).toEqual(['TIE-2409'])
  })

  test('text where the table has a number is refused', async () => {
    const file = await parquet('text', row("'many' AS amt, 3 AS qty"))
    expect(codes(await importing(file, LEDGER))).toEqual(['TIE-2403'])
  })
})

describe('what the database itself would refuse', () => {
  test('a fact table may be named staging', async () => {
    expect(await into({ table: 'staging' }, 'a\n1\n')).toMatchObject({ new: 1 })
  })

  test('a fact table may be named result_staging, and runs still work', async () => {
    const other = await openTestBooks()
    const there = contextOf(other.books)
    try {
      const file = folder.write('r.csv', 'cc,pnl_date,amt\nA,2025-12-24,1\n')
      await perform(there, 'facts import', { file, table: 'result_staging' })
      const structure = folder.write('rs.csv', 'node_id,parent_node_id,node_name\nR,,Root\n')
      await perform(there, 'structures import', { name: 'S', file: structure })
      const yaml =
        'use_case: U\nstructure: S\nsource: {table: result_staging, date: pnl_date, scenario: null}\nmeasures: {m: amt}\n'
      await perform(there, 'use-cases apply', { file: folder.write('ru.yaml', yaml) })
      const run = await perform(there, 'runs create', { use_case: 'U', date: '2025-12-24' })
      expect(run.status).toBe('COMPLETED')
    } finally {
      await other.close()
    }
  })

  test('a column name of more than 63 bytes is refused', async () => {
    expect(codes(await refused(fresh(), `${'x'.repeat(70)},c\n1,2\n`))).toEqual(['TIE-2406'])
  })

  test.each(['ctid', 'xmin', 'tableoid'])('the column name %s is refused', async (name) => {
    expect(codes(await refused(fresh(), `${name},c\n1,2\n`))).toEqual(['TIE-2406'])
  })

  test.each([
    ['NUL', Buffer.from('a\0b,c\n1,2\n')],
    ['bytes that are not UTF-8', Buffer.from([0x61, 0xff, 0x2c, 0x62, 0x0a, 0x31, 0x2c, 0x32, 0x0a])],
  ])('%s in the header is refused', async (_, content) => {
    expect(codes(await refused(fresh(), content))).toEqual(['TIE-2413'])
  })

  test('more columns than a table can have are refused', async () => {
    const names = Array.from({ length: 1700 }, (_, i) => `c${i}`)
    await refused(fresh(), `${names.join(',')}\n${names.map(() => '1').join(',')}\n`)
  })

  test.each<[string, () => object, string]>([
    [
      'of the built-in entries',
      () => ({ use_case: 'Entries' }),
      'pnl_date,scenario,daily_amount\n2025-12-24,ACTUAL,12345678901234567.00\n',
    ],
    [
      'of numeric(18,2)',
      () => LEDGER,
      'cc,pnl_date,scenario,amt,qty\nA,2025-12-24,ACTUAL,12345678901234567.00,1\n',
    ],
    ['of --types', () => ({ ...fresh(), types: 'a=numeric(4,2)' }), 'a\n12345.67\n'],
    ['there are at all', fresh, `a,b\n${'9'.repeat(200_000)},1\n`],
  ])('more digits than the numbers %s are refused with their line', async (_, more, content) => {
    expect(lines(await refused(more(), content))).toEqual([['TIE-2403', 2]])
  })

  test('a scenario of more than 20 characters in the built-in entries is refused', async () => {
    await refused({ use_case: 'Entries' }, `pnl_date,scenario,daily_amount\n2025-12-24,${'A'.repeat(21)},1\n`)
  })

  test('a column that stands twice in the header is told once', async () => {
    const problems = await refused(LEDGER, 'cc,pnl_date,scenario,amt,qty,qty\nA,2025-12-24,ACTUAL,1,2,2\n')
    expect(codes(problems)).toEqual(['TIE-2406'])
  })
})
