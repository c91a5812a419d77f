import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Decimal } from '#tieout/base/decimal'
import { equalDecimals, subtract } from '#tieout/base/decimal'
import { adjustmentsInForce } from '#tieout/rollup/adjustments/adjustment'
import { readAdjustmentsFile } from '#tieout/rollup/adjustments/adjustments-file'
import { applyAdjustments } from '#tieout/rollup/adjustments/apply-adjustments'
import { bindAdjustments } from '#tieout/rollup/adjustments/bind-adjustments'
import { calculate } from '#tieout/rollup/calculate'
import { buildTree } from '#tieout/rollup/hierarchy'
import { frameColumns } from '#tieout/rollup/searches'
import { frameOf } from '../support/frames.js'
import {
  decimalText,
  type NaiveAdjustment,
  type NaiveCompare,
  naiveAdjust,
} from '../support/naive-adjustments.js'
import {
  type Fraction,
  type NaiveFact,
  type NaiveFormula,
  type NaivePredicate,
  type NaiveRule,
  naiveRollUp,
  sameFraction,
} from '../support/naive-rollup.js'
import { columnsOf, useCaseOf } from '../support/roll-up.js'

const COLUMNS = columnsOf(['cc', 'book', 'scenario', 'daily_amt', 'fee_amt', 'other_amt'])
const AMOUNTS = ['daily_amt', 'fee_amt', 'other_amt']
/** Measure → column: two measures share one, and one column is no measure's. */
const MEASURES = { daily: 'daily_amt', fee: 'fee_amt', again: 'daily_amt' }
const NODES = 4

const predicates: fc.Arbitrary<NaivePredicate> = fc.oneof(
  fc
    .constantFrom('A', 'B', 'Z')
    .map((b) => ({ text: `book = '${b}'`, holds: (f: NaiveFact) => f.book === b })),
  fc.constant({ text: "not book = 'A'", holds: (f: NaiveFact) => f.book !== 'A' }),
  fc.constant({
    text: "book in ('A', 'B') and cc = 'N1' or book is null",
    holds: (f: NaiveFact) => ((f.book === 'A' || f.book === 'B') && f.cc === 'N1') || f.book === null,
  }),
  // The fact as it is, whatever was done to it before.
  fc.constant({
    text: 'daily_amt > 1.00',
    holds: (f: NaiveFact) => f.daily_amt !== null && Number(f.daily_amt) > 1,
  }),
)

const bound = fc.record({
  op: fc.constantFrom('>', '>=', '<', '<=', '=', '!='),
  amount: fc.constantFrom('0', '1.5', '-0.125', '3.00', '100'),
})

const compares: fc.Arbitrary<NaiveCompare> = fc
  .record({
    key: fc.constantFrom(['book'], ['cc'], ['cc', 'book'], ['fee_amt']),
    measure: fc.constantFrom(...AMOUNTS),
    difference: fc.option(bound, { nil: undefined }),
    absolute: fc.option(bound, { nil: undefined }),
    prior: fc.constantFrom('missing', 'present', undefined),
  })
  .filter(({ difference, absolute, prior }) => [difference, absolute, prior].some((one) => one !== undefined))

const factor = fc.constantFrom('0', '1', '-1', '0.975', '1.0005', '3', '0.3333', '2', '90071992547.5')
const amount = fc.constantFrom('0', '0.01', '-12.345', '100', '0.5', '-9007199254740993')

const corrections: fc.Arbitrary<NaiveAdjustment> = fc
  .tuple(
    fc.oneof(
      factor.map((scale) => ({ scale })),
      amount.map((add) => ({ add })),
      fc.constantFrom('0', '1.25', '-3').map((atMost) => ({ atMost })),
      fc.constantFrom('0', '1.255', '-3').map((atLeast) => ({ atLeast })),
      fc.constant({ atMost: '2.5', atLeast: '-2.5' }),
    ),
    fc.record({
      where: fc.option(predicates, { nil: undefined }),
      compare: fc.option(compares, { nil: undefined, freq: 2 }),
      scenario: fc.constantFrom(undefined, undefined, 'ACTUAL', 'PRIOR'),
      columns: fc.constantFrom(
        ['daily_amt'],
        ['fee_amt'],
        ['daily_amt', 'fee_amt'],
        ['other_amt', 'daily_amt'],
      ),
      round: fc.constantFrom(undefined, undefined, 0, 1, 2, 3, 12),
    }),
  )
  .map(([action, selection]) => ({ ...action, ...selection }))

/** A number stands for a reversal of the earlier one at that position, where none has reversed it yet. */
const adjustments: fc.Arbitrary<NaiveAdjustment[]> = fc
  .array(fc.oneof({ weight: 3, arbitrary: corrections }, { weight: 1, arbitrary: fc.nat(20) }), {
    minLength: 1,
    maxLength: 7,
  })
  .map((list) => {
    const made: NaiveAdjustment[] = []
    for (const one of list) {
      if (typeof one !== 'number') made.push(one)
      else {
        const free = made
          .map((_, i) => i)
          .filter((i) => !made.some((m) => 'reverses' in m && m.reverses === i))
        if (free.length > 0) made.push({ reverses: free[one % free.length]! })
      }
    }
    return made
  })
  .filter((list) => list.length > 0)

const cents = fc.integer({ min: -500, max: 500 }).map((units) => (units / 100).toFixed(2))
const values = (large: boolean) =>
  large
    ? fc.oneof(cents, fc.constantFrom('9007199254740991', '-9007199254740993.25', null))
    : fc.oneof(
        { weight: 6, arbitrary: cents },
        { weight: 1, arbitrary: fc.constantFrom('0', '-0.005', '1.5', null) },
      )

const facts: fc.Arbitrary<NaiveFact[]> = fc.boolean().chain((large) =>
  fc.array(
    fc.record({
      cc: fc.option(
        fc.nat(NODES).map((i) => `N${i}`),
        { freq: 10 },
      ),
      book: fc.constantFrom('A', 'B', 'C', null),
      scenario: fc.constantFrom('ACTUAL', 'ACTUAL', 'PRIOR', 'FLASH', null),
      daily_amt: values(large),
      fee_amt: values(false),
      other_amt: values(large),
    }),
    { maxLength: 14 },
  ),
)

const formula: fc.Arbitrary<NaiveFormula> = fc.oneof(
  fc.record({
    is: fc.constantFrom('+', '-', '*'),
    left: fc.record({
      is: fc.constant('node' as const),
      node: fc.constant(2),
      value: fc.constantFrom('bare', 'natural', 'adjusted'),
    }),
    right: fc.constantFrom(
      { is: 'constant' as const, text: '0.5' },
      { is: 'node' as const, node: 3, value: 'bare' as const },
      { is: 'node' as const, node: 1, value: 'natural' as const },
    ),
  }),
  fc.record({
    is: fc.constant('sum' as const),
    column: fc.constantFrom('daily_amt', 'other_amt'),
    where: fc.option(predicates, { nil: undefined }),
  }),
)

/** Node 1 has a rule of any flavour, node 2 a filter; node 3 hangs below 1 or 2. */
const rules: fc.Arbitrary<NaiveRule[]> = fc
  .tuple(
    fc.option(formula, { nil: undefined }),
    fc.option(fc.constantFrom('fee_amt', 'other_amt'), { nil: undefined }),
    fc.constantFrom('node' as const, 'table' as const),
    predicates,
    fc.boolean(),
  )
  .map(([made, column, scope, where, second]) => {
    const one: NaiveRule =
      made === undefined
        ? { node: 1, scope, where, column, formula: undefined, into: column === undefined ? undefined : 0 }
        : {
            node: 1,
            scope: 'node',
            where: undefined,
            column: undefined,
            formula: made,
            into: made.is === 'sum' ? 0 : undefined,
          }
    const two: NaiveRule = {
      node: 2,
      scope: 'node',
      where,
      column: undefined,
      formula: undefined,
      into: undefined,
    }
    return second ? [one, two] : [one]
  })

const print = (part: NaiveFormula): string => {
  switch (part.is) {
    case 'constant':
      return part.text
    case 'node':
      return part.value === 'bare' ? `N${part.node}` : `${part.value}(N${part.node})`
    case 'sum':
      return `sum(${part.column}${part.where === undefined ? '' : ` where ${part.where.text}`})`
    default:
      return `(${print(part.left)} ${part.is} ${print(part.right)})`
  }
}

const written = (one: { op: string; amount: string } | undefined) =>
  one === undefined ? undefined : `${one.op} ${one.amount}`

const draftOf = (one: NaiveAdjustment, i: number): object => ({
  name: `Step ${i}`,
  reason: 'because',
  owner: 'controller',
  ...('reverses' in one
    ? { reverses: `Step ${one.reverses}` }
    : {
        // Names of measures and names of columns.
        measures: one.columns.map((column) => (i % 2 === 0 && column === 'daily_amt' ? 'daily' : column)),
        scale: one.scale,
        add: one.add,
        cap:
          one.atMost === undefined && one.atLeast === undefined
            ? undefined
            : { at_most: one.atMost, at_least: one.atLeast },
        where: one.where?.text,
        scenario: one.scenario,
        round: one.round,
        compare: one.compare && {
          key: one.compare.key,
          measure: one.compare.measure,
          difference: written(one.compare.difference),
          absolute_difference: written(one.compare.absolute),
          prior: one.compare.prior,
        },
      }),
})

const exact = ({ units, scale }: Decimal): Fraction => ({ n: units, d: 10n ** BigInt(scale) })
const difference = (a: Fraction, b: Fraction): Fraction => ({ n: a.n * b.d - b.n * a.d, d: a.d * b.d })

test('random adjustments, facts and rules: every step and every cell is what the naive evaluator says', {
  tags: ['long'],
}, () => {
  const seen = { reversals: 0, effects: 0, big: 0, rounded: 0, compared: 0 }
  fc.assert(
    fc.property(
      facts,
      adjustments,
      rules,
      fc.constantFrom('most_specific' as const, 'top_down' as const),
      fc.constantFrom(1, 2),
      (list, steps, ruleList, policy, above) => {
        const parents = [-1, 0, 0, above]
        const tree = buildTree(
          parents.map((parent, i) => ({
            node_id: `N${i}`,
            parent_node_id: parent < 0 ? null : `N${parent}`,
            node_name: `Node ${i}`,
            rollup_driver: null,
            rollup_value_source: 'node_id' as const,
          })),
        )
        const useCase = useCaseOf(
          tree,
          {
            source: { table: 'facts', date: null, scenario: 'scenario' },
            measures: MEASURES,
            drivers: [{ nodes: 'all', column: 'cc' }],
            policy,
            rules: ruleList.map(({ node, scope, where, column, formula: made, into }) => ({
              node: `N${node}`,
              ...(made === undefined ? { scope } : { formula: print(made) }),
              ...(where === undefined ? {} : { where: where.text }),
              ...(column === undefined ? {} : { measure_name: column }),
              ...(into === undefined ? {} : { into: Object.keys(MEASURES)[into] }),
            })),
          },
          COLUMNS,
        )
        const file = readAdjustmentsFile(JSON.stringify({ adjustments: steps.map(draftOf) }), 'a.json')
        const bound = bindAdjustments(file, { useCase, columns: COLUMNS, known: [] })
        const inForce = adjustmentsInForce(bound, '2025-12-24' as never)
        expect(inForce).toHaveLength(steps.length)
        const { coded, amounts } = frameColumns(tree, useCase, inForce)
        const typed = coded.map((name) => COLUMNS.find((column) => column.name === name)!)
        const raw = frameOf(list, typed, amounts)
        const made = applyAdjustments({ frame: raw, useCase, adjustments: inForce })
        const naive = naiveAdjust(list, AMOUNTS, steps, ['ACTUAL', 'PRIOR'])

        const key = (s: { column: string; scenario: string }, i: number) => `${i} ${s.column} ${s.scenario}`
        const found = new Map(made.steps.map((step) => [key(step, step.no - 1), step]))
        expect([...found.keys()].sort()).toEqual(naive.steps.map((step) => key(step, step.index)).sort())
        for (const step of naive.steps) {
          const own = found.get(key(step, step.index))!
          const text = key(step, step.index)
          expect([own.hits, text]).toEqual([step.hits, text])
          for (const part of ['before', 'effect', 'after'] as const)
            expect(sameFraction(exact(own[part]), step[part]), `${text} ${part}`).toBe(true)
          const given = steps[step.index]!
          if (step.effect.n !== 0n) {
            seen.effects += 1
            if ('reverses' in given) seen.reversals += 1
            else {
              if (given.round !== undefined) seen.rounded += 1
              if (given.compare !== undefined) seen.compared += 1
            }
          }
        }
        if (made.frame.amounts.some(({ range, name }) => range === 'big' && name.includes('\0')))
          seen.big += 1

        const { cells, tieOut } = calculate({
          tree,
          useCase,
          policy,
          frame: made.frame,
          adjusted: made.adjusted,
        })
        const names = Object.keys(MEASURES)
        for (const scenario of new Set(cells.map((cell) => cell.scenario))) {
          const scoped = list.flatMap((fact, i) =>
            fact.scenario === scenario
              ? [
                  {
                    ...fact,
                    ...Object.fromEntries(AMOUNTS.map((c) => [`${c}*`, decimalText(naive.values[i]![c]!)])),
                  },
                ]
              : [],
          )
          const expected = naiveRollUp({
            parents,
            measures: Object.values(MEASURES),
            policy,
            facts: scoped,
            drivers: [{ column: 'cc', nodes: new Map(parents.map((_, i) => [`N${i}`, i])) }],
            rules: ruleList,
            adjusted: new Map(AMOUNTS.map((column) => [column, `${column}*`])),
          })
          for (const cell of cells.filter((one) => one.scenario === scenario)) {
            const id = tree.nodes[cell.node]!.node_id
            const of = expected[cell.measure]![id === 'UNASSIGNED' ? parents.length : Number(id.slice(1))]!
            const text = `${id} ${names[cell.measure]} ${scenario}`
            expect(sameFraction(exact(cell.natural), of.natural), `${text} natural`).toBe(true)
            expect(sameFraction(exact(cell.direct), of.direct), `${text} direct`).toBe(true)
            const adjustment = difference(of.onAdjustedFacts, of.natural)
            expect(sameFraction(exact(cell.adjustment), adjustment), `${text} adjustment`).toBe(true)
            expect(sameFraction(exact(cell.adjusted!), of.adjusted!), `${text} adjusted`).toBe(true)
            expect(equalDecimals(cell.plug!, subtract(cell.natural, cell.adjusted!))).toBe(true)
          }
        }
        // Σ effects of the steps on a measure's column = the root's adjustment.
        for (const { scenario, measure, adjustment } of tieOut) {
          const column = MEASURES[measure as 'daily']
          const sum = made.steps
            .filter((step) => step.column === column && step.scenario === scenario)
            .reduce(
              (total: Decimal, { effect }) => subtract(total, subtract({ units: 0n, scale: 0 }, effect)),
              {
                units: 0n,
                scale: 0,
              },
            )
          expect(equalDecimals(sum, adjustment)).toBe(true)
        }
      },
    ),
    { numRuns: 150 },
  )
  // The generator must reach the corners it is there for.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10)
})
