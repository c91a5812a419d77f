/** Work is counted, not timed: with 100,000 open lots every method still does about a logarithm of them per sell. */

import { expect, test } from 'vitest'
import { lotConfig } from '#tieout/lots/config'
import { Lot } from '#tieout/lots/lot'
import { matchSymbol } from '#tieout/lots/match'
import { SymbolFacts } from '#tieout/lots/symbol-facts'
import { trades } from '../support/lots.js'

/** How often the work compares two lots. A plain counter: a spy would keep every call. */
function counting(work: () => void): number {
  const { compareUnitCost, compareOpening } = Lot.prototype
  let count = 0
  Lot.prototype.compareUnitCost = function (other) {
    count += 1
    return compareUnitCost.call(this, other)
  }
  Lot.prototype.compareOpening = function (other) {
    count += 1
    return compareOpening.call(this, other)
  }
  try {
    work()
  } finally {
    Object.assign(Lot.prototype, { compareUnitCost, compareOpening })
  }
  return count
}

/** `deep` lots are opened before the first sell; then as many sells as there are lots. */
function comparisons(method: string, deep: number): number {
  const config = lotConfig({ method })
  const facts = new SymbolFacts('BTC-USD', config)
  const [buy, sell] = trades('b buy 1 @ 100\ns sell 1 @ 100')
  for (let i = 0; i < 2 * deep; i++) {
    const at = `2025-03-01T00:00:00.${String(i).padStart(9, '0')}Z` as NonNullable<typeof buy>['executed_at']
    // Prices in no order.
    const price = { units: BigInt((i * 7919) % 10_007) + 1n, scale: 0 }
    facts.addTrade({ ...(i < deep ? buy! : sell!), order_id: `o${i}`, executed_at: at, price })
  }
  return counting(() => {
    const { allocations, state } = matchSymbol(facts, config)
    expect([allocations.sell.length, state.lots.length]).toEqual([deep, 0])
  })
}

test.each(['fifo', 'lifo', 'average', 'specific'])('%s compares once a lot', (method) => {
  expect(comparisons(method, 2000)).toBeLessThanOrEqual(2 * 2000)
})

test.each(['hifo', 'lofo'])('%s compares a logarithm of lots', (method) => {
  const deep = 5000
  // Up the heap and down again, two comparisons a level, and ties.
  expect(comparisons(method, deep)).toBeLessThanOrEqual(6 * deep * Math.log2(deep))
  // Twice the lots, a little more than twice the work.
  expect(comparisons(method, 2 * deep) / comparisons(method, deep)).toBeLessThan(2.3)
})

test('100,000 open lots by highest cost', { tags: ['long'] }, () => {
  const deep = 100_000
  expect(comparisons('hifo', deep)).toBeLessThanOrEqual(6 * deep * Math.log2(deep))
})
