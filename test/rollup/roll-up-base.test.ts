import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDecimal } from '#tieout/base/decimal'
import { type Calculation, calculate, rollUpBase } from '#tieout/rollup/calculate'
import { figuresOf } from '#tieout/rollup/figures'
import type { UseCase } from '#tieout/rollup/use-case'
import { frameOf, groupedFrame, inBlocks, type TextRow } from '../support/frames.js'
import { NaiveCycle, type NaiveFact, type NaiveRollUp, naiveRollUp } from '../support/naive-rollup.js'
import {
  COLUMNS,
  draft,
  expectNaive,
  MEASURES,
  rollUps,
  rules,
  treeOfRollUp,
} from '../support/random-roll-ups.js'
import { columnsOf, treeOf, useCaseOf } from '../support/roll-up.js'

const CODED = COLUMNS.filter(({ type }) => type === 'text')
const frameOfFacts = (facts: readonly TextRow[]) => frameOf(facts, CODED, MEASURES)

/** A roll-up with other rules, one after the other, as somebody would edit them. */
const edits = fc.constantFrom(1, 1, 40).chain((copies) =>
  rollUps.chain((input) =>
    fc.record({
      input: fc.constant<NaiveRollUp>({
        ...input,
        // Many facts of few kinds are grouped by the values of their columns.
        facts: Array.from({ length: copies }, () => input.facts).flat(),
      }),
      later: fc.array(
        fc.record({
          policy: fc.constantFrom('most_specific' as const, 'top_down' as const),
          rules: fc.uniqueArray(rules(input.parents.length), { maxLength: 5, selector: ({ node }) => node }),
        }),
        { minLength: 1, maxLength: 4 },
      ),
      rowsInBlock: fc.constantFrom(3, 1000),
      shape: fc.constantFrom('facts', 'grouped'),
      purpose: fc.constantFrom('run' as const, 'edits' as const),
    }),
  ),
)

/** Undefined where the naive evaluator finds a cycle. */
function naiveOf(input: NaiveRollUp): ReturnType<typeof naiveRollUp> | undefined {
  try {
    return naiveRollUp(input)
  } catch (error) {
    if (error instanceof NaiveCycle) return undefined
    throw error
  }
}

test('random edits over a kept base: the figures and findings of a calculation from nothing, and the naive ones', {
  tags: ['long'],
}, () => {
  let compared = 0
  fc.assert(
    fc.property(edits, ({ input, later, rowsInBlock, shape, purpose }) => {
      const tree = treeOfRollUp(input)
      const ungrouped = inBlocks(frameOfFacts(input.facts as readonly NaiveFact[]), rowsInBlock)
      const frame = shape === 'grouped' ? groupedFrame(ungrouped) : ungrouped
      const unruled = useCaseOf(tree, draft({ ...input, rules: [] }), COLUMNS)
      const base = rollUpBase(frame, tree, unruled, purpose)
      for (const edit of [input, ...later]) {
        const edited: NaiveRollUp = { ...input, ...edit }
        const naive = naiveOf(edited)
        if (naive === undefined) continue
        const useCase = useCaseOf(tree, draft(edited), COLUMNS)
        const kept = calculate({ tree, useCase, policy: edited.policy, frame, base })
        expectNaive(kept.cells, tree, naive)
        const cold = calculate({ tree, useCase, policy: edited.policy, frame })
        expect(whole(kept)).toEqual(whole(cold))
        expect(figuresOf(kept, tree, useCase, frame)).toEqual(figuresOf(cold, tree, useCase, frame))
        compared += kept.cells.length
      }
    }),
    { numRuns: 80 },
  )
  expect(compared).toBeGreaterThan(1000)
})

/** Everything but the number of groups, which tells how the figures were found. */
const whole = ({ groups: _, ...rest }: Calculation): Omit<Calculation, 'groups'> => rest

const TREE = treeOf('R\n  A\n    A1\n    A2\n  B\n    B1')
const FACTS = Array.from({ length: 960 }, (_, i) => ({
  cc: ['A1', 'A2', 'B1', 'elsewhere'][i % 4]!,
  book: ['X', 'Y', 'Z'][i % 3]!,
  trade: `T${i}`,
  daily_amt: '1.25',
  fee_amt: '0.50',
}))
const FACT_COLUMNS = columnsOf(['cc', 'book', 'trade', 'daily_amt', 'fee_amt'])
const FRAME = frameOf(
  FACTS,
  FACT_COLUMNS.filter(({ type }) => type === 'text'),
  ['daily_amt', 'fee_amt'],
)
const useCaseWith = (rules: readonly object[], more: object = {}): UseCase =>
  useCaseOf(TREE, { rules, ...more }, FACT_COLUMNS)

describe('what a base is asked', () => {
  const where = (text: string) => {
    const rule = useCaseWith([{ node: 'A', where: text }]).rules[0]!
    return rule.flavour === 'filter' ? rule.where : null
  }
  // 960 facts: 240 for each of A1, A2, B1 and elsewhere; 80 of each node and book.
  test.each<[string, string | null, string | null, number, string]>([
    ['a leaf', 'A1', "book = 'X'", 80, '100.00'],
    ['a parent', 'A', "book in ('X', 'Y')", 320, '400.00'],
    ['the root sees what no node claims', 'R', "book = 'Z'", 320, '400.00'],
    ['the table', null, "not book = 'Z'", 640, '800.00'],
    ['one trade of many', 'A', "trade = 'T4'", 1, '1.25'],
    ['one trade of the table', null, "trade = 'T7'", 1, '1.25'],
    ['by the driver itself', null, "cc = 'elsewhere'", 240, '300.00'],
    ['every fact of a node', 'B', null, 240, '300.00'],
    ['nothing', 'B1', "book = 'W'", 0, '0.00'],
  ])('%s', (_, node, text, facts, daily) => {
    for (const purpose of ['run', 'edits'] as const) {
      const base = rollUpBase(FRAME, TREE, useCaseWith([]), purpose)
      const search = {
        node: node === null ? null : TREE.positions.get(node)!,
        where: text === null ? null : where(text),
      }
      const found = base.search(0, search)
      expect([found.facts, formatDecimal(found.amounts[0]!)]).toEqual([facts, daily])
      // The facts themselves, where somebody wants to see some.
      expect(base.examples(search, 10_000).map(({ block, row }) => block * 65_536 + row)).toEqual(
        FACTS.flatMap((fact, i) => {
          const inNode = node === null || node === 'R' || fact.cc.startsWith(node)
          const holds: Record<string, boolean> = {
            "book = 'X'": fact.book === 'X',
            "book in ('X', 'Y')": fact.book !== 'Z',
            "book = 'Z'": fact.book === 'Z',
            "not book = 'Z'": fact.book !== 'Z',
            "trade = 'T4'": i === 4,
            "trade = 'T7'": i === 7,
            "cc = 'elsewhere'": fact.cc === 'elsewhere',
            "book = 'W'": false,
          }
          return inNode && (text === null || holds[text]!) ? [i] : []
        }),
      )
    }
  })

  test('no more examples than were asked for', () => {
    const base = rollUpBase(FRAME, TREE, useCaseWith([]))
    expect(base.examples({ node: null, where: where("book = 'Y'") }, 2)).toEqual([
      { block: 0, row: 1 },
      { block: 0, row: 4 },
    ])
  })
})

describe('what a base fits', () => {
  const base = rollUpBase(FRAME, TREE, useCaseWith([]))

  test.each<[string, UseCase, boolean]>([
    ['other rules', useCaseWith([{ node: 'A', where: "book = 'X'" }]), true],
    ['other measures', useCaseWith([], { measures: { fee: 'fee_amt', daily: 'daily_amt' } }), true],
    [
      'the same drivers in other words',
      useCaseWith([], { drivers: [{ nodes: ['R', 'A', 'A1', 'A2', 'B', 'B1'], column: 'cc' }] }),
      true,
    ],
    ['other drivers', useCaseWith([], { drivers: [{ nodes: 'leaves', column: 'cc' }] }), false],
    ['a scenario', useCaseWith([], { source: { table: 'facts', date: null, scenario: 'book' } }), false],
  ])('%s', (_, useCase, fits) => {
    expect(base.fits(FRAME, TREE, useCase)).toBe(fits)
    const calculation = () => calculate({ tree: TREE, useCase, policy: 'top_down', frame: FRAME, base })
    if (!fits) expect(calculation).toThrow('the base is of other facts, nodes or bindings')
    else
      expect(whole(calculation())).toEqual(
        whole(calculate({ tree: TREE, useCase, policy: 'top_down', frame: FRAME })),
      )
  })

  test('other facts and another tree do not fit', () => {
    const useCase = useCaseWith([])
    expect(base.fits({ ...FRAME }, TREE, useCase)).toBe(false)
    expect(base.fits(FRAME, treeOf('R\n  A'), useCase)).toBe(false)
  })
})

test('measures in turn over one base: each shows its own columns', () => {
  const base = rollUpBase(FRAME, TREE, useCaseWith([]))
  const root = (measures: object): string[] => {
    const useCase = useCaseWith([], { measures })
    const { cells } = calculate({ tree: TREE, useCase, policy: 'top_down', frame: FRAME, base })
    return figuresOf(
      { ...calculate({ tree: TREE, useCase, policy: 'top_down', frame: FRAME, base }), cells },
      TREE,
      useCase,
      FRAME,
    )
      .filter(({ node_id }) => node_id === 'R')
      .map(({ measure, natural }) => `${measure} ${natural}`)
  }
  // 960 × 1.25 and 960 × 0.5
  expect(root({ daily: 'daily_amt' })).toEqual(['daily 1200.00'])
  expect(root({ fee: 'fee_amt', daily: 'daily_amt' })).toEqual(['fee 480.00', 'daily 1200.00'])
  expect(root({ daily: 'daily_amt' })).toEqual(['daily 1200.00'])
})

test('adjusted amounts over a kept base: rules stand on them, naturals do not', () => {
  const base = rollUpBase(FRAME, TREE, useCaseWith([]))
  const useCase = useCaseWith([{ node: 'A1', where: "book = 'X'" }])
  // fee_amt plays the facts of daily after an adjustment that took 0.75 from each.
  const adjusted = new Map([['daily_amt', 'fee_amt']])
  const input = { tree: TREE, useCase, policy: 'top_down' as const, frame: FRAME, adjusted }
  const kept = calculate({ ...input, base })
  expect(whole(kept)).toEqual(whole(calculate(input)))
  const texts = kept.cells.map(({ node, natural, adjustment, adjusted: value, plug }) =>
    [TREE.nodes[node]!.node_id, ...[natural, adjustment, value!, plug!].map(formatDecimal)].join(' '),
  )
  expect(texts).toEqual([
    // 80 facts of A1 in book X at 0.5 = 40; 240 − 80 facts left out at 0.5 = 80
    'R 1200.00 -720.00 400.00 800.00',
    'A 600.00 -360.00 160.00 440.00',
    'A1 300.00 -180.00 40.00 260.00',
    'A2 300.00 -180.00 120.00 180.00',
    'B 300.00 -180.00 120.00 180.00',
    'B1 300.00 -180.00 120.00 180.00',
    'UNASSIGNED 300.00 -180.00 120.00 180.00',
  ])
})
