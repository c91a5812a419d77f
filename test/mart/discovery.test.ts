/**
 * Discovery as a user meets it: samples understood without help, defects told, nothing believed that does not run.
 *
 * @module-tag long
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CliDatabase, cliDatabase, EXAMPLES, makeFolder } from '../support/cli.js'
import { account, csvOf, fact, mapped, node, product, type Rows } from '../support/marts.js'

const folder = makeFolder()
let tieout: CliDatabase
beforeAll(async () => {
  tieout = await cliDatabase(folder)
})
afterAll(async () => {
  await tieout.drop()
  folder.remove()
})

const sample = (name: string): readonly string[] => {
  const table = `ANALYTICS.PUBLIC.TBL_0_${name.toUpperCase()}_LOS_REPORT_HIERARCHY`
  const source = join(EXAMPLES, 'mart', name)
  return ['--source', source, '--hierarchy-table', table, '--mapping-table', `${table}_MAPPING`]
}

describe.each(['gross', 'net'])('the %s sample', (name) => {
  test('is configured as by hand: the same mart, row for row', async () => {
    const file = join(folder.path, `${name}.yaml`)
    const said = await tieout.run('mart', 'suggest', file, ...sample(name))
    expect(said).toMatchObject({ exit: 0, stderr: expect.not.stringContaining('TIE-') })
    const found = await tieout.run('mart', 'run', file, '--format', 'csv')
    const byHand = await tieout.run(
      'mart',
      'run',
      join(EXAMPLES, 'mart', name, 'mart.yaml'),
      '--format',
      'csv',
    )
    expect(byHand.stdout.length).toBeGreaterThan(100_000)
    expect(found.stdout).toBe(byHand.stdout)
  })

  test('is understood: type, sizes, patterns, columns, the misspelling and its confidence', async () => {
    const { exit, stdout } = await tieout.run('mart', 'discover', ...sample(name), '--json')
    const found = JSON.parse(stdout)
    expect(exit).toBe(0)
    expect(found).toMatchObject({
      hierarchy_type: 'lease operating statement',
      level_count: 4,
      node_count: 148,
      mapping_count: name === 'gross' ? 407 : 295,
      proved: true,
    })
    const patterns = found.join_pattern_suggestion as { name: string; filter: string | null }[]
    expect(patterns.map(({ name: pattern, filter }) => [pattern, filter])).toEqual([
      ['account', null],
      ['account_product', null],
      ['deduct_product', null],
      ['royalty', "ROYALTY_FILTER = 'Y'"],
    ])
    const typo = found.column_map_suggestion.find(({ is_alias }: { is_alias: boolean }) => is_alias)
    // One letter of 21 is missing: 1 − 1/21 = 0.952.
    expect(typo).toMatchObject({
      id_source: 'BILLING_CATEGRY_CODE',
      typo_of: 'BILLING_CATEGORY_CODE',
      confidence: 0.95,
    })
    expect(found.data_quality_issues.map(({ code }: { code: string }) => code)).toEqual([
      'ID_SOURCE_TYPO',
      'DEAD_MAPPING_ROW',
    ])
  })
})

test('--explain is prose that names what it rests on and what it assumes', async () => {
  const said = await tieout.run('mart', 'discover', ...sample('gross'), '--explain')
  const stdout = said.stdout.replaceAll('\n', ' ')
  expect(stdout).toContain('is a tree of 148 nodes on 4 levels with Revenue, Taxes, Volumes')
  expect(stdout).toContain("with the filter ROYALTY_FILTER = 'Y', because all 40 facts")
  expect(stdout).toContain('1 MCF = 0.166667. No table says so.')
  expect(stdout).toContain('agree in all 42,520 cells of 2,126 rows')
})

interface Report {
  readonly hierarchy?: Rows
  readonly mapping?: Rows
  readonly accounts?: Rows
  readonly facts?: Rows
}

/** Discovery of a small report in a folder of its own. */
async function discovered(name: string, report: Report) {
  const place = makeFolder()
  place.write(
    'HIERARCHY.csv',
    csvOf(report.hierarchy ?? [node('A', ['Revenue', 'Alpha']), node('B', ['Revenue', 'Beta'])]),
  )
  place.write('MAPPING.csv', csvOf(report.mapping ?? MAPPING))
  place.write('DIM_ACCOUNT.csv', csvOf(report.accounts ?? ACCOUNTS))
  place.write('PRODUCTS.csv', csvOf([product('p1', 'OIL'), product('p2', 'GAS')]))
  place.write('FACTS.csv', csvOf(report.facts ?? FACTS))
  const args = [
    '--source',
    place.path,
    '--hierarchy-table',
    'HIERARCHY',
    '--mapping-table',
    'MAPPING',
    '--json',
  ]
  const { exit, stdout, stderr } = await tieout.run('mart', 'discover', ...args)
  place.remove()
  return { name, exit, stderr, found: stdout === '' ? undefined : JSON.parse(stdout) }
}

const MAPPING = [mapped('A', 'ACCOUNT_CODE', '4000'), mapped('B', 'ACCOUNT_CODE', '5000')]
const ACCOUNTS = [account('a1', '4000'), account('a2', '5000'), account('a3', '6000')]
const FACTS = [fact('a1', '60.00'), fact('a1', '40.00'), fact('a2', '40.00'), fact('a2', '1.50')]
const issuesOf = (found: { data_quality_issues: { code: string; message: string }[] }) =>
  found.data_quality_issues.map(({ code, message }) => [code, message])

test.each<[code: string, message: string, report: Report]>([
  [
    'ORPHAN_MAPPING_ROW',
    'Mapping row 3 belongs to the node "C", which is not in the hierarchy.',
    { mapping: [...MAPPING, mapped('C', 'ACCOUNT_CODE', '6000')] },
  ],
  [
    'DUPLICATE_MAPPING_ROW',
    'Mapping rows 1, 3 say the same.',
    { mapping: [...MAPPING, mapped('A', 'ACCOUNT_CODE', '4000')] },
  ],
  [
    'DEAD_MAPPING_ROW',
    'Mapping row 3 of "ACCOUNT_CODE" finds nothing: DIM_ACCOUNT.ACCOUNT_CODE has no "4001".',
    { mapping: [...MAPPING, mapped('A', 'ACCOUNT_CODE', '4001')] },
  ],
  [
    'MAPPING_OF_INACTIVE_NODE',
    'B (Beta) is inactive and has mapping rows.',
    {
      hierarchy: [node('A', ['Revenue', 'Alpha']), node('B', ['Revenue', 'Beta'], { ACTIVE_FLAG: 'N' })],
    },
  ],
  [
    'MAPPING_OF_CALCULATED_NODE',
    'B (Beta) is calculated and has mapping rows, which have no effect.',
    {
      hierarchy: [
        node('A', ['Revenue', 'Alpha'], { FORMULA_GROUP: 'Beta', ARITHMETIC_LOGIC: 'SUM' }),
        node('B', ['Calculations', 'Beta'], { CALCULATION_FLAG: 'Y', FORMULA_GROUP: 'Beta' }),
      ],
    },
  ],
  [
    'CALCULATED_NODE_WITHOUT_FORMULA',
    'C (Gamma) is calculated, but no row is a term of it.',
    {
      hierarchy: [
        node('A', ['Revenue', 'Alpha']),
        node('B', ['Revenue', 'Beta']),
        node('C', ['Revenue', 'Gamma'], { CALCULATION_FLAG: 'Y' }),
      ],
    },
  ],
  [
    'NODE_WITHOUT_MAPPING',
    'C (Gamma) has no mapping row, so no fact can belong to it.',
    {
      hierarchy: [
        node('A', ['Revenue', 'Alpha']),
        node('B', ['Revenue', 'Beta']),
        node('C', ['Revenue', 'Gamma']),
      ],
    },
  ],
  [
    'EXCLUSIONS_ALONE',
    'B (Beta) only excludes: there is nothing to take away from.',
    { mapping: [MAPPING[0]!, mapped('B', 'ACCOUNT_CODE', '5000', { EXCLUSION_FLAG: 'Y' })] },
  ],
  [
    'LEVEL_GAP',
    'B (Beta) has nothing at level 2 and a name below it.',
    {
      hierarchy: [
        node('A', ['Revenue', 'Alpha']),
        node('B', ['Revenue', 'Beta'], { LEVEL_2: 'N/A', LEVEL_3: 'Beta' }),
      ],
    },
  ],
  [
    'ID_SOURCE_UNKNOWN',
    'No column of any table has the ids of the ID_SOURCE "WELL_NUMBER" (1 row).',
    { mapping: [...MAPPING, mapped('A', 'WELL_NUMBER', 'W-77')] },
  ],
  [
    'ID_TABLE_CONTRADICTS_IDS',
    'Rows of the ID_SOURCE "ACCOUNT_CODE" name the table PRODUCTS, but its ids are of DIM_ACCOUNT.',
    { mapping: MAPPING.map((row) => ({ ...row, ID_TABLE: 'PRODUCTS' })) },
  ],
  [
    'INCOMPLETE_MAPPING_ROW',
    'Mapping row 3 has no id.',
    { mapping: [...MAPPING, mapped('A', 'ACCOUNT_CODE', null)] },
  ],
  [
    'HIERARCHY_ROW_REFUSED',
    'Rows 1 and 3 of "HIERARCHY" have the same XREF_HIERARCHY_KEY "A".',
    {
      hierarchy: [
        node('A', ['Revenue', 'Alpha']),
        node('B', ['Revenue', 'Beta']),
        node('A', ['Revenue', 'Again']),
      ],
    },
  ],
])('%s', async (code, message, report) => {
  const { found, stderr } = await discovered(code, report)
  expect(stderr).not.toContain('TIE-9')
  expect(issuesOf(found)).toContainEqual([code, message])
})

test('what does not run is said, with the refusal, and is not written', async () => {
  const orphan = { mapping: [...MAPPING, mapped('C', 'ACCOUNT_CODE', '6000')] }
  const { exit, found } = await discovered('orphan', orphan)
  expect(exit).toBe(1)
  expect(found.proved).toBe(false)
  expect(found.proof.problems).toMatchObject([{ code: 'TIE-5006' }])
  expect(found.explanation.at(-1)).toContain('does not run: Mapping row 3 belongs to the node "C"')

  folder.write('HIERARCHY.csv', csvOf([node('A', ['Revenue', 'Alpha'])]))
  folder.write('MAPPING.csv', csvOf([MAPPING[0]!, mapped('C', 'ACCOUNT_CODE', '6000')]))
  folder.write('DIM_ACCOUNT.csv', csvOf(ACCOUNTS))
  folder.write('FACTS.csv', csvOf(FACTS))
  const out = join(folder.path, 'unproved.yaml')
  const tables = ['--source', folder.path, '--hierarchy-table', 'HIERARCHY', '--mapping-table', 'MAPPING']
  const said = await tieout.run('mart', 'suggest', out, ...tables)
  expect(said).toMatchObject({ exit: 3, stderr: expect.stringContaining('TIE-5069') })
  expect(() => readFileSync(out)).toThrow('ENOENT')
})

test('columns of other names are found by their values', async () => {
  const { exit, found } = await discovered('names', {
    hierarchy: [
      { NODE_ID: 'A', LVL_1: 'Revenue', LVL_2: 'Alpha', IS_ACTIVE: 'Y' },
      { NODE_ID: 'B', LVL_1: 'Revenue', LVL_2: 'Beta', IS_ACTIVE: 'Y' },
    ],
    mapping: [
      { MAP_NO: '1', REPORT_NODE: 'A', KIND: 'ACCOUNT_CODE', ACCOUNT: '4000' },
      { MAP_NO: '2', REPORT_NODE: 'B', KIND: 'ACCOUNT_CODE', ACCOUNT: '5000' },
    ],
  })
  expect(found.recommended_config).toMatch(/node: REPORT_NODE\n {2}id: ACCOUNT\n {2}id_source: KIND\n/)
  expect(found.recommended_config).toMatch(/key: NODE_ID\n/)
  expect([exit, found.proved]).toEqual([0, true])
})

test('a table without levels, and a source without a fact, are refused with what was looked for', async () => {
  const flat = await discovered('flat', {
    hierarchy: [{ NODE_ID: 'A', TITLE: 'Alpha' }],
    mapping: [{ FK_REPORT_KEY: 'A', ID: '4000', ID_SOURCE: 'ACCOUNT_CODE' }],
  })
  expect(flat).toMatchObject({ exit: 4, stderr: expect.stringContaining('TIE-5060') })
  expect(flat.stderr).toContain('columns such as LEVEL_1, LEVEL_2')
  const factless = await discovered('factless', { facts: [{ PERIOD: '2025-01', NOTE: 'nothing' }] })
  expect(factless).toMatchObject({ exit: 4, stderr: expect.stringContaining('TIE-5061') })
})

test('a PostgreSQL password is in no output', async () => {
  const { stderr, stdout } = await tieout.run(
    ...['mart', 'discover', '--source', 'postgres://root:sekret@127.0.0.1:1/none', '--json'],
    ...['--hierarchy-table', 'H', '--mapping-table', 'M'],
  )
  expect(stderr).toContain('TIE-1301')
  expect(stderr + stdout).not.toContain('sekret')
})
