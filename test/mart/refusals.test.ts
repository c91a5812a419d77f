/** What a mart is refused for: each kind of bad input with its code, its place and what is near it. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, makeFolder, perform, refusal } from '../support/cli.js'
import { baseConfig, fact, mapped, node, type SmallMart, twoNodes, writeMart } from '../support/marts.js'

const folder = makeFolder()
let db: TestBooks
beforeAll(async () => {
  db = await openTestBooks()
})
afterAll(async () => {
  await db.close()
  folder.remove()
})

const run = (more: Partial<SmallMart>, operation = 'mart run', input: Record<string, unknown> = {}) => {
  const base = twoNodes()
  const file = writeMart(folder, { ...base, ...more })
  return perform(contextOf(db.books), operation, { file, ...input })
}
const { hierarchy, mapping, facts, accounts } = twoNodes()
const configured = baseConfig() as {
  fact: { measures: Record<string, unknown>[] } & Record<string, unknown>
  hierarchy: Record<string, unknown>
  join_patterns: Record<string, unknown>[]
  dimensions: Record<string, unknown>[]
}
const measure = configured.fact.measures[0]!
const withFact = (more: Record<string, unknown>) => ({ config: { fact: { ...configured.fact, ...more } } })
const pattern = (more: Record<string, unknown>) => ({
  config: {
    join_patterns: [{ ...configured.join_patterns[0], ...more }, ...configured.join_patterns.slice(1)],
  },
})

test.each<[code: string, said: string, more: Partial<SmallMart>]>([
  ['TIE-2201', '', pattern({ filter: "ROYALTY = 'Y' OR 1=1; DROP TABLE X" })],
  ['TIE-2208', '', pattern({ filter: "ROYALTY = 'Y" })],
  ['TIE-5002', 'has_exclusions: expected true or false', { config: { has_exclusions: 'perhaps' } }],
  ['TIE-5002', 'unknown key "join_pattern"', { config: { join_pattern: [] } }],
  ['TIE-5002', 'hierarchy_table: expected a table', { config: { hierarchy_table: 'A..B' } }],
  [
    'TIE-5003',
    'There is no table "DB.PUBLIC.HIERARCHI"',
    { config: { hierarchy_table: 'DB.PUBLIC.HIERARCHI' } },
  ],
  [
    'TIE-5004',
    'no column "LEVEL_9", which the configuration names as hierarchy.levels',
    { config: { hierarchy: { ...configured.hierarchy, levels: ['LEVEL_1', 'LEVEL_9'] } } },
  ],
  [
    'TIE-5005',
    'The ID_SOURCE "ACOUNT_CODE" is not in dynamic_column_map (2 rows)',
    { mapping: [mapped('A', 'ACOUNT_CODE', '4000'), mapped('B', 'ACOUNT_CODE', '5000')] },
  ],
  [
    'TIE-5006',
    'Mapping row 3 belongs to the node "C"',
    { mapping: [...mapping, mapped('C', 'ACCOUNT_CODE', '6000')] },
  ],
  [
    'TIE-5007',
    'Row 3 of "DB.PUBLIC.MAPPING" has no ID',
    { mapping: [...mapping, mapped('A', 'ACCOUNT_CODE', null)] },
  ],
  [
    'TIE-5007',
    'Row 3 of "DB.PUBLIC.MAPPING" has no FK_REPORT_KEY',
    { mapping: [...mapping, mapped(null, 'ACCOUNT_CODE', '6000')] },
  ],
  [
    'TIE-5007',
    'Row 3 of "DB.PUBLIC.HIERARCHY" has no XREF_HIERARCHY_KEY',
    { hierarchy: [...hierarchy, { ...node('x', ['Y']), XREF_HIERARCHY_KEY: null } as never] },
  ],
  [
    'TIE-5007',
    'Row 4 of "DB.PUBLIC.ACCOUNTS" has no ACCOUNT_KEY',
    { accounts: [...accounts, { ...accounts[0], ACCOUNT_KEY: null }] as never },
  ],
  [
    'TIE-5008',
    'Rows 1 and 3 of "DB.PUBLIC.HIERARCHY" have the same XREF_HIERARCHY_KEY "A"',
    { hierarchy: [...hierarchy, node('A', ['Other'])] },
  ],
  ['TIE-5008', 'Rows 1 and 4 of "DB.PUBLIC.ACCOUNTS"', { accounts: [...accounts, accounts[0]!] }],
  [
    'TIE-5009',
    'has_sign_change is false, but 1 row',
    {
      hierarchy: [...hierarchy, node('C', ['X'], { SIGN_CHANGE_FLAG: '1' })],
      config: { has_sign_change: false },
    },
  ],
  [
    'TIE-5009',
    'has_exclusions is false, but 1 row',
    {
      mapping: [...mapping, mapped('A', 'PRODUCT_CODE', 'GAS', { EXCLUSION_FLAG: 'yes' })],
      config: { has_exclusions: false },
    },
  ],
  [
    'TIE-5009',
    'row 3 opens a second group of "A"',
    {
      mapping: [...mapping, mapped('A', 'ACCOUNT_CODE', '6000', { FILTER_GROUP_1: 'x' })],
      config: { has_group_filter_precedence: false },
    },
  ],
  [
    'TIE-5010',
    'No join pattern joins ACCT and PROD alone, as the mapping of the node "A" needs',
    {
      mapping: [...mapping, mapped('A', 'PRODUCT_CODE', 'OIL')],
      config: { join_patterns: [configured.join_patterns[0], configured.join_patterns[2]] },
    },
  ],
  [
    'TIE-5011',
    'no dimension has the filter column "ACOUNT_FILTER"',
    pattern({ join_keys: ['ACOUNT_FILTER'] }),
  ],
  [
    'TIE-5011',
    'neither the fact nor the hierarchy has a column "ROYALTEE"',
    pattern({ filter: "ROYALTEE = 'Y'" }),
  ],
  [
    'TIE-5011',
    'expected ALIAS.COLUMN',
    { config: { dynamic_column_map: [{ id_source: 'ACCOUNT_CODE', physical_column: 'ACT.ACCOUNT_CODE' }] } },
  ],
  ['TIE-5011', 'two columns would be named "level_1"', withFact({ grain: ['level_1'] })],
  [
    'TIE-5011',
    '9 digits after the point together',
    withFact({ measures: [{ ...measure, volume: { ...(measure.volume as object), scale: 5 } }] }),
  ],
  [
    'TIE-5019',
    'The nodes "A" and "C" of the formula group "G" both claim 2 facts of AMOUNT 100',
    {
      hierarchy: [
        node('A', ['R', 'A'], { FORMULA_GROUP: 'G' }),
        node('B', ['R', 'B']),
        node('C', ['R', 'C'], { FORMULA_GROUP: 'G' }),
      ],
      mapping: [...mapping, mapped('C', 'ACCOUNT_CODE', '4000')],
    },
  ],
  ['TIE-5020', '"12.345" in DB.PUBLIC.FACTS.AMOUNT', { facts: [...facts, fact('a1', '12.345')] }],
  ['TIE-5020', '"1e5"', { facts: [...facts, fact('a1', '1e5')] }],
  ['TIE-5020', '"NaN"', { facts: [...facts, fact('a1', 'NaN')] }],
  [
    'TIE-5021',
    'The unit "GAL" of 1 fact',
    { facts: [...facts, fact('a1', '1.00', { VOLUME: '2.00', UNIT: 'GAL' })] },
  ],
  [
    'TIE-5024',
    '"maybe" in column VOLUME_FLAG of row 3',
    { hierarchy: [...hierarchy, node('C', ['X'], { VOLUME_FLAG: 'maybe' })] },
  ],
  [
    'TIE-5024',
    '"first" in column LEVEL_1_SORT',
    { hierarchy: [...hierarchy, node('C', ['X'], { LEVEL_1_SORT: 'first' })] },
  ],
  ['TIE-5024', 'is no node of any level', { hierarchy: [...hierarchy, node('C', [])] }],
  ['TIE-5025', 'there is nothing at', { config: { source: 'nowhere' } }],
  ['TIE-5025', 'neither --source nor', { config: { source: null } }],
  ['TIE-5027', 'beyond 23 digits', { facts: [...facts, fact('a1', `${'9'.repeat(24)}.00`)] }],
])('%s %s', async (code, said, more) => {
  const problems = await refusal(run(more))
  const messages = problems.filter((one) => one.code === code).map(({ message }) => message)
  expect(messages.join('\n') || problems).toContain(said)
  expect(messages).not.toEqual([])
})

test('near names are suggested', async () => {
  const remedy = async (more: Partial<SmallMart>) => (await refusal(run(more)))[0]!.remedy
  expect(await remedy({ config: { fact: { ...configured.fact, table: 'DB.PUBLIC.FACT' } } })).toContain(
    '"FACTS"',
  )
  expect(await remedy({ mapping: [mapped('A', 'ACOUNT_CODE', '4000')] })).toContain('"ACCOUNT_CODE"')
  expect(await remedy(withFact({ grain: ['PERIDO'] }))).toContain('"PERIOD"')
})

test('problems of all tables are told at once, with the line of the configuration where it is the cause', async () => {
  const problems = await refusal(
    run({
      hierarchy: [...hierarchy, node('A', ['Other'])],
      mapping: [...mapping, mapped('C', 'ACCOUNT_CODE', '1'), mapped('A', 'X', '1')],
    }),
  )
  expect(problems.map(({ code }) => code)).toEqual(['TIE-5008', 'TIE-5006', 'TIE-5005'])
  const [filter] = await refusal(run(pattern({ filter: 'ROYALTY =' })))
  expect(filter).toMatchObject({
    code: 'TIE-2201',
    place: { line: expect.any(Number), frame: expect.stringContaining('^') },
  })
})

test('TIE-5001: a file that is no YAML', async () => {
  const file = folder.write('no.yaml', 'a: [1\nb: 2')
  expect((await refusal(perform(contextOf(db.books), 'mart run', { file })))[0]!.code).toBe('TIE-5001')
})

test('TIE-5022: a name that PostgreSQL would cut is refused, and DuckDB takes it', async () => {
  const grain = 'P'.repeat(64)
  const long = { facts: facts.map((row) => ({ ...row, [grain]: 'x' })), ...withFact({ grain: [grain] }) }
  const [problem] = await refusal(run(long, 'mart generate', { dialect: 'postgres', out: folder.path }))
  expect(problem).toMatchObject({
    code: 'TIE-5022',
    message: expect.stringContaining('64 bytes (63 at most)'),
  })
  expect((await run(long)).rows.length).toBeGreaterThan(0)
})

test('TIE-5023: what the engine says against a statement', async () => {
  const filter = "ROYALTY > date '2025-01-01'"
  const problems = await refusal(
    run({ ...pattern({ filter }), facts: [fact('a1', '1.00', { ROYALTY: 'no date' })] }),
  )
  expect(problems[0]).toMatchObject({
    code: 'TIE-5023',
    message: expect.stringContaining('DuckDB refused '),
  })
})

test('TIE-5026: formulas of a hierarchy are not left out for want of a source', async () => {
  const problems = await refusal(
    run({ config: { source: null } }, 'mart generate', { dialect: 'duckdb', out: folder.path }),
  )
  expect(problems[0]!.code).toBe('TIE-5026')
})

test('TIE-2408: money in floating point is refused', async () => {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const file = `${folder.path}/float.duckdb`
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  for (const name of ['HIERARCHY', 'MAPPING', 'ACCOUNTS', 'PRODUCTS', 'FACTS'])
    await connection.run(
      `CREATE TABLE ${name} AS SELECT * ${name === 'FACTS' ? 'REPLACE (CAST(AMOUNT AS DOUBLE) AS AMOUNT)' : ''} FROM read_csv('${folder.path}/${name}.csv', all_varchar = true)`,
    )
  connection.closeSync()
  instance.closeSync()
  expect((await refusal(run({}, 'mart run', { source: file })))[0]!.code).toBe('TIE-2408')
})
