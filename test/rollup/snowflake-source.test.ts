/**
 * Roll-ups over a table of a Snowflake account, which is a server on this machine that answers in the shape of the SQL REST
 * API and has DuckDB execute what it is sent: figures, digests and second opinion are those of the same facts in the books.
 */

import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openSnowflakeSource } from '#tieout/engines/snowflake/source'
import { sharedTestBooks, type TestBooks } from '../support/books.js'
import {
  type CliDatabase,
  cliDatabase,
  codes,
  contextOf,
  EXAMPLES,
  makeFolder,
  type Output,
  perform,
  refusal,
} from '../support/cli.js'

const TOKEN = 'a-token-that-nobody-prints'
const SAMPLE = join(EXAMPLES, 'cash-equity')
const folder = makeFolder()
let tieout: CliDatabase
let db: TestBooks
let connection: DuckDBConnection
let server: Server
let account: Readonly<Record<string, string>>
const asked: { statement: string; rows: number }[] = []
let failure: { status: number; body: string } | undefined

/** Rows of one result, whose parts are asked for one by one. */
const PART = 7
const results = new Map<string, (string | null)[][]>()

/** The types of columns as the API names them. */
const apiType = (type: string): string =>
  type.startsWith('DECIMAL') || type === 'BIGINT' || type === 'INTEGER'
    ? 'FIXED'
    : type === 'DOUBLE'
      ? 'REAL'
      : type === 'DATE' || type === 'BOOLEAN'
        ? type
        : 'TEXT'

async function answer(method: string, path: string, body: string): Promise<object> {
  const { pathname, searchParams } = new URL(path, 'http://127.0.0.1')
  if (method === 'GET') {
    const rows = results.get(pathname.split('/').at(-1)!)!
    const part = Number(searchParams.get('partition'))
    return { data: rows.slice(part * PART, (part + 1) * PART) }
  }
  const { statement } = JSON.parse(body)
  const reader = await connection.runAndReadAll(statement.replaceAll('NUMBER(', 'DECIMAL('))
  const rows = reader.getRows().map((row) => row.map((value) => (value === null ? null : String(value))))
  const handle = `01b2-${results.size}`
  results.set(handle, rows)
  asked.push({ statement, rows: rows.length })
  return {
    resultSetMetaData: {
      rowType: reader
        .columnNames()
        .map((name, i) => ({ name, type: apiType(String(reader.columnType(i))), scale: 2 })),
      partitionInfo: Array.from({ length: Math.max(1, Math.ceil(rows.length / PART)) }, () => ({})),
    },
    data: rows.slice(0, PART),
    statementHandle: handle,
  }
}

beforeAll(async () => {
  tieout = await cliDatabase(folder)
  db = await sharedTestBooks()
  const instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  await connection.run(`ATTACH ':memory:' AS "ANALYTICS"; CREATE SCHEMA "ANALYTICS"."PUBLIC"`)
  await connection.run(
    `CREATE TABLE "ANALYTICS"."PUBLIC"."Facts of the day" AS
       SELECT * REPLACE (CAST(pnl_date AS DATE) AS pnl_date, CAST(pnl_daily AS DECIMAL(18, 2)) AS pnl_daily,
         CAST(pnl_commission AS DECIMAL(18, 2)) AS pnl_commission, CAST(pnl_trade AS DECIMAL(18, 2)) AS pnl_trade),
         CAST(1.5 AS DOUBLE) AS rate
       FROM read_csv('${join(SAMPLE, 'facts.csv')}', all_varchar = true)`,
  )
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part
    })
    request.on('end', async () => {
      const said = failure ?? {
        ...(request.headers.authorization === `Bearer ${TOKEN}`
          ? await answer(request.method!, request.url!, body).then(
              (value) => ({ status: 200, body: JSON.stringify(value) }),
              (error: Error) => ({ status: 422, body: JSON.stringify({ message: error.message }) }),
            )
          : { status: 401, body: '{}' }),
      }
      response.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  account = {
    TIEOUT_CONNECTION_SNOWFLAKE_PROD: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    TIEOUT_CONNECTION_SNOWFLAKE_PROD_TOKEN: TOKEN,
  }
  await ran('structures', 'import', 'CASH_EQUITY', join(SAMPLE, 'structure.csv'))
  await ran('facts', 'import', join(SAMPLE, 'facts.csv'), '--table', 'fact_pnl_use_case_3')
  await ran('use-cases', 'apply', join(SAMPLE, 'use-case.yaml'))
  await ran('use-cases', 'apply', folder.write('snowflake.yaml', onSnowflake()))
})
afterAll(async () => {
  server.close()
  connection.closeSync()
  await tieout.drop()
  await db.close()
  folder.remove()
})
beforeEach(() => {
  asked.length = 0
  failure = undefined
})

const onSnowflake = (change: (yaml: string) => string = (yaml) => yaml): string =>
  change(
    readFileSync(join(SAMPLE, 'use-case.yaml'), 'utf8')
      .replace('use_case: Cash Equity Trading', 'use_case: Cash Equity on Snowflake')
      .replace(
        '{ table: fact_pnl_use_case_3,',
        `{ connection: snowflake-prod, table: 'ANALYTICS.PUBLIC."Facts of the day"',`,
      ),
  )

const run = (...words: string[]) => tieout.runWith(account, ...words)
async function ran(...words: string[]): Promise<string> {
  const { exit, stdout, stderr } = await run(...words)
  expect([exit, stderr.includes('TIE-')], stderr).toEqual([0, false])
  return stdout
}
async function made(useCase: string): Promise<string> {
  const text = await ran('runs', 'create', '--use-case', useCase, '--date', '2025-12-24', '--json')
  return JSON.parse(text).run_id
}
const RESULTS = ['--format', 'csv'] as const

test('figures are those of the books, from tuples that the account grouped', async () => {
  const [books, there] = [await made('Cash Equity Trading'), await made('Cash Equity on Snowflake')]
  const [expected, found] = [
    await ran('runs', 'results', books, ...RESULTS),
    await ran('runs', 'results', there, ...RESULTS),
  ]
  expect(found.replaceAll(there, books)).toBe(expected)
  const reading = asked.filter(({ statement }) => statement.includes('GROUP BY'))
  expect(reading.length).toBeGreaterThan(0)
  expect(reading[0]!.statement).toContain('FROM "ANALYTICS"."PUBLIC"."Facts of the day" AS "f"')
  expect(reading[0]!.statement).toContain(`CAST('2025-12-24' AS DATE)`)
  // No query brings facts: 600 of them are fewer tuples.
  for (const { rows } of asked) expect(rows).toBeLessThan(600)
  expect(JSON.parse(await ran('runs', 'verify', there, '--json'))).toMatchObject({
    verdict: 'match',
  })
})

test('facts one by one, as adjustments need them, are the facts of the tuples', async () => {
  const [location, token] = Object.values(account) as [string, string]
  const refuse = (...words: readonly string[]): never => {
    throw new Error(words.join(': '))
  }
  const source = await openSnowflakeSource(
    {
      connection: { location, token },
      signal: new AbortController().signal,
      refuse,
      refuseStatement: refuse,
    },
    'ANALYTICS.PUBLIC."Facts of the day"',
  )
  const request = {
    coded: ['strategy', 'process_2', 'pnl_date'],
    amounts: ['pnl_daily', 'pnl_trade'],
    where: [{ column: 'scenario', equals: 'ACTUAL' }],
    through: null,
  }
  const facts = await source.read({ ...request, rows: 'facts' })
  const tuples = await source.read(request)
  expect(tuples.rows).toBeLessThan(facts.rows)
  expect([tuples.facts, tuples.digest]).toEqual([facts.facts, facts.digest])
  expect(
    (await source.read({ ...request, coded: [], where: [{ column: 'scenario', equals: 'none' }] })).facts,
  ).toBe(0)
  const nulls = await connection.runAndReadAll(
    `SELECT count(*)::INTEGER FROM "ANALYTICS"."PUBLIC"."Facts of the day" WHERE process_2 IS NULL`,
  )
  expect(await source.countNulls('process_2', null)).toBe(nulls.getRows()[0]![0])
})

test('the second opinion is asked there too, and values for rules', async () => {
  await made('Cash Equity on Snowflake')
  const { ok, use_cases } = JSON.parse(
    await ran('verify-hybrid-engine', '--use-case', 'Cash Equity on Snowflake', '--json'),
  )
  expect([ok, use_cases[0].matching > 0]).toEqual([true, true])
  const fields = JSON.parse(await ran('use-cases', 'fields', 'Cash Equity on Snowflake', '--json'))
  expect(fields.fields).toContainEqual({ name: 'pnl_date', type: 'date', roles: ['date'] })
  expect(fields.fields).toContainEqual({ name: 'pnl_daily', type: 'numeric', roles: ['measure daily'] })
  const values = async (useCase: string): Promise<unknown> =>
    JSON.parse(
      await ran(
        'use-cases',
        'values',
        useCase,
        'strategy',
        '--contains',
        'A',
        '--date',
        '2025-12-24',
        '--json',
      ),
    )
  expect(await values('Cash Equity on Snowflake')).toEqual(await values('Cash Equity Trading'))
})

test('a cell is explained without its facts, which stay there', async () => {
  const there = await made('Cash Equity on Snowflake')
  expect(await ran('runs', 'explain', there, 'CE_SWAPS', 'daily')).toContain('on Snowflake')
  const { exit, stderr } = await run('runs', 'facts', there, 'CE_SWAPS', 'daily')
  expect(exit).not.toBe(0)
  expect(stderr).toContain('TIE-2419')
})

test('the file comes back as it was said', async () => {
  const shown = await ran('use-cases', 'export', 'Cash Equity on Snowflake')
  expect(shown).toContain('connection: snowflake-prod')
  const again = await ran('use-cases', 'apply', folder.write('again.yaml', shown), '--json')
  expect(JSON.parse(again)).toMatchObject({ changed: false, version: 1 })
})

test('a request points no use case at a table that the command line has not named', async () => {
  const [location, token] = Object.values(account) as [string, string]
  const ours = contextOf(db.books, db.tenant, {
    connection: () => ({ location, token }),
  })
  const theirs = { ...ours, filesUnder: folder.path }
  await perform(ours, 'structures import', { name: 'CASH_EQUITY', file: join(SAMPLE, 'structure.csv') })
  const file = folder.write('asked.yaml', onSnowflake())
  const apply = (context: typeof ours, given = file): Promise<Output> =>
    perform(context, 'use-cases apply', { file: given })
  expect(codes(await refusal(apply(theirs)))).toEqual(['TIE-2420'])
  await apply(ours)
  expect(await apply(theirs)).toMatchObject({ changed: false })
  const other = folder.write(
    'other.yaml',
    onSnowflake((yaml) => yaml.replace('Facts of the day', 'Salaries')),
  )
  expect(codes(await refusal(apply(theirs, other)))).toEqual(['TIE-2420'])
})

test.each<[string, (yaml: string) => string, string]>([
  ['a table that is not there', (yaml) => yaml.replace('Facts of the day', 'Nothing'), 'TIE-2418'],
  ['a name that is none', (yaml) => yaml.replace('ANALYTICS.PUBLIC.', 'ANALYTICS..'), 'TIE-2417'],
  ['another connection', (yaml) => yaml.replace('snowflake-prod', 'snowflake-dev'), 'TIE-5064'],
  ['floating-point money', (yaml) => yaml.replace('trade: pnl_trade', 'trade: rate'), 'TIE-2408'],
  ['no table', (yaml) => yaml.replace(/, table: '[^']*'/, ''), 'TIE-2302'],
  ['a path beside it', (yaml) => yaml.replace('connection:', 'path: facts.csv, connection:'), 'TIE-2302'],
])('%s is refused', async (_, change, code) => {
  const file = folder.write(
    'bad.yaml',
    onSnowflake((yaml) => change(yaml).replace('on Snowflake', code)),
  )
  const applied = await run('use-cases', 'apply', file)
  const last =
    applied.exit === 0
      ? await run('runs', 'create', '--use-case', `Cash Equity ${code}`, '--date', '2025-12-24')
      : applied
  expect(last.stderr).toContain(code)
  expect(last.stderr).not.toContain(TOKEN)
})

test.each([
  [401, '{}', 'TIE-2417'],
  [503, 'busy', 'TIE-2417'],
  [200, 'not JSON', 'TIE-2417'],
  [422, JSON.stringify({ message: 'SQL compilation error:\nno such warehouse' }), 'TIE-2418'],
])('status %i of the account fails the run with its reason', async (status, body, code) => {
  failure = { status, body }
  const { exit, stderr } = await run(
    'runs',
    'create',
    '--use-case',
    'Cash Equity on Snowflake',
    '--date',
    '2025-12-24',
  )
  expect(exit).not.toBe(0)
  expect(stderr).toContain(code)
  expect(stderr).not.toContain(TOKEN)
})
