/** Random facts under random configurations: the engine against the naive evaluator, row by row. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AllocationColumns, SymbolResult, SymbolState } from '#tieout/lots/allocation'
import { allocationRows } from '#tieout/lots/allocation-rows'
import { factsOf } from '#tieout/lots/compute'
import type { LotConfig } from '#tieout/lots/config'
import { matchSymbol } from '#tieout/lots/match'
import { fraction, minus, type NaiveFact, naiveLots, naiveOrder, plus } from '../support/naive-lots.js'
import { configOf, factOf, randomConfig, randomFacts, SYMBOL } from '../support/random-lots.js'

const computed = (facts: readonly NaiveFact[], config: LotConfig, from?: SymbolState): SymbolResult =>
  matchSymbol(factsOf(facts.map(factOf), config).get(SYMBOL)!, config, from === undefined ? {} : { from })

const text = ({ n, d }: { n: bigint; d: bigint }): string => `${n}/${d}`
const same = (decimal: string | null): string => (decimal === null ? 'null' : text(fraction(decimal)))

const rowsOf = (columns: AllocationColumns): unknown[] =>
  [...allocationRows(columns)].map((row) => [
    row.sell_order_id,
    row.buy_order_id,
    row.class,
    row.lot_account,
    same(row.allocated_size),
    same(row.cost_basis),
    same(row.buy_fee),
    same(row.proceeds),
    same(row.sell_fee),
    same(row.pnl),
  ])

test('random trades, splits and transfers, every method, scope and policy: row by row what the naive evaluator says', () => {
  fc.assert(
    fc.property(randomFacts, randomConfig, (facts, config) => {
      const { allocations, state } = computed(facts, configOf(config))
      const naive = naiveLots(facts, config)
      expect(rowsOf(allocations)).toEqual(
        naive.rows.map((row) => {
          const cost = plus(row.buyGross, row.buyFee)
          const net = minus(row.sellGross, row.sellFee)
          const unmatched = row.buy === null
          return [
            row.sell,
            row.buy,
            row.class,
            row.lotAccount,
            text(row.size),
            unmatched ? 'null' : text(cost),
            unmatched ? 'null' : text(row.buyFee),
            text(row.sellGross),
            text(row.sellFee),
            unmatched ? 'null' : text(minus(net, cost)),
          ]
        }),
      )
      expect(
        state.lots.map((lot) => [
          lot.order_id,
          lot.account,
          lot.side,
          same(lot.remaining_size),
          same(lot.remaining_gross),
          same(lot.remaining_fee),
        ]),
      ).toEqual(
        naive.open.map((lot) => [
          lot.id,
          lot.account,
          lot.short ? 'short' : 'long',
          text(lot.size),
          text(lot.gross),
          text(lot.fee),
        ]),
      )
    }),
    { numRuns: 400 },
  )
})

test('any order of arrival and any split into batches give one digest', () => {
  fc.assert(
    fc.property(
      randomFacts,
      randomConfig,
      fc.infiniteStream(fc.nat(1000)),
      fc.nat(26),
      (facts, naive, shuffle, at) => {
        const config = configOf(naive)
        const whole = computed(facts, config)
        const shuffled = facts
          .map((fact) => ({ fact, key: shuffle.next().value }))
          .sort((a, b) => a.key - b.key)
        const other = computed(
          shuffled.map(({ fact }) => fact),
          config,
        )
        expect(other.digest).toBe(whole.digest)
        const sorted = [...facts].sort(naiveOrder)
        const first = sorted.slice(0, at)
        const rest = sorted.slice(at)
        if (first.length === 0 || rest.length === 0) return
        const before = computed(first, config)
        const stored = JSON.parse(JSON.stringify(before.state)) as SymbolState
        const after = computed(rest, config, stored)
        expect(after.digest).toBe(whole.digest)
        expect(after.state).toEqual(whole.state)
        expect([...rowsOf(before.allocations), ...rowsOf(after.allocations)]).toEqual(
          rowsOf(whole.allocations),
        )
      },
    ),
    { numRuns: 300 },
  )
})
