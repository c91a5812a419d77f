/**
 * A language model as a server on this machine that records what it was sent and answers as each test says.
 *
 * @module-tag long
 */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type CliDatabase, cliDatabase, EXAMPLES, makeFolder } from '../support/cli.js'

const KEY = 'sk-that-nobody-prints'
const folder = makeFolder()
const sent: { path: string; authorization: string | undefined; body: string }[] = []
let answer: { status: number; body: string }
let server: Server
let tieout: CliDatabase
let url: string

beforeAll(async () => {
  tieout = await cliDatabase(folder)
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part
    })
    request.on('end', () => {
      sent.push({ path: request.url!, authorization: request.headers.authorization, body })
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
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
})

const TABLE = 'ANALYTICS.PUBLIC.TBL_0_GROSS_LOS_REPORT_HIERARCHY'
const discover = (flags: readonly string[], variables: Readonly<Record<string, string>> = {}) =>
  tieout.runWith(
    { TIEOUT_MODEL_URL: `${url}/v1`, TIEOUT_MODEL_NAME: 'small', TIEOUT_MODEL_KEY: KEY, ...variables },
    ...['mart', 'discover', '--source', join(EXAMPLES, 'mart', 'gross')],
    ...['--hierarchy-table', TABLE, '--mapping-table', `${TABLE}_MAPPING`, '--json', ...flags],
  )

const MAP = [
  {
    id_source: 'BILLING_CATEGORY_CODE',
    physical_column: 'ACCOUNT.ACCOUNT_BILLING_CATEGORY_CODE',
    is_alias: false,
  },
  {
    id_source: 'BILLING_CATEGRY_CODE',
    physical_column: 'ACCOUNT.ACCOUNT_BILLING_CATEGORY_CODE',
    is_alias: true,
  },
  { id_source: 'PRODUCT_CODE', physical_column: 'PRODUCT.PRODUCT_CODE', is_alias: false },
  { id_source: 'DEDUCT_CODE', physical_column: 'DEDUCT.DEDUCT_CODE', is_alias: false },
]
const [account, product, deduct] = [
  'LOS_ACCOUNT_ID_FILTER',
  'LOS_PRODUCT_CODE_FILTER',
  'LOS_DEDUCT_CODE_FILTER',
] as const
const pattern = (
  name: string,
  join_keys: readonly string[],
  fact_keys: readonly string[],
  filter: string | null = null,
) => ({
  name,
  join_keys,
  fact_keys,
  filter,
})
const ADVICE = {
  hierarchy_type: 'lease operating statement',
  account_segment: 'GROSS',
  join_patterns: [
    pattern('by_account', [account], ['FK_ACCOUNT_KEY']),
    pattern('by_account_and_product', [account, product], ['FK_ACCOUNT_KEY', 'FK_PRODUCT_KEY']),
    pattern('by_deduct', [deduct, product], ['FK_DEDUCT_KEY', 'FK_PRODUCT_KEY']),
    pattern('by_royalty', [product], ['FK_PRODUCT_KEY'], "ROYALTY_FILTER = 'Y'"),
  ],
  dynamic_column_map: MAP,
  explanation: 'Names were made clearer.',
}
const completion = (content: unknown) => ({
  status: 200,
  body: JSON.stringify({ choices: [{ message: { content: JSON.stringify(content) } }] }),
})

test('nothing is sent unless it is asked for', async () => {
  answer = completion(ADVICE)
  expect((await discover([])).exit).toBe(0)
  expect((await discover(['--model', 'http', '--show-prompt'])).exit).toBe(0)
  expect(sent).toEqual([])
})

test('what is shown is what is sent: aggregates of no row, no amount and no id, and the key in a header alone', async () => {
  answer = completion(ADVICE)
  const { prompt } = JSON.parse((await discover(['--model', 'http', '--show-prompt'])).stdout)
  const said = await discover(['--model', 'http'])
  expect(sent).toHaveLength(1)
  expect(sent[0]).toMatchObject({ path: '/v1/chat/completions', authorization: `Bearer ${KEY}` })
  expect(JSON.parse(prompt.slice(prompt.indexOf('\n')))).toEqual(JSON.parse(sent[0]!.body))
  expect(JSON.parse(sent[0]!.body)).toMatchObject({
    model: 'small',
    response_format: { type: 'json_schema' },
  })
  // A fact's amount, an account's key, an id of the mapping, a node's key.
  for (const secret of ['668.52', 'A0005', '"1100"', 'G0001', KEY])
    expect(sent[0]!.body).not.toContain(secret)
  expect(said.stdout + said.stderr + prompt).not.toContain(KEY)
})

test('an answer that runs is taken', async () => {
  answer = completion(ADVICE)
  const found = JSON.parse((await discover(['--model', 'http'])).stdout)
  expect(found.advice).toMatchObject({ accepted: true, explanation: 'Names were made clearer.' })
  expect(found.join_pattern_suggestion[0].name).toBe('by_account')
  expect(found.proved).toBe(true)
})

test.each([
  [
    'names a column that is not there',
    { ...ADVICE, dynamic_column_map: [{ ...MAP[0]!, physical_column: 'ACCOUNT.NOTHING' }, ...MAP.slice(1)] },
    'running it does not prove it',
  ],
  [
    'leaves a pattern out',
    { ...ADVICE, join_patterns: ADVICE.join_patterns.slice(1) },
    'No join pattern joins ACCOUNT alone',
  ],
  [
    'takes fewer facts',
    {
      ...ADVICE,
      join_patterns: [
        { ...ADVICE.join_patterns[0]!, filter: 'AMOUNT > 1000' },
        ...ADVICE.join_patterns.slice(1),
      ],
    },
    'facts without a node instead of',
  ],
  [
    'is no predicate',
    {
      ...ADVICE,
      join_patterns: [
        { ...ADVICE.join_patterns[0]!, filter: '1; DROP TABLE x' },
        ...ADVICE.join_patterns.slice(1),
      ],
    },
    'running it does not prove it',
  ],
])('an answer that %s is not taken, and the own proposal stays', async (_, advice, reason) => {
  answer = completion(advice)
  const { exit, stdout } = await discover(['--model', 'http'])
  const found = JSON.parse(stdout)
  expect(found.advice).toMatchObject({ accepted: false, reason: expect.stringContaining(reason) })
  expect(found.join_pattern_suggestion[0].name).toBe('account')
  expect([exit, found.proved]).toEqual([0, true])
})

test.each([
  ['is of another form', completion({ ...ADVICE, more: 1 }), 'it is not of the schema'],
  ['is no JSON', { status: 200, body: '{"choices":[{"message":{"content":"Sure!"}}]}' }, 'it is no JSON'],
  ['has no message', { status: 200, body: '{}' }, 'it has no message'],
  ['is a failure', { status: 500, body: '{"error":"sk-echo"}' }, 'answered with status 500'],
])('an answer that %s is refused', async (_, given, detail) => {
  answer = given
  const { exit, stderr } = await discover(['--model', 'http'])
  expect(stderr).toContain('TIE-5063')
  expect(stderr).toContain(detail)
  expect(stderr).not.toContain('sk-echo')
  expect(exit).toBe(2)
})

test('Cortex: one statement by the REST API of the account, with its token', async () => {
  answer = { status: 200, body: JSON.stringify({ data: [[JSON.stringify(ADVICE)]] }) }
  const connection = {
    TIEOUT_CONNECTION_SNOWFLAKE_PROD: url,
    TIEOUT_CONNECTION_SNOWFLAKE_PROD_TOKEN: 'snow-token',
  }
  const flags = ['--model', 'cortex', '--model-connection', 'snowflake-prod']
  const found = JSON.parse((await discover(flags, connection)).stdout)
  expect(found.advice).toMatchObject({ accepted: true })
  expect(sent).toMatchObject([{ path: '/api/v2/statements', authorization: 'Bearer snow-token' }])
  const { statement } = JSON.parse(sent[0]!.body)
  expect(statement).toMatch(/^SELECT AI_COMPLETE\(\n {2}model => 'small',\n {2}prompt => '/)
  expect(statement).toContain("response_format => {'type': 'json', 'schema': {'type': 'object'")
  const shown = JSON.parse((await discover([...flags, '--show-prompt'])).stdout)
  expect(shown.prompt).toBe(statement)
})

test('without a connection the statement is only shown; without an address nothing is', async () => {
  const shown = await discover(['--model', 'cortex', '--show-prompt'])
  expect(JSON.parse(shown.stdout).prompt).toContain('SELECT AI_COMPLETE(')
  expect((await discover(['--model', 'cortex'])).stderr).toContain('TIE-5062')
  expect((await discover(['--model', 'http'], { TIEOUT_MODEL_URL: '' })).stderr).toContain('TIE-5062')
  expect((await discover(['--show-prompt'])).stderr).toContain('TIE-5062')
})
