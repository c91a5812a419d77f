import { describe, expect, test } from 'vitest'
import { formatDecimal } from '#tieout/base/decimal'
import { calculate } from '#tieout/rollup/calculate'
import { refusalOf } from '../support/refusals.js'
import {
  columnsOf,
  factRows,
  figures,
  frameFor,
  type RollUp,
  rollUp,
  treeOf,
  useCaseOf,
} from '../support/roll-up.js'

const check = (outline: string, draft: object, facts: string, expected: string): RollUp => {
  const done = rollUp(outline, draft, facts)
  const lines = expected.split('\n').map((line) => line.replace(/#.*$/, '').trim().replace(/\s+/g, ' '))
  expect(figures(done)).toEqual(lines.filter((line) => line !== ''))
  return done
}

const found = ({ result }: RollUp): string[] =>
  result.findings.map(({ code, node_id, amount, rows }) =>
    [code, node_id, amount, rows].filter((x) => x !== undefined).join(' '),
  )

const DESKS = `
R Root
  A Americas
    A1
    A2
  B Europe`

const FACTS = `
  cc  book  daily_amt  fee_amt
  A1  X     100.00     1
  A1  Y     20.00      2
  A2  X     -3.50      4
  A   X     0.50       8
  B   Y     1000.00    16`

describe('auto-rollup', () => {
  test('children add up to their parents, a parent keeps its own rows', () => {
    check(
      DESKS,
      {},
      FACTS,
      `
      #  natural                    direct   adjusted plug facts
      R  1117.00                    0.00     1117.00  0.00 5     # 117 + 1000
      A  117.00                     0.50     117.00   0.00 4     # 0.50 + 120 − 3.50
      A1 120.00                     120.00   120.00   0.00 2     # 100 + 20
      A2 -3.50                      -3.50    -3.50    0.00 1
      B  1000.00                    1000.00  1000.00  0.00 1`,
    )
  })

  test('what no node claims is a child of the root', () => {
    const done = check(
      DESKS,
      {},
      `
      cc  daily_amt
      A1  1
      Q7  2
      -   4`,
      `
      R  7 0 7 0 3
      A  1 0 1 0 1
      A1 1 1 1 0 1
      A2 0 0 0 0 0
      B  0 0 0 0 0
      UNASSIGNED 6 6 6 0 2`,
    )
    expect(found(done)).toEqual(['FACTS_UNASSIGNED UNASSIGNED 6 2'])
    expect(done.result.findings[0]!.detail).toEqual({ cc: ['Q7'] })
    expect(done.result.tieOut.map((t) => formatDecimal(t.unassigned))).toEqual(['6'])
  })

  test('a fact that two columns claim counts once, for the column named first', () => {
    const drivers = [
      { nodes: ['A1'], column: 'cc' },
      { nodes: ['B'], column: 'book', value: 'node_name' },
    ]
    const done = check(
      'R\n  A1\n  B X',
      { drivers },
      `
      cc  book  daily_amt
      A1  X     10
      A1  Y     1
      Q   X     100`,
      `
      R  111 0 111 0 3
      A1 11 11 11 0 2
      B  100 100 100 0 1`,
    )
    expect(found(done)).toEqual(['FACTS_CLAIMED_TWICE 10 1'])
  })
})

describe('filter', () => {
  test("sets every measure, each from its own column, from the node's own subtree", () => {
    check(
      DESKS,
      { measures: { daily: 'daily_amt', fee: 'fee_amt' }, rules: [{ node: 'A', where: "book = 'X'" }] },
      FACTS,
      `
      R  daily 1117.00 0.00    1097.00 20.00 5   # 97 + 1000
      R  fee   31      0       29      2     5
      A  daily 117.00  0.50    97.00   20.00 4   # 100 − 3.50 + 0.50
      A  fee   15      8       13      2     4   # 1 + 4 + 8
      A1 daily 120.00  120.00  120.00  0.00  2
      A1 fee   3       3       3       0     2
      A2 daily -3.50   -3.50   -3.50   0.00  1
      A2 fee   4       4       4       0     1
      B  daily 1000.00 1000.00 1000.00 0.00  1
      B  fee   16      16      16      0     1`,
    )
  })

  test('over the whole table', () => {
    check(
      DESKS,
      { rules: [{ node: 'A', where: "book = 'Y'", scope: 'table' }] },
      FACTS,
      `
      R  1117.00 0.00    2020.00 -903.00 5   # 1020 + 1000
      A  117.00  0.50    1020.00 -903.00 4   # 20 + 1000
      A1 120.00  120.00  120.00  0.00    2
      A2 -3.50   -3.50   -3.50   0.00    1
      B  1000.00 1000.00 1000.00 0.00    1`,
    )
  })

  const BOTH = [
    { node: 'A', where: "book = 'X'" },
    { node: 'A1', where: "book = 'Y'" },
  ]
  test('most_specific: the rule above gives way, and says so', () => {
    const done = check(
      DESKS,
      { rules: BOTH },
      FACTS,
      `
      R  1117.00 0.00    1017.00 100.00 5
      A  117.00  0.50    17.00   100.00 4   # 0.50 + 20 − 3.50
      A1 120.00  120.00  20.00   100.00 2
      A2 -3.50   -3.50   -3.50   0.00   1
      B  1000.00 1000.00 1000.00 0.00   1`,
    )
    expect(found(done)).toEqual(['RULE_SKIPPED A'])
  })

  test('top_down: both stand, the gap shows as plug', () => {
    const done = check(
      DESKS,
      { rules: BOTH, policy: 'top_down' },
      FACTS,
      `
      R  1117.00 0.00    1097.00 20.00  5
      A  117.00  0.50    97.00   20.00  4
      A1 120.00  120.00  20.00   100.00 2
      A2 -3.50   -3.50   -3.50   0.00   1
      B  1000.00 1000.00 1000.00 0.00   1`,
    )
    expect(found(done)).toEqual(['RULE_SHADOWED A1'])
    // A1 took 100 from its facts; A put (0.50 + 20 − 3.50) − 97 = −80 back: 20, the root's plug.
    expect(
      done.result.tieOut.map(({ rootPlug, overrides }) => [
        formatDecimal(rootPlug!),
        formatDecimal(overrides!),
      ]),
    ).toEqual([['20.00', '20.00']])
  })

  test('a rule that matches nothing is 0, with what it replaced and the near misses', () => {
    const done = check(
      'R\n  A',
      { rules: [{ node: 'A', where: "book = 'CROE'" }] },
      `
      cc  book  daily_amt
      A   CORE  7.25
      A   SWAP  1.00`,
      `
      R 8.25 0.00 0.00 8.25 2
      A 8.25 8.25 0.00 8.25 2`,
    )
    expect(found(done)).toEqual(['RULE_MATCHES_NOTHING A 8.25 0'])
    expect(done.result.findings[0]!.suggestion).toBe("Did you mean book = 'CORE'?")
  })
})

describe('measure switch', () => {
  test('one measure from another column; the others are as if there were no rule', () => {
    const rules = [{ node: 'A', where: "book = 'X'", measure_name: 'fee' }]
    const done = check(
      DESKS,
      { measures: { daily: 'daily_amt', fee: 'fee_amt' }, rules },
      FACTS,
      `
      R  daily 1117.00 0.00    1013    104.00 5   # 13 + 1000
      R  fee   31      0       31      0      5
      A  daily 117.00  0.50    13      104.00 4   # fees 1 + 4 + 8
      A  fee   15      8       15      0      4
      A1 daily 120.00  120.00  120.00  0.00   2
      A1 fee   3       3       3       0      2
      A2 daily -3.50   -3.50   -3.50   0.00   1
      A2 fee   4       4       4       0      1
      B  daily 1000.00 1000.00 1000.00 0.00   1
      B  fee   16      16      16      0      1`.replace('1013    104.00', '1013.00 104.00'),
    )
    expect(found(done)).toEqual(['MEASURE_SWITCHED A 104.00'])
  })

  test('into another measure, from a column that is none, without where', () => {
    const done = rollUp(
      'R',
      {
        measures: { daily: 'daily_amt', mtd: 'mtd_amt' },
        rules: [{ node: 'R', measure_name: 'fee_amt', into: 'mtd' }],
      },
      `
      cc daily_amt mtd_amt fee_amt
      R  1         2       3`,
    )
    expect(figures(done)).toEqual(['R daily 1 1 1 0 1', 'R mtd 2 2 3 -1 1'])
  })
})

describe('arithmetic', () => {
  test('over nodes, for every measure; a bare node is adjusted, the node itself natural', () => {
    const rules = [
      { node: 'B', formula: 'B - natural(A)' },
      { node: 'A1', where: "book = 'X'" },
      { node: 'R', formula: '[Americas] * 2 + adjusted(B)' },
    ]
    check(
      DESKS,
      { rules },
      FACTS,
      `
      R  1117.00 0.00    1077.00 40.00  5   # 97 × 2 + 883
      A  117.00  0.50    97.00   20.00  4   # 0.50 + 100 − 3.50
      A1 120.00  120.00  100.00  20.00  2
      A2 -3.50   -3.50   -3.50   0.00   1
      B  1000.00 1000.00 883.00  117.00 1   # 1000 − 117`,
    )
  })

  test('over queries, always on the whole table, sets the first measure', () => {
    const rules = [{ node: 'A', formula: "sum(daily where book = 'Y') + sum(fee_amt)" }]
    const done = rollUp(DESKS, { measures: { daily: 'daily_amt', fee: 'fee_amt' }, rules }, FACTS)
    // 1020 + 31 = 1051
    expect(figures(done).filter((line) => line.startsWith('A '))).toEqual([
      'A daily 117.00 0.50 1051.00 -934.00 4',
      'A fee 15 8 15 0 4',
    ])
  })

  test('a quotient has twelve places, a tie goes to the even', () => {
    const done = rollUp(
      'R\n  A\n  B',
      {
        rules: [
          { node: 'A', formula: 'A / 3' },
          { node: 'B', formula: 'B / 2000000000000' },
        ],
      },
      `
      cc daily_amt
      A  2
      B  5`,
    )
    // 2 ÷ 3 = 0.6̄; 5 ÷ 2·10¹² = 0.0000000000025 → …002
    expect(figures(done)).toEqual([
      'R 7 0 0.666666666669 6.333333333331 2',
      'A 2 2 0.666666666667 1.333333333333 1',
      'B 5 5 0.000000000002 4.999999999998 1',
    ])
  })

  test('a division by zero empties the cell and all that is made of it, and nothing else', () => {
    const rules = [{ node: 'A1', formula: 'A2 / B' }]
    const done = check(
      DESKS,
      { rules },
      `
      cc  daily_amt
      A1  5
      A2  7`,
      `
      R  12 0 · · 2
      A  12 0 · · 2
      A1 5  5 · · 1
      A2 7  7 7 0 1
      B  0  0 0 0 0`,
    )
    expect(found(done)).toEqual(['DIVISION_BY_ZERO A1'])
    expect(done.result.tieOut[0]).toMatchObject({ rootPlug: undefined, overrides: undefined })
  })

  test('a formula that reads an empty cell is empty without a finding of its own', () => {
    const done = rollUp(
      'R\n  A\n  B\n  C',
      {
        rules: [
          { node: 'A', formula: '1 / 0' },
          { node: 'B', formula: 'A + 1' },
        ],
      },
      'cc daily_amt\nC 1',
    )
    expect(figures(done)).toEqual(['R 1 0 · · 1', 'A 0 0 · · 0', 'B 0 0 · · 0', 'C 1 1 1 0 1'])
    expect(found(done)).toEqual(['DIVISION_BY_ZERO A'])
  })

  test('a policy under which the formulas have no order is refused', async () => {
    const tree = treeOf(DESKS)
    const columns = columnsOf(['cc', 'book', 'daily_amt'])
    // Top down, A's filter stands by itself. Skipped for A1's sake, A adds up A1 = B = A.
    const rules = [
      { node: 'A', where: "book = 'X'" },
      { node: 'A1', formula: 'B' },
      { node: 'B', formula: 'A' },
    ]
    const topDown = useCaseOf(tree, { rules, policy: 'top_down' }, columns)
    const frame = frameFor(tree, topDown, factRows('cc book daily_amt\nA1 X 1'), columns)
    expect(calculate({ tree, useCase: topDown, policy: 'top_down', frame }).cells).toHaveLength(6)
    const problems = await refusalOf(() =>
      calculate({ tree, useCase: topDown, policy: 'most_specific', frame }),
    )
    expect(problems.map(({ code }) => code)).toEqual(['TIE-2309'])
  })
})

describe('scenarios', () => {
  const SOURCE = { source: { table: 'facts', date: null, scenario: 'scenario' } }
  test('each by itself, the declared ones first; facts without one are in none', () => {
    const done = check(
      'R\n  A',
      SOURCE,
      `
      cc  scenario  daily_amt
      A   PRIOR     1
      A   ACTUAL    10
      A   FORECAST  100
      A   -         1000`,
      `
      R ACTUAL   10 0 10 0 1
      A ACTUAL   10 10 10 0 1
      R PRIOR    1 0 1 0 1
      A PRIOR    1 1 1 0 1
      R FORECAST 100 0 100 0 1
      A FORECAST 100 100 100 0 1`,
    )
    expect(found(done)).toEqual(['FACTS_WITHOUT_SCENARIO 1'])
  })

  test('a scenario without a fact has no results; within one that has facts, a node without any is 0', () => {
    const done = check(
      'R\n  A\n  B',
      SOURCE,
      `
      cc  scenario  daily_amt
      A   ACTUAL    10`,
      `
      R ACTUAL 10 0 10 0 1
      A ACTUAL 10 10 10 0 1
      B ACTUAL 0 0 0 0 0`,
    )
    expect(found(done)).toEqual(['SCENARIO_MISSING 0'])
    expect(done.result.findings[0]).toMatchObject({ scenario: 'PRIOR', severity: 'warning' })
  })

  test('no fact at all is an error for every scenario', () => {
    const { result } = rollUp('R', SOURCE, 'cc scenario daily_amt')
    expect(result.cells).toEqual([])
    expect(result.findings.map(({ code, severity, scenario }) => `${severity} ${code} ${scenario}`)).toEqual([
      'error SCENARIO_MISSING ACTUAL',
      'error SCENARIO_MISSING PRIOR',
    ])
  })
})

test('amounts beyond 2^53 are exact to the last cent', () => {
  check(
    'R\n  A\n  B',
    { rules: [{ node: 'B', formula: 'natural(A) * 3' }] },
    `
    cc  daily_amt
    A   90071992547409.93
    A   0.01
    B   -123456789012345678901234567890.05`,
    `
    R -123456789012345588829242020480.11 0.00 360287970189639.76 -123456789012345949117212210119.87 3
    A 90071992547409.94 90071992547409.94 90071992547409.94 0.00 2
    B -123456789012345678901234567890.05 -123456789012345678901234567890.05 270215977642229.82 -123456789012345949117212210119.87 1`,
  )
})
