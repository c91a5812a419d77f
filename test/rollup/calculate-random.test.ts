import fc from 'fast-check'
import { expect, test } from 'vitest'
import { add, type Decimal, equalDecimals, subtract, ZERO } from '#tieout/base/decimal'
import type { Refusal } from '#tieout/base/errors'
import { calculate } from '#tieout/rollup/calculate'
import { buildTree } from '#tieout/rollup/hierarchy'
import {
  type Fraction,
  NaiveCycle,
  type NaiveFact,
  type NaiveFormula,
  type NaivePredicate,
  type NaiveRollUp,
  type NaiveRule,
  naiveRollUp,
  sameFraction,
} from '../support/naive-rollup.js'
import { columnsOf, frameFor, useCaseOf } from '../support/roll-up.js'

const COLUMNS = columnsOf(['cc', 'book', 'daily_amt', 'fee_amt'])
const MEASURES = ['daily_amt', 'fee_amt']

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
    ),
  })).formula

const hasSum = (formula: NaiveFormula): boolean =>
  formula.is === 'sum' || ('left' in formula && (hasSum(formula.left) || hasSum(formula.right)))

const rules = (count: number): fc.Arbitrary<NaiveRule> =>
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

const rollUps: fc.Arbitrary<NaiveRollUp> = fc.integer({ min: 1, max: 8 }).chain((count) =>
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
    drivers: fc.constant([
      { column: 'cc', nodes: new Map(Array.from({ length: count }, (_, i) => [`N${i}`, i])) },
      { column: 'book', nodes: new Map([['A', count - 1]]) },
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

function draft({ rules: list, policy, parents }: NaiveRollUp): object {
  // The last node is also bound by name to book A, the second driver.
  return {
    policy,
    measures: { daily: 'daily_amt', fee: 'fee_amt' },
    drivers: [
      { nodes: 'all', column: 'cc' },
      { nodes: [`N${parents.length - 1}`], column: 'book', value: 'node_name' },
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

const exact = ({ units, scale }: Decimal): Fraction => ({ n: units, d: 10n ** BigInt(scale) })

test('random trees, facts and rules: every cell is what the naive evaluator says, and everything ties out', () => {
  let cycles = 0
  let empties = 0
  fc.assert(
    fc.property(rollUps, (input) => {
      const last = input.parents.length - 1
      const tree = buildTree(
        input.parents.map((parent, i) => ({
          node_id: `N${i}`,
          parent_node_id: parent < 0 ? null : `N${parent}`,
          node_name: i === last ? 'A' : `Node ${i}`,
          rollup_driver: null,
          rollup_value_source: 'node_id' as const,
        })),
      )
      let naive: ReturnType<typeof naiveRollUp> | undefined
      try {
        naive = naiveRollUp(input)
      } catch (error) {
        if (!(error instanceof NaiveCycle)) throw error
        cycles += 1
      }
      if (naive === undefined) {
        try {
          useCaseOf(tree, draft(input), COLUMNS)
        } catch (error) {
          expect((error as Refusal).problems.map(({ code }) => code)).toContain('TIE-2309')
          return
        }
        throw new Error('a cycle was not refused')
      }
      const useCase = useCaseOf(tree, draft(input), COLUMNS)
      const frame = frameFor(tree, useCase, input.facts, COLUMNS)
      const { cells, tieOut } = calculate({ tree, useCase, policy: input.policy, frame })
      expect(cells).toHaveLength(input.facts.length === 0 ? 0 : tree.nodes.length * 2)
      for (const cell of cells) {
        const id = tree.nodes[cell.node]!.node_id
        const expected = naive[cell.measure]![id === 'UNASSIGNED' ? last + 1 : Number(id.slice(1))]!
        expect(sameFraction(exact(cell.natural), expected.natural)).toBe(true)
        expect(sameFraction(exact(cell.direct), expected.direct)).toBe(true)
        expect(cell.factCount).toBe(expected.facts)
        expect(cell.adjusted === undefined).toBe(expected.adjusted === undefined)
        if (cell.adjusted === undefined || expected.adjusted === undefined) {
          empties += 1
          continue
        }
        expect(sameFraction(exact(cell.adjusted), expected.adjusted)).toBe(true)
        expect(equalDecimals(cell.plug!, subtract(cell.natural, cell.adjusted))).toBe(true)
      }
      // The root's plug = Σ over the overrides of what each took from its children and own facts.
      MEASURES.forEach((_, measure) => {
        const of = cells.filter((cell) => cell.measure === measure)
        const effects = of
          .filter(({ rule }) => rule !== undefined)
          .map((cell) => {
            const below = of.filter(({ node }) => tree.nodes[node]!.parent === cell.node)
            if (cell.adjusted === undefined || below.some(({ adjusted }) => adjusted === undefined))
              return undefined
            return subtract(
              below.reduce((sum, child) => add(sum, child.adjusted!), cell.direct),
              cell.adjusted,
            )
          })
        const root = of[0]
        if (root?.plug === undefined || effects.includes(undefined)) return
        const total = effects.reduce((sum: Decimal, effect) => add(sum, effect!), ZERO)
        expect(equalDecimals(total, root.plug)).toBe(true)
        expect(equalDecimals(tieOut[measure]!.overrides!, root.plug)).toBe(true)
        expect(equalDecimals(tieOut[measure]!.facts, root.natural)).toBe(true)
      })
    }),
    { numRuns: 250 },
  )
  // The generator must reach the corners it is there for.
  expect(cycles).toBeGreaterThan(0)
  expect(empties).toBeGreaterThan(0)
})
