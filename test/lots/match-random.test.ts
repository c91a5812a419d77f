/** Random facts under random configurations: the engine against the naive evaluator, row by row. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AllocationColumns, SymbolResult, SymbolState } from '#tieout/lots/allocation'
import { allocationRows } from '#tieout/lots/allocation-rows'
import { factsOf } from '#tieout/lots/compute'
import type { LotConfig } from '#tieout/lots/config'
import { matchSymbol } from '#tieout/lots/match'
import { compareOrder } from '#tieout/lots/order'
import { rewindTo } from '#tieout/lots/rewind'
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
    { numRuns: 300 },
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

test('a late fact rewinds to any state before it, and the result is that of a full computation', () => {
  fc.assert(
    fc.property(randomFacts, randomConfig, fc.nat(25), (facts, naive, pick) => {
      const config = configOf(naive)
      const late = facts[pick % facts.length]!
      const known = facts.filter((fact) => fact !== late)
      if (known.length === 0) return
      const states: SymbolState[] = []
      const first = matchSymbol(factsOf(known.map(factOf), config).get(SYMBOL)!, config, {
        checkpointEvery: 3,
        onCheckpoint: (state) => states.push(state),
      })
      const table = factsOf(facts.map(factOf), config).get(SYMBOL)!
      const keys = table.sorted().map((row) => table.keyOf(row))
      const key = keys.find(({ id }) => id === late.id)!
      const from = rewindTo([...states, first.state], [key])
      const through = from?.through ?? null
      if (through !== null) expect(compareOrder(through, key)).toBeLessThan(0)
      const after = facts.filter((fact) => {
        const at = keys.find(({ id }) => id === fact.id)!
        return through === null || compareOrder(at, through) > 0
      })
      const again = computed(after, config, from)
      const whole = computed(facts, config)
      expect(again.digest).toBe(whole.digest)
      expect(again.state).toEqual(whole.state)
      const usable = [...states, first.state].filter((state) => compareOrder(state.through!, key) < 0)
      expect(from?.through).toEqual(usable.at(-1)?.through)
    }),
    { numRuns: 250 },
  )
})

test('without changes the newest state stands; without states nothing does', () => {
  const config = configOf({ regimes: [{ at: '', method: 'fifo', scope: 'symbol' }], short: false, dust: '0' })
  expect(rewindTo([], [])).toBeUndefined()
  const fact = {
    ...({ is: 'trade', id: 'o1', symbol: SYMBOL, side: 'buy', size: '1', price: '1', fee: '0' } as const),
    ...({
      inKind: false,
      at: '2025-01-01T00:00:00Z',
      account: null,
      strategy: null,
      bracket: null,
      sequence: null,
      lots: [],
    } as const),
  }
  const { state } = computed([fact], config)
  expect(rewindTo([{ ...state, through: null }, state], [])).toBe(state)
})
