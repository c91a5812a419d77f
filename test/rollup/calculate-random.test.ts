import fc from 'fast-check'
import { expect, test } from 'vitest'
import { add, type Decimal, equalDecimals, subtract, ZERO } from '#tieout/base/decimal'
import type { Refusal } from '#tieout/base/errors'
import { calculate } from '#tieout/rollup/calculate'
import { NaiveCycle, naiveRollUp } from '../support/naive-rollup.js'
import { COLUMNS, draft, expectNaive, MEASURES, rollUps, treeOfRollUp } from '../support/random-roll-ups.js'
import { frameFor, useCaseOf } from '../support/roll-up.js'

test('random trees, facts and rules: every cell is what the naive evaluator says, and everything ties out', () => {
  let cycles = 0
  let empties = 0
  fc.assert(
    fc.property(rollUps, (input) => {
      const tree = treeOfRollUp(input)
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
      expectNaive(cells, tree, naive)
      empties += cells.filter(({ adjusted }) => adjusted === undefined).length
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
    { numRuns: 120 },
  )
  // The generator must reach the corners it is there for.
  expect(cycles).toBeGreaterThan(0)
  expect(empties).toBeGreaterThan(0)
})
