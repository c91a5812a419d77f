/** The pure core alone: what contradicts itself is handed back as it is, and runs over adjusted facts say so. */

import { describe, expect, test } from 'vitest'
import { decimal } from '#tieout/base/decimal'
import type { FactTotal } from '#tieout/engines/fact-rows'
import { printPredicate } from '#tieout/language/predicate'
import { bindNodes } from '#tieout/rollup/bindings'
import { type CellInput, explainCell } from '#tieout/rollup/explanation/explain-cell'
import { ownedFacts } from '#tieout/rollup/explanation/owned-facts'
import { resolveRules } from '#tieout/rollup/resolver'
import type { StoredCell } from '#tieout/rollup/store/cells'
import { columnsOf, treeOf, useCaseOf } from '../../support/roll-up.js'

const tree = treeOf('R\n  A\n    A1\n  B')
const useCase = useCaseOf(
  tree,
  {
    rules: [
      { node: 'A', where: "cc = 'A1'" },
      { node: 'B', formula: "sum(daily_amt where cc = 'B') + A" },
    ],
  },
  columnsOf(['cc', 'daily_amt']),
)
const cell = (
  node_id: string,
  natural: string,
  direct: string,
  adjusted: string,
  plug: string,
): StoredCell => ({
  node_id,
  natural,
  direct,
  adjustment: '0.00',
  adjusted,
  plug,
  fact_count: 2,
  rule: null,
})
const total = (cents: bigint, rows = 2): FactTotal => ({ rows, amounts: [decimal(cents, 2)] })
const cells = new Map(
  [
    cell('R', '30.00', '0.00', '30.00', '0.00'),
    cell('A', '10.00', '3.00', '7.00', '3.00'),
    cell('A1', '7.00', '7.00', '7.00', '0.00'),
    cell('B', '20.00', '20.00', '27.00', '-7.00'),
    cell('UNASSIGNED', '0.00', '0.00', '0.00', '0.00'),
  ].map((one) => [one.node_id, one]),
)
/** Of A: 3.00 of its own and 7.00 of A1, which its rule keeps. */
const parts = new Map<string, FactTotal>([
  ['natural', total(1000n)],
  ['direct', total(300n, 1)],
  ['rule', total(700n, 1)],
  ['tree_only', total(300n, 1)],
  ['rule_only', total(0n, 0)],
  ['both', { rows: 1, amounts: [decimal(700n, 2), decimal(700n, 2)] }],
])

const inputOf = (node: string, more: Partial<CellInput> = {}): CellInput => ({
  run: { run_id: 'run', run_name: 'Run', use_case: 'Test', pnl_date: '2025-12-24', policy: 'most_specific' },
  tree,
  useCase,
  resolution: resolveRules(
    tree,
    useCase.rules,
    useCase.measures,
    bindNodes(tree, useCase.drivers),
    'most_specific',
  ),
  node: tree.positions.get(node)!,
  measure: 0,
  scenario: 'ACTUAL',
  cells,
  facts: { parts, whole: total(3000n) },
  adjustedFacts: false,
  ...more,
})
const broken = (input: CellInput): string[] =>
  explainCell(input)
    .checks.filter(({ holds }) => !holds)
    .map(({ about, text, left, right }) => `${about}: ${text}: ${left} against ${right}`)

describe('identities', () => {
  test('hold where everything fits', () => expect(broken(inputOf('A'))).toEqual([]))

  test.each<[string, Partial<CellInput>, string[]]>([
    [
      'a stored natural that its parts do not give',
      { cells: new Map([...cells, ['A1', cell('A1', '7.01', '7.01', '7.01', '0.00')]]) },
      ["figures: direct + Σ children's natural = natural: 10.01 against 10.00"],
    ],
    [
      'a stored plug that is not the difference',
      { cells: new Map([...cells, ['A', cell('A', '10.00', '3.00', '7.00', '2.99')]]) },
      [
        'figures: natural − adjusted = plug: 3.00 against 2.99',
        'facts: tree only + both − rule only − both by the rule = plug: 3.00 against 2.99',
      ],
    ],
    [
      'facts that sum to something else',
      { facts: { parts: new Map([...parts, ['natural', total(1001n)]]), whole: total(3000n) } },
      ['facts: Σ facts of the node and below = natural: 10.01 against 10.00'],
    ],
    [
      'a fact too many, of nothing',
      { facts: { parts: new Map([...parts, ['natural', total(1000n, 3)]]), whole: total(3000n, 3) } },
      [
        'facts: facts found = facts counted by the run: 3 against 2',
        'facts: facts of the scenario = facts counted by the run: 3 against 2',
      ],
    ],
    [
      'facts elsewhere that the run did not see',
      { facts: { parts, whole: total(3100n) } },
      ['facts: Σ facts of the scenario = natural of the root: 31.00 against 30.00'],
    ],
  ])('do not for %s', (_, more, expected) => expect(broken(inputOf('A', more))).toEqual(expected))

  test('of a formula whose operands give another value', () => {
    const sums = new Map([
      ['natural', total(2000n)],
      ['direct', total(2000n)],
      ['sum:1', total(1999n)],
    ])
    expect(broken(inputOf('B', { facts: { parts: sums, whole: total(3000n) } }))).toEqual([
      'facts: the formula with its values = adjusted: 26.99 against 27.00',
    ])
  })
})

describe('a run over adjusted facts', () => {
  // The rule's facts were adjusted from 7.00 to 7.50: the stored value is not the sum of the facts as they are.
  const adjusted = new Map([...cells, ['A', cell('A', '10.00', '3.00', '7.50', '2.50')]])

  test('says that the facts are as imported, and states only what holds for them', () => {
    const told = explainCell(inputOf('A', { cells: adjusted, adjustedFacts: true }))
    expect(told.note).toContain('Facts were adjusted before this run')
    expect(told.checks.map(({ text }) => text)).toEqual([
      "direct + Σ children's natural = natural",
      'natural − adjusted = plug',
      'Σ facts of the node and below = natural',
      'Σ facts of the node itself = direct',
      'facts found = facts counted by the run',
      'Σ facts of the scenario = natural of the root',
      'facts of the scenario = facts counted by the run',
    ])
    expect(told.checks.every(({ holds }) => holds)).toBe(true)
  })

  test('does not put sums of unadjusted facts into a formula', () => {
    const sums = new Map([
      ['natural', total(2000n)],
      ['direct', total(2000n)],
      ['sum:1', total(1999n)],
    ])
    expect(
      broken(inputOf('B', { facts: { parts: sums, whole: total(3000n) }, adjustedFacts: true })),
    ).toEqual([])
  })
})

describe('whose facts', () => {
  const outline = treeOf('R\n  A Alpha\n    A1 7\n  B 8.50')
  const bound = bindNodes(outline, [
    { nodes: ['A', 'A1'], column: 'cc', value: 'node_id' },
    { nodes: ['A1', 'B', 'A'], column: 'level', value: 'node_name' },
  ])
  const types = new Map([
    ['cc', 'text'],
    ['level', 'numeric'],
  ] as const)
  const shown = (from: string, to?: number): string => {
    const at = outline.positions.get(from)!
    const facts = ownedFacts(outline, bound, types, { from: at, to: to ?? outline.nodes[at]!.end })
    return typeof facts === 'string' ? facts : printPredicate(facts)
  }
  test.each<[string, string, number | undefined]>([
    ['R', 'all', undefined],
    // Nothing is bound to the root itself.
    ['R', 'none', 1],
    ['A', "cc in ('A', 'A1') or not cc in ('A', 'A1') and level in (7)", undefined],
    // A name that is no number is none of a column of numbers.
    ['A', "cc in ('A')", 2],
    ['A1', "cc in ('A1') or not cc in ('A', 'A1') and level in (7)", undefined],
    ['B', "not cc in ('A', 'A1') and level in (8.50)", undefined],
    ['UNASSIGNED', "not cc in ('A', 'A1') and not level in (7, 8.50)", undefined],
  ])('%s: %s', (from, expected, to) => expect(shown(from, to)).toBe(expected))
})
