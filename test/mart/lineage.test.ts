/**
 * Where a cell comes from, and what an edit would change: the figures by hand, and every cell of a sample by its own check.
 *
 * @module-tag long
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lineDiff } from '#tieout/mart/planning/line-diff'
import { type CliDatabase, cliDatabase, EXAMPLES, makeFolder } from '../support/cli.js'
import { csvOf, fact, mapped, node, twoNodes, writeMart } from '../support/marts.js'

const folder = makeFolder()
let tieout: CliDatabase
let config: string
beforeAll(async () => {
  tieout = await cliDatabase(folder)
  const mart = twoNodes()
  config = writeMart(folder, {
    ...mart,
    hierarchy: [
      node('A', ['Revenue', 'Alpha']),
      node('B', ['Revenue', 'Beta'], { SIGN_CHANGE_FLAG: 'Y' }),
      node('M', ['Margin'], {
        CALCULATION_FLAG: 'Y',
        ARITHMETIC_LOGIC: 'DIVIDE',
        FORMULA_PARAM_REF: 'A',
        FORMULA_PARAM2_REF: 'B',
      }),
      node('D', ['Difference'], {
        CALCULATION_FLAG: 'Y',
        ARITHMETIC_LOGIC: 'SUBTRACT',
        FORMULA_PARAM_REF: 'A',
        FORMULA_PARAM2_REF: 'B',
      }),
    ],
    mapping: [...mart.mapping, mapped('A', 'PRODUCT_CODE', 'GAS', { EXCLUSION_FLAG: 'Y' })],
    facts: [...mart.facts, fact('a1', '0.50', { PERIOD: '2025-02' }), fact('a3', '7.00')],
  })
})
afterAll(async () => {
  await tieout.drop()
  folder.remove()
})

const trace = async (name: string, ...more: string[]) => {
  const { exit, stdout, stderr } = await tieout.run(
    'mart',
    'lineage',
    config,
    '--node',
    name,
    '--json',
    ...more,
  )
  return { exit, stderr, cell: stdout === '' ? undefined : JSON.parse(stdout) }
}

// Facts of A: 60.00 OIL, 40.00 GAS (excluded), and 0.50 in February; of B: 40.00, turned.
test.each([
  ['a node', 'A', '{PERIOD: 2025-01}', '60', 1],
  ['a node over all of the grain', 'A', '{}', '60.5', 2],
  ['a node by its name, turned', 'Beta', '{PERIOD: 2025-01}', '-40', 1],
  ['a total', 'Revenue', '{PERIOD: 2025-01}', '20', 2],
  ['a formula that is a sum: 60 − (−40)', 'D', '{PERIOD: 2025-01}', '100', 2],
  ['a formula that is a ratio: 60 ÷ −40', 'M', '{PERIOD: 2025-01}', '-1.5', 0],
])('%s', async (_, name, slice, value, facts) => {
  const { exit, cell } = await trace(name, '--slice', slice)
  expect(cell).toMatchObject({ value, fact_count: facts })
  expect(cell.checks.filter(({ holds }: { holds: boolean }) => !holds)).toEqual([])
  expect(exit).toBe(0)
})

test('a node says its mapping rows, and its facts as a predicate', async () => {
  const { cell } = await trace('A', '--slice', '{PERIOD: 2025-01}')
  expect(cell.nodes).toMatchObject([
    {
      mapping_rows: [
        { row: 1, id: '4000', excluded: false, column: 'DB.PUBLIC.ACCOUNTS.ACCOUNT_CODE' },
        { row: 3, id: 'GAS', excluded: true, column: 'DB.PUBLIC.PRODUCTS.PRODUCT_CODE' },
      ],
      fact_filter: "FK_ACCOUNT = 'a1'\nand not (FK_PRODUCT = 'p2')",
    },
  ])
  expect(cell.facts).toMatchObject([{ row: 1, value: '60', fact: { FK_ACCOUNT: 'a1', AMOUNT: '60.00' } }])
})

test('a ratio has the lineage of each operand', async () => {
  const { cell } = await trace('M', '--slice', '{PERIOD: 2025-01}')
  expect(cell.operands).toMatchObject([
    { operand: 'A', value: '60', cell: { fact_count: 1, making: 'sum' } },
    { operand: 'B', value: '-40', cell: { fact_count: 1, making: 'sum' } },
  ])
})

test.each([
  ['TIE-5065', 'Alpho', '{}', 'Did you mean'],
  ['TIE-5066', 'A', '{PERIOD: 2031-01}', 'PERIOD'],
  ['TIE-5066', 'M', '{}', 'PERIOD'],
  ['TIE-5066', 'A', '{PERIODE: 2025-01}', 'Did you mean'],
])('%s for %s at %s', async (code, name, slice, help) => {
  const { exit, stderr } = await trace(name, '--slice', slice)
  expect(stderr).toContain(code)
  expect(stderr).toContain(help)
  expect(exit).toBe(3)
})

describe.each(['gross', 'net'])('the %s sample', (name) => {
  test('ties in totals, sums, ratios, volumes and exclusions', async () => {
    const file = join(EXAMPLES, 'mart', name, 'mart.yaml')
    for (const row of [
      'Revenue',
      'Cash Flow',
      'Operating Margin',
      'Lifting Cost per BOE',
      'Taxes > Crude oil',
    ]) {
      const { exit, stdout } = await tieout.run(
        ...['mart', 'lineage', file, '--node', row, '--slice', '{PERIOD: 2025-03, LEASE: LEASE 1}', '--json'],
      )
      expect([row, exit]).toEqual([row, 0])
      expect(JSON.parse(stdout).checks.length).toBeGreaterThan(0)
    }
  })
})

const plan = async (...args: string[]) => {
  const { exit, stdout, stderr } = await tieout.run('mart', 'plan', config, '--json', ...args)
  return { exit, stderr, found: stdout === '' ? undefined : JSON.parse(stdout) }
}
const hierarchyOf = (): string => readFileSync(join(folder.path, 'HIERARCHY.csv'), 'utf8')

describe('plan', () => {
  test('an equal file changes nothing', async () => {
    const { found } = await plan('--edit', folder.write('same.csv', hierarchyOf()))
    expect(found).toMatchObject({
      edited: 'DB.PUBLIC.HIERARCHY',
      figures_moved: 0,
      keys: { added: [], gone: [], ranks_moved: 0 },
    })
    expect(found.ddl.every(({ diff }: { diff: string[] }) => diff.length === 0)).toBe(true)
  })

  test('a sign that is turned back moves the figures that hold it', async () => {
    const turned = hierarchyOf().replace(/^(B,.*),Y,N,,,/m, '$1,N,N,,,')
    expect(turned).not.toBe(hierarchyOf())
    const { found } = await plan('--edit', folder.write('turned.csv', turned))
    const moves = found.moves.map(({ node: name, before, after, by }: Record<string, string>) => [
      name,
      before,
      after,
      by,
    ])
    // B −40 → 40; Revenue 20 → 100; D 100 → 20; M −1.5 → 1.5.
    expect(moves.slice(0, 4).sort()).toEqual(
      [
        ['B', '-40', '40', '80'],
        ['Revenue', '20', '100', '80'],
        ['D', '100', '20', '-80'],
        ['M', '-1.5', '1.5', '3'],
      ].sort(),
    )
    expect(found.keys).toMatchObject({ added: [], gone: [] })
  })

  test('a node that is renamed keeps its key; a formula over another node changes DT_3 alone', async () => {
    const renamed = hierarchyOf().replace('Alpha', 'Alef')
    const first = await plan('--edit', folder.write('renamed.csv', renamed))
    expect(first.found).toMatchObject({ figures_moved: 0, keys: { added: [], gone: [], ranks_moved: 0 } })
    const other = hierarchyOf().replace(/^(D,.*),A,B,/m, '$1,B,A,')
    const second = await plan('--edit', folder.write('other.csv', other))
    expect(
      second.found.ddl.map(({ layer, diff }: { layer: string; diff: string[] }) => [layer, diff.length > 0]),
    ).toEqual([
      ['VW_1', false],
      ['DT_2', false],
      ['DT_3A', false],
      ['DT_3', true],
    ])
  })

  test('another source, and an edited mapping', async () => {
    const mapping = csvOf([mapped('A', 'ACCOUNT_CODE', '4000'), mapped('B', 'ACCOUNT_CODE', '6000')])
    const edited = await plan('--edit', folder.write('mapping.csv', mapping))
    // A gets the GAS fact of 40 back; B has the 7.00 of account 6000 instead of 40, turned.
    expect(edited.found.edited).toBe('DB.PUBLIC.MAPPING')
    const by = Object.fromEntries(
      edited.found.moves.map((move: { node: string; slice: { PERIOD: string }; by: string }) => [
        `${move.node} ${move.slice.PERIOD}`,
        move.by,
      ]),
    )
    expect(by).toMatchObject({ 'A 2025-01': '40', 'B 2025-01': '33', 'Revenue 2025-01': '73' })
    const there = makeFolder()
    writeMart(there, { ...twoNodes(), facts: [fact('a1', '1.00')] })
    const { found } = await plan('--to', there.path)
    expect(found.moves.some(({ change }: { change: string }) => change === 'gone')).toBe(true)
    there.remove()
  })

  test('a file of neither table, and nothing to plan for, are refused', async () => {
    const wrong = await plan('--edit', folder.write('wrong.csv', 'a,b\n1,2\n'))
    expect(wrong).toMatchObject({ exit: 4, stderr: expect.stringContaining('TIE-5067') })
    expect(await plan()).toMatchObject({ exit: 2, stderr: expect.stringContaining('TIE-5070') })
  })
})

test.each([
  ['a', 'a', []],
  ['a\nb\nc', 'a\nx\nc', [' a', '-b', '+x', ' c']],
  ['', 'a', ['-', '+a']],
  ['1\n2\n3\n4\n5\n6', '1\n2\n3\n4\n5', [' 4', ' 5', '-6']],
])('the difference of %j and %j', (before, after, expected) => {
  expect(lineDiff(before, after).filter((line) => line !== '…')).toEqual(expected)
})
