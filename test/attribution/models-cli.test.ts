/** Models of counted paths as users ask for them: on the command line, which opens no database, and over HTTP. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAX_STATES } from '#tieout/attribution/chain'
import { EXAMPLES, type Folder, makeFolder, runHere } from '../support/cli.js'
import { CSV, type HttpBed, openHttp } from '../support/http.js'

const PATHS = join(EXAMPLES, 'attribution', 'paths.csv')
let folder: Folder
beforeAll(() => {
  folder = makeFolder()
})
afterAll(() => folder?.remove())

/** In a folder without a database; there is none afterwards. */
async function attribution(...args: readonly string[]) {
  const ended = await runHere(['attribution', ...args], {}, folder.path)
  expect(existsSync(join(folder.path, '.tieout'))).toBe(false)
  return ended
}

async function channels(...args: readonly string[]): Promise<Record<string, string>> {
  const { exit, stdout, stderr } = await attribution('model', ...args, '--json')
  expect([exit, stderr]).toEqual([0, ''])
  const rows = JSON.parse(stdout).channels as { channel: string; conversions: string }[]
  return Object.fromEntries(rows.map(({ channel, conversions }) => [channel, conversions]))
}

test.each([
  // of direct (2), search > email (3), search > social > email (5)
  ['first', { direct: '2', email: '0', search: '8', social: '0' }],
  ['last', { direct: '2', email: '8', search: '0', social: '0' }],
  ['linear', { direct: '2', email: '19/6', search: '19/6', social: '5/3' }],
  ['position', { direct: '2', email: '7/2', search: '7/2', social: '1' }],
  ['shapley', { direct: '2', email: '19/6', search: '19/6', social: '5/3' }],
  ['markov', { direct: '70/81', email: '280/81', search: '280/81', social: '20/9' }],
  ['custom?weights=email:1', { direct: '2', email: '8', search: '0', social: '0' }],
])('%s', async (model, expected) => expect(await channels(model, '--paths', PATHS)).toEqual(expected))

test('flags are parameters', async () => {
  // J: 20/20/60; of two touches 1:3
  const shaped = { direct: '2', email: '21/4', search: '7/4', social: '1' }
  expect(await channels('position', '--shape', 'J', '--paths', PATHS)).toEqual(shaped)
  expect(await channels('position@1?shape=J', '--paths', PATHS)).toEqual(shaped)
  const { stdout } = await attribution('model', 'markov', '--order', '2', '--paths', PATHS, '--json')
  expect(JSON.parse(stdout)).toMatchObject({
    model: 'markov@1.0.0?order=2',
    conversions: '10',
    nulls: '7',
    conversion_probability: '10/17',
    table_digest: expect.stringMatching(/^sha256:/),
  })
})

test('as a table, as CSV, and a list of the models', async () => {
  const shown = await attribution('model', 'markov', '--paths', PATHS)
  expect(shown.stdout).toContain('markov@1.0.0: 10 conversions and 7 nulls, probability 10/17')
  expect(shown.stdout).toMatch(/direct +70\/81 +7\/81 +0\.08642 +1\/5 +86419753086419753\n/)
  expect((await attribution('model', 'linear', '--paths', PATHS)).stdout).not.toContain('removal_effect')
  const { stdout } = await attribution('model', 'linear', '--paths', PATHS, '--format', 'csv')
  expect(stdout.split('\r\n')[1]).toBe('direct,2,1/5,0.20000,,')
  const list = await attribution('models')
  expect(list.stdout).toContain('markov@1.0.0')
  expect(list.stdout).toContain('half-life=7')
  expect((await attribution('models', '--format', 'csv')).stdout).toContain('position,1.0.0,shape,U,')
})

describe('refused', () => {
  const HEADER = 'path,conversions,nulls'
  const refusal = async (content: string, model = 'linear'): Promise<string[]> => {
    const file = folder.write('bad.csv', content)
    const { exit, stderr } = await attribution('model', model, '--paths', file, '--json')
    expect(exit).not.toBe(0)
    const problems = JSON.parse(stderr).problems as { code: string; place?: { line?: number } }[]
    return problems.map(({ code, place }) =>
      place?.line === undefined ? code : `${code} line ${place.line}`,
    )
  }

  test.each([
    ['a,1', 'TIE-2401 line 2'],
    ['a,-1,0', 'TIE-4110 line 2'],
    ['a,1,1.5', 'TIE-4110 line 2'],
    ['a,1,', 'TIE-4110 line 2'],
    ['a,1000000000001,0', 'TIE-4110 line 2'],
    ['a,1e3,0', 'TIE-4110 line 2'],
    [' ,1,0', 'TIE-4111 line 2'],
    ['a > > b,1,0', 'TIE-4112 line 2'],
    ['a >,1,0', 'TIE-4112 line 2'],
    ['a\0b,1,0', 'TIE-2413 line 2'],
    ['"a,1,0', 'TIE-2412 line 2'],
    ['a,0,5', 'TIE-4117'],
  ])('%j: %s', async (row, expected) => expect(await refusal(`${HEADER}\n${row}\n`)).toEqual([expected]))

  test('a header without a column, and with one more', async () => {
    expect(await refusal('path,conversion,nulls\na,1,0\n')).toEqual(['TIE-2404 line 1', 'TIE-2405 line 1'])
    expect(await refusal('')).toEqual(['TIE-2410 line 1'])
    expect(await refusal(`${HEADER}\n`)).toEqual(['TIE-4117'])
  })

  test('every row of a file at once', async () => {
    expect(await refusal(`${HEADER}\na,x,-1\n,1,1\nb,1,1\nc>>d,y,1\n`)).toEqual([
      'TIE-4110 line 2',
      'TIE-4110 line 2',
      'TIE-4111 line 3',
      'TIE-4112 line 5',
      'TIE-4110 line 5',
    ])
  })

  test('a path of more than a million touches; a million is taken', { tags: ['long'] }, async () => {
    const long = (touches: number): string => `${HEADER}\n${'a>'.repeat(touches - 1)}a,1,0\n`
    expect(await refusal(long(1_000_001))).toEqual(['TIE-4113 line 2'])
    const file = folder.write('long.csv', long(1_000_000))
    expect(await channels('linear', '--paths', file)).toEqual({ a: '1' })
  })

  test('what counted paths cannot say', async () => {
    expect(await refusal(`${HEADER}\na,1,0\n`, 'time-decay')).toEqual(['TIE-4106'])
    expect(await refusal(`${HEADER}\na,1,0\n`, 'linear?lookback=30')).toEqual(['TIE-4108'])
    expect(await refusal(`${HEADER}\na,1,0\n`, 'lineal')).toEqual(['TIE-4101'])
    const missing = await attribution('model', 'linear', '--paths', join(folder.path, 'none.csv'))
    expect([missing.exit, missing.stderr]).toEqual([2, expect.stringContaining('TIE-1005')])
  })

  test('a chain that is too large or counted too often to be solved exactly', async () => {
    // Every two neighbours are a state of their own, and all convert.
    const rows = Array.from({ length: MAX_STATES + 1 }, (_, i) => `c${i},1,1`)
    expect(await refusal(`${HEADER}\n${rows.join('\n')}\n`, 'markov')).toEqual(['TIE-4115'])
    const often = 'a,1000000000000,1\n'.repeat(3)
    expect(await refusal(`${HEADER}\n${often}`, 'markov')).toEqual(['TIE-4116'])
  })
})

test('channel codes of any kind, quoted, repeated rows add up', async () => {
  const file = folder.write(
    'odd.csv',
    '\uFEFFpath,conversions,nulls\r\n"a,b > é 🙂",1,0\r\n"a,b > é 🙂",2,0\r\n__proto__,1,0\r\n',
  )
  expect(await channels('linear', '--paths', file)).toEqual(
    Object.fromEntries([
      ['__proto__', '1'],
      ['a,b', '3/2'],
      ['é 🙂', '3/2'],
    ]),
  )
})

describe('over HTTP', () => {
  let bed: HttpBed
  beforeAll(async () => {
    bed = await openHttp()
  })
  afterAll(() => bed?.close())

  test('paths are sent, the answer is the same', async () => {
    const path = '/api/v1/attribution/models/markov/conversions?order=1'
    const answer = await bed.ask('POST', path, { headers: CSV, body: readFileSync(PATHS, 'utf8') })
    const here = await attribution('model', 'markov', '--order', '1', '--paths', PATHS, '--json')
    expect(answer.status).toBe(200)
    expect(answer.json).toEqual(JSON.parse(here.stdout))
    const list = await bed.ask('GET', '/api/v1/attribution/models')
    expect(list.json.models.map(({ model }: { model: string }) => model)).toContain('shapley')
    const refused = await bed.ask('POST', '/api/v1/attribution/models/linear/conversions', {
      headers: CSV,
      body: 'path,conversions,nulls\na,-1,0\n',
    })
    expect(refused).toMatchObject({ status: 422, json: { code: 'TIE-4110' } })
  })
})
