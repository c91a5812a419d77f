/**
 * Random roll-ups for tests: trees, facts and rules of every flavour, and the naive evaluator's word on each of
 * their cells.
 */

import fc from 'fast-check'
import { expect } from 'vitest'
import { type Decimal, equalDecimals, subtract } from '#tieout/base/decimal'
import type { Cell } from '#tieout/rollup/calculate'
import { buildTree, type Tree } from '#tieout/rollup/hierarchy'
import {
  type Fraction,
  type NaiveFact,
  type NaiveFormula,
  type NaivePredicate,
  type NaiveRollUp,
  type NaiveRule,
  type naiveRollUp,
  sameFraction,
} from './naive-rollup.js'
import { columnsOf } from './roll-up.js'

export const COLUMNS = columnsOf(['cc', 'book', 'daily_amt', 'fee_amt'])
export const MEASURES = ['daily_amt', 'fee_amt']

const predicates: fc.Arbitrary<NaivePredicate> = fc.oneof(
  fc
    .constantFrom('A', 'B', 'C')
    .map((b) => ({ text: `book = '${b}'`, holds: (f: NaiveFact) => f.book === b })),
  fc
    .constantFrom('A', 'B')
    .map((b) => ({ text: `not book = '${b}'`, holds: (f: NaiveFact) => f.book !== b })),
  fc.constantFrom('A', 'B').map((b) => ({
    text: `book != '${b}'`,
    holds: (f: NaiveFact) => f.book !== null && f.book !== b,
  })),
  fc.constant({
    text: "book in ('A', 'B') or book is null",
    holds: (f: NaiveFact) => f.book === 'A' || f.book === 'B' || f.book === null,
  }),
)

const formulas = (count: number): fc.Arbitrary<NaiveFormula> =>
  fc.letrec<{ formula: NaiveFormula }>((tie) => ({
    formula: fc.oneof(
      { maxDepth: 2 },
      fc.record({
        is: fc.constant('node' as const),
        node: fc.nat(count - 1),
        value: fc.constantFrom('bare', 'bare', 'natural', 'adjusted'),
      }),
      fc.constantFrom('0', '0', '2', '0.5', '3').map((text) => ({ is: 'constant' as const, text })),
      fc.record({
        is: fc.constant('sum' as const),
        column: fc.constantFrom(...MEASURES),
        where: fc.option(predicates, { nil: undefined }),
      }),
      fc.record({
        is: fc.constantFrom('+', '-', '*', '/', '/', '/'),
        left: tie('formula'),
        right: tie('formula'),
      }),
      // A division by zero comes up by itself too seldom.
      tie('formula').map((left) => ({
        is: '/' as const,
        left,
        right: { is: 'constant' as const, text: '0' },
      })),
    ),
  })).formula

const hasSum = (formula: NaiveFormula): boolean =>
  formula.is === 'sum' || ('left' in formula && (hasSum(formula.left) || hasSum(formula.right)))

export const rules = (count: number): fc.Arbitrary<NaiveRule> =>
  fc.oneof(
    fc.record({
      node: fc.nat(count - 1),
      scope: fc.constantFrom('node', 'table'),
      where: predicates,
      column: fc.constant(undefined),
      formula: fc.constant(undefined),
      into: fc.constant(undefined),
    }),
    fc.record({
      node: fc.nat(count - 1),
      scope: fc.constantFrom('node', 'table'),
      where: fc.option(predicates, { nil: undefined }),
      column: fc.constantFrom(...MEASURES),
      formula: fc.constant(undefined),
      into: fc.nat(1),
    }),
    fc
      .record({
        node: fc.nat(count - 1),
        formula: formulas(count),
        into: fc.option(fc.nat(1), { nil: undefined }),
      })
      .map(({ node, formula, into }) => ({
        node,
        formula,
        // A formula with a sum sets the first measure unless it says which.
        into: into ?? (hasSum(formula) ? 0 : undefined),
        scope: 'node' as const,
        where: undefined,
        column: undefined,
      })),
  )

const amount = fc.oneof(
  fc.integer({ min: -500, max: 500 }).map((cents) => (cents / 100).toFixed(2)),
  fc.constantFrom('0', '9007199254740991', '-9007199254740993.25', null),
)

export const rollUps: fc.Arbitrary<NaiveRollUp> = fc.integer({ min: 1, max: 8 }).chain((count) =>
  fc.record({
    parents: fc.tuple(
      ...Array.from({ length: count }, (_, i) => (i === 0 ? fc.constant(-1) : fc.nat(i - 1))),
    ),
    measures: fc.constant(MEASURES),
    policy: fc.constantFrom('most_specific', 'top_down'),
    facts: fc.array(
      fc.record({
        // One value in ten belongs to no node.
        cc: fc.option(
          fc.nat(count).map((i) => `N${i}`),
          { freq: 10 },
        ),
        book: fc.constantFrom('A', 'B', 'C', null),
        daily_amt: amount,
        fee_amt: amount,
      }),
      { maxLength: 12 },
    ),
    drivers: fc
      .boolean()
      .map((byBook) => [
        { column: 'cc', nodes: new Map(Array.from({ length: count }, (_, i) => [`N${i}`, i])) },
        ...(byBook ? [{ column: 'book', nodes: new Map([['A', count - 1]]) }] : []),
      ]),
    rules: fc.uniqueArray(rules(count), { minLength: 1, maxLength: 5, selector: (rule) => rule.node }),
  }),
)

const print = (formula: NaiveFormula): string => {
  switch (formula.is) {
    case 'constant':
      return formula.text
    case 'node':
      return formula.value === 'bare' ? `N${formula.node}` : `${formula.value}(N${formula.node})`
    case 'sum':
      return formula.where === undefined
        ? `sum(${formula.column})`
        : `sum(${formula.column} where ${formula.where.text})`
    default:
      return `(${print(formula.left)} ${formula.is} ${print(formula.right)})`
  }
}

const MEASURE_NAMES = ['daily', 'fee']

/** What the author of the use case writes. */
export function draft({ rules: list, policy, parents, drivers }: NaiveRollUp): object {
  // Where there is a second driver, the last node is also bound by name to book A.
  return {
    policy,
    measures: { daily: 'daily_amt', fee: 'fee_amt' },
    drivers: [
      { nodes: 'all', column: 'cc' },
      ...(drivers.length === 1
        ? []
        : [{ nodes: [`N${parents.length - 1}`], column: 'book', value: 'node_name' }]),
    ],
    rules: list.map(({ node, scope, where, column, formula, into }) => ({
      node: `N${node}`,
      ...(formula === undefined ? { scope } : { formula: print(formula) }),
      ...(where === undefined ? {} : { where: where.text }),
      ...(column === undefined ? {} : { measure_name: column }),
      ...(into === undefined ? {} : { into: MEASURE_NAMES[into] }),
    })),
  }
}

/** Nodes N0, N1, …; the last one is named A, as a book is. */
export const treeOfRollUp = ({ parents }: NaiveRollUp): Tree =>
  buildTree(
    parents.map((parent, i) => ({
      node_id: `N${i}`,
      parent_node_id: parent < 0 ? null : `N${parent}`,
      node_name: i === parents.length - 1 ? 'A' : `Node ${i}`,
      rollup_driver: null,
      rollup_value_source: 'node_id' as const,
    })),
  )

const exact = ({ units, scale }: Decimal): Fraction => ({ n: units, d: 10n ** BigInt(scale) })

/** Every cell is what the naive evaluator says. */
export function expectNaive(cells: readonly Cell[], tree: Tree, naive: ReturnType<typeof naiveRollUp>): void {
  for (const cell of cells) {
    const id = tree.nodes[cell.node]!.node_id
    const expected = naive[cell.measure]![id === 'UNASSIGNED' ? tree.nodes.length - 1 : Number(id.slice(1))]!
    expect(sameFraction(exact(cell.natural), expected.natural)).toBe(true)
    expect(sameFraction(exact(cell.direct), expected.direct)).toBe(true)
    expect(cell.factCount).toBe(expected.facts)
    expect(cell.adjusted === undefined).toBe(expected.adjusted === undefined)
    if (cell.adjusted === undefined || expected.adjusted === undefined) continue
    expect(sameFraction(exact(cell.adjusted), expected.adjusted)).toBe(true)
    expect(equalDecimals(cell.plug!, subtract(cell.natural, cell.adjusted))).toBe(true)
  }
}
