/**
 * A mart run on a Snowflake account, which is a server on this machine that answers in the shape of the SQL REST API and
 * has DuckDB execute what it is sent.
 *
 * @module-tag long
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectionsOf } from '#tieout/surfaces/connections'
import { type CliDatabase, cliDatabase, makeFolder } from '../support/cli.js'
import { fact, mapped, node, twoNodes, writeMart } from '../support/marts.js'

const TOKEN = 'a-token-that-nobody-prints'
const folder = makeFolder()
let tieout: CliDatabase
let server: Server
let url: string

interface Sent {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: whatever was sent.
  readonly body: any
}
const sent: Sent[] = []
/** What each statement gave, by its handle. */
const results = new Map<string, { names: string[]; rows: (string | null)[][] }>()
let waiting = 0
let spoil: (rows: (string | null)[][]) => (string | null)[][] = (rows) => rows
let failure: { status: number; body: string } | undefined

/** Snowflake names types otherwise and reads a backslash as an escape; nothing else of this text is another there. */
const forDuckDB = (sql: string): string => sql.replaceAll('NUMBER(', 'DECIMAL(').replaceAll('\\\\', '\\')

async function executed(text: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const handles: string[] = []
  const extracted = await connection.extractStatements(forDuckDB(text))
  for (let i = 0; i < extracted.count; i++) {
    const reader = await (await extracted.prepare(i)).runAndReadAll()
    const handle = `01b2-${results.size}`
    results.set(handle, { names: reader.columnNames(), rows: reader.getRows() as (string | null)[][] })
    handles.push(handle)
  }
  connection.closeSync()
  instance.closeSync()
  return handles
}

/** Two rows in a partition. */
function resultSet(handle: string, partition: number) {
  const { names, rows: all } = results.get(handle)!
  const rows = names.length > 3 ? spoil(all) : all
  const parts = Math.max(1, Math.ceil(rows.length / 2))
  const data = rows.slice(partition * 2, partition * 2 + 2)
  if (partition > 0) return { data }
  return {
    resultSetMetaData: {
      numRows: rows.length,
      format: 'jsonv2',
      rowType: names.map((name) => ({ name, type: 'text', nullable: true })),
      partitionInfo: Array.from({ length: parts }, () => ({ rowCount: 2, uncompressedSize: 100 })),
    },
    data,
    code: '090001',
    statementStatusUrl: `/api/v2/statements/${handle}?requestId=1`,
    sqlState: '00000',
    statementHandle: handle,
    message: 'Statement executed successfully.',
  }
}

async function answered(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
  const say = (status: number, value: unknown): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  const { pathname, searchParams } = new URL(request.url!, url)
  if (failure !== undefined) return void response.writeHead(failure.status).end(failure.body)
  if (request.method === 'POST') {
    const handles = await executed(JSON.parse(body).statement)
    results.set('whole', { names: [], rows: [handles] })
    if (waiting > 0)
      return say(202, {
        code: '333334',
        message: 'Asynchronous execution in progress.',
        statementHandle: 'whole',
        statementStatusUrl: '/api/v2/statements/whole',
      })
    return say(200, { ...whole(handles) })
  }
  const handle = pathname.split('/').at(-1)!
  if (handle !== 'whole') return say(200, resultSet(handle, Number(searchParams.get('partition') ?? 0)))
  waiting -= 1
  if (waiting > 0) return say(202, { code: '333334', message: 'in progress', statementHandle: 'whole' })
  say(200, whole(results.get('whole')!.rows[0] as string[]))
}

const whole = (handles: readonly string[]) => ({
  resultSetMetaData: { numRows: 1, rowType: [{ name: 'multiple statement execution', type: 'text' }] },
  data: [['Multiple statements executed successfully.']],
  code: '090001',
  statementHandles: handles,
  statementHandle: 'whole',
})

beforeAll(async () => {
  tieout = await cliDatabase(folder)
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part
    })
    request.on('end', () => {
      sent.push({
        method: request.method!,
        path: request.url!,
        authorization: request.headers.authorization,
        body: body === '' ? null : JSON.parse(body),
      })
      answered(request, response, body).catch((error: Error) => {
        response.writeHead(422, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ code: '001003', message: error.message, sqlState: '42000' }))
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await tieout.drop()
  folder.remove()
})
beforeEach(() => {
  sent.length = 0
  waiting = 0
  spoil = (rows) => rows
  failure = undefined
})

const account = () => ({
  TIEOUT_CONNECTION_SNOWFLAKE_PROD: `${url}/SANDBOX/PUBLIC`,
  TIEOUT_CONNECTION_SNOWFLAKE_PROD_TOKEN: TOKEN,
})
/** Signs, exclusions, a volume, totals and a formula: no quotient, for DuckDB divides otherwise. */
const mart = (more: Readonly<Record<string, unknown>> = {}): string => {
  const base = twoNodes()
  return writeMart(folder, {
    ...base,
    hierarchy: [...base.hierarchy, node('C', ['Costs', "O'Brien\\s"], { SIGN_CHANGE_FLAG: 'Y' })],
    mapping: [
      ...base.mapping,
      mapped('C', 'ACCOUNT_CODE', '6000'),
      mapped('A', 'PRODUCT_CODE', 'GAS', { EXCLUSION_FLAG: 'Y' }),
    ],
    facts: [...base.facts, fact('a3', '7.25'), fact('a3', '1.75', { PERIOD: null })],
    config: {
      formulas: [
        { result: 'Net', operand: 'A', operator: 'ADD' },
        { result: 'Net', operand: 'C', operator: 'ADD' },
      ],
      ...more,
    },
  })
}
const validate = (file: string, variables: Readonly<Record<string, string>>, ...flags: string[]) =>
  tieout.runWith(variables, 'mart', 'validate', file, '--json', ...flags)

test('every cell is compared, by one request whose temporary tables end with it', async () => {
  waiting = 3
  const { exit, stdout, stderr } = await validate(mart(), account(), '--snowflake', 'snowflake-prod')
  expect(stderr).not.toContain('TIE-')
  const found = JSON.parse(stdout)
  expect(found.comparisons[2]).toMatchObject({
    first: 'duckdb',
    second: 'snowflake',
    differences: 0,
    examples: [],
  })
  expect(found.comparisons[2].cells).toBeGreaterThan(100)
  expect(
    found.checks.filter(({ statement }: { statement: string }) => statement.endsWith('by Snowflake')),
  ).toHaveLength(4)
  expect([exit, found.valid, found.not_run]).toEqual([0, true, []])

  const [posted, ...asked] = sent
  expect(posted).toMatchObject({
    method: 'POST',
    path: '/api/v2/statements',
    authorization: `Bearer ${TOKEN}`,
  })
  const { statement, ...settings } = posted!.body
  expect(settings).toEqual({
    timeout: 600,
    database: 'SANDBOX',
    schema: 'PUBLIC',
    warehouse: 'COMPUTE_WH',
    parameters: { MULTI_STATEMENT_COUNT: expect.stringMatching(/^\d+$/) },
  })
  expect(statement).not.toMatch(/DYNAMIC|OR REPLACE|(?<!TEMPORARY )TABLE /)
  expect(statement).toContain('CREATE TEMPORARY TABLE "DT_3_SMALL_MART" AS')
  expect(asked.every(({ method }) => method === 'GET')).toBe(true)
  // Three times whether it is done, four counts, and the rows of DT_3 two by two.
  expect(asked.filter(({ path }) => path.endsWith('/whole'))).toHaveLength(3)
  expect(asked.some(({ path }) => path.endsWith('?partition=2'))).toBe(true)
  expect(stdout + stderr).not.toContain(TOKEN)
})

test('a figure that differs is found', async () => {
  spoil = (rows) =>
    rows.map((row) => row.map((cell) => (cell === '60.000000000000' ? '60.000000000001' : cell)))
  const { exit, stdout } = await validate(mart(), account(), '--snowflake', 'snowflake-prod')
  const { comparisons, valid } = JSON.parse(stdout)
  expect([exit, valid, comparisons[2].differences > 0]).toEqual([1, false, true])
  expect(comparisons[2].examples[0]).toMatchObject({ column: 'GROSS_AMOUNT', second: '60.000000000001' })
})

test('the configuration may name it; without the variable it is said to be left out', async () => {
  const file = mart({ snowflake: { connection: 'snowflake-prod', warehouse: 'TRANSFORMING' } })
  const there = JSON.parse((await validate(file, account())).stdout)
  expect(there.comparisons).toHaveLength(3)
  expect(sent[0]!.body.warehouse).toBe('TRANSFORMING')
  const { exit, stdout } = await validate(file, {})
  expect(exit).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    valid: true,
    not_run: ['Snowflake by snowflake-prod: TIEOUT_CONNECTION_SNOWFLAKE_PROD is not https:// of an account'],
  })
  expect((await validate(mart(), {}, '--snowflake', 'snowflake-prod')).stderr).toContain('TIE-5064')
})

test.each<[string, Record<string, string>, object | undefined]>([
  [
    'account and token',
    { SNOWFLAKE_ACCOUNT: 'MyOrg-My_Account', SNOWFLAKE_TOKEN: 't' },
    { location: 'https://myorg-my-account.snowflakecomputing.com', token: 't' },
  ],
  [
    'with database and schema',
    { SNOWFLAKE_ACCOUNT: 'a', SNOWFLAKE_TOKEN: 't', SNOWFLAKE_DATABASE: 'My Data', SNOWFLAKE_SCHEMA: 'S' },
    { location: 'https://a.snowflakecomputing.com/My%20Data/S', token: 't' },
  ],
  [
    'a schema of no database',
    { SNOWFLAKE_ACCOUNT: 'a', SNOWFLAKE_TOKEN: 't', SNOWFLAKE_SCHEMA: 'S' },
    { location: 'https://a.snowflakecomputing.com', token: 't' },
  ],
  ['no token', { SNOWFLAKE_ACCOUNT: 'a', SNOWFLAKE_PASSWORD: 'p' }, undefined],
  ['no account', { SNOWFLAKE_TOKEN: 't' }, undefined],
  [
    'a connection of that name wins',
    { SNOWFLAKE_ACCOUNT: 'a', SNOWFLAKE_TOKEN: 't', TIEOUT_CONNECTION_SNOWFLAKE: 'https://other' },
    { location: 'https://other', token: null },
  ],
])('the usual variables make the connection snowflake: %s', (_, variables, expected) => {
  const connections = connectionsOf({ variables })
  expect(connections('snowflake')).toEqual(expected)
  expect(connections('snowflake-prod')).toBeUndefined()
})

test('what the account says against it is a refusal without the token', async () => {
  const flags = ['--snowflake', 'snowflake-prod']
  failure = {
    status: 422,
    body: JSON.stringify({ code: '002003', message: 'SQL compilation error:\nno such warehouse' }),
  }
  const refused = await validate(mart(), account(), ...flags)
  expect(refused.stderr).toContain('TIE-5023')
  expect(refused.stderr).toContain('no such warehouse')
  for (const [status, body] of [
    [401, '{}'],
    [503, 'busy'],
    [200, 'not JSON'],
    [200, '{"statementHandles":[]}'],
  ] as const) {
    failure = { status, body }
    const { exit, stderr } = await validate(mart(), account(), ...flags)
    expect(exit).not.toBe(0)
    expect(stderr).toContain('TIE-5071')
    expect(stderr).not.toContain(TOKEN)
  }
})

test('a mart that one request does not take is refused before anything is sent', async () => {
  const base = twoNodes()
  const facts = Array.from({ length: 20_000 }, (_, i) => fact('a1', `${i}.00`, { FK_PRODUCT: 'p1' }))
  const file = writeMart(folder, { ...base, facts })
  const { exit, stderr } = await validate(file, account(), '--snowflake', 'snowflake-prod')
  expect([exit, sent]).toEqual([2, []])
  expect(stderr).toContain('TIE-5072')
})
