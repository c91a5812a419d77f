/** Work in steps: the sort is that of the language, and a big symbol can be stopped in the middle. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { factsOf } from '#tieout/lots/compute'
import { lotConfig } from '#tieout/lots/config'
import { matchInSteps, matchSymbol } from '#tieout/lots/match'
import { finished, STEP, sorted } from '#tieout/lots/steps'
import { matchSymbols } from '#tieout/lots/symbol-change'
import { parseTrade, type Trade } from '#tieout/lots/trade'
import { parsed } from '../support/random-lots.js'

const SYMBOL = 'BTC-USD'
const SIZE = 5 * STEP

/** Pairs of a buy and a sell, or buys alone; in order or from the last to the first. */
function bigSymbol(shape: 'pairs' | 'buys' = 'pairs', order: 'in order' | 'backwards' = 'in order') {
  const config = lotConfig({})
  const facts = Array.from({ length: SIZE }, (_, i): Trade => {
    const at = new Date(Date.UTC(2025, 0, 1) + i * 1000).toISOString()
    const side = shape === 'pairs' && i % 2 === 1 ? 'sell' : 'buy'
    const row = { order_id: `o${i}`, symbol: SYMBOL, side, size: '1', price: '10', fee: '0', executed_at: at }
    return parsed(parseTrade(row)) as Trade
  })
  if (order === 'backwards') facts.reverse()
  return { config, facts: factsOf(facts, config) }
}

describe('sorted', () => {
  test('is as Array.sort, equal ones in their order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 * STEP }), fc.integer({ min: 1, max: 50 }), (length, keys) => {
        const all = Array.from({ length }, (_, i) => ({ key: (i * 7919) % keys, i }))
        const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key
        expect(finished(sorted([...all], compare))).toEqual([...all].sort(compare))
      }),
      { numRuns: 30 },
    )
  })
})

describe('a big symbol', () => {
  test.each([
    ['pairs', 'in order', 2],
    ['pairs', 'backwards', 2],
    // Open lots are written out in steps too, and digested.
    ['buys', 'in order', 4],
  ] as const)(
    '%s %s: a step is at most so many facts, and the result is that of one go',
    (shape, order, passes) => {
      const { config, facts } = bigSymbol(shape, order)
      const steps = matchInSteps(facts.get(SYMBOL)!, config)
      let count = 0
      for (;;) {
        const { done, value } = steps.next()
        if (done === true) {
          expect(value.digest).toBe(matchSymbol(facts.get(SYMBOL)!, config).digest)
          break
        }
        count += 1
      }
      expect(count).toBeGreaterThanOrEqual(Math.floor((passes * SIZE) / STEP) - passes)
    },
  )

  test('stops where the pause raises, and says so: it is no failed symbol', async () => {
    const { config, facts } = bigSymbol()
    let pauses = 0
    const matching = matchSymbols({
      facts,
      config,
      from: new Map(),
      stored: new Map(),
      onSymbol: async () => expect.unreachable('the symbol was not finished'),
      pause: async () => {
        pauses += 1
        if (pauses === 3) throw new Error('enough')
      },
    })
    await expect(matching).rejects.toThrow('enough')
    expect(pauses).toBe(3)
  })
})
