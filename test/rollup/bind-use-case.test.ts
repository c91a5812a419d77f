import { describe, expect, test } from 'vitest'
import type { Problem } from '#tieout/base/errors'
import { bindUseCase, sourceOf } from '#tieout/rollup/bind-use-case'
import { buildTree } from '#tieout/rollup/hierarchy'
import type { UseCase } from '#tieout/rollup/use-case'
import { readUseCaseFile } from '#tieout/rollup/use-case-file'
import { refusalOf, said } from '../support/refusals.js'
import { columnsOf, nodeRows } from '../support/roll-up.js'

const ROWS = nodeRows('R Root\n  A Americas\n    A1 Desk\n  B Desk\n  C Credit')
const ORPHAN = { ...ROWS[1]!, node_id: 'LOST', parent_node_id: 'gone' }
const TREE = buildTree([...ROWS, ORPHAN])
const COLUMNS = columnsOf(['cc', 'strategy', 'scenario', 'pnl_date', 'daily_amt', 'mtd_amt', 'fee_amt'], {
  pnl_date: 'date',
})

function bind(text: string): UseCase {
  const { draft, placeOf } = readUseCaseFile(text, 'f.yaml')
  return bindUseCase(draft, { tree: TREE, source: sourceOf(draft, placeOf), columns: COLUMNS, placeOf })
}

const HEAD = `use_case: X
structure: S
source: {table: facts, date: pnl_date, scenario: scenario}
measures: {daily: daily_amt, mtd: mtd_amt}
`
/** Rules begin in line 6. */
const withRules = (...rules: string[]): string =>
  `${HEAD}rules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}`

/** The line and column of a problem, and the character its caret stands beneath. */
const pointed = ({ place }: Problem): string => {
  const [line, caret] = (place?.frame ?? '').split('\n')
  return `${place?.line}:${place?.column} ${caret === undefined ? '' : line!.slice(caret.indexOf('^'))}`.trim()
}

describe('a rule as it is stored', () => {
  test.each<[string, object]>([
    ['{node: A, where: "strategy = \'X\'"}', { flavour: 'filter', scope: 'node', where: { op: 'eq' } }],
    ['{node: A, where: "strategy = \'X\'", scope: table}', { flavour: 'filter', scope: 'table' }],
    [
      '{node: A, measure_name: mtd}',
      { flavour: 'measure_switch', column: 'mtd_amt', into: 'daily', where: null },
    ],
    [
      '{node: A, measure_name: fee_amt, into: mtd}',
      { flavour: 'measure_switch', column: 'fee_amt', into: 'mtd' },
    ],
    ['{node: A, formula: "[Credit] + natural(B)"}', { flavour: 'arithmetic', into: null }],
    [
      '{node: A, formula: "sum(mtd)"}',
      { flavour: 'arithmetic', into: 'daily', formula: { op: 'sum', column: 'mtd_amt' } },
    ],
    ['{node: A, formula: "sum(daily)", into: mtd}', { flavour: 'arithmetic', into: 'mtd' }],
    ['{node: A, formula: "1", note: because}', { note: 'because', no: 1 }],
  ])('%s', (rule, expected) => expect(bind(withRules(rule)).rules[0]).toMatchObject(expected))
})

describe('one problem', () => {
  const check = async (text: string, expected: string, place: string): Promise<void> => {
    const problems = await refusalOf(() => bind(text))
    expect(problems.map(said)).toEqual([expect.stringContaining(expected)])
    expect(pointed(problems[0]!)).toBe(place)
    expect(`${problems[0]!.message}${problems[0]!.remedy}`).not.toMatch(/\{\w+\}|undefined/)
  }

  test.each<[string, string, string]>([
    ['{node: A9, formula: "1"}', 'TIE-2306@6 The structure S has no node "A9" (rule 1).', '6:12'],
    ['{node: UNASSIGNED, formula: "1"}', 'TIE-2306@6 The structure S has no node "UNASSIGNED"', '6:12'],
    [
      '{node: LOST, formula: "1"}',
      'TIE-2311@6 Node "LOST" is orphaned: its parent "gone" is not in the structure',
      '6:12',
    ],
    ['{node: A}', 'TIE-2310@6 Rule 1 on A has neither where nor formula.', '6:5'],
    [
      '{node: A, where: "strategy = \'X\'", into: mtd}',
      'TIE-2310@6 Rule 1 on A has into without measure_name',
      '6:46',
    ],
    [
      '{node: A, formula: "1", scope: table}',
      'TIE-2310@6 Rule 1 on A has a formula beside where, scope or measure_name.',
      '6:5',
    ],
    ['{node: A, measure_name: fee}', 'TIE-2304@6 facts has no column "fee" (measure_name).', '6:29'],
    [
      '{node: A, measure_name: strategy}',
      'TIE-2305@6 Column "strategy" of facts is text; measure_name needs a numeric column.',
      '6:29',
    ],
    [
      '{node: A, measure_name: mtd, into: ytd}',
      'TIE-2303@6 There is no measure "ytd" in this use case; it has daily, mtd.',
      '6:40',
    ],
    ['{node: A, formula: "sum(mtd)", into: ytd}', 'TIE-2303@6 There is no measure "ytd"', '6:42'],
    // within a text the column counts the quote and the offset of the caret
    ['{node: A, where: "stratgy = \'X\'"}', 'TIE-2202@6 There is no column "stratgy".', "6:23 stratgy = 'X'"],
    [
      '{node: A, where: "strategy = 1"}',
      'TIE-2203@6 1 is a number; the column "strategy" is text.',
      '6:34 1',
    ],
    ['{node: A, where: "strategy ="}', 'TIE-2201@6 Expected', '6:33'],
    ['{node: A, formula: "B - X9"}', 'TIE-2204@6 The structure has no node "X9".', '6:29 X9'],
    [
      '{node: A, formula: "B + [Desk]"}',
      'TIE-2205@6 The name [Desk] belongs to several nodes: A1, B.',
      '6:29 [Desk]',
    ],
    [
      '{node: A, formula: "sum(strategy)"}',
      'TIE-2206@6 sum(strategy): "strategy" is a text column.',
      '6:25 sum(strategy)',
    ],
    [
      '{node: A, formula: "C + R"}',
      'TIE-2309@6 The formulas form a cycle: Root (R) → Americas (A) → Root (R).',
      '6:5',
    ],
  ])('%s', (rule, expected, place) => check(withRules(rule), expected, place))

  test.each<[string, string, string, string]>([
    [
      'no measures',
      HEAD.replace(/\{daily.*\}/, '{}'),
      'TIE-2302@4 measures: at least one is needed.',
      '4:11',
    ],
    [
      'a measure without a column',
      HEAD.replace('mtd_amt', 'mtd_amount'),
      'TIE-2304@4 facts has no column "mtd_amount" (the measure mtd).',
      '4:35',
    ],
    [
      'a measure of text',
      HEAD.replace('mtd_amt', 'cc'),
      'TIE-2305@4 Column "cc" of facts is text; the measure mtd needs a numeric column.',
      '4:35',
    ],
    [
      'no such date',
      HEAD.replace('date: pnl_date', 'date: cob'),
      'TIE-2304@3 facts has no column "cob" (the date of the source).',
      '3:30',
    ],
    [
      'a date that is none',
      HEAD.replace('date: pnl_date', 'date: cc'),
      'TIE-2302@3 source.date: column "cc" is text, not a date.',
      '3:30',
    ],
    [
      'no such scenario',
      HEAD.replace('scenario: scenario', 'scenario: sc'),
      'TIE-2304@3 facts has no column "sc" (the scenario of the source).',
      '3:50',
    ],
    [
      'a driver without a column',
      `${HEAD}drivers:\n  - {nodes: all, column: cost}\n`,
      'TIE-2304@6 facts has no column "cost" (a driver).',
      '6:26',
    ],
    [
      'a driver of no node',
      `${HEAD}drivers:\n  - {nodes: [A1, Z], column: cc}\n`,
      'TIE-2306@6 The structure S has no node "Z" (a driver).',
      '6:18',
    ],
    [
      'a value bound twice',
      `${HEAD}drivers:\n  - {nodes: all, column: cc, value: node_name}\n`,
      'TIE-2307@6 cc = "Desk" is bound to node "A1" and again to node "B".',
      '6:3',
    ],
    [
      'silence about the date',
      HEAD.replace('date: pnl_date, ', ''),
      'TIE-2312@3 The source does not say which column holds the date.',
      '3:9',
    ],
    [
      'silence about the scenario',
      HEAD.replace(', scenario: scenario', ''),
      'TIE-2312@3 The source does not say which column holds the scenario.',
      '3:9',
    ],
    [
      'no table',
      HEAD.replace('table: facts, ', ''),
      'TIE-2302@3 source: the engine books needs a table.',
      '3:9',
    ],
    [
      'no path',
      HEAD.replace('table: facts', 'engine: duckdb'),
      'TIE-2302@3 source: the engine duckdb needs a path.',
      '3:9',
    ],
    [
      'a path in the books',
      HEAD.replace('table: facts', 'table: facts, engine: books, path: x'),
      'TIE-2302@3 source: a path goes with engine: duckdb.',
      '3:45',
    ],
  ])('%s', (_, text, expected, place) => check(text, expected, place))

  test('two rules for a measure', () =>
    check(
      withRules('{node: A, measure_name: mtd}', '{node: A, formula: "1"}'),
      'TIE-2308@7 Node "A" has two rules for the measure daily.',
      '7:5',
    ))

  test("a column that the structure's own bindings name", async () => {
    const tree = buildTree(nodeRows('R\n  A <desk'))
    const { draft, placeOf } = readUseCaseFile(HEAD, 'f.yaml')
    const problems = await refusalOf(() =>
      bindUseCase(draft, { tree, source: sourceOf(draft, placeOf), columns: COLUMNS, placeOf }),
    )
    expect(problems.map(said)).toEqual([
      'TIE-2304@2 facts has no column "desk" (a rollup_driver of the structure S).',
    ])
  })
})

test('every problem is told at once, in the order of the file', async () => {
  const text = `use_case: X
structure: S
source: {table: facts, date: cob, scenario: scenario}
measures: {daily: daily_amt, mtd: cc}
drivers:
  - {nodes: [Z], column: desk}
rules:
  - {node: A9, where: "stratgy = 'X' and strategy = 1"}
  - {node: B}
  - {node: C, formula: "X9 - sum(strategy)"}
`
  const problems = await refusalOf(() => bind(text))
  expect(problems.map(({ code, place }) => `${code}@${place!.line}`)).toEqual([
    'TIE-2304@3',
    'TIE-2305@4',
    'TIE-2304@6',
    'TIE-2306@6',
    'TIE-2306@8',
    'TIE-2202@8',
    'TIE-2203@8',
    'TIE-2310@9',
    'TIE-2204@10',
    'TIE-2206@10',
  ])
  expect(problems.every(({ place }) => place!.file === 'f.yaml')).toBe(true)
})

test('names that are near are suggested', async () => {
  const problems = await refusalOf(() =>
    bind(withRules('{node: A, measure_name: fee_am}', '{node: A2, formula: "1"}')),
  )
  expect(problems.map(({ remedy }) => /Did you mean .*$/.exec(remedy)?.[0])).toEqual([
    'Did you mean "fee_amt"?',
    expect.stringContaining('"A1"'),
  ])
})
